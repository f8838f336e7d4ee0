/**
 * The one table of ModifyReplicaSynchronization: which operation is legal in which CopyState, where it leads and what it
 * needs. It enforces (operation-judge.ts), it is what GetSupportedOperations and its siblings answer, and the oracle of
 * the tests. docs/REPLICA-OPERATIONS.md is made from it. [volumes.md §3]
 */
import { assert } from '../base/errors.ts';
import {
  COPY_STATES,
  type CopyState,
  nameOf,
  namesIn,
  numberOf,
  type ProgressStatus,
  REPLICA_OPERATIONS,
  type ReplicaOperation,
  type SyncType,
} from './replica-values.ts';

/** What an arrow may need beyond its state. */
export const NEEDS = {
  F: 'needs Force',
  f: 'needs Force if something would be lost that only one side has',
  r: 'needs Force if a client that may write is connected to the element that changes beneath it',
  c: 'only if the target is consistent',
  s: 'only to restart a restore that did not end',
  b: 'only while failing back',
} as const;
export type Need = keyof typeof NEEDS;

export type Destination = CopyState | 'removed';

/** Where an operation leads from one CopyState. */
export interface Arrow {
  /** CopyState as soon as the operation is committed; a copy may go on from there. */
  readonly now: Destination;
  /** CopyState when everything is done: what RequestedCopyState says meanwhile. */
  readonly arrival: Destination;
  readonly need: Need | null;
}

/** A replicated folder is a mirror that is always asynchronous; what makes no sense for one is left out. */
export type ElementKind = 'volume' | 'folder';
export type ElementSide = 'source' | 'target';

/** A page's number of a CopyState, or x where the association is removed; then what the arrow needs. */
type Cell = `${number | 'x'}${Need | ''}`;
type Cells = Readonly<Record<number, Cell>>;

export interface OperationRow {
  /** By the CopyState's number; a SyncType that is left out does not support the operation. */
  readonly cells: Readonly<Partial<Record<SyncType, Cells>>>;
  /** Only for groups: it leaves the CopyState of the pairs alone. */
  readonly groupOnly?: true;
  /** Also for replicated folders. */
  readonly folders?: true;
  /** ProgressStatus until it is committed; a copy that follows has one of its own. */
  readonly activity: ProgressStatus;
  /** The element whose data is copied, now or by what the new state stands for: it must not be inconsistent. */
  readonly reads?: ElementSide;
  /** `r`: the element whose clients lose it. */
  readonly unseats?: ElementSide;
  /** `Unsynchronized` is on the way to Synchronized; a failback copies before it is committed. */
  readonly copies?: 'after' | 'before';
  /** Whether it can be carried out where the other side is out of reach. */
  readonly alone?: 'yes' | 'forced' | 'forced-at-target';
  /** Answers 0 where its end is there already. */
  readonly repeatable?: true;
  /** Numbers that WaitForCopyState may have. [volumes.md §4] */
  readonly waits: readonly number[];
}

const SAME_MODE: Cells = { 3: '3', 4: '4', 6: '6', 7: '7', 8: '8', 9: '9' };

