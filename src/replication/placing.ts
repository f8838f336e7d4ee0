/**
 * Places updates in the tree: each becomes a step of operations and records, waits for another record, or brings forth
 * new versions that settle a conflict. Runs within a task of the folder's line; decisions are the model's. [dfsr.md §5.6]
 */
import {
  type Home,
  homeOf,
  keptInPlace,
  loserTombstone,
  reparented,
  resolveNameConflict,
  revived,
} from '../model/name-conflict.ts';
import { needsRepair } from '../model/reconcile.ts';
import { FENCE, type FileRecord, type Update } from '../model/update.ts';
import { succession } from '../model/update-order.ts';
import { databaseOf, type Uid } from '../model/version.ts';
import type { Wait } from '../model/wait-circle.ts';
import type { FolderCore } from './folder-core.ts';
import { emptyStep, type GroupPlan, type Step } from './group-plan.ts';
import type { GroupView } from './group-view.ts';
import { install } from './installing.ts';
import type { PendingUpdate } from './pending.ts';
import { type Candidate, expected, made, type Placed, Placement } from './placement.ts';
import { absorb, placeOnto } from './settling.ts';

const SETTLING_DEPTH = 600;
/** To have a directory of which only is known that it won a name: about a minute, as attempts are made. */
const ATTEMPTS_FOR_A_WINNER = 6;

export interface PlannedGroup {
  readonly plan: GroupPlan;
  readonly view: GroupView;
  /** What could not be planned together with the rest. */
  readonly left: readonly PendingUpdate[];
}

/** Plans as many of the items, in order, as can be planned together. `before`: on what a group brings that is being carried out. */
export async function planGroup(
  core: FolderCore,
  items: readonly PendingUpdate[],
  before: GroupView | null = null,
): Promise<PlannedGroup> {
  const p = new Placement(core, placeCandidate, { before });
  const { plan, view } = p;
  await view.preload(items.map(item => item.update));
  for (const [i, item] of items.entries()) {
    if (!(await placeItem(p, item))) return { plan, view, left: items.slice(i + 1) };
  }
  return { plan, view, left: [] };
}

/** Answers false when the view holds traces of a step that came to nothing: nothing more can be planned on it. */
async function placeItem(p: Placement, item: PendingUpdate): Promise<boolean> {
  const { update } = item;
  const local = await p.view.record(update.uid);
  if (local && local.kind !== update.kind && local.present && update.present) {
    p.plan.rejected.push({ item, reason: `the partner says ${update.kind} of what is a ${local.kind} here` });
    return true;
  }
  const verdict = p.core.judge(local, update);
  const step = emptyStep(item);
  if (verdict.kind === 'stale' || (verdict.kind === 'have' && !needsRepair(local, update) && !item.forced)) {
    if (verdict.kind === 'stale' && verdict.conflict) step.conflicts++;
    p.plan.steps.push(step);
    return true;
  }
  const contentNeeded = verdict.kind === 'take' ? verdict.contentNeeded : update.kind === 'file';
  const conflict = verdict.kind === 'take' && verdict.conflict;
  const contentLost = verdict.kind === 'take' && verdict.contentLost;
  if (contentNeeded && !item.staged && !(await adoptable(p, update))) {
    item.contentNeeded = true;
    p.plan.unfetched.push(item);
    return true;
  }
  const outcome = await p.place({ update, item, contentLost, depth: 0 }, local, step);
  if (outcome === 'not') return step.puts.length === 0 && step.forget.length === 0 && step.operations.length === 0;
  if (conflict) step.conflicts++;
  p.plan.steps.push(step);
  return true;
}

/** A file that lay here before the first synchronisation with just this content. */
async function adoptable(p: Placement, update: Update): Promise<boolean> {
  const uid = await p.view.occupant(update.parent, update.name);
  const occupant = uid === undefined || uid === update.uid ? undefined : await p.view.record(uid);
  return (
    occupant?.provisional === true &&
    occupant.kind === 'file' &&
    occupant.hash === update.hash &&
    occupant.disk !== null
  );
}

