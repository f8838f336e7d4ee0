/**
 * What an epoch's journal is made of. Each record: 40 bytes of head, little-endian, and its data.
 * 0: `TEPC` · 4: CRC-32 of everything from 8 on, data included · 8: epoch, u64 · 16: attempt, u32 · 20: kind, u8 (1 changes, 2 end,
 * 3 end of a shared epoch) · 21: zeroes · 24: records before it, u32 · 28: bytes of data, u32 · 32: bytes of the records before it, u64.
 * Data of the end of a shared epoch: 0: the run, 36 characters · 36: its number in the run, u64.
 */
import { crc32 } from 'node:zlib';
import { MOST_PACKED_BYTES } from '../model/packed-changes.ts';

export const EPOCH_HEAD_BYTES = 40;
const MARK = 'TEPC';
const KINDS = ['changes', 'end', 'shared-end'] as const;
const RUN_BYTES = 36;

export interface EpochRecord {
  readonly epoch: number;
  /** Tells what is staged now from what lay in the file before. */
  readonly attempt: number;
  readonly kind: (typeof KINDS)[number];
  /** Where in the epoch it is. */
  readonly before: { readonly records: number; readonly bytes: number };
  /** Packed changes; of the end of a shared epoch its mark; empty for the other end. */
  readonly data: Uint8Array;
}

export function encodeEpochRecord({ epoch, attempt, kind, before, data }: EpochRecord): Buffer {
  const bytes = Buffer.allocUnsafe(EPOCH_HEAD_BYTES + data.length);
  bytes.write(MARK, 0, 'latin1');
  bytes.writeBigUInt64LE(BigInt(epoch), 8);
  bytes.writeUInt32LE(attempt, 16);
  bytes.writeUInt32LE(KINDS.indexOf(kind) + 1, 20);
  bytes.writeUInt32LE(before.records, 24);
  bytes.writeUInt32LE(data.length, 28);
  bytes.writeBigUInt64LE(BigInt(before.bytes), 32);
  bytes.set(data, EPOCH_HEAD_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** Bytes of the record that begins here by its head; 0: none does. */
export function epochRecordBytes(head: Buffer): number {
  if (head.toString('latin1', 0, 4) !== MARK) return 0;
  const length = head.readUInt32LE(28);
  return length <= MOST_PACKED_BYTES ? EPOCH_HEAD_BYTES + length : 0;
}

/** null for a record that is not whole. Its data is a part of `bytes`. */
export function decodeEpochRecord(bytes: Buffer): EpochRecord | null {
  const kind = KINDS[bytes.readUInt32LE(20) - 1];
  if (kind === undefined || bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) return null;
  return {
    epoch: Number(bytes.readBigUInt64LE(8)),
    attempt: bytes.readUInt32LE(16),
    kind,
    before: { records: bytes.readUInt32LE(24), bytes: Number(bytes.readBigUInt64LE(32)) },
    data: bytes.subarray(EPOCH_HEAD_BYTES),
  };
}

/** An epoch that is carried out together with those of other volumes. */
export interface SharedMark {
  /** A GUID. */
  readonly run: string;
  readonly number: number;
}

export function encodeSharedMark({ run, number }: SharedMark): Buffer {
  const bytes = Buffer.alloc(RUN_BYTES + 8);
  bytes.write(run, 0, RUN_BYTES, 'latin1');
  bytes.writeBigUInt64LE(BigInt(number), RUN_BYTES);
  return bytes;
}

export function decodeSharedMark(data: Uint8Array): SharedMark {
  const bytes = Buffer.from(data);
  return { run: bytes.toString('latin1', 0, RUN_BYTES), number: Number(bytes.readBigUInt64LE(RUN_BYTES)) };
}
