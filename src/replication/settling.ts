/** Another record has the name: who keeps it, and what becomes of the other. [dfsr.md §5.6] */
import { loserTombstone, reparented, resolveNameConflict } from '../model/name-conflict.ts';
import { equalContent } from '../model/reconcile.ts';
import type { FileRecord, Update } from '../model/update.ts';
import type { Step } from './group-plan.ts';
import { install } from './installing.ts';
import { type Candidate, expected, made, type Placed, type Placement, sameTime } from './placement.ts';

/** Another record has the name. */
export async function placeOnto(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  occupant: FileRecord,
  step: Step,
): Promise<Placed> {
  const { update, item } = candidate;
  if (occupant.provisional) return placeOntoProvisional(p, candidate, local, occupant, step);
  // What becomes of the occupant in the end; that it gave this very name up is settled here just as it was there. One
  // that keeps its name until others have gone on who wait for this one shares it.
  const next = p.core.pending.newestOf(occupant.uid);
  const leaves = next && next !== item && !next.update.nameConflict && !p.together.has(next);
  if (item && (!item.round.closed || leaves)) {
    return p.block(candidate, { kind: 'name', on: [occupant.uid] }, 'waits until the name is free');
  }
  const { winner, merge, equalContent: same } = resolveNameConflict(update, occupant);
  step.conflicts += same || merge ? 0 : 1;
  if (merge) {
    // A directory cannot take in the one it lies in here; that both may then be gone is settled as for any such pair.
    const inside = local?.present === true && (await p.view.isBelow(local.parent, occupant.uid));
    return winner === update && !inside
      ? absorb(p, candidate, local, occupant, step)
      : dissolve(p, candidate, local, occupant, step);
  }
  if (winner !== update) return lose(p, candidate, local, occupant, step);
  const tombstone = loserTombstone(occupant, { ...(await p.stamp(occupant)), mergedInto: null });
  const path = (await p.view.path(occupant))!;
  const keep = p.preserve(candidate, {
    lost: occupant,
    path,
    conflictType: 1,
    reason: 'another file with this name won',
    always: !same,
  });
  let mine = local;
  if (occupant.kind === 'directory') {
    // Before the directory it may lie in goes with all that is in it.
    const inside = local?.present && local.disk && (await p.view.isBelow(local.parent, occupant.uid));
    if (inside) mine = await p.stepAside(local, step);
    step.operations.push({ kind: 'preserve', path, ...expected(occupant), preserve: keep });
    await p.bury(occupant, step);
  } else if (same && update.kind === 'file' && !local?.present && occupant.disk) {
    p.put(step, occupant, { ...tombstone, disk: null, provisional: false });
    // A user may have deleted the one that lost: that says nothing of the one that won.
    return adopt(p, candidate, local, occupant, step, true);
  } else if (occupant.disk) {
    step.operations.push({ kind: 'remove', path, expect: occupant.disk, preserve: keep });
  }
  p.put(step, occupant, { ...tombstone, disk: null, provisional: false });
  return install(p, candidate, mine, step);
}

/** What lay here before the first synchronisation gives way: taken over if equal, preserved if not. */
async function placeOntoProvisional(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  occupant: FileRecord,
  step: Step,
): Promise<Placed> {
  const { update } = candidate;
  const same =
    occupant.kind === update.kind &&
    occupant.hash === update.hash &&
    occupant.target === update.target &&
    occupant.disk !== null;
  p.forget(step, occupant);
  if (same && !local?.present) {
    if (update.kind === 'directory') {
      for (const child of await p.view.children(occupant.uid)) p.put(step, child, { ...child, parent: update.uid });
    }
    return adopt(p, candidate, local, occupant, step);
  }
  const path = (await p.view.path(occupant))!;
  const area = p.core.memory.phase === 'initial-sync' ? 'pre-existing' : 'conflicts';
  const order = p.preserve(candidate, {
    lost: occupant,
    path,
    conflictType: 6,
    reason: 'it differed at the first synchronisation',
    always: true,
  });
  step.operations.push({ kind: 'preserve', path, preserve: { ...order, area } });
  if (occupant.kind === 'directory') await p.bury(occupant, step);
  return install(p, candidate, local, step);
}