/** Finds an update its place, whatever is there. */
export async function placeCandidate(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  step: Step,
): Promise<Placed> {
  if (candidate.depth > SETTLING_DEPTH) return p.reject(candidate, 'settling its conflicts never ends');
  return candidate.update.present ? placePresent(p, candidate, local, step) : placeTombstone(p, candidate, local, step);
}

async function placePresent(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  step: Step,
): Promise<Placed> {
  const { update } = candidate;
  if (update.parent !== p.core.root) {
    const parent = await p.view.record(update.parent);
    if (!parent) return p.block(candidate, waitFor(update.parent), 'waits for its directory');
    if (parent.kind !== 'directory') return p.reject(candidate, 'its parent is not a directory');
    if (!parent.present) return placeBelowTombstone(p, candidate, local, parent, step);
  }
  const moved = local?.present === true && (local.parent !== update.parent || local.name !== update.name);
  if (moved && update.kind === 'directory' && (await p.view.isBelow(update.parent, update.uid))) {
    const kept = keptInPlace(update, local.parent, local.name, await p.stamp(update));
    return p.place({ ...candidate, update: kept, depth: candidate.depth + 1 }, local, step);
  }
  const occupantUid = await p.view.occupant(update.parent, update.name);
  const occupant =
    occupantUid === undefined || occupantUid === update.uid ? undefined : await p.view.record(occupantUid);
  if (occupant?.present) return placeOnto(p, candidate, local, occupant, step);
  return install(p, candidate, local, step);
}

/** The directory it belongs into was deleted here, or lost its name. */
async function placeBelowTombstone(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  parent: FileRecord,
  step: Step,
): Promise<Placed> {
  const { update } = candidate;
  if (p.core.pending.hasUid(parent.uid)) return p.block(candidate, waitFor(parent.uid), 'waits for its directory');
  const home = homeOf(parent.uid, await mergeChain(p, parent));
  if (home.kind === 'unknown')
    return p.block(candidate, waitFor(home.uid), 'waits for the directory that took its directory’s place');
  let directory = home.uid;
  if (home.kind === 'deleted' && !local?.present && (await isDeletedIn(p, directory, update.uid))) {
    // Each was moved into the other before both were deleted: neither has another place to come back to.
    const top = keptInPlace(update, p.core.root, update.name, await p.stamp(update));
    return p.place({ ...candidate, update: top, depth: candidate.depth + 1 }, local, step);
  }
  // One that is brought back itself, below a directory that it took in, finds its place below.
  if (home.kind === 'deleted' && directory !== update.uid) {
    const dead = (await p.view.record(directory))!;
    const back = made(await broughtBack(p, dead), candidate);
    if ((await p.place(back, dead, step)) === 'not') return 'not';
  } else if (home.kind === 'lost') {
    const found = await replacement(p, candidate, (await p.view.record(directory))!, step);
    if (found === 'not') return 'not';
    if (found === 'beaten') {
      // It goes as what was in there went: with its content preserved wherever it lies.
      const lost = loserTombstone(update, { ...(await p.stamp(update)), mergedInto: null });
      return p.place({ ...candidate, update: lost, depth: candidate.depth + 1 }, local, step);
    }
    directory = found.uid;
  }
  // A directory that came back may have taken it in with all that was in another one.
  const mine = await p.view.record(update.uid);
  if (directory === update.parent) return p.place({ ...candidate, depth: candidate.depth + 1 }, mine, step);
  if (directory === update.uid) {
    // It won the name of the directory it lay in: it takes that directory's place.
    const risen = keptInPlace(update, parent.parent, parent.name, await p.stamp(update));
    return placePresent(p, { ...candidate, update: risen, depth: candidate.depth + 1 }, mine, step);
  }
  const child = reparented(update, directory, await p.stamp(update));
  return p.place({ ...candidate, update: child, depth: candidate.depth + 1 }, mine, step);
}

/** At the top, if it was deleted here in a directory that nobody else ever knew of, and that was set aside since. */
async function broughtBack(p: Placement, dead: FileRecord): Promise<Update> {
  const back = revived(dead, await p.stamp(dead));
  const isOwn = databaseOf(dead.gvsn) === p.core.members.database;
  const isLost = isOwn && dead.parent !== p.core.root && !(await p.view.record(dead.parent));
  return isLost ? { ...back, parent: p.core.root } : back;
}

