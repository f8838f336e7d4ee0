/**
 * What an epoch's journal is made of. Each record: 40 bytes of head, little-endian, and the data of a write.
 * 0: `TEPO` · 4: CRC-32 of everything from 8 on, data included · 8: epoch, u64 · 16: attempt, u32 · 20: kind, u8 (1 write, 2 trim,
 * 3 zeroes that keep their space, 4 end, 5 end of a shared epoch) · 21: zeroes · 24: offset, u64 · 32: length, u64.
 * The end of an epoch has the number of records before it as its offset, and their bytes as its length. The end of a shared one has data: 0: the
 * run, 36 characters · 36: its number in the run, u64.
 */
import { crc32 } from 'node:zlib';

export const EPOCH_HEAD_BYTES = 40;
/** Data in one record. */
export const EPOCH_DATA_BYTES = 1024 * 1024;
const MARK = 'TEPO';
const KINDS = ['write', 'trim', 'zero', 'end', 'shared-end'] as const;
const RUN_BYTES = 36;
const SHARED_BYTES = RUN_BYTES + 8;

export interface EpochRecord {
  readonly epoch: number;
  /** Tells what is staged now from what lay in the file before. */
  readonly attempt: number;
  readonly kind: (typeof KINDS)[number];
  readonly offset: number;
  readonly length: number;
  /** Of a write; empty for the others. */
  readonly data: Uint8Array;
}

export function encodeEpochRecord(record: EpochRecord): Buffer {
  const bytes = Buffer.alloc(EPOCH_HEAD_BYTES + record.data.length);
  bytes.write(MARK, 0, 'latin1');
  bytes.writeBigUInt64LE(BigInt(record.epoch), 8);
  bytes.writeUInt32LE(record.attempt, 16);
  bytes.writeUInt8(KINDS.indexOf(record.kind) + 1, 20);
  bytes.writeBigUInt64LE(BigInt(record.offset), 24);
  bytes.writeBigUInt64LE(BigInt(record.length), 32);
  bytes.set(record.data, EPOCH_HEAD_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** Bytes of the record that begins here by its head; 0: none does. */
export function epochRecordBytes(head: Buffer): number {
  if (head.toString('latin1', 0, 4) !== MARK) return 0;
  if (head.readUInt8(20) === 5) return EPOCH_HEAD_BYTES + SHARED_BYTES;
  if (head.readUInt8(20) !== 1) return EPOCH_HEAD_BYTES;
  const length = Number(head.readBigUInt64LE(32));
  return length <= EPOCH_DATA_BYTES ? EPOCH_HEAD_BYTES + length : 0;
}

/** null for a record that is not whole. Its data is a part of `bytes`. */
export function decodeEpochRecord(bytes: Buffer): EpochRecord | null {
  const kind = KINDS[bytes.readUInt8(20) - 1];
  if (kind === undefined || bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) return null;
  return {
    epoch: Number(bytes.readBigUInt64LE(8)),
    attempt: bytes.readUInt32LE(16),
    kind,
    offset: Number(bytes.readBigUInt64LE(24)),
    length: Number(bytes.readBigUInt64LE(32)),
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
  const bytes = Buffer.alloc(SHARED_BYTES);
  bytes.write(run, 0, RUN_BYTES, 'latin1');
  bytes.writeBigUInt64LE(BigInt(number), RUN_BYTES);
  return bytes;
}

export function decodeSharedMark(data: Uint8Array): SharedMark {
  const bytes = Buffer.from(data);
  return { run: bytes.toString('latin1', 0, RUN_BYTES), number: Number(bytes.readBigUInt64LE(RUN_BYTES)) };
}
