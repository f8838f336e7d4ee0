/**
 * After a crash: what of a group of operations had happened? Names outlive the data they stand for, so a file is only
 * taken for installed if its content is right; a torn one is undone with what was set aside.
 */

import { errnoOf } from '../base/errno.ts';
import { unreachable } from '../base/errors.ts';
import type { Stat } from '../model/update.ts';
import { failure, placeOf } from './apply.ts';
import { type Asides, keyOf, OWED, type Place, unknownEdit, whatIsDue } from './aside.ts';
import { hashPrefix } from './content.ts';
import type { Operation, Outcome, Preserved, PreserveOrder, StagedFile } from './disk.ts';
import { type Directory, type Look, using } from './file-system.ts';
import { cutToMicroseconds, sameContent, toStat } from './look.ts';
import { deletePreserved, findPreserved, placeNew, preserve } from './preserving.ts';
import type { Touched } from './touched.ts';
import type { Tree } from './tree.ts';

/** No file system rounds times by more. */
const COARSEST_TIME_NS = 2_000_000_000n;

export interface RecoverTools {
  readonly tree: Tree;
  readonly asides: Asides;
  readonly touched: Touched;
  readonly buffer: Uint8Array;
}

type Of<K extends Operation['kind']> = Operation & { kind: K };

export function recoverOperations(tools: RecoverTools, operations: readonly Operation[]): Outcome[] {
  const outcomes: Outcome[] = [];
  /** Moves that happened, later ones first: what an earlier operation left lies where they have taken it. */
  const moves: Of<'move'>[] = [];
  tools.asides.disown();
  for (let index = operations.length - 1; index >= 0; index--) {
    const operation = operations[index]!;
    tools.tree.trim();
    const outcome = recoverOne(tools, operation, path => moves.reduceRight(follow, path));
    outcomes[index] = outcome;
    if (operation.kind === 'move' && outcome.kind === 'done') moves.push(operation);
  }
  tools.asides.clear(tools.tree);
  return outcomes;
}

function follow(path: string, { from, to }: Of<'move'>): string {
  return path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : path;
}

function recoverOne(tools: RecoverTools, operation: Operation, whereNow: (path: string) => string): Outcome {
  const path = whereNow(operation.kind === 'move' ? operation.to : operation.path);
  try {
    const place = placeOf(tools.tree, path);
    const now = place?.directory.lookAt(place.name) ?? null;
    const seen = { path, place, now };
    switch (operation.kind) {
      case 'make-directory':
        return now?.kind === 'directory' ? done(tools, path, toStat(now)) : undone();
      case 'install':
        return recoverInstall(tools, operation, seen);
      case 'install-symlink':
        return recoverSymlink(tools, operation, seen);
      case 'move':
        return recoverMove(tools, operation, seen);
      case 'attributes':
        return recoverAttributes(tools, operation, seen);
      case 'remove':
        return recoverRemove(tools, operation, seen);
      case 'put-back':
        return undone();
      case 'remove-directory':
        return now === null ? done(tools, path, null) : undone();
      case 'preserve':
        return recoverPreserve(tools, operation, seen);
      default:
        return unreachable(operation);
    }
  } catch (error) {
    const outcome = failure(error, path);
    tools.asides.spare(tools.tree, keyOf(operation));
    return outcome;
  }
}

interface Seen {
  readonly path: string;
  /** Null: its directory is not there. */
  readonly place: Place | null;
  readonly now: Look | null;
}

function recoverInstall(tools: RecoverTools, operation: Of<'install'>, { path, place, now }: Seen): Outcome {
  const { tree, asides } = tools;
  const { staged } = operation;
  const key = keyOf(operation);
  const staging = tree.own('staging');
  const left = staging.lookAt(staged.stagingId);
  const isLeft = left !== null && left.ino === staged.ino;
  const aside = asides.lookAt(tree, key);
  dropTaken(tools, key, staged);
  if (place !== null && now !== null && now.kind === 'file' && now.ino === staged.ino) {
    if (isLeft) staging.unlink(staged.stagingId);
    if (isWhole(tools, place.directory, place.name, staged)) {
      const look = place.directory.lookAt(place.name) ?? now;
      return done(tools, path, asStaged(toStat(look), staged), settleAside(tools, operation, key));
    }
    if (!isUntouched(now, staged) || !undoTorn(tools, { place, operation, key, aside, now }))
      return replacedByUser(tools, operation, key);
    tools.touched.path(path, null);
    return undone();
  }
  if (isLeft && !isWhole(tools, staging, staged.stagingId, staged)) staging.unlink(staged.stagingId);
  if (left === null && aside !== null && now !== null && now.ino !== aside.ino)
    return replacedByUser(tools, operation, key);
  return undoAside(tools, operation, { path, place, now });
}

