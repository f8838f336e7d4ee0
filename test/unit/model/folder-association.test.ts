import { describe, expect, test } from 'vitest';
import { storageSynchronized } from '../../../src/model/association-record.ts';
import {
  conditionOfFolder,
  type FolderPair,
  type FolderPairFacts,
  folderAssociation,
  folderReadOnly,
} from '../../../src/model/folder-association.ts';
import { judgeOperation } from '../../../src/model/operation-judge.ts';
import { namesIn, REPLICA_OPERATIONS } from '../../../src/model/replica-values.ts';
import { NOW, orderOf, pairOf } from './sample-association.ts';

const calm: FolderPairFacts = {
  ordered: null,
  changedSince: false,
  enabled: true,
  connection: 'online',
  scheduleOpen: true,
  briefly: false,
  folder: 'normal',
  backlogUpdates: 0,
  restoring: false,
};
const pair: FolderPair = {
  id: 'docs-from-alpha',
  source: { member: 'alpha', name: 'docs' },
  target: { member: 'beta', name: 'docs' },
  requestedCopyState: 'Not Applicable',
  lastInto: 'target',
  when: { established: NOW, activated: NOW, deactivated: null, suspended: null, synchronized: null, pointInTime: null },
};

describe('the CopyState of a folder', () => {
  test.each<[string, Partial<FolderPairFacts>, object]>([
    ['in step', {}, { copyState: 'Synchronized', activity: null, paused: false }],
    ['with a backlog', { backlogUpdates: 3 }, { copyState: 'Unsynchronized', activity: 'Resyncing' }],
    ['whose partner has not said', { backlogUpdates: null }, { copyState: 'Unsynchronized' }],
    [
      'out of schedule',
      { backlogUpdates: 3, scheduleOpen: false, connection: 'offline' },
      { copyState: 'Unsynchronized', paused: true },
    ],
    [
      'in its first synchronisation',
      { folder: 'first-sync' },
      { copyState: 'Unsynchronized', activity: 'Synchronizing' },
    ],
    ['waiting for it', { folder: 'first-sync-waiting' }, { copyState: 'Initialized' }],
    [
      'whose partner is gone for a moment',
      { connection: 'connecting', briefly: true },
      { copyState: 'Synchronized', paused: true },
    ],
    ['whose partner is gone', { connection: 'in-error' }, { copyState: 'Partitioned' }],
    ['of a connection that is disabled', { enabled: false, connection: 'offline' }, { copyState: 'Inactive' }],
    [
      'that was suspended, partner or not',
      { ordered: 'Suspended', connection: 'in-error' },
      { copyState: 'Suspended' },
    ],
    ['that was split', { ordered: 'Split' }, { copyState: 'Split' }],
    ['that was split and changed', { ordered: 'Split', changedSince: true }, { copyState: 'Skewed' }],
    ['that rests and was changed', { ordered: 'Inactive', changedSince: true }, { copyState: 'Inactive' }],
    ['that a brake holds', { folder: 'halted', ordered: 'Suspended' }, { copyState: 'Broken' }],
    ['that was away for too long', { folder: 'stale' }, { copyState: 'Invalid' }],
    ['being restored', { restoring: true, backlogUpdates: 0 }, { copyState: 'Unsynchronized', activity: 'Restoring' }],
  ])('%s', (_, given, expected) => {
    expect(conditionOfFolder({ ...calm, ...given })).toMatchObject(expected);
  });
});

test('a folder is judged by the table of mirrors and shown by the record of all', () => {
  const association = folderAssociation(pair, conditionOfFolder(calm));
  const codeOf = (operation: Parameters<typeof orderOf>[0]) => {
    const judgement = judgeOperation(orderOf(operation), { kind: 'pair', pair: pairOf(association) });
    return judgement.verdict === 'refused' ? judgement.returnCode : judgement.verdict;
  };
  const accepted = namesIn(REPLICA_OPERATIONS).filter(operation => codeOf(operation) === 'accepted');
  expect(accepted).toEqual(['Deactivate', 'Detach', 'Fracture', 'Split', 'Suspend']);
  expect(codeOf('Unprepare')).toBe(1);
  const readOnly = folderReadOnly({ source: false, target: true });
  const facts = { dirtyBytes: null, totalBytes: 0, paused: false, readOnly };
  expect(storageSynchronized(association, facts)).toMatchObject({
    SystemElement: 'alpha:docs',
    SyncedElement: 'beta:docs',
    CopyState: 4,
    SyncMaintained: true,
    Mode: 3,
    ReadOnly: 3,
  });
  expect(storageSynchronized(association, { ...facts, readOnly: null }).ReadOnly).toBeNull();
});
