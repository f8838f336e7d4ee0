/** How what is found on disk becomes records. Pure: versions are given, looks are facts. */
import { FENCE, type FileRecord, type Kind, type Stat } from './update.ts';
import { type Stamp, succession } from './update-order.ts';
import type { Uid } from './version.ts';

/** What can be told of a file apart from its place and version. */
export interface Look {
  readonly kind: Kind;
  readonly stat: Stat;
  readonly hash: string;
  readonly target: string;
}

/** A file that no record knew of. Its first version is its identity. */
export function bornRecord(
  place: { readonly parent: Uid; readonly name: string },
  look: Look,
  stamp: Stamp,
  options: { readonly now: number; readonly fence: number; readonly provisional: boolean },
): FileRecord {
  return {
    uid: stamp.gvsn,
    gvsn: stamp.gvsn,
    parent: place.parent,
    name: place.name,
    present: true,
    nameConflict: false,
    mergedInto: null,
    fence: options.fence,
    clock: stamp.clock,
    createTime: Math.floor(options.now),
    ...lookFields(look),
    ancestry: [],
    disk: diskLook(look.stat),
    provisional: options.provisional,
  };
}

/** The next version of a known file. A change made here is never weaker than the default fence. */
export function changedRecord(
  before: FileRecord,
  change: Partial<Pick<FileRecord, 'parent' | 'name' | 'mode' | 'mtimeNs' | 'size' | 'hash' | 'target' | 'present'>>,
  disk: Stat | null,
  stamp: Stamp,
): FileRecord {
  const next = succession(before, stamp);
  return {
    ...before,
    ...change,
    ...next,
    nameConflict: false,
    mergedInto: null,
    fence: Math.max(next.fence, FENCE.default),
    ancestry: before.provisional ? [] : next.ancestry,
    disk: disk && diskLook(disk),
    provisional: false,
  };
}

/** A tombstone keeps the last name, parent and kind; it has no content. */
export function deletedRecord(before: FileRecord, stamp: Stamp): FileRecord {
  return changedRecord(before, { present: false, size: 0, hash: '', target: '' }, null, stamp);
}

export function lookFields(look: Look): Pick<FileRecord, 'kind' | 'mode' | 'mtimeNs' | 'size' | 'hash' | 'target'> {
  return {
    kind: look.kind,
    mode: look.kind === 'symlink' ? 0o777 : look.stat.mode,
    mtimeNs: look.kind === 'directory' ? 0n : look.stat.mtimeNs,
    size: look.kind === 'file' ? look.stat.size : 0,
    hash: look.hash,
    target: look.target,
  };
}

/**
 * What of a look is worth remembering. A directory's times, size and links change with every child and say nothing of
 * the directory itself.
 */
export function diskLook(stat: Stat): Stat {
  return stat.kind === 'directory' ? { ...stat, size: 0, mtimeNs: 0n, ctimeNs: 0n, nlink: 1 } : stat;
}

/** The same file incarnation: inode numbers are used again, birth times tell them apart where the file system has them. */
export function sameIncarnation(a: Stat, b: Stat): boolean {
  return (
    a.kind === b.kind &&
    a.ino === b.ino &&
    (a.birthtimeNs === b.birthtimeNs || a.birthtimeNs === 0n || b.birthtimeNs === 0n)
  );
}

/** The content cannot have changed: nothing that a write changes differs. */
export function sameContentLook(a: Stat, b: Stat): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

/**
 * The same records, each after all that lie below it: whoever sees the deletions up to any of them never finds a deleted
 * directory that still has something in it.
 */
export function childrenFirst<T extends { readonly uid: Uid; readonly parent: Uid }>(records: readonly T[]): T[] {
  const byUid = new Map(records.map(record => [record.uid, record]));
  const depths = new Map<Uid, number>();
  const depthOf = (record: T): number => {
    const chain: T[] = [];
    let at: T | undefined = record;
    for (; at && !depths.has(at.uid); at = byUid.get(at.parent)) chain.push(at);
    let depth = at ? depths.get(at.uid)! : -1;
    for (const link of chain.reverse()) depths.set(link.uid, ++depth);
    return depths.get(record.uid)!;
  };
  return [...byUid.values()].sort((a, b) => depthOf(b) - depthOf(a));
}
