/**
 * Places updates in the tree: each becomes a step of operations and records, waits for another record, or brings forth
 * new versions that settle a conflict. Runs within a task of the folder's line; decisions are the model's. [dfsr.md §5.6]
 */
import type { Operation, PreservedManifest, PreserveOrder } from '../disk/disk.ts';
import { deletedRecord } from '../model/local-record.ts';
import {
  homeOf,
  keptInPlace,
  loserTombstone,
  reparented,
  resolveNameConflict,
  revived,
} from '../model/name-conflict.ts';
import { judgeUpdate } from '../model/reconcile.ts';
import { FENCE, type FileRecord, type Update } from '../model/update.ts';
import { formatVersion, type Uid } from '../model/version.ts';
import type { FolderCore, Stamp } from './folder-core.ts';
import { emptyPlan, emptyStep, type GroupPlan, type Step } from './group-plan.ts';
import { GroupView } from './group-view.ts';
import type { PendingUpdate } from './pending.ts';

/** An update to be placed: a partner's (with its item) or one made here to settle something. */
interface Candidate {
  readonly update: Update;
  readonly item: PendingUpdate | null;
  /** The content here would be lost with the version here: it must be preserved. */
  readonly contentLost: boolean;
  readonly depth: number;
}

/** Where a file that stepped aside is, and its record as the store has it. */
interface Origin {
  readonly path: string;
  readonly before: FileRecord;
}

const SETTLING_DEPTH = 600;

/** Plans as many of the items, in order, as can be planned together; the others come back as `left`. */
export async function planGroup(
  core: FolderCore,
  items: readonly PendingUpdate[],
): Promise<{ plan: GroupPlan; left: readonly PendingUpdate[] }> {
  const planner = new Planner(core);
  await planner.view.preload(items.map(item => item.update));
  for (const [i, item] of items.entries()) {
    if (planner.plan.steps.some(step => step.items.includes(item) && step.items[0] !== item)) continue;
    if (!(await planner.place(item))) return { plan: planner.plan, left: items.slice(i + 1) };
  }
  return { plan: planner.plan, left: [] };
}

class Planner {
  readonly plan: GroupPlan = emptyPlan();
  readonly view: GroupView;
  readonly #core: FolderCore;

  constructor(core: FolderCore) {
    this.#core = core;
    this.view = new GroupView(core);
  }

  /** Answers false when the view holds traces of a step that came to nothing: nothing more can be planned on it. */
  async place(item: PendingUpdate): Promise<boolean> {
    const { update } = item;
    const local = await this.view.record(update.uid);
    if (local && local.kind !== update.kind && local.present && update.present) {
      this.plan.rejected.push({ item, reason: `the partner says ${update.kind} of what is a ${local.kind} here` });
      return true;
    }
    const verdict = judgeUpdate(local, update);
    const step = emptyStep(item);
    if (verdict.kind === 'stale' || (verdict.kind === 'have' && !needsRepair(local))) {
      if (verdict.kind === 'stale' && verdict.conflict) this.plan.conflicts++;
      this.plan.steps.push(step);
      return true;
    }
    const contentNeeded = verdict.kind === 'take' ? verdict.contentNeeded : update.kind === 'file';
    const conflict = verdict.kind === 'take' && verdict.conflict;
    const contentLost = verdict.kind === 'take' && verdict.contentLost;
    if (contentNeeded && !item.staged && !(await this.#adoptable(update))) {
      item.contentNeeded = true;
      this.plan.unfetched.push(item);
      return true;
    }
    const outcome = await this.#placeCandidate({ update, item, contentLost, depth: 0 }, local, step);
    if (outcome === 'not') return step.puts.length === 0 && step.forget.length === 0 && step.operations.length === 0;
    if (conflict) this.plan.conflicts++;
    this.plan.steps.push(step);
    return true;
  }

  /** A file that lay here before the first synchronisation with just this content. */
  async #adoptable(update: Update): Promise<boolean> {
    const uid = await this.view.occupant(update.parent, update.name);
    const occupant = uid === undefined || uid === update.uid ? undefined : await this.view.record(uid);
    return (
      occupant?.provisional === true &&
      occupant.kind === 'file' &&
      occupant.hash === update.hash &&
      occupant.disk !== null
    );
  }

