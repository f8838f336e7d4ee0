/** Small volumes for tests, in memory or on the real disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockFiles } from '../../../src/block/block-files.ts';
import type { BlockDevice } from '../../../src/block/device.ts';
import { createNodeBlockFiles } from '../../../src/block/node-block-files.ts';
import { openVolume, type Volume, type VolumeOpening } from '../../../src/block/volume.ts';
import { createVolume, type NewVolume } from '../../../src/block/volume-making.ts';
import { createMemoryBlockFiles, type MemoryBlockFiles } from '../../sim/memory-block-files.ts';

export const KIB = 1024;
export const CLUSTER = 64 * KIB;
export const UUID = '11111111-1111-4111-8111-111111111111';
export const SNAP = '22222222-2222-4222-8222-222222222222';
export const OTHER = '33333333-3333-4333-8333-333333333333';

export interface Place<F extends BlockFiles = BlockFiles> {
  readonly files: F;
  readonly root: string;
}

export function inMemory(): Place<MemoryBlockFiles> {
  return { files: createMemoryBlockFiles(), root: '' };
}

export async function onDisk(): Promise<Place & { readonly remove: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'tandem-block-'));
  return { files: createNodeBlockFiles(), root, remove: () => rm(root, { recursive: true, force: true }) };
}

export async function makeVolume(place: Place, more: Partial<NewVolume> = {}): Promise<Volume> {
  const directory = `${place.root}/disk`;
  await createVolume({ files: place.files, directory, name: 'disk', uuid: UUID, size: 16 * CLUSTER, ...more });
  return await reopen(place, { directory: more.directory ?? directory });
}

export function reopen(place: Place, more: Partial<VolumeOpening> = {}): Promise<Volume> {
  return openVolume({ files: place.files, directory: `${place.root}/disk`, name: 'disk', ...more });
}

export function filled(length: number, value: number): Buffer {
  return Buffer.alloc(length, value);
}

export async function readAll(device: BlockDevice): Promise<Buffer> {
  const bytes = Buffer.alloc(device.size, 0xee);
  await device.read(0, bytes);
  return bytes;
}

export async function readAt(device: BlockDevice, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length, 0xee);
  await device.read(offset, bytes);
  return bytes;
}
