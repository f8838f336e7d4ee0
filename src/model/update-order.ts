/** The total order of updates and what one version knows of others: the ground on which all members come to agree. */
import { assert } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Update } from './update.ts';
import type { DatabaseId, Gvsn } from './version.ts';
import { databaseOf } from './version.ts';

type Ordered = Pick<Update, 'fence' | 'kind' | 'createTime' | 'clock' | 'uid' | 'gvsn'>;

/**
 * The order in which name conflicts are decided, and most others; the higher supersedes. Positive: `a` is higher;
 * 0 only for one and the same version. [dfsr.md §5.6]
 */
export function compareUpdates(a: Ordered, b: Ordered): number {
  if (a.fence !== b.fence) return a.fence - b.fence;
  const aDirectory = a.kind === 'directory';
  if (aDirectory !== (b.kind === 'directory')) return aDirectory ? 1 : -1;
  if (a.createTime !== b.createTime) return a.createTime - b.createTime;
  if (a.clock !== b.clock) return a.clock - b.clock;
  if (a.uid !== b.uid) return a.uid < b.uid ? -1 : 1;
  if (a.gvsn !== b.gvsn) return a.gvsn < b.gvsn ? -1 : 1;
  return 0;
}

/**
 * The order among versions of one file. A tombstone of a name conflict stands above everything else of its UID, so
 * that no late edit can bring a name back that others have given away. [dfsr.md §5.6]
 */
export function compareVersions(a: Update, b: Update): number {
  assert(a.uid === b.uid, 'versions of one file are compared');
  if (a.nameConflict !== b.nameConflict) return a.nameConflict ? 1 : -1;
  return compareUpdates(a, b);
}

/** Whether `a` takes the place of `b`, another version of the same file. A version does not supersede itself. */
export function supersedes(a: Update, b: Update): boolean {
  return compareVersions(a, b) > 0;
}

/** Whether `update` was made by someone who held version `gvsn` of the same file, or a later one of that database. */
export function knows(update: Pick<Update, 'gvsn' | 'ancestry'>, gvsn: Gvsn): boolean {
  const database = databaseOf(gvsn);
  if (coversOne(update.gvsn, database, gvsn)) return true;
  for (const ancestor of update.ancestry) if (coversOne(ancestor, database, gvsn)) return true;
  return false;
}

/**
 * The ancestry of a version that replaces `previous`: `previous` itself and what it knew, newest first, for each
 * database the highest. Beyond LIMITS.ancestryEntries the end of the list is dropped, that is the databases that have
 * not written this file for the longest time. A forgotten ancestor looks concurrent: more is preserved, never less.
 */
export function inheritAncestry(previous: Pick<Update, 'gvsn' | 'ancestry'>): readonly Gvsn[] {
  const ownDatabase = databaseOf(previous.gvsn);
  const ancestry: Gvsn[] = [previous.gvsn];
  for (const ancestor of previous.ancestry) {
    if (ancestry.length >= LIMITS.ancestryEntries) break;
    if (!ancestor.startsWith(ownDatabase)) {
      ancestry.push(ancestor);
    } else if (ancestor > ancestry[0]!) {
      // A database restored from a copy can have written a higher number before.
      ancestry[0] = ancestor;
    }
  }
  return ancestry;
}

/** What a new version is made with: its GVSN and a clock from `nextClock` with the replaced version's clock. */
export interface Stamp {
  readonly gvsn: Gvsn;
  readonly clock: number;
}

/**
 * The fields of a version that make it supersede `previous`: `{ ...previous, name: 'new', ...succession(previous,
 * stamp) }`. Where a broken partner has driven a file's clock to the end of its range, the fence is raised instead.
 */
export function succession(
  previous: Pick<Update, 'gvsn' | 'clock' | 'fence' | 'ancestry'>,
  stamp: Stamp,
): Pick<Update, 'gvsn' | 'clock' | 'fence' | 'ancestry'> {
  const exhausted = previous.clock >= Number.MAX_SAFE_INTEGER;
  assert(stamp.clock > previous.clock || exhausted, 'a new version has a higher clock than the one it replaces');
  assert(stamp.gvsn !== previous.gvsn, 'a new version has a new number');
  const fence = exhausted ? Math.min(previous.fence + 1, Number.MAX_SAFE_INTEGER) : previous.fence;
  return { gvsn: stamp.gvsn, clock: stamp.clock, fence, ancestry: inheritAncestry(previous) };
}

function coversOne(known: Gvsn, database: DatabaseId, gvsn: Gvsn): boolean {
  // Strings of one database compare as their numbers do.
  return known >= gvsn && known.startsWith(database);
}
