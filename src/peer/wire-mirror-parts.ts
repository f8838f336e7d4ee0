/** What the messages of mirrors are made of: records as JSON, ranges, epochs, digests of pieces. */
import type { z } from 'zod';
import { LIMITS } from '../base/limits.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import type { CopyExtent } from '../model/generations.ts';
import { DIGEST_BLOCK_BYTES, type PieceDigest } from '../model/piece-digest.ts';
import {
  assertColumn,
  countFromWire,
  DIGEST_BYTES,
  hashesFromWire,
  hashesToWire,
  listFromWire,
  violation,
} from './wire-parts.ts';

export interface WireRanges {
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
}

export interface WireDigests extends WireRanges {
  /** Empty where a piece is all zeroes. */
  readonly sha256s: readonly Uint8Array[];
  readonly blocks: readonly Buffer[];
}

export const NO_BYTES = new Uint8Array(0);
const EXTENT_NUMBERS: Readonly<Record<CopyExtent, number>> = { dirty: 1, full: 2 };

export function jsonToWire(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function jsonFromWire<T>(schema: z.ZodType<T>, bytes: Uint8Array, field: string): T {
  if (bytes.length > LIMITS.mirrorRecordBytes) {
    throw violation(field, `has ${bytes.length} bytes; ${LIMITS.mirrorRecordBytes} are allowed`);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch {
    throw violation(field, 'is not JSON');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw violation(field, `is malformed: ${issue?.path.join('.')}: ${issue?.message}`);
}

export function extentToWire(extent: CopyExtent): number {
  return EXTENT_NUMBERS[extent];
}

export function extentFromWire(number: number): CopyExtent {
  if (number === EXTENT_NUMBERS.dirty) return 'dirty';
  if (number === EXTENT_NUMBERS.full) return 'full';
  throw violation('copy_begin.extent', `is ${number}, which is unknown`);
}

export function countsFromWire(list: readonly number[], field: string, max: number): readonly number[] {
  for (const value of listFromWire(list, field, max)) countFromWire(value, field);
  return list;
}

export function rangeFromWire(offset: number, length: number, field: string): ByteRange {
  countFromWire(length, `${field}.length`);
  return { offset: countFromWire(offset, `${field}.offset`, Number.MAX_SAFE_INTEGER - length), length };
}

export function rangesToWire(ranges: readonly ByteRange[]): WireRanges {
  return { offsets: ranges.map(range => range.offset), lengths: ranges.map(range => range.length) };
}

export function rangesFromWire({ offsets, lengths }: WireRanges, field: string, max: number): ByteRange[] {
  listFromWire(offsets, `${field}.offsets`, max);
  assertColumn(lengths.length, `${field}.lengths`, offsets.length);
  return offsets.map((offset, i) => rangeFromWire(offset, lengths[i]!, field));
}

export function piecesToWire(pieces: readonly PieceDigest[]): WireDigests {
  return {
    ...rangesToWire(pieces),
    sha256s: pieces.map(piece => piece.sha256 ?? NO_BYTES),
    blocks: pieces.map(piece => hashesToWire(piece.blocks)),
  };
}

export function piecesFromWire(wire: WireDigests, field: string): PieceDigest[] {
  const ranges = rangesFromWire(wire, field, LIMITS.mirrorDigests);
  assertColumn(wire.sha256s.length, `${field}.sha256s`, ranges.length);
  assertColumn(wire.blocks.length, `${field}.blocks`, ranges.length);
  return ranges.map(({ offset, length }, i) => {
    countFromWire(length, `${field}.lengths`, LIMITS.copyRangeBytes);
    const sha256 = wire.sha256s[i]!;
    const zero = sha256.length === 0;
    if (!zero) assertColumn(sha256.length, `${field}.sha256s`, DIGEST_BYTES);
    const count = zero ? 0 : Math.ceil(length / DIGEST_BLOCK_BYTES);
    return {
      offset,
      length,
      sha256: zero ? null : sha256,
      blocks: hashesFromWire(wire.blocks[i]!, `${field}.blocks`, count),
    };
  });
}
