/**
 * `.tandem/aside/`: what operations have replaced or removed, until the records that replace it are durable. It is what
 * a crash is undone with, and where an edit shows that was made in the very moment of the replacement.
 */
import { createHash } from 'node:crypto';
import { errnoOf } from '../base/errno.ts';
import type { Operation, Preserved, PreserveOrder } from './disk.ts';
import type { Directory, Look, Name } from './file-system.ts';
import { type Compared, sameContent } from './look.ts';
import { CANNOT_LINK, placeNew, preserve } from './preserving.ts';
import { removeTree } from './subtree.ts';
import type { Touched } from './touched.ts';
import type { Tree } from './tree.ts';

export interface Place {
  readonly directory: Directory;
  readonly name: string;
}

export interface Replaced {
  readonly expected: Compared;
  readonly order: PreserveOrder;
  readonly preserved: Preserved | null;
}

interface SetAside {
  /** Whose operation set it aside. */
  readonly group: string | undefined;
  readonly look: Compared;
  readonly order: PreserveOrder;
  readonly preserved: boolean;
}

/** Ends the name of what has to be preserved and could not be: it is no operation's any more and outlives a recovery. */
export const OWED = ',owed';

export interface Asides {
  /** What is kept from now on belongs to this group. */
  begin(group: string | undefined): void;
  /** A recovery begins: what is there belongs to no group, but for what has yet to be preserved. */
  disown(): void;
  /** Gives what is at a place a second name in `aside`; 'moved' where only a rename could. */
  link(tree: Tree, key: string, from: Place): 'linked' | 'moved';
  move(tree: Tree, key: string, from: Place): void;
  lookAt(tree: Tree, key: string): Look | null;
  /** Back to its place, if nothing is there now, and if the place is still there: false, and it has to be kept. */
  putBack(tree: Tree, key: string, to: Place): boolean;
  /** Preserves what was set aside, which stays here too. */
  preserve(tree: Tree, key: string, order: PreserveOrder): Preserved | null;
  /**
   * Keeps what was set aside until `settle`. If it was edited since it looked as `expected`, or the order asks for it,
   * it is preserved, now or, if the disk is full, at settling, or when the folder is opened the next time. `preserved`:
   * as `preserve` has done already.
   */
  keep(tree: Tree, key: string, replaced: Replaced): Preserved | null;
  drop(tree: Tree, key: string): void;
  /** What a recovery could neither put back nor preserve outlives it, and is salvaged at the next opening. */
  spare(tree: Tree, key: string): void;
  /** Lets go of what is kept for a group, once it cannot be needed any more. What cannot be preserved yet stays. */
  settle(tree: Tree, group: string | undefined): void;
  /** Lets go of whatever is there, but for what is kept and what has yet to be preserved. */
  clear(tree: Tree): void;
}

