/** Groups of pairs: what they are as a whole, and one barrier for all of them. [volumes.md §2.4, §3.2] */
import type { Association } from './association.ts';
import { progressStatus } from './association-record.ts';
import type { CopyState, ProgressStatus, SyncType } from './replica-values.ts';
import type { TransitionStep } from './transition-plan.ts';

/** CIM_GroupSynchronized.ConsistencyState and ConsistencyStatus. */
export const CONSISTENCY_STATES = {
  0: 'Unknown',
  1: 'Other',
  2: 'Not Applicable',
  3: 'Consistent',
  4: 'Inconsistent',
} as const;
export const CONSISTENCY_STATUSES = { 2: 'Completed', 3: 'In Progress', 4: 'Disabled', 5: 'Error' } as const;

export interface ReplicaGroup {
  readonly id: string;
  readonly name: string;
  readonly syncType: SyncType;
  /** `activating`: until the first common epoch is durable on the target. */
  readonly consistency: 'off' | 'activating' | 'on';
  /** The group goes with its last pair. */
  readonly deleteOnEmptyElement: boolean;
  /** Ids of associations; the order is the clients'. */
  readonly pairs: readonly string[];
}

export interface GroupCondition {
  readonly copyState: CopyState;
  readonly progressStatus: ProgressStatus;
  readonly consistencyState: (typeof CONSISTENCY_STATES)[keyof typeof CONSISTENCY_STATES];
  readonly consistencyStatus: (typeof CONSISTENCY_STATUSES)[keyof typeof CONSISTENCY_STATUSES];
}

export function conditionOf(group: ReplicaGroup, pairs: readonly Association[]): GroupCondition {
  const copyState = sharedOf(pairs.map(pair => pair.copyState));
  return {
    copyState,
    progressStatus: sharedOf(pairs.map(pair => progressStatus(pair, false))),
    consistencyState: consistencyStateOf(group, pairs, copyState),
    consistencyStatus: consistencyStatusOf(group, copyState),
  };
}

function sharedOf<T extends string>(values: readonly T[]): T | 'Mixed' | 'Not Applicable' {
  const first = values[0];
  if (first === undefined) return 'Not Applicable';
  return values.every(value => value === first) ? first : 'Mixed';
}

function consistencyStateOf(
  { consistency }: ReplicaGroup,
  pairs: readonly Association[],
  copyState: CopyState,
): GroupCondition['consistencyState'] {
  if (consistency === 'off') return 'Not Applicable';
  const whole = pairs.every(({ targetData }) => targetData !== 'Inconsistent');
  return consistency === 'on' && whole && copyState !== 'Mixed' ? 'Consistent' : 'Inconsistent';
}

function consistencyStatusOf({ consistency }: ReplicaGroup, copyState: CopyState): GroupCondition['consistencyStatus'] {
  if (consistency === 'off') return 'Disabled';
  if (consistency === 'activating') return 'In Progress';
  return copyState === 'Mixed' ? 'Error' : 'Completed';
}

export function addPairs(group: ReplicaGroup, pairs: readonly string[]): ReplicaGroup {
  return { ...group, pairs: [...group.pairs, ...pairs.filter(pair => !group.pairs.includes(pair))] };
}

/** Null: the group goes with its last pair. */
export function removePairs(group: ReplicaGroup, pairs: readonly string[]): ReplicaGroup | null {
  const left = group.pairs.filter(pair => !pairs.includes(pair));
  return left.length === 0 && group.deleteOnEmptyElement ? null : { ...group, pairs: left };
}

/** One member's side of a transition of several pairs. */
export interface GroupProgress {
  readonly steps: readonly TransitionStep[];
  /** How many of them are done. */
  readonly done: number;
}

export type GroupTurn =
  /** Each of these pairs, by its index, takes its next step for itself. */
  | { readonly kind: 'each'; readonly pairs: readonly number[] }
  /** All pairs that have this step take it in one durable write. */
  | { readonly kind: 'together'; readonly step: TransitionStep; readonly pairs: readonly number[] }
  | { readonly kind: 'done' };

/** Nobody drains before all are held, nobody tells of a barrier before all are durable, nobody is released before all are decided. */
const GATES: ReadonlySet<TransitionStep> = new Set([
  'drain',
  'send-barrier',
  'confirm-barrier',
  'close-clients',
  'release-writes',
  'open-clients',
]);
const IN_ONE_WRITE: ReadonlySet<TransitionStep> = new Set(['write-intent', 'decide', 'commit', 'clear-intent']);

/**
 * What can come next, so that all pairs of a group pass one barrier. Steps that wait are among those for `each`: they settle
 * when they settle, and others need not wait for them.
 */
export function nextGroupTurn(pairs: readonly GroupProgress[]): GroupTurn {
  const next = pairs.map(({ steps, done }) => steps[done]);
  if (next.every(step => step === undefined)) return { kind: 'done' };
  // All that still have the step ahead of them stand before it.
  const isOpen = (step: TransitionStep): boolean =>
    pairs.every(({ steps, done }) => steps[done] === step || !steps.includes(step, done));
  const common = next.find(step => step !== undefined && IN_ONE_WRITE.has(step) && isOpen(step));
  if (common !== undefined)
    return { kind: 'together', step: common, pairs: indexesWhere(next, step => step === common) };
  const free = indexesWhere(
    next,
    step => step !== undefined && !IN_ONE_WRITE.has(step) && (!GATES.has(step) || isOpen(step)),
  );
  return { kind: 'each', pairs: free };
}

function indexesWhere<T>(values: readonly T[], wanted: (value: T) => boolean): readonly number[] {
  return values.flatMap((value, index) => (wanted(value) ? [index] : []));
}
