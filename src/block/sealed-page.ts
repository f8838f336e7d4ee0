/**
 * A page of 4 KiB that knows whether it is whole: everything volumes keep beside their data is made of these. Little-endian.
 * 0: mark, 4 ASCII characters · 4: CRC-32 of everything from 8 on · 8: sequence, u64 · 16: bytes of payload, u32 · 20: zeroes · 32: payload
 */
import { crc32 } from 'node:zlib';
import { assert } from '../base/errors.ts';
import type { BlockFile } from './block-files.ts';

export const PAGE_BYTES = 4096;
const HEAD_BYTES = 32;
export const PAGE_PAYLOAD_BYTES = PAGE_BYTES - HEAD_BYTES;

export interface SealedPage {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** `mark` has four ASCII characters. */
export function sealPage(mark: string, { sequence, payload }: SealedPage): Buffer {
  assert(mark.length === 4 && payload.length <= PAGE_PAYLOAD_BYTES, 'a payload fits its page');
  const page = Buffer.alloc(PAGE_BYTES);
  page.write(mark, 0, 'latin1');
  page.writeBigUInt64LE(BigInt(sequence), 8);
  page.writeUInt32LE(payload.length, 16);
  page.set(payload, HEAD_BYTES);
  page.writeUInt32LE(crc32(page.subarray(8)), 4);
  return page;
}

/** null for a page that was never written, was torn, or is of another kind. */
export function openPage(mark: string, page: Buffer): SealedPage | null {
  if (page.toString('latin1', 0, 4) !== mark || page.readUInt32LE(4) !== crc32(page.subarray(8, PAGE_BYTES)))
    return null;
  const length = page.readUInt32LE(16);
  if (length > PAGE_PAYLOAD_BYTES) return null;
  return { sequence: Number(page.readBigUInt64LE(8)), payload: page.subarray(HEAD_BYTES, HEAD_BYTES + length) };
}

/** Writes one of a pair of pages at the start of a file, in turn by its sequence; durable when it settles. */
export async function writeInTurn(file: BlockFile, mark: string, page: SealedPage): Promise<void> {
  await file.write(sealPage(mark, page), (page.sequence % 2) * PAGE_BYTES);
  await file.sync();
}

/** The newer of a pair that is whole, durable from now on; null: none is. */
export async function readNewest(file: BlockFile, mark: string): Promise<SealedPage | null> {
  // A process that died may have left a page that is written and not durable; what is read here counts from now on.
  await file.sync();
  const { size } = await file.look();
  const pages = Buffer.alloc(2 * PAGE_BYTES);
  await file.read(pages.subarray(0, Math.min(size, pages.length)), 0);
  const whole = [pages.subarray(0, PAGE_BYTES), pages.subarray(PAGE_BYTES)].flatMap(page => openPage(mark, page) ?? []);
  return whole.sort((a, b) => b.sequence - a.sequence)[0] ?? null;
}
