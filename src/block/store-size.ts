/** Volumes grow and shrink while nobody writes to them. After a crash the size is the old one or the new one. */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { BlockFile } from './block-files.ts';
import { CLUSTER_BYTES, mapBytes, openClusterStore } from './cluster-store.ts';
import { type StoreFiles, writeZeroes } from './store-files.ts';

/** INVALID_ARGUMENT */
export function assertSize(size: number, blockSize: number): void {
  if (Number.isSafeInteger(size) && size > 0 && size % blockSize === 0 && size <= LIMITS.volumeBytes) return;
  throw new TandemError(
    'INVALID_ARGUMENT',
    `a size of ${size} bytes is not a positive multiple of the block size, ${blockSize}, up to ${LIMITS.volumeBytes}`,
  );
}

/** Durable when it settles; what is new reads as zeroes. INVALID_ARGUMENT where a device is not large enough. */
export async function growStore(opened: StoreFiles, size: number, title: string): Promise<void> {
  const { superblock, data, map } = opened;
  const before = superblock.content.size;
  const look = await data.look();
  if (look.size < size && look.kind === 'device') {
    throw new TandemError(
      'INVALID_ARGUMENT',
      `the backing of ${title} has ${look.size} bytes only; make it larger first`,
    );
  }
  await opened.store.commit();
  await growMap(map, size);
  if (look.size < size) await data.truncate(size);
  const store = await openClusterStore({ data, map, size, clean: true });
  const end = Math.ceil(before / CLUSTER_BYTES);
  store.allocated.clear(end, store.clusters);
  // Whatever lay beyond the end may still be there.
  store.touched.set(end, Math.max(end, Math.ceil(Math.min(look.size, size) / CLUSTER_BYTES)));
  if (end < store.clusters) store.map.touch(end, store.clusters);
  const tail = Math.min(end * CLUSTER_BYTES, size) - before;
  if (tail > 0) await store.zeroTail(before, tail);
  await store.commit();
  await superblock.change({ size });
  opened.store = store;
}

/** Durable when it settles; what lies beyond the new end is lost. */
export async function shrinkStore(opened: StoreFiles, size: number): Promise<void> {
  const { superblock, data, map } = opened;
  await opened.store.commit();
  await superblock.change({ size });
  opened.store = await openClusterStore({ data, map, size, clean: true });
  if ((await data.look()).kind === 'file') await data.truncate(size);
}

/** Lets the map file grow for `size` bytes of data, so that no space for it can be wanting later. */
async function growMap(map: BlockFile, size: number): Promise<void> {
  const { size: before } = await map.look();
  const after = mapBytes(size);
  if (after > before) await writeZeroes(map, before, after);
  await map.sync();
}
