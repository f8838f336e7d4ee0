/** Reads the journal file of an epoch from its start. */
import { MOST_PACKED_BYTES } from '../model/packed-changes.ts';
import type { BlockFile } from './block-files.ts';
import {
  decodeEpochRecord,
  decodeSharedMark,
  EPOCH_HEAD_BYTES,
  type EpochRecord,
  epochRecordBytes,
  type SharedMark,
} from './epoch-record.ts';

const WINDOW_BYTES = 2 * (EPOCH_HEAD_BYTES + MOST_PACKED_BYTES);

export interface WholeEpoch {
  readonly epoch: number;
  /** Null: it is carried out by itself. */
  readonly shared: SharedMark | null;
}

/**
 * The epoch if the file holds all of it, else null. Without `carryOut` it is only read; with it, its changes are
 * handed over in order, and may be kept until that settles.
 */
export async function readEpoch(
  file: BlockFile,
  carryOut: ((packed: Uint8Array) => Promise<void>) | null,
): Promise<WholeEpoch | null> {
  const { size } = await file.look();
  const window = Buffer.alloc(Math.min(WINDOW_BYTES, size));
  let start = 0;
  let filled = 0;
  let at = 0;
  let records = 0;
  let first: EpochRecord | null = null;
  for (;;) {
    // The record at `at` begins in the window, or the window moves there.
    let here = window.subarray(at - start, filled);
    const needed = here.length < EPOCH_HEAD_BYTES ? EPOCH_HEAD_BYTES : epochRecordBytes(here);
    if (needed === 0) return null;
    if (here.length < needed) {
      if (at + needed > size) return null;
      start = at;
      filled = Math.min(window.length, size - at);
      await file.read(window.subarray(0, filled), at);
      here = window.subarray(0, filled);
    }
    const bytes = epochRecordBytes(here);
    if (bytes === 0 || bytes > here.length) return null;
    const record = decodeEpochRecord(here.subarray(0, bytes));
    if (record === null) return null;
    first ??= record;
    if (record.epoch !== first.epoch || record.attempt !== first.attempt) return null;
    if (record.before.records !== records || record.before.bytes !== at) return null;
    if (record.kind === 'end') return { epoch: record.epoch, shared: null };
    if (record.kind === 'shared-end') return { epoch: record.epoch, shared: decodeSharedMark(record.data) };
    await carryOut?.(record.data);
    records++;
    at += bytes;
  }
}