/** What a user did to the attributes since is an edit, which the next scan must see. */
function asStaged(stat: Stat, { mode = stat.mode, mtimeNs = stat.mtimeNs }: StagedFile): Stat {
  const difference = stat.mtimeNs - cutToMicroseconds(mtimeNs);
  const isTouched = difference < -COARSEST_TIME_NS || difference > COARSEST_TIME_NS;
  return { ...stat, mode, mtimeNs: isTouched ? cutToMicroseconds(mtimeNs) : stat.mtimeNs };
}

/**
 * Installed, and then written to or replaced by a user, before whose eyes may have been a torn file: what they made is
 * an edit of what the record says, and the version that was installed is still to come.
 */
function replacedByUser(tools: RecoverTools, operation: Of<'install'>, key: string): Outcome {
  settleAside(tools, operation, key);
  tools.touched.path(operation.path, null);
  return undone();
}

interface Torn {
  readonly place: Place;
  readonly operation: Of<'install'>;
  readonly key: string;
  /** What the install had replaced. */
  readonly aside: Look | null;
  /** As the torn file was seen. */
  readonly now: Look;
}

/** Gives the name back to what it stood for before. False: a user has written there in this very moment. */
function undoTorn(tools: RecoverTools, torn: Torn): boolean {
  const { tree, asides } = tools;
  const { place, operation, key, aside } = torn;
  const order = operation.preserve;
  const copy = findPreserved(tree, order, key) ?? findPreserved(tree, unknownEdit(order), key);
  if (aside === null && copy !== null) {
    using(tree.own(copy.preserved.area).openDirectory(copy.preserved.id), item => {
      item.rename(copy.name, place.directory, place.name);
    });
    deletePreserved(tree, copy.preserved.area, copy.preserved.id);
    return true;
  }
  if (!takeTorn(tools, torn)) return false;
  if (aside === null) return true;
  // In this order, so that a failure in between is found again: the copy goes before what tells that it is one.
  if (copy !== null && copy.look.ino === aside.ino) deletePreserved(tree, copy.preserved.area, copy.preserved.id);
  if (!asides.putBack(tree, key, place)) asides.spare(tree, key);
  return true;
}

/**
 * The torn file goes. It is taken away first and looked at afterwards: if it is not what was seen, a user has replaced or
 * edited it meanwhile. That goes back, or is preserved where another file has its place by now.
 */
