/**
 * Carries out operations on the replicated folder. Each of them looks, acts in one step that cannot destroy what it did
 * not look at, and looks again.
 */

import { errnoOf } from '../base/errno.ts';
import { messageOf, TandemError, unreachable } from '../base/errors.ts';
import type { Stat } from '../model/update.ts';
import { type Asides, keyOf, type Place, stranded } from './aside.ts';
import type { Operation, Outcome, Preserved, PreserveOrder } from './disk.ts';
import { type Directory, type Look, nameText } from './file-system.ts';
import { asExpected, cutToMicroseconds, sameContent, toStat } from './look.ts';
import { deletePreserved, findPreserved, placeNew, preserve } from './preserving.ts';
import type { Touched } from './touched.ts';
import { isStepAside, STAGING_PREFIX, splitPath, type Tree } from './tree.ts';

export interface ApplyTools {
  readonly tree: Tree;
  readonly asides: Asides;
  readonly touched: Touched;
}

type Of<K extends Operation['kind']> = Operation & { kind: K };

/** Names of a directory that is not empty: no more than an administrator can use. */
const NAMES_SHOWN = 1000;

export function applyOperation(tools: ApplyTools, operation: Operation): Outcome {
  try {
    switch (operation.kind) {
      case 'make-directory':
        return makeDirectory(tools, operation);
      case 'install':
        return install(tools, operation);
      case 'install-symlink':
        return installSymlink(tools, operation);
      case 'move':
        return move(tools, operation);
      case 'attributes':
        return setAttributes(tools, operation);
      case 'remove':
        return remove(tools, operation);
      case 'put-back':
        return putBack(tools, operation);
      case 'remove-directory':
        return removeDirectory(tools, operation);
      case 'preserve':
        return preserveAnything(tools, operation);
      default:
        return unreachable(operation);
    }
  } catch (error) {
    return failure(error, operation.kind === 'move' ? operation.from : operation.path);
  }
}

function makeDirectory({ tree, touched }: ApplyTools, { path, mode }: Of<'make-directory'>): Outcome {
  const place = placeOf(tree, path);
  if (place === null) return missingParent(path);
  try {
    place.directory.makeDirectory(place.name, mode);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return occupied(path);
    throw error;
  }
  const look = place.directory.lookAt(place.name);
  touched.path(path, look?.ino ?? null);
  return look?.kind === 'directory' ? done(toStat(look)) : changed(path, 'it went as soon as it was made');
}

function install(tools: ApplyTools, operation: Of<'install'>): Outcome {
  const { stagingId, ino, size } = operation.staged;
  const staging = tools.tree.own('staging');
  const look = staging.lookAt(stagingId);
  if (look === null || look.ino !== ino || look.size !== size) {
    return {
      kind: 'failed',
      detail: `the staged file of “${operation.path}” is gone or is another; it has to be fetched again`,
    };
  }
  return putInPlace(tools, operation, { directory: staging, name: stagingId, look });
}

function installSymlink(tools: ApplyTools, operation: Of<'install-symlink'>): Outcome {
  const staging = tools.tree.own('staging');
  const name = `${keyOf(operation)},link`;
  if (staging.lookAt(name) !== null) staging.unlink(name);
  staging.makeSymlink(name, operation.target);
  try {
    staging.setModified(name, operation.mtimeNs);
    return putInPlace(tools, operation, { directory: staging, name, look: staging.lookAt(name)! });
  } finally {
    if (staging.lookAt(name) !== null) staging.unlink(name);
  }
}

interface Fresh extends Place {
  readonly look: Look;
}

