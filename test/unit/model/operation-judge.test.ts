import { describe, expect, test } from 'vitest';
import type { Association } from '../../../src/model/association.ts';
import { judgeOperation } from '../../../src/model/operation-judge.ts';
import type { GroupUnderOrder, OperationOrder, OrderSubject } from '../../../src/model/operation-order.ts';
import { operationsNow } from '../../../src/model/replica-capabilities.ts';
import { isSupported } from '../../../src/model/replica-operations.ts';
import { namesIn, REPLICA_OPERATIONS, type ReplicaOperation } from '../../../src/model/replica-values.ts';
import { acceptance, afterEvents, orderOf, pairOf, sampleAssociation } from './sample-association.ts';

const on = (association: Association, facts: Parameters<typeof pairOf>[1] = {}): OrderSubject => ({
  kind: 'pair',
  pair: pairOf(association, facts),
});
const onGroup = (pairs: readonly Association[], given: Partial<GroupUnderOrder> = {}): OrderSubject => ({
  kind: 'group',
  group: { id: 'group-1', syncType: 'Mirror', consistency: false, pairs: pairs.map(pair => pairOf(pair)), ...given },
});
const codeOf = (order: OperationOrder, subject: OrderSubject | null) => {
  const judgement = judgeOperation(order, subject);
  return judgement.verdict === 'refused' ? [judgement.returnCode, judgement.detail] : judgement.verdict;
};

const synchronized = sampleAssociation({ copyState: 'Synchronized' });

describe('the checks come in their order', () => {
  // Every later check fails as well; each line mends the one before it.
  const busy = afterEvents(synchronized, acceptance(synchronized, 'Split'));
  const stranger = { ...busy, syncType: 'Snapshot' as const };
  test.each<[string, OperationOrder, OrderSubject | null, unknown]>([
    ['an unknown operation', orderOf(24, { waitForCopyState: 99 }), null, [5, 'unknown_operation']],
    ['nothing to act on', orderOf('Resume', { waitForCopyState: 99 }), null, [5, 'unknown_synchronization']],
    ['no support', orderOf('Resume', { waitForCopyState: 99 }), on(stranger), [1, 'not_supported']],
    ['a SyncPair', orderOf('Resume', { syncPairs: [null], waitForCopyState: 99 }), on(busy), [5, 'sync_pair']],
    ['a wait', orderOf('Resume', { waitForCopyState: 9, settingsProblem: 'x' }), on(busy), [5, 'wait_for_copy_state']],
    ['settings', orderOf('Resume', { waitForCopyState: 4, settingsProblem: 'x' }), on(busy), [5, 'settings']],
    ['busy', orderOf('Resume'), on(busy), [6, 'busy']],
    ['held', orderOf('Resume'), on(synchronized, { heldBy: 'a resize' }), [6, 'busy']],
    ['state', orderOf('Resume'), on(synchronized, { peerReachable: false }), [4, 'illegal_state']],
    [
      'Force',
      orderOf('Fracture'),
      on(sampleAssociation({ copyState: 'Unsynchronized' }), { peerReachable: false }),
      [4, 'force_required'],
    ],
    ['peer', orderOf('Split'), on(synchronized, { peerReachable: false }), [4, 'peer_unreachable']],
    ['nothing', orderOf('Split'), on(synchronized), 'accepted'],
  ])('%s', (_, order, subject, expected) => {
    expect(codeOf(order, subject)).toEqual(expected);
  });
});

test('an illegal state is answered with what would be legal', () => {
  const judgement = judgeOperation(orderOf('Resume'), on(synchronized));
  expect(judgement).toMatchObject({ states: ['Suspended'], operations: expect.arrayContaining(['Split', 'Suspend']) });
});