/** Whether a deleted directory lies, by way of other deleted ones, in `uid`. */
async function isDeletedIn(p: Placement, deleted: Uid, uid: Uid): Promise<boolean> {
  const seen = new Set<Uid>();
  for (let at = await p.view.record(deleted); at && !at.present && !seen.has(at.uid); ) {
    if (at.parent === uid) return true;
    seen.add(at.uid);
    at = await p.view.record(at.parent);
  }
  return false;
}

async function mergeChain(p: Placement, parent: FileRecord): Promise<(uid: Uid) => FileRecord | undefined> {
  const chain = new Map<Uid, FileRecord>();
  let at: FileRecord | undefined = parent;
  while (at && !chain.has(at.uid)) {
    chain.set(at.uid, at);
    at = at.mergedInto === null ? undefined : await p.view.record(at.mergedInto);
  }
  return uid => chain.get(uid);
}

/** Where the children of `lost` belong once it is a tombstone that was merged into `winner`. */
async function homeOfChildren(p: Placement, winner: FileRecord, lost: Update): Promise<Home> {
  const recordOf = await mergeChain(p, winner);
  return homeOf(winner.uid, uid => (uid === lost.uid ? lost : recordOf(uid)));
}

/**
 * The directory that now stands, or is made to stand, under a name that a directory lost. 'beaten': what stands there wins
 * over any, as only a file with a higher fence does.
 */
async function replacement(
  p: Placement,
  candidate: Candidate,
  lost: FileRecord,
  step: Step,
): Promise<{ readonly uid: Uid } | 'beaten' | 'not'> {
  const uid = await p.view.occupant(lost.parent, lost.name);
  const occupant = uid === undefined ? undefined : await p.view.record(uid);
  if (occupant?.present && occupant.kind === 'directory') return occupant;
  const fresh = await successor(p, lost);
  if (occupant?.present && !occupant.provisional && resolveNameConflict(fresh, occupant).winner === occupant)
    return 'beaten';
  if ((await p.place(made(fresh, candidate), undefined, step)) === 'not') return 'not';
  // One that had no place itself has lost its name by now.
  return (await p.view.record(fresh.uid))?.present ? fresh : 'beaten';
}

/** A new directory under the name that another one lost. */
async function successor(p: Placement, lost: FileRecord): Promise<Update> {
  const stamp = await p.stamp(lost);
  const { disk: _disk, provisional: _provisional, ...fields } = lost;
  return {
    ...fields,
    uid: stamp.gvsn,
    ...stamp,
    present: true,
    nameConflict: false,
    mergedInto: null,
    fence: Math.max(lost.fence, FENCE.default),
    createTime: Math.floor(p.core.clock.now()),
    ancestry: [],
  };
}

