/** How fast a copy goes beside its clients, and what it takes next. [volumes.md §10.1] */
import { LIMITS } from '../base/limits.ts';
import { bytesPerSecond, LEVEL_OFF } from './bandwidth.ts';
import type { ByteRange, DirtyMap } from './dirty-map.ts';
import type { CopyPriority } from './replica-values.ts';

/** What clients have done of late with the elements of the copy. */
export interface HostLoad {
  /** Bytes read and written in the last second. */
  readonly bytesPerSecond: number;
  /** Requests that wait for an answer now. */
  readonly waiting: number;
  /** The share of its time that the event loop has nothing to do, 0 to 1. */
  readonly idle: number;
}

export interface LinePace {
  /** Bytes of the copy on the way at once; 0: it waits. */
  readonly windowBytes: number;
  /** Null: as fast as it goes. */
  readonly bytesPerSecond: number | null;
  /** Why it waits or is slowed down; null: it is not. */
  readonly reason: 'schedule' | 'clients' | null;
}

export interface CopyPace extends LinePace {
  /** What writes of an asynchronous pair may take of the line, which no client waits for. Null: as fast as it goes. */
  readonly epochBytesPerSecond: number | null;
}

/** As it is at the moment of the call. `ownBytesPerSecond`: how fast the copy went of late while it did not wait; left out: not known. */
export type PaceNow = (ownBytesPerSecond?: number) => CopyPace;

/** The copy's share of what both move while clients are busy, and of its own time at least: clients that want little leave more. */
const SHARES: Readonly<Record<CopyPriority, number | null>> = {
  'Not Managed': 1 / 3,
  Low: 1 / 10,
  Same: 1 / 2,
  High: 3 / 4,
  Urgent: null,
};

/** What epochs get of the event loop while clients keep it busy. */
const LOOP_SHARES: Readonly<Record<CopyPriority, number | null>> = {
  'Not Managed': 1 / 5,
  Low: 1 / 20,
  Same: 1 / 5,
  High: 1 / 2,
  Urgent: null,
};
/** With less of its time left, an event loop is busy: on a host where all processors are, it is not woken for each request at once. */
const IDLE_LEAST = 1 / 4;
/** What an event loop that does nothing else gets through in a second of the small writes of epochs, measured. */
const EPOCH_BYTES_PER_SECOND = 200e6;

/** `level`: the bandwidth level of the schedule now; `link`: false within one member, where no schedule counts. */
export function paceCopy(
  { priority, level, link }: { readonly priority: CopyPriority; readonly level: number; readonly link: boolean },
  host: HostLoad,
  ownBytesPerSecond = 0,
): CopyPace {
  const allowed = link ? bytesPerSecond(level) : null;
  const busy = host.waiting > 0 || host.bytesPerSecond > 0;
  const epochBytesPerSecond = busy && host.idle < IDLE_LEAST ? epochsBeside(priority) : null;
  if (link && level === LEVEL_OFF) {
    return { windowBytes: 0, bytesPerSecond: 0, reason: 'schedule', epochBytesPerSecond };
  }
  const share = SHARES[priority];
  if (!busy || share === null) return { ...paceOf({ allowed, beside: null, own: 0 }), epochBytesPerSecond };
  // However busy they are, it comes to an end.
  const beside = Math.max(LIMITS.copyLeastBytesPerSecond, (host.bytesPerSecond * share) / (1 - share));
  return { ...paceOf({ allowed, beside: Math.round(beside), own: share * ownBytesPerSecond }), epochBytesPerSecond };
}

function epochsBeside(priority: CopyPriority): number | null {
  const share = LOOP_SHARES[priority];
  return share === null ? null : share * EPOCH_BYTES_PER_SECOND;
}

interface Rates {
  readonly allowed: number | null;
  readonly beside: number | null;
  readonly own: number;
}

function paceOf({ allowed, beside, own }: Rates): LinePace {
  const limits = [allowed, beside].filter(limit => limit !== null);
  if (limits.length === 0) return { windowBytes: LIMITS.copyWindowBytes, bytesPerSecond: null, reason: null };
  const bytesPerSecond = Math.min(allowed ?? Infinity, beside === null ? Infinity : Math.max(beside, own));
  // A quarter of a second on the way keeps the line busy; a range is not cut below a message. What clients leave goes in small
  // pieces with pauses: a write waits for one of them at most.
  const quarter = Math.round(Math.min(...limits) / 4);
  const windowBytes = Math.min(LIMITS.copyWindowBytes, Math.max(LIMITS.copyRangeBytes, quarter));
  return { windowBytes, bytesPerSecond, reason: bytesPerSecond === allowed ? 'schedule' : 'clients' };
}

/**
 * The next range to be copied, from where the last one ended and round again; null: nothing is dirty but what is on its way.
 * Ranges in `onTheWay` are left alone: their bits go when the other side has them.
 */
export function nextCopyRange(map: DirtyMap, from: number, onTheWay: readonly ByteRange[]): ByteRange | null {
  return searchFrom(map, from, onTheWay) ?? (from > 0 ? searchFrom(map, 0, onTheWay) : null);
}

function searchFrom(map: DirtyMap, from: number, onTheWay: readonly ByteRange[]): ByteRange | null {
  let at = from;
  while (at < map.sizeBytes) {
    const found = map.nextDirty(at, Math.max(LIMITS.copyRangeBytes, map.granuleBytes));
    if (found === null) return null;
    const taken = onTheWay.find(range => overlap(range, found));
    if (taken === undefined) return found;
    if (taken.offset > found.offset) return { offset: found.offset, length: taken.offset - found.offset };
    at = taken.offset + taken.length;
  }
  return null;
}

export function overlap(a: ByteRange, b: ByteRange): boolean {
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

/**
 * Whether digests of a piece are worth their while. They take a part in 512 of its bytes on the way, but the whole piece has to be
 * read on both sides.
 */
export function isComparedFirst(dirtyBytes: number, pieceBytes: number): boolean {
  return dirtyBytes * 8 >= pieceBytes;
}
