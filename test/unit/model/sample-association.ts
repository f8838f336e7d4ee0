/** Associations and facts for tests. */
import { type Association, createAssociation } from '../../../src/model/association.ts';
import { type AssociationEvent, stepAssociation } from '../../../src/model/association-step.ts';
import type { ElementFacts, OperationOrder, PairUnderOrder } from '../../../src/model/operation-order.ts';
import { arrowOf } from '../../../src/model/replica-operations.ts';
import { numberOf, REPLICA_OPERATIONS, type ReplicaOperation } from '../../../src/model/replica-values.ts';

export const NOW = 1_800_000_000_000;

export function sampleAssociation(given: Partial<Association> = {}): Association {
  const fresh = createAssociation(
    {
      id: 'pair-1',
      syncType: given.syncType ?? 'Mirror',
      source: { member: 'alpha', name: 'orders' },
      target: { member: given.syncType === 'Snapshot' ? 'alpha' : 'beta', name: 'orders-copy' },
      here: given.syncType === 'Snapshot' ? 'both' : 'source',
    },
    NOW,
  );
  return { ...fresh, requestedCopyState: 'Not Applicable', targetData: 'Consistent', seeded: true, ...given };
}

export function sampleFacts(given: Partial<ElementFacts> = {}): ElementFacts {
  return {
    peerReachable: true,
    writers: { source: false, target: false },
    sourceAhead: false,
    heldBy: null,
    targetHasDependents: false,
    ...given,
  };
}

export function pairOf(association: Association, facts: Partial<ElementFacts> = {}): PairUnderOrder {
  return { association, facts: sampleFacts(facts) };
}

export function orderOf(operation: ReplicaOperation | number, given: Partial<OperationOrder> = {}): OperationOrder {
  return {
    operation: typeof operation === 'number' ? operation : numberOf(REPLICA_OPERATIONS, operation),
    force: false,
    waitForCopyState: null,
    syncPairs: [],
    settingsProblem: null,
    ...given,
  };
}

/** What becomes of it, where it must mean something and not end it. */
export function afterEvents(association: Association, ...events: readonly AssociationEvent[]): Association {
  let current = association;
  for (const event of events) {
    const next = stepAssociation(current, event, NOW);
    if (next === null || next === 'removed') throw new Error(`${event.type} in ${current.copyState} gives ${next}`);
    current = next;
  }
  return current;
}

export function acceptance(association: Association, operation: ReplicaOperation): AssociationEvent {
  const arrow = arrowOf(operation, association.syncType, association.copyState);
  if (arrow === null) throw new Error(`${operation} is not legal in ${association.copyState}`);
  return { type: 'operation-accepted', operation, arrow };
}

/** Accepted and committed; a copy that follows is still to run. */
export function perform(association: Association, operation: ReplicaOperation, sourceAhead = false): Association {
  return afterEvents(association, acceptance(association, operation), { type: 'transition-committed', sourceAhead });
}