function putInPlace(
  { tree, asides, touched }: ApplyTools,
  operation: Of<'install' | 'install-symlink'>,
  fresh: Fresh,
): Outcome {
  const { path, expect } = operation;
  const place = placeOf(tree, path);
  if (place === null) return missingParent(path);
  if (expect === null) {
    if (!placeNew(fresh.directory, fresh.name, fresh.look, place)) return occupied(path);
    touched.path(path, fresh.look.ino);
    return done(lookOfOurs(place, fresh.look));
  }
  const before = place.directory.lookAt(place.name);
  if (before === null) return changed(path, 'it is gone');
  if (!asExpected(expect, before)) return changed(path, 'it is not as it was recorded');
  if (before.kind === 'directory')
    return { kind: 'failed', detail: `“${path}” is a directory; it has to be removed first` };

  const key = keyOf(operation);
  const order = operation.preserve;
  let preserved: Preserved | null = null;
  if (asides.link(tree, key, place) === 'linked') {
    try {
      if (!isSame(before, asides.lookAt(tree, key))) {
        asides.drop(tree, key);
        return changed(path, 'it was edited at this moment');
      }
      if (order.always) preserved = asides.preserve(tree, key, order);
      // Preserving takes its time; between this look and the rename there is none.
      if (place.directory.lookAt(place.name)?.ino !== before.ino) {
        if (preserved !== null) deletePreserved(tree, preserved.area, preserved.id);
        asides.drop(tree, key);
        return changed(path, 'it was edited at this moment');
      }
      fresh.directory.rename(fresh.name, place.directory, place.name);
    } catch (error) {
      if (preserved !== null) deletePreserved(tree, preserved.area, preserved.id);
      asides.drop(tree, key);
      throw error;
    }
  } else {
    // No second name could be had: the name is empty for a moment, but nothing can be lost.
    let placed = false;
    try {
      placed = isSame(before, asides.lookAt(tree, key)) && placeNew(fresh.directory, fresh.name, fresh.look, place);
    } finally {
      if (!placed && !asides.putBack(tree, key, place))
        asides.keep(tree, key, { expected: before, order, preserved: null });
    }
    if (!placed) return changed(path, 'it was edited at this moment');
  }
  touched.path(path, fresh.look.ino);
  const stat = lookOfOurs(place, fresh.look);
  return done(stat, asides.keep(tree, key, { expected: before, order, preserved }));
}

function move({ tree, asides, touched }: ApplyTools, operation: Of<'move'>): Outcome {
  const { from: fromPath, to: toPath, expect } = operation;
  const from = placeOf(tree, fromPath);
  const before = from?.directory.lookAt(from.name) ?? null;
  if (from === null || before === null) return changed(fromPath, 'it is gone');
  if (!isExpected(fromPath, expect, before)) return changed(fromPath, 'it is not as it was recorded');
  const to = placeOf(tree, toPath);
  if (to === null) return missingParent(toPath);
  if (to.directory.lookAt(to.name) !== null) return occupied(toPath);
  if (before.kind === 'directory') {
    from.directory.rename(from.name, to.directory, to.name);
    tree.forget(fromPath);
    tree.forget(toPath);
    const after = to.directory.lookAt(to.name);
    if (after !== null && after.ino !== before.ino && from.directory.lookAt(from.name) === null) {
      to.directory.rename(to.name, from.directory, from.name);
      return changed(fromPath, 'another directory took its place at this moment');
    }
  } else {
    const key = keyOf(operation);
    if (!addName(from, to)) return occupied(toPath);
    if (from.directory.lookAt(from.name) !== null) {
      // Not simply unlinked: a user may have put another file there just now.
      asides.move(tree, key, from);
      if (asides.lookAt(tree, key)?.ino === before.ino) asides.drop(tree, key);
      else if (!asides.putBack(tree, key, from)) {
        asides.keep(tree, key, { expected: before, order: lostRace(fromPath, before), preserved: null });
      }
    }
  }
  touched.removed(fromPath);
  touched.path(toPath, before.ino);
  return done(lookOfOurs(to, before));
}

/** A second name that replaces nothing; false: taken. Where links cannot be had, a rename. */
function addName(from: Place, to: Place): boolean {
  try {
    from.directory.link(from.name, to.directory, to.name);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'EMLINK' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
  }
  if (to.directory.lookAt(to.name) !== null) return false;
  from.directory.rename(from.name, to.directory, to.name);
  return true;
}

/** For what a user put in the place of a file while that was moved away, when yet another thing stands there now. */
function lostRace(path: string, before: Look): PreserveOrder {
  const time = Number(before.ctimeNs / 1_000_000n);
  const reason = 'put in the place of a file while that was moved away';
  const manifest = { path, uid: '', gvsn: '', conflictType: 7, reason, member: '', partner: '', time } as const;
  return { always: true, area: 'conflicts', manifest };
}

