/** What ModifyReplicaSynchronization is asked for, of whom, and whether its parameters go together. [volumes.md §3.3] */
import type { Association } from './association.ts';
import { place, type Refusal, refuse } from './refusal.ts';
import { type ElementSide, waitStatesFor } from './replica-operations.ts';
import { COPY_STATES, nameOf, type ReplicaOperation, type SyncType } from './replica-values.ts';

/** ModifyReplicaSynchronization's parameters, as they came. */
export interface OperationOrder {
  readonly operation: number;
  readonly force: boolean;
  readonly waitForCopyState: number | null;
  /** The associations that SyncPair names; null stands for one that is not there. */
  readonly syncPairs: readonly (Association | null)[];
  /** What is wrong with ReplicationSettingData; null: nothing, or it was not given. */
  readonly settingsProblem: string | null;
}

/** What is true at this moment about a pair's elements and is not kept. */
export interface ElementFacts {
  readonly peerReachable: boolean;
  /** A client that may write is connected. */
  readonly writers: Readonly<Record<ElementSide, boolean>>;
  /** The source has writes that the target lacks, or nobody can say. */
  readonly sourceAhead: boolean;
  /** Something else holds an element: it is being resized, another pair's operation runs on it. */
  readonly heldBy: string | null;
  /** A snapshot of the target or a clone being made of it would lose its ground. */
  readonly targetHasDependents: boolean;
}

export interface PairUnderOrder {
  readonly association: Association;
  readonly facts: ElementFacts;
}

export interface GroupUnderOrder {
  readonly id: string;
  readonly syncType: SyncType;
  readonly consistency: boolean;
  readonly pairs: readonly PairUnderOrder[];
}

export type OrderSubject =
  | { readonly kind: 'pair'; readonly pair: PairUnderOrder }
  | { readonly kind: 'group'; readonly group: GroupUnderOrder };

export function pairsOf(subject: OrderSubject): readonly PairUnderOrder[] {
  return subject.kind === 'pair' ? [subject.pair] : subject.group.pairs;
}

/** Check 4: SyncPair, WaitForCopyState and ReplicationSettingData. */
export function refuseParameters(
  order: OperationOrder,
  operation: ReplicaOperation,
  subject: OrderSubject,
): Refusal | null {
  const pairs = refuseSyncPairs(order, operation, subject);
  if (pairs !== null) return pairs;
  const { waitForCopyState: wanted, settingsProblem } = order;
  if (wanted !== null) {
    const states = waitStatesFor(operation);
    const state = nameOf(COPY_STATES, wanted);
    if (state === undefined || !states.includes(state)) {
      const choice = states.length === 0 ? 'none' : states.join(', ');
      return refuse(5, 'wait_for_copy_state', `${operation} can wait for ${choice}, not for ${state ?? wanted}`);
    }
  }
  return settingsProblem === null ? null : refuse(5, 'settings', `ReplicationSettingData: ${settingsProblem}`);
}

function refuseSyncPairs(
  { syncPairs }: OperationOrder,
  operation: ReplicaOperation,
  subject: OrderSubject,
): Refusal | null {
  const adds = operation === 'AddSyncPair';
  if (!adds && operation !== 'RemoveSyncPair') {
    return syncPairs.length === 0 ? null : refuse(5, 'sync_pair', `${operation} takes no SyncPair`);
  }
  if (syncPairs.length === 0) return refuse(5, 'sync_pair', `${operation} needs a SyncPair`);
  if (subject.kind !== 'group') return null;
  const { group } = subject;
  const ids = new Set<string>();
  for (const pair of syncPairs) {
    if (pair === null) return refuse(5, 'sync_pair', 'a SyncPair names no association that is here');
    if (ids.has(pair.id)) return refuse(5, 'sync_pair', `${place(pair)} stands in SyncPair twice`);
    ids.add(pair.id);
    const problem = adds ? misfitOf(pair, group) : pair.group === group.id ? null : 'is not in the group';
    if (problem !== null) return refuse(5, 'sync_pair', `${place(pair)} ${problem}`);
  }
  return null;
}

/** Why a pair does not go with the others of a group; null: it does. */
function misfitOf(pair: Association, group: GroupUnderOrder): string | null {
  if (pair.group === group.id) return 'is in the group already';
  if (pair.group !== null) return 'is in another group';
  if (pair.kind === 'folder') return 'is a replicated folder: groups are of volumes';
  if (pair.syncType !== group.syncType) return `is a ${pair.syncType.toLowerCase()}, and the group’s pairs are not`;
  const first = group.pairs[0]?.association;
  if (first === undefined) return null;
  if (pair.mode !== first.mode) return `is ${pair.mode}, and the group’s pairs are ${first.mode}`;
  if (pair.source.member !== first.source.member || pair.target.member !== first.target.member) {
    return `goes from ${pair.source.member} to ${pair.target.member}, and the group’s pairs from ${first.source.member} to ${first.target.member}`;
  }
  return null;
}