describe('nothing is copied from half copied data, not even with Force', () => {
  test.each<[ReplicaOperation, Partial<Association>]>([
    ['Resync Replica', { copyState: 'Aborted', sourceData: 'Inconsistent', lastInto: 'source' }],
    ['Restore from Replica', { copyState: 'Invalid', targetData: 'Inconsistent' }],
    ['Failback', { copyState: 'Failedover', targetData: 'Inconsistent' }],
    ['Reverse Roles', { copyState: 'Fractured', targetData: 'Inconsistent' }],
    ['Activate', { copyState: 'Prepared', sourceData: 'Inconsistent' }],
    ['Resume', { copyState: 'Suspended', sourceData: 'Inconsistent' }],
  ])('%s', (operation, given) => {
    expect(codeOf(orderOf(operation, { force: true }), on(sampleAssociation(given)))).toEqual([4, 'inconsistent']);
  });

  test('but it can be put into use with Force', () => {
    const half = sampleAssociation({ copyState: 'Partitioned', targetData: 'Inconsistent', here: 'target' });
    expect(codeOf(orderOf('Failover', { force: true }), on(half, { peerReachable: false }))).toBe('accepted');
  });
});

describe('Force', () => {
  test('is needed where a failover would leave writes behind', () => {
    const fractured = sampleAssociation({ copyState: 'Fractured' });
    expect(codeOf(orderOf('Failover'), on(fractured))).toBe('accepted');
    expect(codeOf(orderOf('Failover'), on(fractured, { sourceAhead: true }))).toEqual([4, 'force_required']);
  });

  test('is needed to take what a connected client writes to, and the answer is In Use', () => {
    const split = sampleAssociation({ copyState: 'Split' });
    const facts = { writers: { source: true, target: false } };
    expect(codeOf(orderOf('Restore from Replica'), on(split, facts))).toEqual([6, 'writer_connected']);
    expect(codeOf(orderOf('Restore from Replica', { force: true }), on(split, facts))).toBe('accepted');
  });

  test('never breaks what depends on a snapshot', () => {
    const snapshot = sampleAssociation({ syncType: 'Snapshot', copyState: 'Synchronized' });
    const order = orderOf('Return To ResourcePool', { force: true });
    expect(codeOf(order, on(snapshot, { targetHasDependents: true }))).toEqual([6, 'dependents']);
  });

  test('is needed to resynchronise a target that was written, whatever its state is by then', () => {
    const aborted = sampleAssociation({ copyState: 'Aborted', targetWritten: true });
    expect(codeOf(orderOf('Resync Replica'), on(aborted))).toEqual([4, 'force_required']);
  });
});

describe('without the partner', () => {
  const gone = { peerReachable: false };
  const partitioned = sampleAssociation({ copyState: 'Partitioned', here: 'target' });
  const broken = sampleAssociation({ copyState: 'Broken', brokenBy: 'link' });

  test('the target fails over with Force, the source cannot', () => {
    expect(codeOf(orderOf('Failover'), on(partitioned, gone))).toEqual([4, 'force_required']);
    expect(judgeOperation(orderOf('Failover', { force: true }), on(partitioned, gone))).toMatchObject({ alone: true });
    expect(codeOf(orderOf('Failover', { force: true }), on(broken, gone))).toEqual([4, 'peer_unreachable']);
  });

  test('a copy can be aborted, and the association detached with Force', () => {
    expect(codeOf(orderOf('Abort'), on(sampleAssociation({ copyState: 'Unsynchronized' }), gone))).toBe('accepted');
    expect(codeOf(orderOf('Detach'), on(broken, gone))).toEqual([4, 'force_required']);
    expect(codeOf(orderOf('Detach', { force: true }), on(broken, gone))).toBe('accepted');
  });
});

test('a mode that is in force already, and consistency that is on, are no failures', () => {
  expect(codeOf(orderOf('Reset To Async'), on(synchronized))).toBe('no-effect');
  expect(codeOf(orderOf('Reset To Sync'), on(synchronized))).toBe('accepted');
  expect(codeOf(orderOf('Activate Consistency'), onGroup([synchronized], { consistency: true }))).toBe('no-effect');
  expect(codeOf(orderOf('Deactivate Consistency'), onGroup([synchronized]))).toBe('no-effect');
});

