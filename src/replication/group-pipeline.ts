/**
 * Groups of updates one after the other, within one task of the folder's line: while the disk carries one out, the next is
 * planned on what it will have brought, and its intent is written; while that one is carried out, the records of the first are.
 * Only what is plain is planned ahead. If anything of the group before fails, nothing of the next has begun, and it is planned
 * again. After a crash both are recovered as one.
 */
import type { Outcome } from '../disk/disk.ts';
import type { Recipe } from '../model/recipe.ts';
import type { Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import type { GroupPlan, Step } from './group-plan.ts';
import { carryOutGroup, concludeGroup, type GroupResult, type IntendedGroup, intendGroup } from './group-run.ts';
import type { GroupView } from './group-view.ts';
import type { PendingUpdate } from './pending.ts';
import { type PlannedGroup, planGroup } from './placing.ts';

/** While others wait for the line. */
const GROUPS_IN_A_ROW = 4;

export interface PipelineParts {
  readonly core: FolderCore;
  /** Takes what is to be planned next; nothing where that is not worth a group, now that one of `size` items is under way. */
  readonly takeReady: (size: number) => readonly PendingUpdate[];
  readonly giveBack: (items: readonly PendingUpdate[]) => void;
  readonly recipesOf: (plan: GroupPlan) => ReadonlyMap<Uid, Recipe>;
  /** Called for each group once its records are durable. */
  readonly concluded: (plan: GroupPlan, result: GroupResult) => Promise<void>;
}

interface Ahead {
  readonly items: readonly PendingUpdate[];
  readonly view: GroupView;
  readonly group: IntendedGroup;
}

export async function runGroups(parts: PipelineParts, first: PlannedGroup): Promise<void> {
  const { core } = parts;
  let { view } = first;
  let group = await intendGroup(core, first.plan);
  let running = carryOutGroup(core, group);
  for (let count = 1; ; count++) {
    const mayGoOn = (count < GROUPS_IN_A_ROW || core.line.length === 1) && isPlain(group.plan);
    const planning = mayGoOn ? planAhead(parts, view, group.plan.steps.length) : Promise.resolve(null);
    const [outcomes, ahead] = await bothEnded(running, planning);
    const next = core.active && outcomes.every(({ kind }) => kind === 'done') ? ahead : null;
    // On its way before the records of this one are written.
    const nextRunning = next ? carryOutGroup(core, next.group) : Promise.resolve([]);
    // What fails of that one is seen in its turn, unless this one fails first.
    nextRunning.catch(() => {});
    try {
      await conclude(parts, group, outcomes, next ? null : ahead);
    } catch (error) {
      await Promise.allSettled([nextRunning]);
      throw error;
    }
    if (next === null) return;
    ({ group, view } = next);
    running = nextRunning;
  }
}

/** Null: nothing is ready, or it is to be planned when the group before is recorded. */
async function planAhead(parts: PipelineParts, before: GroupView, size: number): Promise<Ahead | null> {
  const { core } = parts;
  const items = parts.takeReady(size);
  if (items.length === 0) return null;
  const { plan, view, left } = await planGroup(core, items, before);
  if (left.length === 0 && isPlain(plan) && isApart(plan, view)) {
    return { items, view, group: await intendGroup(core, plan) };
  }
  parts.giveBack(items);
  return null;
}

async function conclude(
  { core, recipesOf, concluded, giveBack }: PipelineParts,
  group: IntendedGroup,
  outcomes: readonly Outcome[],
  givenUp: Ahead | null,
): Promise<void> {
  const result = await concludeGroup(core, group, outcomes, recipesOf(group.plan), givenUp?.group.id);
  if (givenUp) giveBack(givenUp.items);
  await concluded(group.plan, result);
}

/** Nobody waits, nothing is settled: each update just takes its place. */
function isPlain({ steps, blocked, rejected, unfetched }: GroupPlan): boolean {
  return blocked.length + rejected.length + unfetched.length === 0 && steps.every(isPlainStep);
}

function isPlainStep({ puts, forget, items, conflicts }: Step): boolean {
  if (conflicts > 0 || forget.length > 0 || puts.length > 1 || items.length !== 1) return false;
  return puts.every(({ after }) => after.gvsn === items[0]!.update.gvsn);
}

/** How the files of the group before look on disk is not known yet: nothing may be done to them. */
function isApart({ steps }: GroupPlan, view: GroupView): boolean {
  const uids = steps.flatMap(({ items, puts }) => [
    ...items.map(({ update }) => update.uid),
    ...puts.map(({ after }) => after.uid),
  ]);
  return !uids.some(uid => view.isInherited(uid));
}

/** Rejects only when neither is under way any more. */
async function bothEnded<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}