async function placeTombstone(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  step: Step,
): Promise<Placed> {
  const { update, item } = candidate;
  const after: FileRecord = { ...update, disk: null, provisional: false };
  if (!local?.present) {
    p.put(step, local, after);
    return 'placed';
  }
  const path = await p.view.path(local);
  if (path === undefined) return p.block(candidate, waitFor(local.parent), 'waits for its directory');
  if (update.nameConflict && item) {
    // Whoever won the name may say the same: then nothing has to be moved or fetched. Not if it waits for this one.
    if (!item.round.closed) return p.block(candidate, null, 'waits for the file that won its name');
    const winner = p.core.pending.wanting(local.parent, local.name).find(other => other.update.uid !== local.uid);
    if (winner && !p.together.has(winner))
      return p.block(candidate, { kind: 'winner', on: [winner.update.uid] }, 'waits for the file that won its name');
  }
  if (update.kind !== 'directory') {
    const type = update.nameConflict ? 1 : 5;
    const reason = update.nameConflict
      ? 'another file with this name won'
      : 'a partner deleted it without knowing this version';
    const order = p.preserve(candidate, {
      lost: local,
      path,
      conflictType: type,
      reason,
      always: candidate.contentLost || update.nameConflict,
    });
    if (local.disk) step.operations.push({ kind: 'remove', path, expect: local.disk, preserve: order });
    p.put(step, local, after);
    return 'placed';
  }
  const children = await p.view.children(local.uid);
  if (children.length > 0 && item && !item.round.closed)
    return p.block(candidate, null, 'waits until its contents are dealt with');
  const givenUp = p.core.pending.givenUpUids();
  const busy = children.map(child => child.uid).filter(uid => p.core.pending.hasUid(uid) || givenUp.has(uid));
  if (busy.length > 0 && item && !candidate.update.nameConflict)
    return p.block(candidate, { kind: 'contents', on: busy }, 'waits until its contents are dealt with');
  let heir: { readonly next: Update; readonly record: FileRecord } | null = null;
  if (update.nameConflict && update.mergedInto !== null) {
    const winner = await p.view.record(update.mergedInto);
    if (children.length > 0 && !winner) {
      if (item === null || item.attempts < ATTEMPTS_FOR_A_WINNER)
        return p.block(candidate, waitFor(update.mergedInto), 'waits for the directory that won its name');
      // Whoever had told of it may have lost its database.
      return succeed(p, candidate, local, step);
    }
    const home = winner && (await homeOfChildren(p, winner, update));
    const inside = home !== undefined && (await p.view.isBelow(home.uid, local.uid));
    if (inside && home.kind === 'present' && !local.disk)
      return p.reject(candidate, 'the directory that won its name lies in it');
    if (home && children.length > 0 && local.disk && (inside || home.kind === 'lost')) {
      // Each was merged into the other by members that did not know of one another, or the one lies in the other
      // here: a new one takes the children.
      return succeed(p, candidate, local, step);
    }
    for (const { uid } of children) {
      const child = await p.view.record(uid);
      // The settlement of one before it took it along.
      if (!child?.present || child.parent !== local.uid) continue;
      const next = reparented(child, update.mergedInto, await p.stamp(child));
      // One that takes this very name can have it when the directory is gone.
      if ((await p.view.occupant(next.parent, next.name)) === local.uid)
        heir = { next, record: child.disk ? await p.stepAside(child, step) : child };
      else if ((await p.place(made(next, candidate), child, step)) === 'not') return 'not';
    }
    const now = await p.view.record(local.uid);
    if (!now?.present) {
      // The winner came back for the first of them and took this directory as its own, with all that is in it.
      p.put(step, now, after);
      return 'placed';
    }
  } else if (update.nameConflict && children.length > 0) {
    // It lost its name to what is no directory, and goes with all that is in it, as it does where that was found.
    const order = p.preserve(candidate, {
      lost: local,
      path,
      conflictType: 1,
      reason: 'another file with this name won',
      always: true,
    });
    if (local.disk) step.operations.push({ kind: 'preserve', path, ...expected(local), preserve: order });
    await p.bury(local, step);
    p.put(step, local, after);
    return 'placed';
  } else if (children.length > 0) {
    // Something below was made without knowledge of the deletion: the directory stays for it.
    const back = revived(update, await p.stamp(update));
    const { parent, name, mode, disk } = local;
    p.put(step, local, { ...back, parent, name, mode, disk, provisional: false });
    return 'placed';
  }
  const reason = update.nameConflict ? 'another one with its name won' : 'its directory was deleted';
  await p.removeDirectory(candidate, { lost: local, path, conflictType: update.nameConflict ? 1 : 5, reason }, step);
  p.put(step, local, after);
  return heir === null ? 'placed' : p.place(made(heir.next, candidate), heir.record, step);
}

/** A new directory takes the place of one that lost its name, with all that is in it. */
async function succeed(p: Placement, candidate: Candidate, local: FileRecord, step: Step): Promise<Placed> {
  const { update, depth } = candidate;
  const fresh = await successor(p, local);
  const lost = { ...update, ...succession(update, await p.stamp(update)), mergedInto: fresh.uid };
  return absorb(p, { ...candidate, update: fresh, depth: depth + 1 }, undefined, local, step, lost);
}

function waitFor(directory: Uid): Wait {
  return { kind: 'directory', on: [directory] };
}