export const OPERATION_ROWS: Readonly<Record<ReplicaOperation, OperationRow>> = {
  Abort: {
    cells: { Mirror: { 3: '12', 10: '10b' }, Clone: { 3: '12' } },
    folders: true,
    activity: 'Aborting',
    alone: 'yes',
    waits: [12],
  },
  'Activate Consistency': { cells: {}, groupOnly: true, activity: 'Preparing', repeatable: true, waits: [] },
  Activate: {
    cells: { Mirror: { 8: '3', 11: '3' }, Snapshot: { 8: '4', 11: '4' }, Clone: { 8: '3', 11: '3' } },
    folders: true,
    activity: 'Preparing',
    reads: 'source',
    copies: 'after',
    waits: [3, 4],
  },
  AddSyncPair: { cells: {}, groupOnly: true, activity: 'Preparing', waits: [] },
  'Deactivate Consistency': { cells: {}, groupOnly: true, activity: 'Preparing', repeatable: true, waits: [] },
  Deactivate: {
    cells: { Mirror: { 3: '8', 4: '8', 9: '8' }, Snapshot: { 4: '8r', 13: '8F' }, Clone: { 3: '8' } },
    folders: true,
    activity: 'Suspending',
    unseats: 'target',
    waits: [8],
  },
  Detach: {
    cells: {
      Mirror: {
        2: 'x',
        3: 'xF',
        4: 'x',
        5: 'xf',
        6: 'x',
        7: 'x',
        8: 'x',
        9: 'x',
        10: 'x',
        11: 'x',
        12: 'x',
        13: 'x',
        16: 'xF',
        17: 'x',
      },
      Snapshot: { 4: 'x', 13: 'x' },
      Clone: { 2: 'xF', 3: 'xF', 4: 'x', 5: 'xF', 8: 'xF', 9: 'xF', 11: 'xF', 12: 'xF', 13: 'x' },
    },
    folders: true,
    activity: 'Detaching',
    alone: 'forced',
    waits: [],
  },
  Dissolve: {
    cells: {
      Mirror: { 3: 'xF', 4: 'x', 5: 'xF', 6: 'x', 7: 'x', 8: 'x', 9: 'x', 10: 'x', 12: 'xF', 13: 'x' },
      Snapshot: { 4: 'x', 13: 'x' },
      Clone: { 3: 'xF', 4: 'x', 12: 'xF', 13: 'x' },
    },
    activity: 'Detaching',
    alone: 'forced',
    waits: [],
  },
  Failover: {
    cells: {
      Mirror: { 3: '10F', 4: '10', 5: '10F', 6: '10f', 7: '10f', 9: '10f', 12: '10F', 13: '10f', 16: '10F' },
    },
    activity: 'Failing over',
    alone: 'forced-at-target',
    waits: [10],
  },
  Failback: {
    cells: { Mirror: { 10: '4f' } },
    activity: 'Failing back',
    reads: 'target',
    copies: 'before',
    waits: [4],
  },
  Fracture: {
    cells: { Mirror: { 3: '6F', 4: '6', 9: '6' } },
    folders: true,
    activity: 'Fracturing',
    waits: [6],
  },
  RemoveSyncPair: { cells: {}, groupOnly: true, activity: 'Preparing', waits: [] },
  'Resync Replica': {
    cells: {
      Mirror: { 5: '3f', 6: '3f', 7: '3f', 12: '3f', 13: '3F', 17: '3F' },
      Snapshot: { 4: '4r', 5: '4r', 13: '4F' },
      Clone: { 4: '3', 5: '3', 12: '3', 13: '3F' },
    },
    folders: true,
    activity: 'Resyncing',
    reads: 'source',
    unseats: 'target',
    copies: 'after',
    waits: [3, 4],
  },
  'Restore from Replica': {
    cells: {
      Mirror: { 5: '3s', 6: '3r', 7: '3r', 12: '3s', 13: '3r', 17: '3F' },
      Snapshot: { 4: '4r', 13: '4r' },
      Clone: { 4: '3r', 5: '3s', 12: '3s', 13: '3r' },
    },
    folders: true,
    activity: 'Restoring',
    reads: 'target',
    unseats: 'source',
    copies: 'after',
    waits: [4],
  },
  Resume: {
    cells: { Mirror: { 9: '3' }, Clone: { 9: '3' } },
    folders: true,
    activity: 'Resyncing',
    reads: 'source',
    copies: 'after',
    waits: [3, 4],
  },
  'Reset To Sync': { cells: { Mirror: SAME_MODE }, activity: 'Suspending', repeatable: true, waits: [] },
  'Reset To Async': { cells: { Mirror: SAME_MODE }, activity: 'Suspending', repeatable: true, waits: [] },
  'Return To ResourcePool': {
    cells: { Snapshot: { 2: 'xr', 4: 'xr', 5: 'xr', 8: 'xr', 11: 'xr', 13: 'xr' } },
    activity: 'Detaching',
    unseats: 'target',
    waits: [],
  },
  'Reverse Roles': {
    cells: { Mirror: { 4: '4r', 6: '6r', 7: '7r', 10: '3f' } },
    activity: 'Failing over',
    reads: 'target',
    unseats: 'source',
    copies: 'after',
    waits: [4, 6, 7],
  },
  Split: {
    cells: { Mirror: { 4: '7', 9: '7c' } },
    folders: true,
    activity: 'Splitting',
    waits: [7],
  },
  Suspend: {
    cells: { Mirror: { 3: '9', 4: '9' }, Clone: { 3: '9' } },
    folders: true,
    activity: 'Suspending',
    waits: [9],
  },
  Unprepare: {
    cells: {
      Mirror: {
        2: '11',
        5: '11',
        6: '11F',
        7: '11F',
        8: '11',
        9: '11F',
        11: '11',
        12: '11',
        13: '11F',
        17: '11',
      },
      Snapshot: { 5: '11', 8: '11', 11: '11' },
      Clone: { 2: '11', 5: '11', 8: '11', 9: '11F', 11: '11', 12: '11' },
    },
    activity: 'Preparing',
    waits: [2, 11],
  },
};

