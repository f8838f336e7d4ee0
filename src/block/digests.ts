/**
 * Comparing two devices that are far from each other, or near: each side tells of every piece a SHA-256, which is certain, and for
 * each block of it an xxh64, which finds what differs. Pieces that are holes cost no reading.
 */
import { createHash } from 'node:crypto';
import { TandemError } from '../base/errors.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import { DIGEST_BLOCK_BYTES, type PieceDigest } from '../model/piece-digest.ts';
import type { BlockDevice } from './device.ts';

export const PIECE_BYTES = 1024 * 1024;
export const BLOCK_BYTES = DIGEST_BLOCK_BYTES;

export interface DigestedRange {
  readonly offset: number;
  readonly length: number;
}

export interface DigestOptions {
  readonly device: BlockDevice;
  readonly xxh64: Xxh64;
  /** Aligned to pieces outwards; the whole device if left out. */
  readonly range?: DigestedRange;
  readonly signal: AbortSignal;
}

/** One piece after the other, read when it is asked for. CANCELLED. */
export async function* digestPieces({ device, xxh64, range, signal }: DigestOptions): AsyncGenerator<PieceDigest> {
  const from = Math.floor((range?.offset ?? 0) / PIECE_BYTES) * PIECE_BYTES;
  const end = range === undefined ? device.size : Math.min(device.size, range.offset + range.length);
  const bytes = Buffer.allocUnsafe(PIECE_BYTES);
  for (let offset = from; offset < end; offset += PIECE_BYTES) {
    if (signal.aborted) throw new TandemError('CANCELLED', 'the comparison was given up');
    yield await digestPiece(device, { offset, bytes, xxh64 });
  }
}

/** The digest of the piece at `offset`. `bytes` is of the size of a piece and holds its content afterwards, unless it is zeroes. */
export async function digestPiece(
  device: Pick<BlockDevice, 'size' | 'read' | 'extents'>,
  { offset, bytes, xxh64 }: { readonly offset: number; readonly bytes: Uint8Array; readonly xxh64: Xxh64 },
): Promise<PieceDigest> {
  const length = Math.min(PIECE_BYTES, device.size - offset);
  const extents = await device.extents(offset, length);
  const told = extents.reduce((sum, extent) => sum + extent.length, 0);
  if (told === length && extents.every(extent => extent.hole)) {
    return { offset, length, sha256: null, blocks: new BigUint64Array(0) };
  }
  const piece = bytes.subarray(0, length);
  await device.read(offset, piece);
  if (isZero(piece)) return { offset, length, sha256: null, blocks: new BigUint64Array(0) };
  const blocks = new BigUint64Array(Math.ceil(length / BLOCK_BYTES));
  for (let block = 0; block < blocks.length; block++) {
    blocks[block] = xxh64(piece.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES));
  }
  return { offset, length, sha256: createHash('sha256').update(piece).digest(), blocks };
}

/**
 * What of a piece differs, as ranges of the device. Where the SHA-256 differ and no xxh64 does, the whole piece does: somebody made
 * the short hashes agree. INVALID_ARGUMENT for digests of different pieces.
 */
export function differingRanges(ours: PieceDigest, theirs: PieceDigest): DigestedRange[] {
  if (ours.offset !== theirs.offset || ours.length !== theirs.length) {
    throw new TandemError('INVALID_ARGUMENT', 'digests of different pieces cannot be compared');
  }
  if (ours.sha256 === null || theirs.sha256 === null) {
    return ours.sha256 === theirs.sha256 ? [] : [{ offset: ours.offset, length: ours.length }];
  }
  if (Buffer.compare(ours.sha256, theirs.sha256) === 0) return [];
  const whole = { offset: ours.offset, length: ours.length };
  if (ours.blocks.length !== theirs.blocks.length) return [whole];
  const ranges: { offset: number; length: number }[] = [];
  ours.blocks.forEach((hash, block) => {
    if (hash === theirs.blocks[block]) return;
    const offset = ours.offset + block * BLOCK_BYTES;
    const length = Math.min(BLOCK_BYTES, ours.offset + ours.length - offset);
    const last = ranges.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else ranges.push({ offset, length });
  });
  return ranges.length === 0 ? [whole] : ranges;
}

/** Whether all bytes are zero. */
export function isZero(bytes: Uint8Array): boolean {
  // A block equals itself moved by one only if all its bytes are the same.
  return (
    bytes.length === 0 ||
    (bytes[0] === 0 && Buffer.compare(bytes.subarray(1), bytes.subarray(0, bytes.length - 1)) === 0)
  );
}
