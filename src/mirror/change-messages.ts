/** A change of a range as what is sent of it: a long write is cut. */
import { LIMITS } from '../base/limits.ts';
import type { RangeChange } from '../block/write-guard.ts';
import { type FlowMessage, MESSAGE_BYTES } from './outbox.ts';

export interface PlacedChange {
  readonly offset: number;
  readonly length: number;
  readonly change: RangeChange;
}

/** What a change weighs on its way. */
export function weightOf({ kind }: RangeChange, length: number): number {
  return MESSAGE_BYTES + (kind === 'write' ? length : 0);
}

export function messagesOf({ offset, length, change }: PlacedChange): ((seq: number) => FlowMessage)[] {
  if (change.kind !== 'write') {
    const keep = change.kind === 'zero';
    return [seq => ({ kind: 'clear', seq, offset, length, keep })];
  }
  return [...writesOf(offset, change.data)].map(write => seq => ({ kind: 'write', seq, ...write }));
}

/** A write as what may travel at once. The data are views. */
export function* writesOf(
  offset: number,
  data: Uint8Array,
): Generator<{ readonly offset: number; readonly data: Uint8Array }> {
  for (let done = 0; done < data.length; done += LIMITS.mirrorWriteBytes) {
    yield { offset: offset + done, data: data.subarray(done, done + LIMITS.mirrorWriteBytes) };
  }
}

/** The client has its buffer back before the change is sent. */
export function keptChange(change: RangeChange): RangeChange {
  return change.kind === 'write' ? { kind: 'write', data: Buffer.from(change.data) } : change;
}
