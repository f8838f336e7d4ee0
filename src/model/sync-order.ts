/**
 * In which order requests of ReplicaSync have their turn: by priority, each equal one once, and not too often. The original
 * publishes the queue’s fields and that it drops duplicates, not the rules; these are ours. [dfsr.md §7.2]
 */
import { LIMITS } from '../base/limits.ts';
import { hasOption, SYNC_OPTIONS } from './replica-sync.ts';

/** DS_REPL_OP_TYPE. Only the first one is queued. */
export const OPERATION_TYPES = { 0: 'Sync', 1: 'Add', 2: 'Delete', 3: 'Modify', 4: 'Update References' } as const;

export interface SyncRequest {
  /** GUID of the folder. */
  readonly folder: string;
  /** GUID of the source; null: all of them. */
  readonly source: string | null;
  readonly options: number;
}

/** A request in the queue. */
export interface QueuedSync extends SyncRequest {
  /** Grows with each request. */
  readonly serial: number;
  /** Milliseconds since the epoch. */
  readonly enqueued: number;
  /** The higher one has its turn first. */
  readonly priority: number;
  /** How often it had to give way while it ran. */
  readonly preemptions: number;
}

/** When a folder was last synchronised from a source by a request, by `subjectOf`. */
export type LastTurns = ReadonlyMap<string, number>;

/** What makes requests differ in what they do; the others say when and how they are queued. */
const WORK =
  SYNC_OPTIONS.FULL |
  SYNC_OPTIONS.FORCE |
  SYNC_OPTIONS.ADD_REFERENCE |
  SYNC_OPTIONS.WRITEABLE |
  SYNC_OPTIONS.INTERSITE_MESSAGING;
const URGENT_PRIORITY = 300;
const PLAIN_PRIORITY = 200;
const PERIODIC_PRIORITY = 100;
/** A full comparison takes long and brings least: it lets others of its kind go first. */
const FULL_PENALTY = 50;

/** Urgent before ordered before periodic; urgent goes before periodic where both are said. */
export function priorityOf(options: number): number {
  const base = hasOption(options, 'URGENT')
    ? URGENT_PRIORITY
    : hasOption(options, 'PERIODIC')
      ? PERIODIC_PRIORITY
      : PLAIN_PRIORITY;
  return hasOption(options, 'FULL') ? base - FULL_PENALTY : base;
}

/** What two requests have in common that must not follow on each other too closely. */
export function subjectOf({ folder, source }: Pick<SyncRequest, 'folder' | 'source'>): string {
  return `${folder}/${source ?? '*'}`;
}

/** The two would do the same. */
export function sameWork(a: SyncRequest, b: SyncRequest): boolean {
  return subjectOf(a) === subjectOf(b) && (a.options & WORK) === (b.options & WORK);
}

/**
 * The queue with a request in it. Unless it says NO_DISCARD, one that waits for the same work takes it in, and from then
 * on has the higher priority of both; what runs already does not, as it may have passed what the caller means. Null: the
 * queue is full.
 */
export function enqueue(
  queue: readonly QueuedSync[],
  request: SyncRequest,
  { serial, now }: { readonly serial: number; readonly now: number },
): { readonly queue: readonly QueuedSync[]; readonly entry: QueuedSync; readonly absorbed: boolean } | null {
  const priority = priorityOf(request.options);
  const same = hasOption(request.options, 'NO_DISCARD') ? undefined : queue.find(entry => sameWork(entry, request));
  if (same) {
    const urgent = (same.options | request.options) & SYNC_OPTIONS.URGENT;
    const entry = { ...same, priority: Math.max(same.priority, priority), options: same.options | urgent };
    return { queue: queue.map(each => (each === same ? entry : each)), entry, absorbed: true };
  }
  if (queue.length >= LIMITS.syncQueueEntries) return null;
  const entry: QueuedSync = { ...request, serial, enqueued: now, priority, preemptions: 0 };
  return { queue: [...queue, entry], entry, absorbed: false };
}

/**
 * When a request may have its turn, in milliseconds since the epoch. Whoever calls again and again is made to wait, so that
 * equal calls find one that waits; an urgent one is not.
 */
export function dueAt(entry: QueuedSync, lastTurns: LastTurns, now: number): number {
  const last = lastTurns.get(subjectOf(entry));
  // Where the clock was set back nobody waits for it to come round again.
  if (last === undefined || last > now || hasOption(entry.options, 'URGENT')) return entry.enqueued;
  return Math.max(entry.enqueued, last + LIMITS.syncPauseMs);
}

/** Whose turn it is at `now`, or when to look again; null: the queue is empty. */
export function nextTurn(
  queue: readonly QueuedSync[],
  lastTurns: LastTurns,
  now: number,
): { readonly entry: QueuedSync } | { readonly waitMs: number } | null {
  if (queue.length === 0) return null;
  const waits = queue.map(entry => dueAt(entry, lastTurns, now) - now);
  // What was enqueued before the clock was set back is due.
  const due = queue.filter((entry, i) => waits[i]! <= 0 || entry.enqueued > now);
  if (due.length > 0) return { entry: due.reduce((first, entry) => (goesBefore(entry, first) ? entry : first)) };
  return { waitMs: Math.min(...waits) };
}

/** Whether what runs gives way to one that waits. Not more than a few times, so that it ends some day. */
export function givesWay(running: QueuedSync, waiting: QueuedSync): boolean {
  return waiting.priority > running.priority && running.preemptions < LIMITS.syncPreemptions;
}

function goesBefore(a: QueuedSync, b: QueuedSync): boolean {
  return a.priority === b.priority ? a.serial < b.serial : a.priority > b.priority;
}