/** The update takes over the occupant’s file or directory as it lies on disk; `looked`: only if it still does. */
async function adopt(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  occupant: FileRecord,
  step: Step,
  looked = false,
): Promise<Placed> {
  const { update } = candidate;
  const { disk } = occupant;
  // Recorded, but waiting to be brought back to this disk: there is nothing to take over.
  if (!disk) return install(p, candidate, local, step);
  const path = (await p.view.path(update))!;
  const differs =
    update.kind !== 'symlink' &&
    (disk.mode !== update.mode || (update.kind === 'file' && !sameTime(disk.mtimeNs, update.mtimeNs)));
  const touches = differs || looked;
  if (touches)
    step.operations.push({ kind: 'attributes', path, expect: disk, mode: update.mode, mtimeNs: update.mtimeNs });
  p.put(step, local, { ...update, disk, provisional: false }, touches ? step.operations.length - 1 : null);
  return 'placed';
}

/** A directory wins its name: the children of the other one, of which `lost` remains, become its own. */
export async function absorb(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  occupant: FileRecord,
  step: Step,
  lost?: Update,
): Promise<Placed> {
  const { update } = candidate;
  const tombstone = lost ?? loserTombstone(occupant, { ...(await p.stamp(occupant)), mergedInto: update.uid });
  const children = await p.view.children(occupant.uid);
  if (!local?.present) {
    p.put(step, occupant, { ...tombstone, disk: null, provisional: false });
    for (const child of children) {
      const next = reparented(child, update.uid, await p.stamp(child));
      p.put(step, child, { ...next, disk: child.disk, provisional: false });
    }
    return adopt(p, candidate, local, occupant, step);
  }
  for (const child of children) {
    const next = reparented(child, update.uid, await p.stamp(child));
    if ((await p.place(made(next, candidate), child, step)) === 'not') return 'not';
  }
  const path = (await p.view.path(occupant))!;
  await p.removeDirectory(
    candidate,
    { lost: occupant, path, conflictType: 1, reason: 'another one with its name won' },
    step,
  );
  p.put(step, occupant, { ...tombstone, disk: null, provisional: false });
  return install(p, candidate, local, step);
}

/** A directory loses its name: its children, if it has any here, go to the occupant. */
async function dissolve(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  occupant: FileRecord,
  step: Step,
): Promise<Placed> {
  const tombstone = loserTombstone(candidate.update, {
    ...(await p.stamp(candidate.update)),
    mergedInto: occupant.uid,
  });
  return p.place({ ...candidate, update: tombstone, depth: candidate.depth + 1 }, local, step);
}

/** A file loses its name: a tombstone for it, and what lies of it on this disk is preserved. */
async function lose(
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  occupant: FileRecord,
  step: Step,
): Promise<Placed> {
  const { update } = candidate;
  const tombstone = loserTombstone(update, { ...(await p.stamp(update)), mergedInto: null });
  if (local?.present) {
    const path = (await p.view.path(local))!;
    const order = p.preserve(candidate, {
      lost: local,
      path,
      conflictType: 1,
      reason: `“${occupant.name}” here won its name`,
      // What is removed here is the version this member holds, whatever the one that lost says.
      always: !equalContent(local, occupant),
    });
    if (local.kind === 'directory') {
      step.operations.push({ kind: 'preserve', path, ...expected(local), preserve: order });
      await p.bury(local, step);
    } else if (local.disk) {
      step.operations.push({ kind: 'remove', path, expect: local.disk, preserve: order });
    }
  }
  p.put(step, local, { ...tombstone, disk: null, provisional: false });
  return 'placed';
}