  async #placeCandidate(candidate: Candidate, local: FileRecord | undefined, step: Step): Promise<'placed' | 'not'> {
    if (candidate.depth > SETTLING_DEPTH) return this.#reject(candidate, 'settling its conflicts never ends');
    return candidate.update.present
      ? this.#placePresent(candidate, local, step)
      : this.#placeTombstone(candidate, local, step);
  }

  async #placePresent(candidate: Candidate, local: FileRecord | undefined, step: Step): Promise<'placed' | 'not'> {
    const { update } = candidate;
    if (update.parent !== this.#core.root) {
      const parent = await this.view.record(update.parent);
      if (!parent) return this.#block(candidate, update.parent, 'waits for its directory');
      if (parent.kind !== 'directory') return this.#reject(candidate, 'its parent is not a directory');
      if (!parent.present) return this.#placeBelowTombstone(candidate, local, parent, step);
    }
    const moved = local?.present === true && (local.parent !== update.parent || local.name !== update.name);
    if (moved && update.kind === 'directory' && (await this.view.isBelow(update.parent, update.uid))) {
      const kept = keptInPlace(update, local.parent, local.name, await this.#stamp(update));
      return this.#placePresent({ ...candidate, update: kept, depth: candidate.depth + 1 }, local, step);
    }
    const occupantUid = await this.view.occupant(update.parent, update.name);
    const occupant =
      occupantUid === undefined || occupantUid === update.uid ? undefined : await this.view.record(occupantUid);
    if (occupant?.present) return this.#placeOnto(candidate, local, occupant, step);
    return this.#install(candidate, local, step);
  }

  /** The directory it belongs into was deleted here, or lost its name. */
  async #placeBelowTombstone(
    candidate: Candidate,
    local: FileRecord | undefined,
    parent: FileRecord,
    step: Step,
  ): Promise<'placed' | 'not'> {
    const { update } = candidate;
    if (this.#core.pending.hasUid(parent.uid)) return this.#block(candidate, parent.uid, 'waits for its directory');
    const home = homeOf(parent.uid, await this.#mergeChain(parent));
    if (home.kind === 'unknown')
      return this.#block(candidate, home.uid, 'waits for the directory that took its directory’s place');
    let directory = home.uid;
    if (home.kind === 'deleted') {
      const dead = (await this.view.record(directory))!;
      const back = made(revived(dead, await this.#stamp(dead)), candidate);
      if ((await this.#placePresent(back, dead, step)) === 'not') return 'not';
    } else if (home.kind === 'lost') {
      const uid = await this.#replacement(candidate, (await this.view.record(directory))!, step);
      if (uid === null) return 'not';
      directory = uid;
    }
    if (directory === update.parent)
      return this.#placePresent({ ...candidate, depth: candidate.depth + 1 }, local, step);
    const child = reparented(update, directory, await this.#stamp(update));
    return this.#placePresent({ ...candidate, update: child, depth: candidate.depth + 1 }, local, step);
  }

  async #mergeChain(parent: FileRecord): Promise<(uid: Uid) => FileRecord | undefined> {
    const chain = new Map<Uid, FileRecord>();
    let at: FileRecord | undefined = parent;
    while (at && !chain.has(at.uid)) {
      chain.set(at.uid, at);
      at = at.mergedInto === null ? undefined : await this.view.record(at.mergedInto);
    }
    return uid => chain.get(uid);
  }

  /** The directory that now stands, or is made to stand, under a name that a directory lost; null if it cannot be placed. */
  async #replacement(candidate: Candidate, lost: FileRecord, step: Step): Promise<Uid | null> {
    const uid = await this.view.occupant(lost.parent, lost.name);
    const occupant = uid === undefined ? undefined : await this.view.record(uid);
    if (occupant?.present && occupant.kind === 'directory') return occupant.uid;
    const stamp = await this.#stamp(lost);
    const { disk: _disk, provisional: _provisional, ...fields } = lost;
    const fresh: Update = {
      ...fields,
      uid: stamp.gvsn,
      ...stamp,
      present: true,
      nameConflict: false,
      mergedInto: null,
      fence: Math.max(lost.fence, FENCE.default),
      createTime: Math.floor(this.#core.clock.now()),
      ancestry: [],
    };
    return (await this.#placePresent(made(fresh, candidate), undefined, step)) === 'placed' ? fresh.uid : null;
  }

  /** Another record has the name. */
  async #placeOnto(
    candidate: Candidate,
    local: FileRecord | undefined,
    occupant: FileRecord,
    step: Step,
  ): Promise<'placed' | 'not'> {
    const { update, item } = candidate;
    if (occupant.provisional) return this.#placeOntoProvisional(candidate, local, occupant, step);
    const rivals = this.#core.pending.ofUid(occupant.uid).filter(rival => rival !== item && !rival.update.nameConflict);
    if (item && (!item.round.closed || rivals.length > 0)) {
      const circle = item.round.closed && local?.present === true && (await this.#inCircle(candidate, occupant));
      const exchanged = circle ? await this.#exchange(candidate, local, occupant, step) : null;
      return exchanged ?? this.#block(candidate, occupant.uid, 'waits until the name is free');
    }
    const { winner, merge, equalContent } = resolveNameConflict(update, occupant);
    this.plan.conflicts += equalContent || merge ? 0 : 1;
    if (merge)
      return winner === update
        ? this.#absorb(candidate, local, occupant, step)
        : this.#dissolve(candidate, local, occupant, step);
    if (winner !== update) return this.#lose(candidate, local, occupant, equalContent, step);
    const tombstone = loserTombstone(occupant, { ...(await this.#stamp(occupant)), mergedInto: null });
    const path = (await this.view.path(occupant))!;
    const keep = this.#preserve(occupant, path, 1, 'another file with this name won', candidate, !equalContent);
    if (occupant.kind === 'directory') {
      step.operations.push({ kind: 'preserve', path, preserve: keep });
      await this.#buryChildren(occupant, step);
    } else if (equalContent && update.kind === 'file' && !local?.present && occupant.disk) {
      this.#put(step, occupant, { ...tombstone, disk: null, provisional: false });
      return this.#adopt(candidate, local, occupant, step);
    } else if (occupant.disk) {
      step.operations.push({ kind: 'remove', path, expect: occupant.disk, preserve: keep });
    }
    this.#put(step, occupant, { ...tombstone, disk: null, provisional: false });
    return this.#install(candidate, local, step);
  }

  /** Names going round in a circle: the occupant steps aside, and everyone takes their place in turn. */
  async #exchange(
    candidate: Candidate,
    local: FileRecord | undefined,
    occupant: FileRecord,
    step: Step,
    from?: Origin,
  ): Promise<'placed' | 'not' | null> {
    const rival = this.#movable(occupant.uid);
    if (!rival || !occupant.disk) return null;
    const aside = `.tandem/staging/exchange-${occupant.uid}`;
    step.operations.push({ kind: 'move', from: (await this.view.path(occupant))!, to: aside, expect: occupant.disk });
    const away: FileRecord = { ...occupant, name: '', parent: STAGING };
    this.view.put(away, occupant);
    if ((await this.#install(candidate, local, step, from)) === 'not') return 'not';
    step.items.push(rival);
    step.claims.push(rival.update.gvsn);
    const judged = judgeUpdate(occupant, rival.update);
    const next: Candidate = {
      update: rival.update,
      item: rival,
      contentLost: judged.kind === 'take' && judged.contentLost,
      depth: candidate.depth + 1,
    };
    const origin: Origin = { path: aside, before: occupant };
    const uid = await this.view.occupant(rival.update.parent, rival.update.name);
    const further = uid === undefined ? undefined : await this.view.record(uid);
    if (!further?.present) return this.#install(next, away, step, origin);
    return (await this.#exchange(next, away, further, step, origin)) ?? 'not';
  }

  /** Whether the occupants of the wanted names, each waiting for the next one’s, lead back to the candidate. */
  async #inCircle(candidate: Candidate, occupant: FileRecord): Promise<boolean> {
    const seen = new Set<Uid>();
    let uid: Uid | undefined = occupant.uid;
    while (uid !== undefined && !seen.has(uid)) {
      if (uid === candidate.update.uid) return true;
      seen.add(uid);
      const rival = this.#movable(uid);
      if (!rival) return false;
      uid = await this.view.occupant(rival.update.parent, rival.update.name);
    }
    return false;
  }

  /** The update that only waits for a name to be free before it takes this record elsewhere. */
  #movable(uid: Uid): PendingUpdate | undefined {
    return this.#core.pending
      .ofUid(uid)
      .find(
        item =>
          item.update.present &&
          item.stage === 'blocked' &&
          item.round.closed &&
          (!item.contentNeeded || item.staged !== null),
      );
  }

  /** What lay here before the first synchronisation gives way: taken over if equal, preserved if not. */
  async #placeOntoProvisional(
    candidate: Candidate,
    local: FileRecord | undefined,
    occupant: FileRecord,
    step: Step,
  ): Promise<'placed' | 'not'> {
    const { update } = candidate;
    const same =
      occupant.kind === update.kind &&
      occupant.hash === update.hash &&
      occupant.target === update.target &&
      occupant.disk !== null;
    this.view.forget(occupant);
    step.forget.push(occupant);
    if (same && !local?.present) {
      if (update.kind === 'directory') {
        for (const child of await this.view.children(occupant.uid))
          this.#put(step, child, { ...child, parent: update.uid });
      }
      return this.#adopt(candidate, local, occupant, step);
    }
    const path = (await this.view.path(occupant))!;
    const area = this.#core.memory.phase === 'initial-sync' ? 'pre-existing' : 'conflicts';
    const order = this.#preserve(occupant, path, 6, 'it differed at the first synchronisation', candidate, true);
    step.operations.push({ kind: 'preserve', path, preserve: { ...order, area } });
    if (occupant.kind === 'directory') await this.#buryChildren(occupant, step);
    return this.#install(candidate, local, step);
  }

  /** The update takes over the occupant’s file or directory as it lies on disk. */
  async #adopt(
    candidate: Candidate,
    local: FileRecord | undefined,
    occupant: FileRecord,
    step: Step,
  ): Promise<'placed' | 'not'> {
    const { update } = candidate;
    const disk = occupant.disk!;
    const path = (await this.view.path(update))!;
    const differs =
      update.kind !== 'symlink' &&
      (disk.mode !== update.mode || (update.kind === 'file' && !sameTime(disk.mtimeNs, update.mtimeNs)));
    if (differs)
      step.operations.push({ kind: 'attributes', path, expect: disk, mode: update.mode, mtimeNs: update.mtimeNs });
    this.#put(step, local, { ...update, disk, provisional: false }, differs ? step.operations.length - 1 : null);
    return 'placed';
  }

  /** A directory wins its name: the children of the other one become its own. */
  async #absorb(
    candidate: Candidate,
    local: FileRecord | undefined,
    occupant: FileRecord,
    step: Step,
  ): Promise<'placed' | 'not'> {
    const { update } = candidate;
    const tombstone = loserTombstone(occupant, { ...(await this.#stamp(occupant)), mergedInto: update.uid });
    const children = await this.view.children(occupant.uid);
    if (!local?.present) {
      this.#put(step, occupant, { ...tombstone, disk: null, provisional: false });
      for (const child of children) {
        const next = reparented(child, update.uid, await this.#stamp(child));
        this.#put(step, child, { ...next, disk: child.disk, provisional: false });
      }
      return this.#adopt(candidate, local, occupant, step);
    }
    for (const child of children) {
      const next = reparented(child, update.uid, await this.#stamp(child));
      if ((await this.#placePresent(made(next, candidate), child, step)) === 'not') return 'not';
    }
    const path = (await this.view.path(occupant))!;
    step.operations.push({ kind: 'remove-directory', path });
    this.#put(step, occupant, { ...tombstone, disk: null, provisional: false });
    return this.#install(candidate, local, step);
  }

  /** A directory loses its name: its children, if it has any here, go to the occupant. */
  async #dissolve(
    candidate: Candidate,
    local: FileRecord | undefined,
    occupant: FileRecord,
    step: Step,
  ): Promise<'placed' | 'not'> {
    const tombstone = loserTombstone(candidate.update, {
      ...(await this.#stamp(candidate.update)),
      mergedInto: occupant.uid,
    });
    return this.#placeTombstone({ ...candidate, update: tombstone, depth: candidate.depth + 1 }, local, step);
  }

  /** A file loses its name: a tombstone for it, and what lies of it on this disk is preserved. */
  async #lose(
    candidate: Candidate,
    local: FileRecord | undefined,
    occupant: FileRecord,
    equal: boolean,
    step: Step,
  ): Promise<'placed' | 'not'> {
    const { update } = candidate;
    const tombstone = loserTombstone(update, { ...(await this.#stamp(update)), mergedInto: null });
    if (local?.present) {
      const path = (await this.view.path(local))!;
      const order = this.#preserve(local, path, 1, `“${occupant.name}” here won its name`, candidate, !equal);
      if (local.kind === 'directory') {
        step.operations.push({ kind: 'preserve', path, preserve: order });
        await this.#buryChildren(local, step);
      } else if (local.disk) {
        step.operations.push({ kind: 'remove', path, expect: local.disk, preserve: order });
      }
    }
    this.#put(step, local, { ...tombstone, disk: null, provisional: false });
    return 'placed';
  }

  async #placeTombstone(candidate: Candidate, local: FileRecord | undefined, step: Step): Promise<'placed' | 'not'> {
    const { update, item } = candidate;
    const after: FileRecord = { ...update, disk: null, provisional: false };
    if (!local?.present) {
      this.#put(step, local, after);
      return 'placed';
    }
    const path = await this.view.path(local);
    if (path === undefined) return this.#block(candidate, local.parent, 'waits for its directory');
    if (update.nameConflict && item) {
      // Whoever won the name may say the same: then nothing has to be moved or fetched.
      if (!item.round.closed) return this.#block(candidate, null, 'waits for the file that won its name');
      const winner = this.#core.pending.wanting(local.parent, local.name).find(other => other.update.uid !== local.uid);
      if (winner) return this.#block(candidate, winner.update.uid, 'waits for the file that won its name');
    }
    if (update.kind !== 'directory') {
      const type = update.nameConflict ? 1 : 5;
      const reason = update.nameConflict
        ? 'another file with this name won'
        : 'a partner deleted it without knowing this version';
      const order = this.#preserve(local, path, type, reason, candidate, candidate.contentLost || update.nameConflict);
      if (local.disk) step.operations.push({ kind: 'remove', path, expect: local.disk, preserve: order });
      this.#put(step, local, after);
      return 'placed';
    }
    const children = await this.view.children(local.uid);
    if (children.length > 0 && item && !item.round.closed)
      return this.#block(candidate, null, 'waits until its contents are dealt with');
    const busy = children.find(child => this.#core.pending.hasUid(child.uid));
    if (busy && item && !candidate.update.nameConflict)
      return this.#block(candidate, busy.uid, 'waits until its contents are dealt with');
    if (update.nameConflict && update.mergedInto !== null) {
      const winner = await this.view.record(update.mergedInto);
      if (children.length > 0 && !winner)
        return this.#block(candidate, update.mergedInto, 'waits for the directory that won its name');
      for (const child of children) {
        const next = reparented(child, update.mergedInto, await this.#stamp(child));
        if ((await this.#placePresent(made(next, candidate), child, step)) === 'not') return 'not';
      }
    } else if (children.length > 0) {
      // Something below was made without knowledge of the deletion: the directory stays for it.
      const back = revived(update, await this.#stamp(update));
      this.#put(step, local, { ...back, parent: local.parent, name: local.name, disk: local.disk, provisional: false });
      return 'placed';
    }
    const stubborn = item !== null && item.attempts >= 2;
    if (stubborn)
      step.operations.push({
        kind: 'preserve',
        path,
        preserve: this.#preserve(local, path, 5, 'its directory was deleted', candidate, true),
      });
    else step.operations.push({ kind: 'remove-directory', path });
    this.#put(step, local, after);
    return 'placed';
  }

  /** The name is free: bring the file there. */
  async #install(
    candidate: Candidate,
    local: FileRecord | undefined,
    step: Step,
    from?: Origin,
  ): Promise<'placed' | 'not'> {
    const { update, item } = candidate;
    const path = await this.view.path(update);
    if (path === undefined) return this.#block(candidate, update.parent, 'waits for its directory');
    const here = local?.present && local.disk ? local : undefined;
    const oldPath = here && (from?.path ?? (await this.view.path(here)));
    const operations = step.operations;
    const stays = oldPath === path;
    if (update.kind === 'directory') {
      if (!here) operations.push({ kind: 'make-directory', path, mode: update.mode });
      else if (!stays) operations.push({ kind: 'move', from: oldPath!, to: path, expect: here.disk! });
      if (here && here.disk!.mode !== update.mode)
        operations.push({ kind: 'attributes', path, expect: here.disk!, mode: update.mode, mtimeNs: 0n });
      this.#put(step, from?.before ?? local, { ...update, disk: here?.disk ?? null, provisional: false }, last(step));
      return 'placed';
    }
    const fresh = update.kind === 'file' ? !here || here.hash !== update.hash : !here || here.target !== update.target;
    const preserve = this.#preserve(
      here ?? update,
      oldPath ?? path,
      2,
      'a partner changed it at the same time and won',
      candidate,
      candidate.contentLost && fresh,
    );
    let look: number | null = null;
    if (fresh) {
      const expect = stays && here ? here.disk : null;
      if (update.kind === 'symlink') {
        operations.push({
          kind: 'install-symlink',
          path,
          expect,
          target: update.target,
          mtimeNs: update.mtimeNs,
          preserve,
        });
      } else {
        if (!item?.staged) return this.#reject(candidate, 'its content was not fetched');
        const staged = { ...item.staged, size: update.size, hash: update.hash };
        operations.push({ kind: 'install', path, expect, staged, preserve });
      }
      look = operations.length - 1;
      if (here && !stays) operations.push({ kind: 'remove', path: oldPath!, expect: here.disk!, preserve });
    } else if (here) {
      if (!stays) operations.push({ kind: 'move', from: oldPath!, to: path, expect: here.disk! });
      const differs =
        update.kind === 'file' && (here.disk!.mode !== update.mode || !sameTime(here.disk!.mtimeNs, update.mtimeNs));
      if (differs)
        operations.push({ kind: 'attributes', path, expect: here.disk!, mode: update.mode, mtimeNs: update.mtimeNs });
      if (!stays || differs) look = operations.length - 1;
    }
    this.#put(step, from?.before ?? local, { ...update, disk: here?.disk ?? null, provisional: false }, look);
    return 'placed';
  }

  /** Everything below a directory that was preserved as a whole becomes tombstones, or is forgotten if nobody knows of it. */
  async #buryChildren(directory: FileRecord, step: Step): Promise<void> {
    for (const child of await this.view.children(directory.uid)) {
      if (child.kind === 'directory') await this.#buryChildren(child, step);
      if (child.provisional) {
        this.view.forget(child);
        step.forget.push(child);
      } else {
        this.#put(step, child, deletedRecord(child, await this.#stamp(child)));
      }
    }
  }

  #put(step: Step, before: FileRecord | undefined, after: FileRecord, lookFrom: number | null = null): void {
    this.view.put(after, before);
    step.puts.push({ before, after, lookFrom });
  }

  async #stamp(before: Update): Promise<Stamp> {
    return (await this.#core.stamps([before]))[0]!;
  }

  #block(candidate: Candidate, on: Uid | null, reason: string): 'not' {
    if (candidate.item) this.plan.blocked.push({ item: candidate.item, on, reason });
    return 'not';
  }

  #reject(candidate: Candidate, reason: string): 'not' {
    if (candidate.item) this.plan.rejected.push({ item: candidate.item, reason });
    return 'not';
  }

  #preserve(
    lost: Update,
    path: string,
    conflictType: PreservedManifest['conflictType'],
    reason: string,
    candidate: Candidate,
    always: boolean,
  ): PreserveOrder {
    return {
      always,
      area: 'conflicts',
      manifest: {
        path,
        uid: formatVersion(lost.uid),
        gvsn: formatVersion(lost.gvsn),
        conflictType,
        reason,
        member: this.#core.member.name,
        partner: candidate.item?.round.partner ?? '',
        time: this.#core.clock.now(),
      },
    };
  }
}

/** Where a file is while it steps aside: no record has this as its parent. */
const STAGING = '';

function made(update: Update, from: Candidate): Candidate {
  return { update, item: from.item, contentLost: false, depth: from.depth + 1 };
}

function needsRepair(local: FileRecord | undefined): boolean {
  return local?.present === true && local.disk === null;
}

/** Disks are told times through a double: they keep microseconds. */
function sameTime(a: bigint, b: bigint): boolean {
  return a / 1000n === b / 1000n;
}

function last(step: Step): number | null {
  const operation: Operation | undefined = step.operations.at(-1);
  return operation ? step.operations.length - 1 : null;
}
