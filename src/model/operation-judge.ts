/**
 * Whether an operation on an association or a group may begin, and if not, with which code and sentence. The order of the
 * checks decides the code. [volumes.md §3.3]
 */
import { type Association, awaitsRestore, exclusiveActivity, isHere } from './association.ts';
import {
  type GroupUnderOrder,
  type OperationOrder,
  type OrderSubject,
  type PairUnderOrder,
  pairsOf,
  refuseParameters,
} from './operation-order.ts';
import { place, type Refusal, refuse } from './refusal.ts';
import {
  type Arrow,
  arrowOf,
  isSupported,
  OPERATION_ROWS,
  type OperationScope,
  operationsIn,
  statesFor,
} from './replica-operations.ts';
import { type CopyState, nameOf, REPLICA_OPERATIONS, type ReplicaOperation } from './replica-values.ts';

export type Judgement =
  | Refusal
  /** 0: the end is there already. */
  | { readonly verdict: 'no-effect'; readonly operation: ReplicaOperation }
  | {
      readonly verdict: 'accepted';
      readonly operation: ReplicaOperation;
      /** In the order of the pairs; empty for operations on the group itself. */
      readonly arrows: readonly Arrow[];
      /** The other side is out of reach: this side goes alone, and the other hears of it later. */
      readonly alone: boolean;
    };

/** `subject` null: Synchronization names nothing that is there. Groups are all or nothing. */
export function judgeOperation(order: OperationOrder, subject: OrderSubject | null): Judgement {
  const operation = nameOf(REPLICA_OPERATIONS, order.operation);
  if (operation === undefined) {
    return refuse(5, 'unknown_operation', `${order.operation} is not an operation; they are 2 to 23`);
  }
  if (subject === null) {
    return refuse(5, 'unknown_synchronization', 'Synchronization names no association and no group that is here');
  }
  const scope = scopeOf(subject);
  const refusal =
    (isSupported(operation, scope) ? null : refuseUnsupported(operation, scope)) ??
    refuseParameters(order, operation, subject) ??
    refuseBusy(operation, subject, order);
  if (refusal !== null) return refusal;
  if (subject.kind === 'group' && OPERATION_ROWS[operation].groupOnly) {
    return judgeGroupItself(operation, subject.group, order);
  }
  if (subject.kind === 'group' && subject.group.pairs.length === 0) {
    return refuse(4, 'illegal_state', 'the group is empty: add pairs with AddSyncPair first');
  }
  return judgePairs(operation, pairsOf(subject), order);
}

function judgePairs(operation: ReplicaOperation, pairs: readonly PairUnderOrder[], order: OperationOrder): Judgement {
  if (pairs.every(({ association }) => isThereAlready(operation, association))) {
    return { verdict: 'no-effect', operation };
  }
  for (const check of [refuseState, refuseForce, refusePeer]) {
    for (const pair of pairs) {
      const refusal = check(operation, pair, order);
      if (refusal !== null) return refusal;
    }
  }
  const arrows = pairs.map(({ association: { syncType, copyState } }) => arrowOf(operation, syncType, copyState)!);
  return { verdict: 'accepted', operation, arrows, alone: pairs.some(({ facts }) => !facts.peerReachable) };
}

function judgeGroupItself(operation: ReplicaOperation, group: GroupUnderOrder, order: OperationOrder): Judgement {
  const accepted: Judgement = { verdict: 'accepted', operation, arrows: [], alone: false };
  const wanted = operation === 'Activate Consistency';
  if (wanted || operation === 'Deactivate Consistency') {
    if (group.consistency === wanted) return { verdict: 'no-effect', operation };
    if (!wanted) return accepted;
    const peers = new Set(
      group.pairs.map(({ association: { source, target } }) => `${source.member} ${target.member}`),
    );
    if (peers.size > 1) {
      return refuse(
        4,
        'illegal_state',
        'the pairs of the group are on different members: they cannot share one stream',
      );
    }
    const away = group.pairs.find(({ association }) => !isHere(association, 'source'))?.association;
    if (away !== undefined) {
      const sentence = `${away.source.member} has the sources: make the group consistent there`;
      return refuse(4, 'illegal_state', sentence);
    }
    const lost = group.pairs.find(({ association }) => CONSISTENCY_IMPOSSIBLE.has(association.copyState));
    if (lost === undefined) return accepted;
    return refuse(4, 'illegal_state', `${place(lost.association)} is ${lost.association.copyState}`);
  }
  if (operation === 'AddSyncPair' && group.consistency) {
    const late = order.syncPairs.find(pair => pair?.copyState !== 'Synchronized');
    if (late) {
      const sentence = `${place(late)} is ${late.copyState}: only Synchronized pairs may join while consistency is on`;
      return refuse(4, 'illegal_state', sentence, { states: ['Synchronized'] });
    }
  }
  return accepted;
}

const CONSISTENCY_IMPOSSIBLE: ReadonlySet<CopyState> = new Set(['Failedover', 'Partitioned', 'Invalid']);

function refuseUnsupported(operation: ReplicaOperation, { kind, syncType, group }: OperationScope): Refusal {
  const what = kind === 'folder' ? 'a replicated folder' : `a ${syncType.toLowerCase()}`;
  const sentence = OPERATION_ROWS[operation].groupOnly
    ? `${operation} is for groups of mirrored volumes, not for ${group ? `a group of ${syncType.toLowerCase()}s` : what}`
    : kind === 'folder' && ROLE_CHANGES.has(operation)
      ? `${operation} makes no sense for a replicated folder: whoever is not read-only by group.yaml may write to it at any time. Another role is given there`
      : `${operation} makes no sense for ${what}`;
  return refuse(1, 'not_supported', sentence);
}

