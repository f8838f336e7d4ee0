/**
 * Changes of a volume in the order they were made, packed into one run of bytes: on their way to a target, and in its journal. Each: 0: kind, u8
 * (1 write, 2 trim, 3 zeroes that keep their space) · 1: zeroes · 4: offset, u64 · 12: length, u64, both little-endian · 20: the data of a write.
 */
import { LIMITS } from '../base/limits.ts';

export type ChangeKind = 'write' | 'trim' | 'zero';

export interface PackedChange {
  readonly kind: ChangeKind;
  readonly offset: number;
  readonly length: number;
  /** Of a write, as long as its length; empty for the others. A view. */
  readonly data: Uint8Array;
}

export interface ChangePack {
  readonly bytes: Uint8Array;
  used: number;
}

export const CHANGE_HEAD_BYTES = 20;
/** Of one run. */
export const MOST_PACKED_BYTES = LIMITS.mirrorWriteBytes + CHANGE_HEAD_BYTES;

const NUMBERS: Readonly<Record<ChangeKind, number>> = { write: 1, trim: 2, zero: 3 };
const KINDS: readonly (ChangeKind | undefined)[] = [undefined, 'write', 'trim', 'zero'];
const HIGH = 0x1_0000_0000;
const NO_DATA = new Uint8Array(0);

/** `bytes` are the packer's to fill. */
export function createChangePack(bytes: Uint8Array): ChangePack {
  return { bytes, used: 0 };
}

/** False: there is no room, and nothing was added. The data is copied. */
export function packChange(pack: ChangePack, { kind, offset, length, data }: PackedChange): boolean {
  const { bytes, used } = pack;
  if (used + CHANGE_HEAD_BYTES + data.length > bytes.length) return false;
  const head = new DataView(bytes.buffer, bytes.byteOffset + used, CHANGE_HEAD_BYTES);
  head.setUint32(0, NUMBERS[kind], true);
  setCount(head, 4, offset);
  setCount(head, 12, length);
  bytes.set(data, used + CHANGE_HEAD_BYTES);
  pack.used = used + CHANGE_HEAD_BYTES + data.length;
  return true;
}

/** What was packed so far. */
export function packedBytes({ bytes, used }: ChangePack): Uint8Array {
  return bytes.subarray(0, used);
}

/** Whether these are changes, at least one, all within a volume of this size and none empty. */
export function areChangesWithin(bytes: Uint8Array, sizeBytes: number): boolean {
  if (bytes.length === 0 || bytes.length > MOST_PACKED_BYTES) return false;
  for (const change of unpackChanges(bytes)) {
    if (change === null || change.length === 0 || change.offset + change.length > sizeBytes) return false;
  }
  return true;
}

/** Null, as the last one: what follows is no change. */
export function* unpackChanges(bytes: Uint8Array): Generator<PackedChange | null> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const begin = at + CHANGE_HEAD_BYTES;
    const kind = begin > bytes.length ? undefined : KINDS[view.getUint32(at, true)];
    if (kind === undefined) return yield null;
    const offset = countAt(view, at + 4);
    const length = countAt(view, at + 12);
    if (!Number.isSafeInteger(offset + length)) return yield null;
    at = kind === 'write' ? begin + length : begin;
    if (at > bytes.length) return yield null;
    yield { kind, offset, length, data: kind === 'write' ? bytes.subarray(begin, at) : NO_DATA };
  }
}

function setCount(view: DataView, at: number, count: number): void {
  view.setUint32(at, count % HIGH, true);
  view.setUint32(at + 4, Math.floor(count / HIGH), true);
}

function countAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true);
}
