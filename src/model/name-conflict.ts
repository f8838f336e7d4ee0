/**
 * Two files under one name, directories in a circle, children without a parent: who wins, and the new versions that
 * put things right. Each member may make them by itself; the order of updates picks one of each. [dfsr.md §5.6, §5.9]
 */
import { assert } from '../base/errors.ts';
import { equalContent } from './reconcile.ts';
import type { Update } from './update.ts';
import { compareUpdates, type Stamp, succession } from './update-order.ts';
import type { Uid } from './version.ts';

export interface NameConflict {
  readonly winner: Update;
  readonly loser: Update;
  /** Both are directories: the loser's children go to the winner, nothing is preserved. */
  readonly merge: boolean;
  /** Both say the same: there is nothing to preserve. */
  readonly equalContent: boolean;
}

/** Both present under the same name of the same parent, and not the same file. */
export function resolveNameConflict(a: Update, b: Update): NameConflict {
  assert(a.uid !== b.uid, 'a name conflict is between two files');
  assert(a.present && b.present, 'only present files hold a name');
  assert(a.parent === b.parent && a.name === b.name, 'a name conflict is about one name');
  const [winner, loser] = compareUpdates(a, b) > 0 ? [a, b] : [b, a];
  const merge = a.kind === 'directory' && b.kind === 'directory';
  return { winner, loser, merge, equalContent: equalContent(a, b) };
}

/** Gives up the loser's name for good. `mergedInto`: the winner, where both are directories. */
export function loserTombstone(
  loser: Update,
  { mergedInto, ...stamp }: Stamp & { readonly mergedInto: Uid | null },
): Update {
  assert(mergedInto === null || loser.kind === 'directory', 'only a directory is merged into another');
  assert(mergedInto !== loser.uid, 'a directory is not merged into itself');
  return { ...tombstone(loser, stamp), nameConflict: true, mergedInto };
}

/** The deletion of a present file. */
export function tombstone(previous: Update, stamp: Stamp): Update {
  assert(previous.present, 'only what is present is deleted');
  return {
    ...bare(previous),
    present: false,
    size: 0,
    hash: '',
    target: '',
    ...succession(previous, stamp),
  };
}

/** A child of a directory that was merged, under its new parent. */
export function reparented(child: Update, newParent: Uid, stamp: Stamp): Update {
  assert(child.present, 'only what is present has a place');
  assert(child.uid !== newParent, 'a directory is not its own parent');
  return { ...bare(child), parent: newParent, ...succession(child, stamp) };
}

/**
 * A deleted directory that is there again, as something was put into it by someone who did not know of the deletion.
 */
export function revived(directory: Update, stamp: Stamp): Update {
  assert(!directory.present && directory.kind === 'directory', 'only a deleted directory is revived');
  assert(!directory.nameConflict, 'a name lost in a conflict does not come back');
  return { ...bare(directory), present: true, ...succession(directory, stamp) };
}

/** Undoes a move that would close a circle: the version that leaves the directory where it was. */
export function keptInPlace(update: Update, oldParent: Uid, oldName: string, stamp: Stamp): Update {
  assert(update.present, 'only what is present has a place');
  return { ...bare(update), parent: oldParent, name: oldName, ...succession(update, stamp) };
}

/** Whether `newParent` is `uid` or lies below it. `parentOf` is undefined for the root and for what is not known. */
export function cycleThrough(uid: Uid, newParent: Uid, parentOf: (uid: Uid) => Uid | undefined): boolean {
  const seen = new Set<Uid>();
  for (let at: Uid | undefined = newParent; at !== undefined && !seen.has(at); at = parentOf(at)) {
    if (at === uid) return true;
    seen.add(at);
  }
  return false;
}

/** What becomes of the children of a directory. */
export type Home =
  /** They live in this directory: itself, or the one it was merged into. */
  | { readonly kind: 'present'; readonly uid: Uid }
  /** They live in this directory once it is revived. */
  | { readonly kind: 'deleted'; readonly uid: Uid }
  /** This directory is not known yet. */
  | { readonly kind: 'unknown'; readonly uid: Uid }
  /**
   * This directory lost its name to a file, or directories were merged into each other by members that did not know
   * of one another: a fresh directory under its name has to take the children.
   */
  | { readonly kind: 'lost'; readonly uid: Uid };

/** Where the children of `parent` belong, following merges of directories to the end. */
export function homeOf(
  parent: Uid,
  recordOf: (uid: Uid) => Pick<Update, 'present' | 'nameConflict' | 'mergedInto'> | undefined,
): Home {
  const seen = new Set<Uid>();
  for (let uid = parent; ; ) {
    const record = recordOf(uid);
    if (record === undefined) return { kind: 'unknown', uid };
    if (record.present) return { kind: 'present', uid };
    if (!record.nameConflict) return { kind: 'deleted', uid };
    seen.add(uid);
    if (record.mergedInto === null || seen.has(record.mergedInto)) return { kind: 'lost', uid };
    uid = record.mergedInto;
  }
}

/** An update of what may be a record: what a member keeps for itself does not go into a new version. */
function bare(update: Update): Update {
  return {
    uid: update.uid,
    gvsn: update.gvsn,
    parent: update.parent,
    name: update.name,
    kind: update.kind,
    present: update.present,
    nameConflict: update.nameConflict,
    mergedInto: update.mergedInto,
    fence: update.fence,
    clock: update.clock,
    createTime: update.createTime,
    mode: update.mode,
    mtimeNs: update.mtimeNs,
    size: update.size,
    hash: update.hash,
    target: update.target,
    ancestry: update.ancestry,
  };
}
