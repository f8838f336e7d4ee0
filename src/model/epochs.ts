/**
 * Asynchronous mode: the source's writes in epochs, in their order. The target stages a whole epoch and then applies it:
 * whenever it stops, it stands at a moment the source once was at. [volumes.md §10.1]
 */
import { assert } from '../base/errors.ts';

export interface EpochBounds {
  /** An epoch is closed when it has as many bytes, or is as old. */
  readonly epochBytes: number;
  readonly epochMs: number;
  /** Bytes that may wait for the target in all; beyond that only the dirty map knows what is missing. */
  readonly queueBytes: number;
}

/** The source's side. */
export interface EpochQueue {
  readonly bounds: EpochBounds;
  /** The epoch that takes writes; numbers are never used twice. */
  readonly open: Epoch;
  /** Closed and not yet applied by the target, the oldest first. */
  readonly closed: readonly Epoch[];
  /** Newest epoch that the target has applied and made durable. */
  readonly applied: number;
  /** Nothing is queued any more: a copy by the dirty map has to come first. */
  readonly spilled: boolean;
}

export interface Epoch {
  readonly number: number;
  readonly bytes: number;
  readonly writes: number;
  /** When its first write came, milliseconds; null: none has. */
  readonly since: number | null;
}

export function createEpochQueue(bounds: EpochBounds, first: number): EpochQueue {
  assert(bounds.epochBytes <= bounds.queueBytes, 'an epoch fits into the queue');
  return { bounds, open: emptyEpoch(first), closed: [], applied: first - 1, spilled: false };
}

/** A write goes into `open`. Where the queue is spilled, this write and everything queued are marked in the dirty map instead. */
export function noteWrite(queue: EpochQueue, bytes: number, now: number): EpochQueue {
  if (queue.spilled) return queue;
  const { number, bytes: before, writes, since } = queue.open;
  const open: Epoch = { number, bytes: before + bytes, writes: writes + 1, since: since ?? now };
  const next = { ...queue, open };
  if (queuedBytes(next) > queue.bounds.queueBytes) return spillQueue(queue);
  return open.bytes >= queue.bounds.epochBytes ? closeEpoch(next) : next;
}

/** A client's FLUSH or FUA: what it covers is never split from what came before it. */
export function noteFlush(queue: EpochQueue): EpochQueue {
  return closeEpoch(queue);
}

/** Time has passed. */
export function noteTime(queue: EpochQueue, now: number): EpochQueue {
  const due = closesAt(queue);
  return due !== null && now >= due ? closeEpoch(queue) : queue;
}

/** When the open epoch has to be closed; null: it is empty. */
export function closesAt({ open, bounds }: EpochQueue): number | null {
  return open.since === null ? null : open.since + bounds.epochMs;
}

/** The target has applied everything up to this epoch. What the partner says is checked: null if it cannot be. */
export function noteApplied(queue: EpochQueue, number: number): EpochQueue | null {
  if (!Number.isSafeInteger(number) || number >= queue.open.number) return null;
  // Of before the queue was spilled, or said twice.
  if (number <= queue.applied) return queue;
  return { ...queue, applied: number, closed: queue.closed.filter(epoch => epoch.number > number) };
}

/** The copy by the dirty map is complete: writes are queued again, from a new epoch on. */
export function resumeQueue(queue: EpochQueue): EpochQueue {
  const number = queue.open.number + 1;
  return { ...queue, open: emptyEpoch(number), closed: [], applied: number - 1, spilled: false };
}

/** Also when the link is lost: what the target has not applied is known by the dirty map alone. */
export function spillQueue(queue: EpochQueue): EpochQueue {
  return { ...queue, open: emptyEpoch(queue.open.number + 1), closed: [], spilled: true };
}

export function queuedBytes({ open, closed }: EpochQueue): number {
  return closed.reduce((sum, { bytes }) => sum + bytes, open.bytes);
}

/** How far the target is behind, in milliseconds: the age of the oldest write it may lack. */
export function lagMs({ open, closed }: EpochQueue, now: number): number {
  const oldest = closed[0]?.since ?? open.since;
  return oldest === null ? 0 : Math.max(0, now - oldest);
}

function closeEpoch(queue: EpochQueue): EpochQueue {
  if (queue.open.since === null) return queue;
  return { ...queue, closed: [...queue.closed, queue.open], open: emptyEpoch(queue.open.number + 1) };
}

function emptyEpoch(number: number): Epoch {
  return { number, bytes: 0, writes: 0, since: null };
}

/** The target's side: what may be applied. */
export interface EpochIntake {
  readonly applied: number;
  /** The epoch whose writes are being staged, and how many came; null: none. */
  readonly staging: { readonly number: number; readonly writes: number } | null;
}

export type IntakeStep =
  | { readonly kind: 'stage'; readonly intake: EpochIntake }
  /** Make the staged epoch durable as a whole with its mark, apply it, make that durable, then acknowledge its number. */
  | { readonly kind: 'apply'; readonly intake: EpochIntake; readonly number: number }
  /** The partner does not keep to the order. */
  | { readonly kind: 'violation' };

/** After a restart: a staged epoch with its mark is applied again, one without it is dropped; `applied` says which was last. */
export function createIntake(applied: number): EpochIntake {
  return { applied, staging: null };
}

export function takeWrite(intake: EpochIntake, number: number): IntakeStep {
  const { applied, staging } = intake;
  if (!Number.isSafeInteger(number) || number <= applied) return { kind: 'violation' };
  if (staging !== null && staging.number !== number) return { kind: 'violation' };
  return { kind: 'stage', intake: { applied, staging: { number, writes: (staging?.writes ?? 0) + 1 } } };
}

/** `writes`: how many the source counted in the epoch. */
export function takeBarrier(intake: EpochIntake, { number, writes }: { number: number; writes: number }): IntakeStep {
  const { applied, staging } = intake;
  if (!Number.isSafeInteger(number) || number <= applied) return { kind: 'violation' };
  const staged = staging?.number === number ? staging.writes : 0;
  if ((staging !== null && staging.number !== number) || staged !== writes) return { kind: 'violation' };
  return { kind: 'apply', intake: { applied: number, staging: null }, number };
}
