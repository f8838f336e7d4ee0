/** What placing one group of updates works with: the view, the plan, and the few things every step is made of. */
import type { PreservedManifest, PreserveOrder } from '../disk/disk.ts';
import { deletedRecord } from '../model/local-record.ts';
import type { FileRecord, Stat, Update } from '../model/update.ts';
import { formatVersion } from '../model/version.ts';
import type { Wait } from '../model/wait-circle.ts';
import type { FolderCore, Stamp } from './folder-core.ts';
import { emptyPlan, type GroupPlan, type Step } from './group-plan.ts';
import { GroupView } from './group-view.ts';
import { asideName, STEPPED_ASIDE } from './paths.ts';
import type { PendingUpdate } from './pending.ts';

/** An update to be placed: a partner's (with its item) or one made here to settle something. */
export interface Candidate {
  readonly update: Update;
  readonly item: PendingUpdate | null;
  /** The content here would be lost with the version here: it must be preserved. */
  readonly contentLost: boolean;
  readonly depth: number;
}

/** 'not': nothing of the step may be carried out; the plan says why. */
export type Placed = 'placed' | 'not';

/** Finds an update its place, whatever is there; `local` is the record of its UID. */
export type PlaceCandidate = (
  p: Placement,
  candidate: Candidate,
  local: FileRecord | undefined,
  step: Step,
) => Promise<Placed>;

export interface Loss {
  readonly lost: FileRecord;
  readonly path: string;
  readonly conflictType: PreservedManifest['conflictType'];
  readonly reason: string;
  readonly always: boolean;
}

export interface PlacementOptions {
  /** Items that take their places in one step: they do not wait for one another any more. */
  readonly together?: ReadonlySet<PendingUpdate>;
  /** What a group brings that is being carried out. */
  readonly before?: GroupView | null;
}

const LOOKS_BEFORE_PRESERVING = 2;

export class Placement {
  readonly plan: GroupPlan = emptyPlan();
  /** Where a file or directory lay before it stepped aside, by the path it has meanwhile. */
  readonly cameFrom = new Map<string, string>();
  readonly view: GroupView;
  readonly core: FolderCore;
  readonly together: ReadonlySet<PendingUpdate>;
  readonly #place: PlaceCandidate;

  constructor(core: FolderCore, place: PlaceCandidate, { together, before }: PlacementOptions = {}) {
    this.core = core;
    this.together = together ?? new Set();
    this.view = new GroupView(core, before);
    this.#place = place;
  }

  place(candidate: Candidate, local: FileRecord | undefined, step: Step): Promise<Placed> {
    return this.#place(this, candidate, local, step);
  }

  put(step: Step, before: FileRecord | undefined, after: FileRecord, lookFrom: number | null = null): void {
    this.view.put(after, before);
    step.puts.push({ before, after, lookFrom });
  }

  forget(step: Step, record: FileRecord): void {
    this.view.forget(record);
    step.forget.push(record);
  }

  /** Everything below a directory that was preserved as a whole becomes tombstones, or is forgotten if nobody knows of it. */
  async bury(directory: FileRecord, step: Step): Promise<void> {
    for (const child of await this.view.children(directory.uid)) {
      if (child.kind === 'directory') await this.bury(child, step);
      if (child.provisional) this.forget(step, child);
      else this.put(step, child, deletedRecord(child, await this.stamp(child)));
    }
  }

  /**
   * A directory goes in which nothing recorded is left. Names that no record knows of keep it from being removed: once it was
   * looked at again in vain, it is preserved with them, but not while something recorded is in it whose own operation failed.
   */
  async removeDirectory(candidate: Candidate, loss: Omit<Loss, 'always'>, step: Step): Promise<void> {
    const { path, lost } = loss;
    const { item } = candidate;
    if (item === null || item.attempts < LOOKS_BEFORE_PRESERVING) {
      step.operations.push({ kind: 'remove-directory', path, ...expected(lost) });
      return;
    }
    const [recorded] = await this.core.store.children([lost.uid]);
    const unless = recorded!.map(({ name }) => name);
    step.operations.push({
      kind: 'preserve',
      path,
      ...expected(lost),
      preserve: this.preserve(candidate, { ...loss, always: true }),
      unless,
    });
  }

  /** Out of the names and directories that others take or leave, into staging; answers the record as it is there. */
  async stepAside(record: FileRecord, step: Step): Promise<FileRecord> {
    const from = (await this.view.path(record))!;
    const away: FileRecord = { ...record, parent: STEPPED_ASIDE, name: asideName(record.uid) };
    this.put(step, record, away);
    const to = (await this.view.path(away))!;
    step.operations.push({ kind: 'move', from, to, expect: record.disk! });
    this.cameFrom.set(to, from);
    return away;
  }

  async stamp(before: Update): Promise<Stamp> {
    return (await this.core.stamps([before]))[0]!;
  }

  /** `wait` null: for the end of its round. */
  block(candidate: Candidate, wait: Wait | null, reason: string): 'not' {
    const { item } = candidate;
    if (item) this.plan.blocked.push({ item, wait, reason, closed: item.round.closed });
    return 'not';
  }

  reject(candidate: Candidate, reason: string): 'not' {
    if (candidate.item) this.plan.rejected.push({ item: candidate.item, reason });
    return 'not';
  }

  preserve(candidate: Candidate, { lost, path, conflictType, reason, always }: Loss): PreserveOrder {
    const manifest = {
      path: this.cameFrom.get(path) ?? path,
      uid: formatVersion(lost.uid),
      gvsn: formatVersion(lost.gvsn),
      conflictType,
      reason,
      member: this.core.member.name,
      partner: candidate.item?.round.partner ?? '',
      time: this.core.clock.now(),
    };
    return { always, area: 'conflicts', manifest };
  }
}

/**
 * For operations that put something where nothing stands: what turns up there makes them fail, nothing is replaced. One
 * object for all of them, since orders are many and are sent and written with every operation.
 */
export const NOTHING_TO_PRESERVE: PreserveOrder = {
  always: false,
  area: 'conflicts',
  manifest: { path: '', uid: '', gvsn: '', conflictType: 7, reason: '', member: '', partner: '', time: 0 },
};

/** That nothing is done to what users have put in its place. A directory that is made in the same group is not known yet. */
export function expected({ disk }: FileRecord): { readonly expect?: Stat } {
  return disk ? { expect: disk } : {};
}

/** A version made here in the course of placing another one. */
export function made(update: Update, from: Candidate): Candidate {
  return { update, item: from.item, contentLost: false, depth: from.depth + 1 };
}

/** Disks are told times through a double: they keep microseconds. */
export function sameTime(a: bigint, b: bigint): boolean {
  return a / 1000n === b / 1000n;
}
