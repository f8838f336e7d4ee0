/**
 * Carries out a planned group: intent, disk, durable, records, and only then is forgotten what was set aside.
 * After a crash at any point `recoverGroups` finishes or undoes what had begun.
 */
import { TandemError } from '../base/errors.ts';
import type { Operation, Outcome } from '../disk/disk.ts';
import { diskLook } from '../model/local-record.ts';
import type { Recipe } from '../model/recipe.ts';
import type { FileRecord } from '../model/update.ts';
import type { Gvsn, Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import { type FailedStep, sortSteps } from './group-outcome.ts';
import type { GroupPlan, Put, Step } from './group-plan.ts';
import { isAside } from './paths.ts';
import type { PendingUpdate } from './pending.ts';
import { tellPreserved } from './preserved-events.ts';
import { type Replaced, replacedHere } from './replaced-here.ts';

export interface GroupResult {
  readonly done: readonly PendingUpdate[];
  readonly failed: readonly FailedStep[];
  readonly committed: readonly FileRecord[];
  readonly replaced: readonly Replaced[];
}

/** A group whose intent is durable. */
export interface IntendedGroup {
  readonly plan: GroupPlan;
  readonly operations: readonly Operation[];
  /** Of its intent; null: there is nothing to do on disk. */
  readonly id: string | null;
}

interface IntentBody {
  /** Groups that were under way together are recovered in this order, as one. */
  readonly order: number;
  readonly steps: readonly {
    readonly operations: readonly Operation[];
    readonly puts: readonly Omit<Put, 'before'>[];
    readonly forget: readonly FileRecord[];
    readonly claims: readonly Gvsn[];
  }[];
}

export async function runGroup(
  core: FolderCore,
  plan: GroupPlan,
  recipes: ReadonlyMap<Uid, Recipe>,
): Promise<GroupResult> {
  const group = await intendGroup(core, plan);
  return concludeGroup(core, group, await carryOutGroup(core, group), recipes);
}

/** To be carried out next, or given up with the group before it. */
export async function intendGroup(core: FolderCore, plan: GroupPlan): Promise<IntendedGroup> {
  const operations = plan.steps.flatMap(step => step.operations);
  if (operations.length === 0) return { plan, operations, id: null };
  core.groupsIntended += 1;
  const order = core.groupsIntended;
  const id = `${core.clock.now()}-${order}`;
  const body: IntentBody = {
    order,
    steps: plan.steps
      // Also what changes nothing on disk: other steps may build on it.
      .filter(step => step.operations.length > 0 || step.puts.length > 0 || step.forget.length > 0)
      .map(({ operations: ops, puts, forget, claims }) => ({
        operations: ops,
        puts: puts.map(({ after, lookFrom }) => ({ after, lookFrom })),
        forget,
        claims,
      })),
  };
  await core.commit({ addIntent: { id, body } });
  return { plan, operations, id };
}

/** On disk and durable; answers an outcome for each operation. */
export async function carryOutGroup(core: FolderCore, { operations, id }: IntendedGroup): Promise<readonly Outcome[]> {
  if (id === null) return [];
  // Calls are carried out in order: what comes between them may be of others.
  const [outcomes] = await Promise.all([core.disk.apply(operations, id), core.disk.sync()]);
  return outcomes;
}

/** Commits what came of it. `givenUp`: the intent of a group that was to come next, and does not. */
export async function concludeGroup(
  core: FolderCore,
  { plan, operations, id }: IntendedGroup,
  outcomes: readonly Outcome[],
  recipes: ReadonlyMap<Uid, Recipe>,
  givenUp: string | null = null,
): Promise<GroupResult> {
  const begun = core.clock.now();
  const { done, doneOutcomes, failed } = await sortSteps(core, plan.steps, outcomes);
  const taken = await bringBack(core, failed, id ?? undefined);
  const ended = [id, givenUp].filter(intent => intent !== null);
  const came = await commitSteps(core, done, doneOutcomes, recipes, ended);
  // Calls are carried out in order: the next group comes after it, unless it is on its way.
  if (id !== null) settle(core, id);
  reportPreserved(core, outcomes, taken);
  countConflicts(done, doneOutcomes);
  core.log.debug(
    { operations: operations.length, failed: failed.length, commitMs: core.clock.now() - begun },
    'group carried out',
  );
  return { done: done.flatMap(step => step.items), failed, ...came };
}

/** To be called before anything else touches the folder. */
export async function recoverGroups(core: FolderCore): Promise<{ recovered: number; undone: number }> {
  const intents = await core.store.intents();
  if (intents.length > 0) {
    core.emit('RECOVERY_STARTED', 'the last run did not end cleanly; interrupted work is looked after', {
      groups: intents.length,
    });
  }
  const bodies = intents.map(intent => intent.body as IntentBody).sort((a, b) => a.order - b.order);
  const intended = bodies.flatMap(body => body.steps);
  // Nothing was committed since: the records are still as they were before.
  const uids = [...new Set(intended.flatMap(step => step.puts.map(({ after }) => after.uid)))];
  const records = await core.store.records(uids);
  const before = new Map(records.flatMap(record => (record ? [[record.uid, record] as const] : [])));
  const steps: Step[] = intended.map(step => ({
    operations: [...step.operations],
    puts: step.puts.map(put => ({ ...put, before: before.get(put.after.uid) })),
    forget: [...step.forget],
    claims: [...step.claims],
    items: [],
    conflicts: 0,
  }));
  // Also where there is no intent: what an earlier recovery had already put right can be back after a power failure.
  const outcomes = await core.disk.recover(steps.flatMap(step => step.operations));
  if (intents.length === 0) return { recovered: 0, undone: 0 };
  const { done, doneOutcomes, failed } = await sortSteps(core, steps, outcomes);
  const taken = await bringBack(core, failed);
  await core.disk.sync();
  const ended = intents.map(intent => intent.id);
  await commitSteps(core, done, doneOutcomes, new Map(), ended);
  settle(core);
  reportPreserved(core, outcomes, taken);
  return { recovered: done.length, undone: failed.length };
}

/**
 * Where a step came to nothing, what it had moved and removed goes back, last first: nothing may stay in staging, which is
 * swept, and what is missing at its place would be taken for deleted by a user. If its place was taken meanwhile it is
 * preserved. Answers the outcomes of removals that were undone.
 */
async function bringBack(core: FolderCore, failed: readonly FailedStep[], id?: string): Promise<Set<Outcome>> {
  const back: { readonly operation: Operation; readonly of: Outcome }[] = [];
  for (const { step, outcomes } of [...failed].reverse()) {
    for (const [i, operation] of [...step.operations.entries()].reverse()) {
      const outcome = outcomes[i]!;
      const undo = undoing(operation, outcome);
      if (undo) back.push({ operation: undo, of: outcome });
    }
  }
  const undone = new Set<Outcome>();
  if (back.length === 0) return undone;
  const outcomes = await core.disk.apply(
    back.map(({ operation }) => operation),
    id,
  );
  const stranded: MoveBack[] = [];
  for (const [i, { operation, of }] of back.entries()) {
    const went = outcomes[i]!.kind === 'done';
    if (operation.kind === 'move' && isAside(operation.from) && !went) stranded.push(operation);
    if (operation.kind === 'put-back' && went) undone.add(of);
  }
  const kept = await core.disk.apply(
    stranded.map(operation => preserveStranded(core, operation)),
    id,
  );
  await core.disk.sync();
  reportPreserved(core, kept);
  const full = kept.find(outcome => outcome.kind === 'no-space');
  // The intent stays: all is looked after once more when there is room.
  if (full?.kind === 'no-space') throw new TandemError('DISK_FULL', full.detail);
  return undone;
}

function undoing(operation: Operation, outcome: Outcome): Operation | null {
  if (outcome.kind !== 'done') return null;
  if (operation.kind === 'remove') return { kind: 'put-back', path: operation.path, removal: operation };
  if (operation.kind !== 'move' || !outcome.stat) return null;
  return { kind: 'move', from: operation.to, to: operation.from, expect: outcome.stat };
}

type MoveBack = Operation & { kind: 'move' };

function preserveStranded(core: FolderCore, { from, to }: MoveBack): Operation {
  const reason = 'its place was taken while it had stepped aside for another file';
  const { clock, member } = core;
  const manifest = {
    path: to,
    uid: '',
    gvsn: '',
    conflictType: 7,
    reason,
    member: member.name,
    partner: '',
    time: clock.now(),
  } as const;
  return { kind: 'preserve', path: from, preserve: { always: true, area: 'conflicts', manifest } };
}

async function commitSteps(
  core: FolderCore,
  steps: readonly Step[],
  outcomes: readonly (readonly Outcome[])[],
  recipes: ReadonlyMap<Uid, Recipe>,
  intents: readonly string[],
): Promise<Pick<GroupResult, 'committed' | 'replaced'>> {
  const puts = new Map<Uid, { before: FileRecord | undefined; after: FileRecord }>();
  const forget: FileRecord[] = [];
  steps.forEach((step, i) => {
    for (const put of step.puts) {
      const earlier = puts.get(put.after.uid);
      const after = withLook(put, outcomes[i]!, earlier?.after);
      puts.set(after.uid, { before: earlier ? earlier.before : put.before, after });
    }
    for (const record of step.forget) {
      // What an earlier step has only moved: the store knows it as it was before.
      const earlier = puts.get(record.uid);
      puts.delete(record.uid);
      const stored = earlier ? earlier.before : record;
      if (stored) forget.push(stored);
    }
  });
  const put = [...puts.values()];
  const replaced = replacedHere(core, steps, put);
  const unclaims = replaced.map(({ update }) => update.gvsn);
  const kept = new Map([...recipes].filter(([uid]) => puts.has(uid)));
  await core.commit({
    put,
    forget,
    claims: steps.flatMap(step => step.claims).filter(gvsn => !unclaims.includes(gvsn)),
    ...(unclaims.length > 0 ? { unclaims } : {}),
    ...(kept.size ? { recipes: kept } : {}),
    ...(intents.length === 0 ? {} : { removeIntents: intents }),
  });
  const isMoved = put.some(({ before, after }) => after.kind === 'directory' && before?.present === true);
  if (isMoved || forget.some(record => record.kind === 'directory')) core.paths.forget();
  return { committed: put.map(({ after }) => after), replaced };
}

/** `earlier`: the record as an earlier step of the group has left it; how it looks was not known when this one was planned. */
function withLook(put: Put, outcomes: readonly Outcome[], earlier: FileRecord | undefined): FileRecord {
  const outcome = put.lookFrom === null ? undefined : outcomes[put.lookFrom];
  if (!put.after.present) return put.after;
  if (outcome?.kind !== 'done') return { ...put.after, disk: put.after.disk ?? earlier?.disk ?? null };
  const look = outcome.stat && diskLook(outcome.stat);
  // A directory is known by its inode while it is moved: other permissions are an edit the next scan must see.
  const disk = look?.kind === 'directory' ? { ...look, mode: put.after.mode } : look;
  return { ...put.after, disk };
}

/** An update met a conflict if the rules say so, or if content nobody had recorded was in its way. */
function countConflicts(steps: readonly Step[], outcomes: readonly (readonly Outcome[])[]): void {
  steps.forEach(({ items: [item], conflicts }, i) => {
    if (!item) return;
    const preserved = conflicts === 0 && outcomes[i]!.some(outcome => outcome.kind === 'done' && outcome.preserved);
    item.round.tally.conflicts += preserved ? 1 : conflicts;
  });
}

function settle(core: FolderCore, id?: string): void {
  core.disk.settle(id).catch(error => core.log.warn({ err: error }, 'what was set aside could not be removed'));
}

function reportPreserved(core: FolderCore, outcomes: readonly Outcome[], but?: ReadonlySet<Outcome>): void {
  const preserved = outcomes.flatMap(outcome =>
    outcome.kind === 'done' && outcome.preserved && !but?.has(outcome) ? outcome.preserved : [],
  );
  tellPreserved(core, preserved);
}