function setAttributes({ tree, touched }: ApplyTools, { path, expect, mode, mtimeNs }: Of<'attributes'>): Outcome {
  const place = placeOf(tree, path);
  const before = place?.directory.lookAt(place.name) ?? null;
  if (place === null || before === null) return changed(path, 'it is gone');
  if (before.ino !== expect.ino || before.kind !== expect.kind) return changed(path, 'something else is there');
  const content = before.kind !== 'directory';
  if (content && !sameContent(expect, before)) return changed(path, 'it was edited');
  if (before.kind !== 'symlink' && before.mode !== expect.mode) return changed(path, 'its permissions were changed');
  const sets = before.kind !== 'symlink' && before.mode !== mode;
  const between = sets ? held(place, mode) : place.directory.lookAt(place.name);
  if (between === null || (content && !sameContent(before, between)) || (!sets && between.mode !== before.mode))
    return changed(path, 'it was edited at this moment');
  // As many other bytes written just here would get the new time: no file system shows that. So only where it differs.
  if (between.mtimeNs !== mtimeNs) place.directory.setModified(place.name, mtimeNs);
  const after = place.directory.lookAt(place.name);
  if (after === null || after.ino !== before.ino || (content && after.size !== before.size)) {
    return changed(path, 'it was edited at this moment');
  }
  touched.path(path, after.ino);
  const ours = after.mode === between.mode && (!content || holdsTime(after.mtimeNs, mtimeNs));
  return done(toStat(ours ? after : between));
}

/** Sets the mode. What the file system does not hold, it does not hold the second time; what a user set in between, it does. */
function held({ directory, name }: Place, mode: number): Look | null {
  directory.setMode(name, mode);
  const look = directory.lookAt(name);
  if (look === null || look.mode === mode) return look;
  directory.setMode(name, mode);
  return directory.lookAt(name);
}

/** Some file systems hold milliseconds, seconds, or every second one; a user’s edit in this moment has a time of its own. */
function holdsTime(now: bigint, set: bigint): boolean {
  const cut = cutToMicroseconds(set) - cutToMicroseconds(now);
  return cut === 0n || (cut > 0n && cut < 2_000_000_000n && now % 1_000_000n === 0n);
}

function remove({ tree, asides, touched }: ApplyTools, operation: Of<'remove'>): Outcome {
  const { path, expect } = operation;
  const place = placeOf(tree, path);
  const before = place?.directory.lookAt(place.name) ?? null;
  if (place === null || before === null) return changed(path, 'it is gone');
  if (before.kind === 'directory' || !isExpected(path, expect, before))
    return changed(path, 'it is not as it was recorded');
  const key = keyOf(operation);
  asides.move(tree, key, place);
  touched.removed(path);
  if (!isSame(before, asides.lookAt(tree, key)) && asides.putBack(tree, key, place)) {
    return changed(path, 'it was edited at this moment');
  }
  const order = operation.preserve;
  let preserved: Preserved | null = null;
  try {
    if (order.always) preserved = asides.preserve(tree, key, order);
  } catch (error) {
    // A user may have put another file there just now.
    if (!asides.putBack(tree, key, place)) asides.keep(tree, key, { expected: before, order, preserved: null });
    throw error;
  }
  return done(null, asides.keep(tree, key, { expected: before, order, preserved }));
}

function putBack({ tree, asides, touched }: ApplyTools, { path, removal }: Of<'put-back'>): Outcome {
  const key = keyOf(removal);
  const look = asides.lookAt(tree, key);
  const place = placeOf(tree, path);
  if (look === null) return changed(path, 'it is not kept any more');
  const copy = findPreserved(tree, removal.preserve, key);
  if (place === null || !asides.putBack(tree, key, place)) {
    if (copy === null) asides.keep(tree, key, { expected: look, order: stranded(removal.preserve), preserved: null });
    return occupied(path);
  }
  if (copy !== null && copy.look.ino === look.ino) deletePreserved(tree, copy.preserved.area, copy.preserved.id);
  touched.path(path, look.ino);
  return done(toStat(place.directory.lookAt(place.name) ?? look));
}

