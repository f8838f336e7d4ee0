/**
 * Orders that give records another fence, and so decide who wins before any clock is asked: an authoritative restore, or
 * its contrary. [dfsr.md §1.4, §3.5, §5.6]
 */
import { FENCE, type FileRecord } from './update.ts';
import { type Stamp, succession } from './update-order.ts';
import type { Gvsn, Uid } from './version.ts';

/** The modes of the method Fence. All but the last are values of the fence themselves; the last stamps the time. */
export const FENCE_MODES = {
  unfence: FENCE.unfenced,
  'initial-sync': FENCE.initialSync,
  'initial-primary': FENCE.initialPrimary,
  default: FENCE.default,
  fence: 4,
} as const;

export interface FenceScope {
  /** A file, a directory, or the root for the whole folder. */
  readonly top: Uid;
  /** Also everything below it, deletions included. */
  readonly recursive: boolean;
  /** One of FENCE_MODES. */
  readonly mode: number;
}

/** An order that was begun, as it is kept in the folder's state. */
export interface FenceOrder extends FenceScope {
  readonly fence: number;
}

export interface FenceTally {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly tombstones: number;
  /** Of all these: records whose fence is lowered. */
  readonly lowered: number;
  /** The highest fence among what was looked at, chosen or not. */
  readonly highest: number;
}

export const EMPTY_TALLY: FenceTally = { files: 0, directories: 0, symlinks: 0, tombstones: 0, lowered: 0, highest: 0 };

export function isFenceMode(mode: number): boolean {
  return Number.isInteger(mode) && mode >= FENCE_MODES.unfence && mode <= FENCE_MODES.fence;
}

/**
 * The value of an order's fence. A time stamp stands above every fence that is known here: the order that comes later
 * wins, also over one that was given where the host's clock is ahead. `now`: milliseconds since the epoch.
 */
export function fenceOf(mode: number, { now, highest }: { readonly now: number; readonly highest: number }): number {
  if (mode !== FENCE_MODES.fence) return mode;
  return Math.min(Math.max(Math.floor(now), highest + 1, FENCE_MODES.fence), Number.MAX_SAFE_INTEGER);
}

/**
 * Whether the order changes this record. A time stamp is never lowered by a time stamp: what carries a higher one heard of a
 * later order. A name lost in a conflict is settled already, what is provisional concerns nobody else, and of what is not on
 * disk here another member's content is on its way.
 */
export function takesFence(record: FileRecord, mode: number, fence: number): boolean {
  if (record.nameConflict || record.provisional || (record.present && record.disk === null)) return false;
  return mode === FENCE_MODES.fence ? record.fence < fence : record.fence !== fence;
}

/** The same file with the same content under another fence: a version that knows all that the present one knows. */
export function fencedRecord(before: FileRecord, fence: number, stamp: Stamp): FileRecord {
  const next = succession(before, stamp);
  // Where the clock is at the end of its range only the fence can make it higher.
  return { ...before, ...next, fence: fence >= before.fence ? Math.max(fence, next.fence) : fence };
}

/**
 * A version with a lower fence gives way to the very version it replaces, wherever that one is: what may be held elsewhere has
 * to be asked for again. Empty where the fence is not lowered.
 */
export function givenUpBy(before: FileRecord, fence: number): readonly Gvsn[] {
  return fence < before.fence ? [before.gvsn, ...before.ancestry] : [];
}

export function countFenced(tally: FenceTally, record: FileRecord, fence: number): FenceTally {
  const { present, kind } = record;
  const one = (counts: boolean): number => (counts ? 1 : 0);
  return {
    files: tally.files + one(present && kind === 'file'),
    directories: tally.directories + one(present && kind === 'directory'),
    symlinks: tally.symlinks + one(present && kind === 'symlink'),
    tombstones: tally.tombstones + one(!present),
    lowered: tally.lowered + one(fence < record.fence),
    highest: tally.highest,
  };
}

export function totalOf({ files, directories, symlinks, tombstones }: FenceTally): number {
  return files + directories + symlinks + tombstones;
}
