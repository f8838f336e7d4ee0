/**
 * Which steps of a group came to something: the records of those are committed. A step fails with earlier ones it was
 * built on.
 */
import type { Operation, Outcome } from '../disk/disk.ts';
import type { Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import type { Step } from './group-plan.ts';
import { join } from './paths.ts';

export interface FailedStep {
  readonly step: Step;
  readonly outcome: Exclude<Outcome, { kind: 'done' }>;
  readonly operation: Operation;
  /** Of all operations of the step. */
  readonly outcomes: readonly Outcome[];
}

export async function sortSteps(
  core: FolderCore,
  steps: readonly Step[],
  outcomes: readonly Outcome[],
): Promise<{ done: Step[]; doneOutcomes: Outcome[][]; failed: FailedStep[] }> {
  const done: Step[] = [];
  const doneOutcomes: Outcome[][] = [];
  const failed: FailedStep[] = [];
  const ground = new FailedGround();
  /** Of what was done: where it lies now. */
  const parents = new Map<Uid, Uid>();
  let next = 0;
  for (const step of steps) {
    const mine = outcomes.slice(next, next + step.operations.length);
    next += step.operations.length;
    const bad = mine.findIndex(outcome => outcome.kind !== 'done');
    const last = failed.at(-1);
    const earlier = ground.under(step) ?? (last && (await closesCircle(core, step, parents)) ? last : undefined);
    if (bad === -1 && !earlier) {
      for (const { after } of step.puts) parents.set(after.uid, after.parent);
      done.push(step);
      doneOutcomes.push(mine);
      continue;
    }
    const failure: FailedStep =
      bad === -1
        ? { ...earlier!, step, outcomes: mine }
        : { step, operation: step.operations[bad]!, outcome: mine[bad] as FailedStep['outcome'], outcomes: mine };
    failed.push(failure);
    ground.add(failure);
  }
  return { done, doneOutcomes, failed };
}

/**
 * What failed steps were to do and later ones build on: a step fails with them, even if its own operations found
 * something that would do. Directories that were to be brought or emptied, names that were to be left.
 */
class FailedGround {
  readonly #unbrought = new Map<Uid, FailedStep>();
  readonly #unemptied = new Map<Uid, FailedStep>();
  readonly #untaken = new Map<string, FailedStep>();

  add(failure: FailedStep): void {
    for (const { before, after } of failure.step.puts) {
      this.#unbrought.set(after.uid, failure);
      if (!before?.present) continue;
      this.#unemptied.set(before.parent, failure);
      this.#untaken.set(join(before.parent, before.name), failure);
    }
    for (const { parent, name } of failure.step.forget) this.#untaken.set(join(parent, name), failure);
  }

  under(step: Step): FailedStep | undefined {
    // That an update is out of date may be due to a version made by a step that failed.
    for (const { update } of step.items) {
      const found = this.#unbrought.get(update.uid);
      if (found) return found;
    }
    for (const { after } of step.puts) {
      const { uid, parent, name, present } = after;
      const found =
        this.#unbrought.get(uid) ??
        (present ? (this.#unbrought.get(parent) ?? this.#untaken.get(join(parent, name))) : this.#unemptied.get(uid));
      if (found) return found;
    }
    for (const { uid } of step.forget) {
      const found = this.#unemptied.get(uid);
      if (found) return found;
    }
    return undefined;
  }
}

/** Whether a directory would come to lie in itself, as the one it goes into was to leave it first and did not. */
async function closesCircle(core: FolderCore, { puts }: Step, done: ReadonlyMap<Uid, Uid>): Promise<boolean> {
  const moved = puts.filter(
    ({ before, after }) =>
      after.kind === 'directory' && after.present && before?.present && before.parent !== after.parent,
  );
  if (moved.length === 0) return false;
  const parents = new Map([...done, ...puts.map(({ after }) => [after.uid, after.parent] as const)]);
  for (const { after } of moved) {
    const seen = new Set<Uid>([core.root]);
    for (let at: Uid | undefined = after.parent; at !== undefined && !seen.has(at); ) {
      if (at === after.uid) return true;
      seen.add(at);
      at = parents.get(at) ?? (await core.store.records([at]))[0]?.parent;
    }
  }
  return false;
}