const ROLE_CHANGES: ReadonlySet<ReplicaOperation> = new Set(['Failover', 'Failback', 'Reverse Roles']);

function refuseBusy(operation: ReplicaOperation, subject: OrderSubject, order: OperationOrder): Refusal | null {
  for (const { association, facts } of pairsOf(subject)) {
    const activity = exclusiveActivity(association, operation);
    if (activity !== null) return refuse(6, 'busy', `${place(association)} is busy: ${activity}`);
    if (facts.heldBy !== null) return refuse(6, 'busy', `${place(association)} is held by ${facts.heldBy}`);
  }
  const joining = order.syncPairs.find(pair => pair && exclusiveActivity(pair, operation) !== null);
  return joining ? refuse(6, 'busy', `${place(joining)} is busy`) : null;
}

function refuseState(operation: ReplicaOperation, { association }: PairUnderOrder): Refusal | null {
  const { copyState, syncType } = association;
  const arrow = arrowOf(operation, syncType, copyState);
  if (arrow === null || !holds(arrow, association)) {
    const operations = operationsIn(copyState, { ...association, group: false });
    const states = statesFor(operation, syncType);
    const sentence = `${operation} cannot be done while ${place(association)} is ${copyState}; it can in ${states.join(', ')}. Possible now: ${operations.join(', ') || 'nothing'}`;
    return refuse(4, 'illegal_state', sentence, { operations, states });
  }
  const reads = operation === 'Resume' && awaitsRestore(association) ? 'target' : OPERATION_ROWS[operation].reads;
  if (reads === undefined || association[`${reads}Data`] !== 'Inconsistent') return null;
  const sentence = `the ${reads} of ${place(association)} is only half copied, and nothing is copied from such data, not even with Force`;
  return refuse(4, 'inconsistent', sentence, { operations: operationsIn(copyState, { ...association, group: false }) });
}

/** The needs that make an arrow legal or not; the others ask for Force. */
function holds({ need }: Arrow, { targetData, lastInto, work }: Association): boolean {
  if (need === 'c') return targetData !== 'Inconsistent';
  if (need === 's') return lastInto === 'source';
  if (need === 'b') return work?.activity === 'Failing back';
  return true;
}

function refuseForce(
  operation: ReplicaOperation,
  { association, facts }: PairUnderOrder,
  { force }: OperationOrder,
): Refusal | null {
  const { need } = arrowOf(operation, association.syncType, association.copyState)!;
  const { unseats } = OPERATION_ROWS[operation];
  if (operation === 'Return To ResourcePool' && facts.targetHasDependents) {
    return refuse(
      6,
      'dependents',
      `${place(association)} carries a snapshot or clone: detach or return that one first`,
    );
  }
  if (force) return null;
  if (need === 'r' && unseats && facts.writers[unseats]) {
    const sentence = `a client that may write is connected to ${association[unseats].name}: disconnect it, or give Force`;
    return refuse(6, 'writer_connected', sentence);
  }
  if (need !== 'F' && !(need === 'f' && isAtRisk(operation, { association, facts }))) return null;
  return refuse(4, 'force_required', `${operation} from ${association.copyState} ${riskOf(operation)}: give Force`);
}

/**
 * Whether an operation that only sometimes needs Force needs it now. Asked again before the decision, when clients have been
 * stopped: without Force it is given up then.
 */
export function isAtRisk(operation: ReplicaOperation, { association, facts }: PairUnderOrder): boolean {
  switch (operation) {
    case 'Detach':
      return !facts.peerReachable;
    case 'Failover':
      return facts.sourceAhead || association.targetWritten || !facts.peerReachable;
    case 'Resync Replica':
      return association.targetWritten;
    default:
      return association.diverged;
  }
}

function riskOf(operation: ReplicaOperation): string {
  switch (operation) {
    case 'Detach':
    case 'Dissolve':
      return 'leaves a target that is no full copy, or a partner that has not heard of it';
    case 'Failover':
      return 'may leave writes behind that only the source has';
    case 'Fracture':
      return 'leaves a target that is only half copied';
    case 'Unprepare':
    case 'Deactivate':
    case 'Resync Replica':
      return 'gives up what was written to the target';
    default:
      return 'gives up writes that only one side has';
  }
}

function refusePeer(
  operation: ReplicaOperation,
  { association, facts }: PairUnderOrder,
  { force }: OperationOrder,
): Refusal | null {
  if (facts.peerReachable) return null;
  const { alone } = OPERATION_ROWS[operation];
  if (alone === 'yes') return null;
  const willing = alone === 'forced' || (alone === 'forced-at-target' && isHere(association, 'target'));
  if (willing && force) return null;
  if (willing && alone === 'forced') {
    return refuse(4, 'force_required', `${place(association)}: the partner cannot be told of it now: give Force`);
  }
  const where = alone === 'forced-at-target' && !willing ? ` Give the order on ${association.target.member}.` : '';
  return refuse(4, 'peer_unreachable', `${place(association)}: the partner cannot be reached.${where}`);
}

function isThereAlready(operation: ReplicaOperation, { mode, syncType, copyState }: Association): boolean {
  if (arrowOf(operation, syncType, copyState) === null) return false;
  if (operation === 'Reset To Sync') return mode === 'Synchronous';
  return operation === 'Reset To Async' && mode === 'Asynchronous';
}

function scopeOf(subject: OrderSubject): OperationScope {
  if (subject.kind === 'group') return { kind: 'volume', syncType: subject.group.syncType, group: true };
  const { kind, syncType } = subject.pair.association;
  return { kind, syncType, group: false };
}