/** What the operation can be asked of at all; the rest answers 1. */
export interface OperationScope {
  readonly kind: ElementKind;
  readonly syncType: SyncType;
  readonly group: boolean;
}

/** One barrier or one stream for several volumes: only mirrors of volumes have streams that can be merged. */
export function isSupported(operation: ReplicaOperation, { kind, syncType, group }: OperationScope): boolean {
  const row = OPERATION_ROWS[operation];
  if (row.groupOnly) {
    if (!group || kind === 'folder') return false;
    return row.repeatable === undefined || syncType === 'Mirror';
  }
  return row.cells[syncType] !== undefined && (kind === 'volume' || row.folders === true);
}

/** The arrow of an operation out of a state; null: the table has none. */
export function arrowOf(operation: ReplicaOperation, syncType: SyncType, from: CopyState): Arrow | null {
  const row = OPERATION_ROWS[operation];
  const cell = row.cells[syncType]?.[numberOf(COPY_STATES, from)];
  if (cell === undefined) return null;
  const { to, need } = readCell(cell);
  if (row.copies === 'before') return { now: from, arrival: to, need };
  const copying = row.copies === 'after' && to === 'Unsynchronized';
  return { now: to, arrival: copying ? 'Synchronized' : to, need };
}

/** CopyStates the operation is legal in, by rising number. */
export function statesFor(operation: ReplicaOperation, syncType: SyncType): readonly CopyState[] {
  return namesIn(COPY_STATES).filter(state => arrowOf(operation, syncType, state) !== null);
}

/** Operations on pairs that are legal in a state, by rising number. */
export function operationsIn(state: CopyState, scope: OperationScope): readonly ReplicaOperation[] {
  return namesIn(REPLICA_OPERATIONS).filter(
    operation => isSupported(operation, scope) && arrowOf(operation, scope.syncType, state) !== null,
  );
}

/** GetSupportedWaitForCopyStates. */
export function waitStatesFor(operation: ReplicaOperation): readonly CopyState[] {
  return OPERATION_ROWS[operation].waits.map(number => stateAt(number));
}

/** WaitForCopyState of CreateElementReplica and CreateGroupReplica. */
export const CREATION_WAITS: readonly CopyState[] = [
  'Initialized',
  'Inactive',
  'Prepared',
  'Unsynchronized',
  'Synchronized',
];

function readCell(cell: Cell): { to: Destination; need: Need | null } {
  const match = /^(x|\d+)([a-zA-Z]?)$/.exec(cell);
  assert(match !== null && (match[2] === '' || match[2]! in NEEDS), `${cell} is a cell of the table`);
  return {
    to: match[1] === 'x' ? 'removed' : stateAt(Number(match[1])),
    need: match[2] === '' ? null : (match[2] as Need),
  };
}

function stateAt(number: number): CopyState {
  const state = nameOf(COPY_STATES, number);
  assert(state !== undefined, `${number} is a CopyState`);
  return state;
}