function takeTorn({ tree, touched }: RecoverTools, { place, operation, key, now }: Torn): boolean {
  const own = tree.own('aside');
  const name = takenName(key);
  try {
    place.directory.rename(place.name, own, name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  const taken = own.lookAt(name)!;
  if (taken.ino === now.ino && sameContent(taken, now)) {
    own.unlink(name);
    return true;
  }
  if (!placeNew(own, name, taken, place)) {
    const order = unknownEdit(operation.preserve);
    touched.preserved(preserve(tree, { directory: own, name, look: taken, key, by: 'rename' }, order));
  }
  return false;
}

/** Where a torn file is taken to. What is left there by a crash and is not that file is preserved. */
function takenName(key: string): string {
  return `${key},torn${OWED}`;
}

/** What an interrupted recovery had taken away. */
function dropTaken({ tree }: RecoverTools, key: string, staged: StagedFile): void {
  const own = tree.own('aside');
  const taken = own.lookAt(takenName(key));
  if (taken?.ino === staged.ino && isUntouched(taken, staged)) own.unlink(takenName(key));
}

/** Nobody has written to it since it was staged. */
function isUntouched(look: Look, { mtimeNs }: StagedFile): boolean {
  return mtimeNs === undefined || cutToMicroseconds(mtimeNs) === look.mtimeNs;
}

function recoverSymlink(tools: RecoverTools, operation: Of<'install-symlink'>, seen: Seen): Outcome {
  const { path, place, now } = seen;
  const isOurs =
    place !== null &&
    now?.kind === 'symlink' &&
    now.ino !== operation.expect?.ino &&
    now.mtimeNs === cutToMicroseconds(operation.mtimeNs) &&
    place.directory.readSymlink(place.name) === operation.target;
  if (isOurs) return done(tools, path, toStat(now), settleAside(tools, operation, keyOf(operation)));
  return undoAside(tools, operation, seen);
}

/** The operation did not happen. What it had set aside already goes back, or is preserved if it is an edit. */
function undoAside(
  tools: RecoverTools,
  operation: Of<'install' | 'install-symlink'>,
  { path, place, now }: Seen,
): Outcome {
  const { tree, asides } = tools;
  const key = keyOf(operation);
  const aside = asides.lookAt(tree, key);
  if (aside === null) return undone();
  const replaced = now !== null && now.ino !== aside.ino;
  // With its directory, a user has taken along whatever had the name, and it may be what was installed: nobody has seen this.
  if (place === null || (replaced && !sameContent(operation.expect ?? aside, aside))) {
    settleAside(tools, operation, key);
    return undone();
  }
  const copy = findPreserved(tree, operation.preserve, key);
  if (copy !== null && copy.look.ino === aside.ino) deletePreserved(tree, copy.preserved.area, copy.preserved.id);
  if (now === null) {
    if (asides.putBack(tree, key, place)) tools.touched.path(path, aside.ino);
    else asides.spare(tree, key);
  }
  return undone();
}

function recoverMove(tools: RecoverTools, operation: Of<'move'>, { path, place, now }: Seen): Outcome {
  const { tree, asides, touched } = tools;
  if (place === null || now === null || now.ino !== operation.expect.ino || now.kind !== operation.expect.kind)
    return undone();
  const key = keyOf(operation);
  const there = placeOf(tree, operation.from);
  // The directory it went into may have taken the name of the one it left.
  const from = there !== null && isSamePlace(there, place) ? null : there;
  if (from !== null && now.kind !== 'directory' && from.directory.lookAt(from.name)?.ino === now.ino) {
    // The new name was given, the old one not yet taken away.
    asides.move(tree, key, from);
  }
  // Another name of the same file: its going moves ctime, so it has to go before the file is looked at.
  if (asides.lookAt(tree, key)?.ino === now.ino) asides.drop(tree, key);
  if (from !== null) touched.removed(operation.from);
  const same = now.kind === 'directory' || sameContent(operation.expect, now);
  return done(tools, path, same ? toStat(place.directory.lookAt(place.name) ?? now) : operation.expect);
}

function isSamePlace(one: Place, other: Place): boolean {
  return one.name === other.name && one.directory.look().ino === other.directory.look().ino;
}

function recoverAttributes(tools: RecoverTools, operation: Of<'attributes'>, { path, now }: Seen): Outcome {
  if (now === null || now.ino !== operation.expect.ino || now.mtimeNs !== cutToMicroseconds(operation.mtimeNs))
    return undone();
  return now.kind === 'symlink' || now.mode === operation.mode ? done(tools, path, toStat(now)) : undone();
}

function recoverRemove(tools: RecoverTools, operation: Of<'remove'>, { path, now }: Seen): Outcome {
  const { tree, asides } = tools;
  const key = keyOf(operation);
  const aside = asides.lookAt(tree, key);
  if (aside === null) {
    if (now !== null) return undone();
    return done(tools, path, null, findPreserved(tree, operation.preserve, key)?.preserved ?? null);
  }
  if (now?.ino === aside.ino) return undone();
  const { expect, preserve: order } = operation;
  const there = findPreserved(tree, whatIsDue(expect, aside, order) ?? order, key);
  // It is still to be had, as its step may come to nothing.
  return done(
    tools,
    path,
    null,
    asides.keep(tree, key, { expected: expect, order, preserved: there?.preserved ?? null }),
  );
}

function recoverPreserve(tools: RecoverTools, operation: Of<'preserve'>, { path }: Seen): Outcome {
  const there = findPreserved(tools.tree, operation.preserve, keyOf(operation));
  if (there === null) return undone();
  tools.touched.preserved(there.preserved);
  return done(tools, path, null, there.preserved);
}

/** For an operation that happened: what it had set aside is preserved where the order or an edit asks for it. */
function settleAside(tools: RecoverTools, operation: Of<'install' | 'install-symlink'>, key: string): Preserved | null {
  const { tree, asides, touched } = tools;
  const aside = asides.lookAt(tree, key);
  const due =
    aside !== null && operation.expect !== null ? whatIsDue(operation.expect, aside, operation.preserve) : null;
  const order: PreserveOrder = due ?? operation.preserve;
  if (!order.always) return null;
  const there = findPreserved(tree, order, key);
  if (there !== null || aside === null) return there?.preserved ?? null;
  const preserved = preserve(tree, { directory: tree.own('aside'), name: key, look: aside, key, by: 'rename' }, order);
  touched.preserved(preserved);
  return preserved;
}

function isWhole({ buffer }: RecoverTools, directory: Directory, name: string, staged: StagedFile): boolean {
  return using(directory.openFile(name, 'read'), file => {
    if (file.look().size !== staged.size) return false;
    return hashPrefix(file, staged.size, buffer) === staged.hash;
  });
}

function done({ touched }: RecoverTools, path: string, stat: Stat | null, preserved: Preserved | null = null): Outcome {
  if (stat === null) touched.removed(path);
  else touched.path(path, stat.ino);
  return { kind: 'done', stat, preserved };
}

function undone(): Outcome {
  return { kind: 'undone', detail: 'this had not happened when the member stopped' };
}
