/**
 * Counts what a message holds before it is decoded. A few bytes on the wire can become a large object in memory (an empty
 * entry of a list takes two bytes), so a bound on bytes alone is none on memory.
 */
import { violation } from './wire-parts.ts';

/** The bounded fields of a message by number. */
export type MessageGuard = ReadonlyMap<number, FieldGuard>;

export interface FieldGuard {
  /** As in the .proto file, for people. */
  readonly name: string;
  /** Entries allowed, all occurrences in the whole message together. */
  readonly entries: number;
  /** A list of varints, several to a field. */
  readonly packed?: boolean;
  /** The field is a message with bounded fields of its own. */
  readonly inside?: MessageGuard;
}

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;

/** PEER_VIOLATION if a field has too many entries, or the bytes are no message. */
export function guardMessage(bytes: Uint8Array, guard: MessageGuard): void {
  scan(bytes, 0, bytes.length, guard, new Map());
}

function scan(
  bytes: Uint8Array,
  start: number,
  end: number,
  guard: MessageGuard,
  counts: Map<FieldGuard, number>,
): void {
  let at = start;

  function varint(): number {
    let value = 0;
    for (let scale = 1; at < end; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw violation('message', 'ends within a number');
  }

  while (at < end) {
    const tag = varint();
    const field = guard.get(Math.floor(tag / 8));
    const type = tag % 8;
    let entries = 1;
    if (type === WIRE_VARINT) {
      varint();
    } else if (type === WIRE_FIXED64) {
      at += 8;
    } else if (type === WIRE_FIXED32) {
      at += 4;
    } else if (type === WIRE_BYTES) {
      const length = varint();
      const from = at;
      at += length;
      if (at > end) throw violation('message', 'ends within a field');
      if (field?.packed) entries = countVarints(bytes, from, at);
      if (field?.inside) scan(bytes, from, at, field.inside, counts);
    } else {
      throw violation('message', `has a field of the unknown type ${type}`);
    }
    if (field === undefined) continue;
    const count = (counts.get(field) ?? 0) + entries;
    if (count > field.entries) throw violation(field.name, `has more than ${field.entries} entries`);
    counts.set(field, count);
  }
  if (at > end) throw violation('message', 'ends within a field');
}

function countVarints(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) if (bytes[at]! < 0x80) count++;
  return count;
}