export function createAsides(touched: Touched): Asides {
  const kept = new Map<string, SetAside>();
  let current: string | undefined;

  function unlink(tree: Tree, key: string): void {
    try {
      tree.own('aside').unlink(key);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  function preserveAside(tree: Tree, name: string, look: Look, order: PreserveOrder): Preserved {
    const key = isOwed(name) ? name.slice(0, name.indexOf(OWED)) : name;
    const source = { directory: tree.own('aside'), name, look, key, by: 'link' } as const;
    const preserved = preserve(tree, source, order);
    touched.preserved(preserved);
    return preserved;
  }

  /** Out of the way of recoveries, which take what they do not know for settled. Needs no room. */
  function owe(tree: Tree, key: string): string {
    const aside = tree.own('aside');
    let name = key + OWED;
    for (let number = 2; aside.lookAt(name) !== null; number++) name = `${key}${OWED}.${number}`;
    aside.rename(key, aside, name);
    touched.uncertain();
    return name;
  }

  return {
    begin(group) {
      current = group;
    },
    disown() {
      current = undefined;
      for (const key of [...kept.keys()]) if (!isOwed(key)) kept.delete(key);
    },
    link(tree, key, from) {
      try {
        from.directory.link(from.name, tree.own('aside'), key);
        return 'linked';
      } catch (error) {
        if (!CANNOT_LINK.has(errnoOf(error))) throw error;
      }
      from.directory.rename(from.name, tree.own('aside'), key);
      return 'moved';
    },
    move: (tree, key, from) => from.directory.rename(from.name, tree.own('aside'), key),
    lookAt: (tree, key) => tree.own('aside').lookAt(key),
    putBack(tree, key, to) {
      const look = tree.own('aside').lookAt(key);
      try {
        return look !== null && placeNew(tree.own('aside'), key, look, to);
      } catch {
        return false;
      }
    },
    preserve(tree, key, order) {
      const look = tree.own('aside').lookAt(key);
      return look && preserveAside(tree, key, look, order);
    },
    keep(tree, key, { expected, order, preserved }) {
      const look = tree.own('aside').lookAt(key);
      if (look === null) return preserved;
      const due = preserved === null && whatIsDue(expected, look, order);
      if (!due) {
        kept.set(key, { group: current, look, order, preserved: preserved !== null });
        return preserved;
      }
      try {
        const late = preserveAside(tree, key, look, due);
        kept.set(key, { group: current, look, order, preserved: true });
        return late;
      } catch (error) {
        kept.set(owe(tree, key), { group: current, look: expected, order, preserved: false });
        if (errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT') return null;
        throw error;
      }
    },
    drop: unlink,
    spare(tree, key) {
      if (tree.own('aside').lookAt(key) !== null) owe(tree, key);
    },
    settle(tree, group) {
      let failure: { readonly error: unknown } | null = null;
      for (const [key, aside] of [...kept]) {
        if (aside.group !== group && !isOwed(key)) continue;
        const { look, order, preserved } = aside;
        const now = tree.own('aside').lookAt(key);
        // A program that had the old file open may have written to it since.
        const due = now !== null && !preserved && whatIsDue(look, now, order);
        try {
          if (due) preserveAside(tree, key, now, due);
        } catch (error) {
          failure ??= { error };
          if (isOwed(key)) continue;
          kept.delete(key);
          kept.set(owe(tree, key), aside);
          continue;
        }
        unlink(tree, key);
        kept.delete(key);
      }
      if (failure) throw failure.error;
    },
    clear(tree) {
      const isKept = (name: Name): boolean => isOwed(name) || (typeof name === 'string' && kept.has(name));
      for (const name of tree.own('aside').list()) if (!isKept(name)) removeTree(tree.own('aside'), name);
    },
  };
}

function isOwed(name: Name): boolean {
  return typeof name === 'string' && name.includes(OWED);
}

/** The order by which something set aside has to be preserved; null: it may go. */
export function whatIsDue(expected: Compared, now: Look, order: PreserveOrder): PreserveOrder | null {
  if (!sameContent(expected, now)) return unknownEdit(order);
  return order.always ? order : null;
}

/** The order for content that no record knows of. */
export function unknownEdit(order: PreserveOrder): PreserveOrder {
  return toConflicts(order, 'edited while it was being replaced or removed');
}

/** The order for what was removed and can be neither put back nor left away, as the step it belonged to came to nothing. */
export function stranded(order: PreserveOrder): PreserveOrder {
  return toConflicts(order, 'its place was taken or went while it was removed');
}

function toConflicts({ manifest }: PreserveOrder, why: string): PreserveOrder {
  const reason = `${why} (${manifest.reason})`;
  return { always: true, area: 'conflicts', manifest: { ...manifest, conflictType: 7, reason } };
}

/** The name of an operation's old content in `aside`: the same whenever the same operation is seen again. */
export function keyOf(operation: Operation): string {
  const expect = 'expect' in operation ? operation.expect : null;
  const manifest = 'preserve' in operation ? operation.preserve.manifest : null;
  const path = operation.kind === 'move' ? operation.from : operation.path;
  const parts = [operation.kind, path, expect?.ino, expect?.ctimeNs, manifest?.gvsn, manifest?.time];
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 32);
}