function removeDirectory({ tree, touched }: ApplyTools, { path, expect }: Of<'remove-directory'>): Outcome {
  const place = placeOf(tree, path);
  const look = place?.directory.lookAt(place.name) ?? null;
  if (place === null || look === null) return done(null);
  if (look.kind !== 'directory') return changed(path, 'it is no directory');
  if (expect && !asExpected(expect, look)) return changed(path, 'another directory has its name');
  try {
    place.directory.removeDirectory(place.name);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    const names = tree.directory(path)?.list().slice(0, NAMES_SHOWN).map(nameText) ?? [];
    return notEmpty(path, names);
  }
  tree.forget(path);
  touched.removed(path);
  return done(null);
}

function preserveAnything({ tree, touched }: ApplyTools, operation: Of<'preserve'>): Outcome {
  const { path, expect, unless = [] } = operation;
  const place = placeOf(tree, path);
  const look = place?.directory.lookAt(place.name) ?? null;
  if (place === null || look === null) return changed(path, 'it is gone');
  if (expect && !asExpected(expect, look)) return changed(path, 'something else has its name');
  const still = look.kind === 'directory' ? unless.filter(name => tree.directory(path)?.lookAt(name)) : [];
  if (still.length > 0) return notEmpty(path, still);
  const source = { ...place, look, key: keyOf(operation), by: 'rename' } as const;
  const preserved = preserve(tree, source, operation.preserve);
  tree.forget(path);
  touched.removed(path);
  touched.preserved(preserved);
  return done(null, preserved);
}

/**
 * How what we put there looks now. If a user was quicker than this look, then how it was when we put it there: the
 * next scan must see a difference.
 */
function lookOfOurs(place: Place, ours: Look): Stat {
  const now = place.directory.lookAt(place.name);
  if (now === null) return toStat(ours);
  const same = ours.kind === 'directory' ? now.ino === ours.ino : sameContent(ours, now) && now.mode === ours.mode;
  return toStat(same ? now : ours);
}

/** What stepped aside has been moved before, which moves ctime; nobody else has business where it is. */
function isExpected(path: string, expect: Stat, now: Look): boolean {
  return asExpected(expect, now) || (isStepAside(path) && sameContent(expect, now));
}

function isSame(before: Look, now: Look | null): boolean {
  return now !== null && sameContent(before, now);
}

export function placeOf(tree: Tree, path: string): Place | null {
  if (isStepAside(path)) return { directory: tree.own('staging'), name: path.slice(STAGING_PREFIX.length) };
  const { parent, name } = splitPath(path);
  const directory: Directory | null = tree.directory(parent);
  return directory && { directory, name };
}

function done(stat: Stat | null, preserved: Preserved | null = null): Outcome {
  return { kind: 'done', stat, preserved };
}

function changed(path: string, what: string): Outcome {
  return { kind: 'changed', detail: `“${path}”: ${what}` };
}

function notEmpty(path: string, names: readonly string[]): Outcome {
  return { kind: 'not-empty', detail: `“${path}” still holds ${names.length} names`, names };
}

function occupied(path: string): Outcome {
  return { kind: 'occupied', detail: `“${path}”: something is there already` };
}

function missingParent(path: string): Outcome {
  return { kind: 'missing-parent', detail: `“${path}”: the directory it belongs in is not there` };
}

export function failure(error: unknown, path: string): Outcome {
  const code = errnoOf(error);
  if (code === '') throw error;
  const detail = `“${path}”: ${reasonOf(error)}`;
  if (code === 'EROFS') throw new TandemError('ROOT_UNWRITABLE', `${detail}; the root is mounted read-only`, {}, error);
  return { kind: code === 'ENOSPC' || code === 'EDQUOT' ? 'no-space' : 'failed', detail };
}

/** `EACCES: permission denied`, without the call and the handles that Node adds. */
export function reasonOf(error: unknown): string {
  return messageOf(error).split(', ')[0]!;
}