describe('a group', () => {
  const other = { ...synchronized, id: 'pair-2', group: null };
  test('is refused as a whole for one pair that cannot', () => {
    const fractured = sampleAssociation({ id: 'pair-2', copyState: 'Fractured' });
    expect(codeOf(orderOf('Split'), onGroup([synchronized, other]))).toBe('accepted');
    expect(codeOf(orderOf('Split'), onGroup([synchronized, fractured]))).toEqual([4, 'illegal_state']);
    expect(codeOf(orderOf('Split'), onGroup([]))).toEqual([4, 'illegal_state']);
  });

  test('takes pairs that go with it', () => {
    const add = (pair: Association | null, given: Partial<GroupUnderOrder> = {}) =>
      codeOf(orderOf('AddSyncPair', { syncPairs: [pair] }), onGroup([{ ...synchronized, group: 'group-1' }], given));
    expect(add(other)).toBe('accepted');
    expect(add(null)).toEqual([5, 'sync_pair']);
    expect(add({ ...other, mode: 'Synchronous' })).toEqual([5, 'sync_pair']);
    expect(add({ ...other, source: other.target, target: other.source })).toEqual([5, 'sync_pair']);
    expect(add({ ...other, group: 'group-2' })).toEqual([5, 'sync_pair']);
    expect(add({ ...other, copyState: 'Suspended' })).toBe('accepted');
    expect(add({ ...other, copyState: 'Suspended' }, { consistency: true })).toEqual([4, 'illegal_state']);
    const twice = orderOf('AddSyncPair', { syncPairs: [other, other] });
    expect(codeOf(twice, onGroup([]))).toEqual([5, 'sync_pair']);
    expect(codeOf(orderOf('RemoveSyncPair', { syncPairs: [other] }), onGroup([]))).toEqual([5, 'sync_pair']);
    expect(codeOf(orderOf('AddSyncPair'), onGroup([]))).toEqual([5, 'sync_pair']);
  });

  test('cannot be made consistent across several partners or without one', () => {
    const elsewhere = { ...other, target: { member: 'gamma', name: 'x' } };
    expect(codeOf(orderOf('Activate Consistency'), onGroup([synchronized, elsewhere]))).toEqual([4, 'illegal_state']);
    const away = sampleAssociation({ copyState: 'Partitioned' });
    expect(codeOf(orderOf('Activate Consistency'), onGroup([away]))).toEqual([4, 'illegal_state']);
    expect(codeOf(orderOf('Activate Consistency'), onGroup([synchronized]))).toBe('accepted');
  });

  test('alone has the four operations on groups', () => {
    expect(codeOf(orderOf('Activate Consistency'), on(synchronized))).toEqual([1, 'not_supported']);
    const snapshots = onGroup([], { syncType: 'Snapshot' });
    expect(codeOf(orderOf('Activate Consistency'), snapshots)).toEqual([1, 'not_supported']);
  });
});

test('a folder knows the operations that make sense for it', () => {
  const folder = namesIn(REPLICA_OPERATIONS).filter(operation =>
    isSupported(operation, { kind: 'folder', syncType: 'Mirror', group: false }),
  );
  expect(folder).toEqual([
    'Abort',
    'Activate',
    'Deactivate',
    'Detach',
    'Fracture',
    'Resync Replica',
    'Restore from Replica',
    'Resume',
    'Split',
    'Suspend',
  ]);
  const pair = sampleAssociation({ kind: 'folder', copyState: 'Synchronized' });
  expect(codeOf(orderOf('Reset To Sync'), on(pair))).toEqual([1, 'not_supported']);
  expect(judgeOperation(orderOf('Failover'), on(pair))).toMatchObject({
    returnCode: 1,
    sentence: expect.stringContaining('group.yaml'),
  });
});

test('what can be done now is what would begin, with Force where it is needed', () => {
  const now = operationsNow(on(sampleAssociation({ copyState: 'Skewed', targetWritten: true })));
  expect(now).toEqual([
    { operation: 'Detach', requiresForce: false },
    { operation: 'Dissolve', requiresForce: false },
    { operation: 'Failover', requiresForce: true },
    { operation: 'Resync Replica', requiresForce: true },
    { operation: 'Restore from Replica', requiresForce: false },
    { operation: 'Unprepare', requiresForce: true },
  ]);
});
