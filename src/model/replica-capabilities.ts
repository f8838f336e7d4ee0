/** What CIM_ReplicationServiceCapabilities says: the table of operations, and what holds for one association now. [volumes.md §2.3] */
import { judgeOperation } from './operation-judge.ts';
import type { OrderSubject } from './operation-order.ts';
import {
  arrowOf,
  CREATION_WAITS,
  OPERATION_ROWS,
  type OperationScope,
  operationsIn,
  statesFor,
  waitStatesFor,
} from './replica-operations.ts';
import {
  COPY_STATES,
  type CopyState,
  type Mode,
  namesIn,
  numberOf,
  REPLICA_OPERATIONS,
  type ReplicaOperation,
  type SyncType,
} from './replica-values.ts';

/** Those of DMTF's ReplicationType that Tandem has. */
export const REPLICATION_TYPES = {
  4: 'Synchronous Mirror Remote',
  5: 'Asynchronous Mirror Remote',
  6: 'Synchronous Snapshot Local',
  11: 'Asynchronous Clone Local',
  13: 'Asynchronous Clone Remote',
} as const;
export type ReplicationType = keyof typeof REPLICATION_TYPES;

/** Type and Locality, filters of GetReplicationRelationships. */
export const RELATIONSHIP_TYPES = { 2: 'Storage Synchronized', 3: 'Group Synchronized' } as const;
export const LOCALITIES = { 2: 'Local', 3: 'Remote' } as const;

/** ServiceControlling: whom the operation is to be asked of. */
export const SERVICES_CONTROLLING = { 2: 'Source', 3: 'Target', 4: 'Either', 5: 'Both' } as const;

export interface SupportedOperation {
  readonly operation: ReplicaOperation;
  readonly serviceControlling: keyof typeof SERVICES_CONTROLLING;
  /** `sometimes`: it depends on what is written and connected at that moment. */
  readonly requiresForce: 'always' | 'sometimes' | 'never';
  /** The keys of the association's record change. */
  readonly updatesSynchronizedPath: boolean;
}

export interface SupportedCopyState {
  readonly state: CopyState;
  /** A client can use the target. */
  readonly hostAccessible: boolean;
}

export function syncTypeOf(type: ReplicationType): SyncType {
  if (type === 6) return 'Snapshot';
  return type === 11 || type === 13 ? 'Clone' : 'Mirror';
}

export function replicationTypeOf({
  syncType,
  mode,
  remote,
}: {
  readonly syncType: SyncType;
  readonly mode: Mode | null;
  readonly remote: boolean;
}): ReplicationType {
  switch (syncType) {
    case 'Mirror':
      return mode === 'Synchronous' ? 4 : 5;
    case 'Snapshot':
      return 6;
    case 'Clone':
      return remote ? 13 : 11;
  }
}

/** GetSupportedOperations; `state` null: in any state. */
export function supportedOperations(scope: OperationScope, state: CopyState | null): readonly SupportedOperation[] {
  const states = state === null ? namesIn(COPY_STATES) : [state];
  const possible = new Set(states.flatMap(from => operationsIn(from, scope)));
  return namesIn(REPLICA_OPERATIONS)
    .filter(operation => possible.has(operation))
    .map(operation => {
      const needs = states.flatMap(from => arrowOf(operation, scope.syncType, from) ?? []).map(({ need }) => need);
      return {
        operation,
        serviceControlling: OPERATION_ROWS[operation].alone === 'forced-at-target' ? 3 : 4,
        requiresForce: forceOver(
          needs.map(need => (need === 'F' ? 'always' : need === 'f' || need === 'r' ? 'sometimes' : 'never')),
        ),
        updatesSynchronizedPath: operation === 'Reverse Roles',
      };
    });
}

/** GetSupportedOperationsForSynchronization: what would begin now, and what of it only with Force. */
export function operationsNow(subject: OrderSubject): readonly OperationNow[] {
  const begins = (operation: ReplicaOperation, force: boolean): boolean => {
    const order = { operation: numberOf(REPLICA_OPERATIONS, operation), force, ...BARE_ORDER };
    return judgeOperation(order, subject).verdict === 'accepted';
  };
  return namesIn(REPLICA_OPERATIONS)
    .filter(operation => begins(operation, true))
    .map(operation => ({ operation, requiresForce: !begins(operation, false) }));
}

export interface OperationNow {
  readonly operation: ReplicaOperation;
  readonly requiresForce: boolean;
}

const BARE_ORDER = { waitForCopyState: null, syncPairs: [], settingsProblem: null };

/** GetSupportedCopyStates; `operation` null: all the states there are. */
export function supportedCopyStates(
  syncType: SyncType,
  operation: ReplicaOperation | null,
): readonly SupportedCopyState[] {
  const states = operation === null ? ALL_STATES[syncType] : statesFor(operation, syncType);
  return states.map(state => ({ state, hostAccessible: HOST_ACCESSIBLE.has(state) }));
}

const ALL_STATES: Readonly<Record<SyncType, readonly CopyState[]>> = {
  Mirror: namesIn(COPY_STATES).filter(state => state !== 'Mixed' && state !== 'Not Applicable'),
  Snapshot: ['Initialized', 'Synchronized', 'Broken', 'Inactive', 'Prepared', 'Skewed'],
  Clone: [
    'Initialized',
    'Unsynchronized',
    'Synchronized',
    'Broken',
    'Inactive',
    'Suspended',
    'Prepared',
    'Aborted',
    'Skewed',
  ],
};

/** The target of a mirror that runs is changed beneath whoever reads it; in these it rests, or is the one in use. */
const HOST_ACCESSIBLE: ReadonlySet<CopyState> = new Set(['Synchronized', 'Fractured', 'Split', 'Failedover', 'Skewed']);

/** GetSupportedWaitForCopyStates; `operation` null: of the methods that create. */
export function supportedWaitStates(operation: ReplicaOperation | null): readonly CopyState[] {
  return operation === null ? CREATION_WAITS : waitStatesFor(operation);
}

function forceOver(needs: readonly SupportedOperation['requiresForce'][]): SupportedOperation['requiresForce'] {
  const first = needs[0] ?? 'never';
  return needs.every(need => need === first) ? first : 'sometimes';
}
