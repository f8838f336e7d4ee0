/** A backend with a little of everything, for the server, the client and the commands. Orders are kept to be looked at. */
import { readFile, writeFile } from 'node:fs/promises';
import type { AdminBackend } from '../../../src/admin/backend.ts';
import { backlogSummaryNoun } from '../../../src/admin/records/backlog-summary.ts';
import { bundleReportNoun } from '../../../src/admin/records/bundle-report.ts';
import {
  type Column,
  type Columns,
  NEVER,
  NOT_ENDED,
  type Noun,
  type RecordOf,
} from '../../../src/admin/records/column.ts';
import { conflictNoun } from '../../../src/admin/records/conflict.ts';
import { connectionNoun } from '../../../src/admin/records/connection.ts';
import { attentionNoun, eventNoun } from '../../../src/admin/records/event.ts';
import { fenceNoun } from '../../../src/admin/records/fence.ts';
import { fileSystemNoun } from '../../../src/admin/records/file-system.ts';
import { folderMemberNoun, folderNoun, vectorNoun } from '../../../src/admin/records/folder.ts';
import { groupMemberNoun } from '../../../src/admin/records/group-member.ts';
import { idRecordNoun } from '../../../src/admin/records/id-record.ts';
import { localMemberNoun } from '../../../src/admin/records/local-member.ts';
import { propagationNoun } from '../../../src/admin/records/propagation.ts';
import {
  jobNoun,
  replicaGroupNoun,
  replicaNoun,
  replicaOperationNoun,
  replicaOutcomeNoun,
} from '../../../src/admin/records/replica.ts';
import {
  peerSystemNoun,
  replicaAspectNoun,
  replicaTargetNoun,
  replicationTypeNoun,
  supportedCopyStateNoun,
  supportedOperationNoun,
  supportedWaitNoun,
} from '../../../src/admin/records/replica-capability.ts';
import { replicaSourceNoun, syncOperationNoun, syncReportNoun } from '../../../src/admin/records/replica-sync.ts';
import { serviceNoun } from '../../../src/admin/records/service.ts';
import { sessionNoun } from '../../../src/admin/records/session.ts';
import { backlogNoun, updateNoun } from '../../../src/admin/records/update.ts';
import { volumeNoun } from '../../../src/admin/records/volume.ts';
import { waitNoun } from '../../../src/admin/records/wait.ts';
import { whyNoun } from '../../../src/admin/records/why.ts';
import { TandemError } from '../../../src/base/errors.ts';
import { describeUnknown } from '../../../src/base/known-names.ts';

/** A record with a value of the right type in every column, and those that are given. */
export function sample<T extends Columns>(noun: Noun<T>, given: Partial<RecordOf<T>> = {}): RecordOf<T> {
  const values = Object.entries<Column>(noun.columns).map(([property, column]) => [
    property,
    sampleValue(property, column),
  ]);
  return { ...Object.fromEntries(values), ...given } as RecordOf<T>;
}

function sampleValue(property: string, column: Column): string | number | boolean | null {
  if (column.nullable) return null;
  switch (column.kind) {
    case 'boolean':
      return true;
    case 'number':
      return 7;
    case 'choice':
      return Number(Object.keys(column.names)[1]);
    case 'datetime':
      return '2025-03-01T12:00:05.123Z';
    case 'text':
    case 'path':
      return `a ${property}`;
  }
}

export const CONNECTION = sample(connectionNoun, {
  Name: 'beta → alpha',
  PartnerName: 'beta',
  Status: 'Degraded',
  State: 3,
  Inbound: true,
  LastSyncTime: '2025-03-01T12:00:00.000Z',
  LastSuccessfulSyncTime: NEVER,
  NextSyncTime: NEVER,
  LastErrorMessageId: 5008,
  StateReason: 'connection refused',
});

export const HALTED_FOLDER = sample(folderNoun, {
  ReplicatedFolderName: 'docs',
  State: 5,
  FileCount: 20_000,
  SizeInBytes: 3 * 2 ** 40 + 1,
  RootPath: '/srv/docs',
  HaltReason: 'BRAKE_DELETIONS',
  HaltDetail: '15000 of 20000 files were deleted',
  HaltCommand: 'tandem folder release docs --accept',
  HaltDeletedFiles: 15_000,
  HaltTotalFiles: 20_000,
});

export interface FakeBackend extends AdminBackend {
  readonly orders: readonly { readonly name: string; readonly order: unknown }[];
}

const result = (Message: string) => ({ ReturnValue: 0, Message, ErrorCode: '' });

export function createFakeBackend(): FakeBackend {
  const orders: { name: string; order: unknown }[] = [];
  const keep = async (name: string, order: unknown) => {
    orders.push({ name, order });
  };
  const assertFolder = (name: string | undefined) => {
    if (name !== undefined && name !== 'docs')
      throw new TandemError('NOT_FOUND', describeUnknown({ what: 'folder', name, known: ['docs', 'media'] }));
  };
  const assertConflict = (id: string) => {
    if (id !== 'c1')
      throw new TandemError('NOT_FOUND', `there is no preserved item “${id}”; “tandem conflict list” shows them`);
  };
  const event = (sequence: number) =>
    sample(eventNoun, {
      Sequence: sequence,
      EventId: 4412,
      EventName: 'CONFLICT',
      Severity: 'information',
      Message: `event ${sequence}`,
      Fields: '{"folder":"docs"}',
    });
  const volume = (given: Partial<RecordOf<typeof volumeNoun.columns>> = {}) =>
    sample(volumeNoun, { ElementName: 'disk1', StatusReason: '', Uri: 'nbd+unix:///disk1?socket=/nbd.sock', ...given });
  const volumeNamed = (named: string) => {
    if (named === 'disk1') return { volume: volume() };
    throw new TandemError('NOT_FOUND', describeUnknown({ what: 'volume', name: named, known: ['disk1'] }));
  };
  const REPLICA = { SyncedElement: 'alpha:monday', SyncType: 7, CopyState: 4, ProgressStatus: 2 };
  const replicaNamed = (named: string) => {
    if (named === 'monday') return sample(replicaNoun, REPLICA);
    throw new TandemError('NOT_FOUND', describeUnknown({ what: 'replica', name: named, known: ['monday'] }));
  };
  const outcome = (name: string, order: unknown, ReturnValue = 0) => {
    orders.push({ name, order });
    return { outcome: sample(replicaOutcomeNoun, { ReturnValue, Message: `${name} was understood` }) };
  };
  return {
    volumes: async () => ({ volumes: [volume()] }),
    volume: async query => volumeNamed(query.volume),
    createVolume: async order => {
      orders.push({ name: 'createVolume', order });
      return { volume: volume({ ElementName: order.name, SizeInBytes: order.size }) };
    },
    resizeVolume: async order => {
      orders.push({ name: 'resizeVolume', order });
      return { volume: volume({ SizeInBytes: order.size }) };
    },
    deleteVolume: async order => {
      orders.push({ name: 'deleteVolume', order });
      volumeNamed(order.volume);
    },
    replicas: async filter => {
      const of = outcome('replicas', filter, filter.copyState === 99 ? 5 : 0);
      return { ...of, replicas: [sample(replicaNoun, REPLICA)] };
    },
    replica: async query => ({ replica: replicaNamed(query.replica) }),
    replicaOperations: async query => {
      replicaNamed(query.replica);
      return { operations: [sample(replicaOperationNoun, { Operation: 21, RequiresForce: false })] };
    },
    createReplica: async order => outcome('createReplica', order),
    modifyReplica: async order => outcome('modifyReplica', order, order.operation === 99 ? 5 : 0),
    modifyReplicas: async order => ({ ...outcome('modifyReplicas', order), outcomes: [] }),
    confirmTargetData: async order => outcome('confirmTargetData', order, order.waitMs === 1000 ? 3 : 0),
    verifyReplica: async order => outcome('verifyReplica', order, order.repair ? 0 : 4096),
    createGroupReplica: async order => outcome('createGroupReplica', order, 4096),
    replicaTargets: async query => ({
      ...outcome('replicaTargets', query, query.source === 'disk1' ? 0 : 5),
      targets: [sample(replicaTargetNoun, { TargetElement: 'alpha:disk2' })],
    }),
    peerSystems: async () => ({ systems: [sample(peerSystemNoun, { Name: 'beta' })] }),
    replicationTypes: async () => ({ types: [sample(replicationTypeNoun)] }),
    supportedOperations: async query => ({
      ...outcome('supportedOperations', query, query.copyState === 99 ? 5 : 0),
      operations: [sample(supportedOperationNoun, { Operation: 21 })],
    }),
    supportedCopyStates: async query => ({
      ...outcome('supportedCopyStates', query),
      states: [sample(supportedCopyStateNoun, { CopyState: 4 })],
    }),
    supportedWaitStates: async query => ({
      ...outcome('supportedWaitStates', query),
      states: [sample(supportedWaitNoun, { CopyState: 7 })],
    }),
    replicaAspects: async () => ({ aspects: [sample(replicaAspectNoun)] }),
    attachReplica: async order => outcome('attachReplica', order),
    setReplica: async order => outcome('setReplica', order),
    replicaGroups: async () => ({
      groups: [sample(replicaGroupNoun, { ElementName: 'nightly', SyncType: 6, CopyState: 4 })],
    }),
    createReplicaGroup: async order => outcome('createReplicaGroup', order),
    deleteReplicaGroup: async order => outcome('deleteReplicaGroup', order),
    jobs: async () => ({ jobs: [sample(jobNoun, { JobState: 4 })] }),
    job: async () => ({ job: sample(jobNoun, { JobState: 4 }) }),
    changeJob: async order => outcome('changeJob', order, 4096),
    orders,
    status: async () => ({
      service: sample(serviceNoun, {
        MemberName: 'alpha',
        ReplicationGroupName: 'projects',
        StateReason: '',
        ProviderVersion: '0.1.0',
        Listen: '0.0.0.0:7420',
      }),
      folders: [HALTED_FOLDER],
      connections: [CONNECTION],
      backlogs: [
        sample(backlogSummaryNoun, {
          ReplicatedFolderName: 'docs',
          FromMember: 'alpha',
          ToMember: 'beta',
          BacklogFileCount: 1200,
          BacklogSizeInBytes: 5 * 2 ** 20,
          AgeSeconds: 7200,
          EtaSeconds: 90,
          Reason: '',
        }),
        sample(backlogSummaryNoun, { FromMember: 'beta', ToMember: 'alpha', BacklogFileCount: 0 }),
      ],
      attention: [
        sample(attentionNoun, {
          Subject: 'docs',
          Problem: '15000 of 20000 files were deleted',
          Command: 'tandem folder release docs --accept',
        }),
      ],
    }),
    folders: async () => ({ folders: [HALTED_FOLDER] }),
    folder: async ({ folder }) => {
      assertFolder(folder);
      return {
        folder: HALTED_FOLDER,
        members: [sample(folderMemberNoun, { MemberName: 'alpha', RootPath: '/srv/docs' })],
      };
    },
    folderVector: async ({ folder }) => {
      assertFolder(folder);
      return {
        vector: [
          sample(vectorNoun, { MemberName: null, Low: 8, High: 2 ** 52 }),
          sample(vectorNoun, { MemberName: 'beta' }),
        ],
        text: 'x → 8..99',
      };
    },
    rescan: async order => {
      assertFolder(order.folder);
      await keep('rescan', order);
    },
    release: async order => {
      if (order.decision === 'retry') throw new TandemError('REFUSED', 'docs is halted by its brake; accept or refuse');
      await keep('release', order);
    },
    connections: async () => ({ connections: [CONNECTION] }),
    checkConnectivity: async query => ({
      result:
        query.connection === 'beta'
          ? result('beta answered in 3 ms')
          : { ReturnValue: 1722, Message: `${query.connection} cannot be reached`, ErrorCode: 'PEER_UNREACHABLE' },
    }),
    forceReplication: async order => {
      await keep('forceReplication', order);
      return { result: result('ordered') };
    },
    forceFolderReplication: async order => {
      await keep('forceFolderReplication', order);
      return { result: result('ordered') };
    },
    forceDownload: async order => {
      await keep('forceDownload', order);
      return { result: { ReturnValue: 2, Message: 'there is no record of x', ErrorCode: 'NOT_FOUND' } };
    },
    localMember: async () => ({ member: sample(localMemberNoun, { MemberName: 'alpha' }) }),
    fileSystems: async () => ({ fileSystems: [sample(fileSystemNoun, { VolumePath: '/srv' })] }),
    connection: async ({ connection }) => {
      if (connection !== 'beta:alpha')
        throw new TandemError(
          'NOT_FOUND',
          describeUnknown({ what: 'connection', name: connection, known: ['beta → alpha'] }),
        );
      return { connection: CONNECTION };
    },
    sessions: async ({ limit }) => ({
      total: 3,
      sessions: [
        sample(sessionNoun, { EndTime: NOT_ENDED, State: 2 }),
        sample(sessionNoun, { State: 4 }),
        sample(sessionNoun, { State: 6 }),
      ].slice(0, limit),
    }),
    session: async ({ session }) => ({ session: sample(sessionNoun, { SyncGuid: session }) }),
    replicaSync: async function* (order) {
      await keep('replicaSync', order);
      const unknown = order.source !== undefined && order.source !== 'beta';
      const report = {
        SerialNumber: 4,
        Absorbed: false,
        Done: false,
        ReturnValue: 0,
        ErrorCode: '',
        MissingVersions: null,
      };
      yield sample(syncReportNoun, { ...report, Message: 'calling beta' });
      yield sample(syncReportNoun, {
        ...report,
        Done: true,
        ...(unknown
          ? { ReturnValue: 8452, Message: `${order.source} is no source of folder docs here`, ErrorCode: 'NOT_FOUND' }
          : { Message: 'folder docs has all that beta has' }),
      });
    },
    syncQueue: async () => ({ operations: [sample(syncOperationNoun, { SerialNumber: 4 })] }),
    cancelSync: async order => {
      if (order.serial !== 4) throw new TandemError('NOT_FOUND', `there is no synchronisation ${order.serial}`);
      await keep('cancelSync', order);
    },
    replicaSources: async ({ folder }) => {
      assertFolder(folder);
      return { sources: [sample(replicaSourceNoun, { SourceName: 'beta' })] };
    },
    exportBundle: async function* (order) {
      assertFolder(order.folder);
      await keep('exportBundle', order);
      await writeFile(order.path, 'a bundle');
      yield sample(bundleReportNoun, { Done: false, Message: '5 updates, 1 KiB' });
      yield sample(bundleReportNoun, {
        Done: true,
        Complete: true,
        Updates: 9,
        Message: `${order.path} has all of it`,
      });
    },
    importBundle: async function* (order) {
      await keep('importBundle', { ...order, content: await readFile(order.path, 'utf8') });
      yield sample(bundleReportNoun, { Done: false, Message: 'the bundle is being checked' });
      const Complete = !order.path.includes('half');
      const Message = Complete ? '9 updates were taken in' : '2 updates wait to be tried again';
      yield sample(bundleReportNoun, { Done: true, Complete, Updates: 9, Message });
    },
    updates: async ({ folder, limit }) => {
      assertFolder(folder);
      await keep('updates', { folder, limit });
      return {
        total: 12,
        updates: [
          sample(updateNoun, {
            UpdateState: 5,
            Reason: 'waits for its directory',
            FullPathName: `a/${'deep/'.repeat(30)}report\n.txt`,
          }),
        ],
      };
    },
    backlog: async ({ to }) => {
      if (to === 'gamma')
        throw new TandemError('NOT_FOUND', describeUnknown({ what: 'member', name: to, known: ['alpha', 'beta'] }));
      return { total: 3, bytes: 5000, files: [sample(backlogNoun, { FullPathName: 'a.txt' })] };
    },
    conflicts: async () => ({ total: 1, conflicts: [sample(conflictNoun, { Id: 'c1', ConflictType: 2 })] }),
    conflict: async ({ id }) => {
      assertConflict(id);
      return { conflict: sample(conflictNoun, { Id: id, ConflictType: 7 }) };
    },
    restoreConflict: async order => {
      assertConflict(order.id);
      await keep('restoreConflict', order);
      return { path: order.to ?? 'a/report.txt' };
    },
    deleteConflict: async order => {
      assertConflict(order.id);
      await keep('deleteConflict', order);
    },
    record: async ({ folder, file }) => {
      assertFolder(folder);
      return {
        record: sample(idRecordNoun, {
          FullPathName: file,
          Clock: 1_740_830_405_123_456,
          HeldBack: 'excluded by the filter *.tmp',
        }),
      };
    },
    events: async ({ after, limit }) => ({
      events: [1, 2, 3]
        .map(event)
        .filter(({ Sequence }) => Sequence > (after ?? 0))
        .slice(-limit),
    }),
    fenceFolder: async function* (order) {
      assertFolder(order.folder);
      await keep('fenceFolder', order);
      const given = { ReplicatedFolderName: order.folder, FullPathName: order.file ?? '', Mode: order.mode };
      yield sample(fenceNoun, { ...given, Stage: 'scanning' });
      const counts = { Fence: 1_740_830_405_123, FileCount: 12, DirectoryCount: 3, SymlinkCount: 1, TombstoneCount: 2 };
      yield sample(fenceNoun, { ...given, ...counts, Stage: order.dryRun ? 'counted' : 'done' });
    },
    waitForMember: async function* ({ folder, member, timeoutMs }) {
      assertFolder(folder);
      await keep('waitForMember', { folder, member, timeoutMs });
      const given = { MemberName: member, ReplicatedFolderName: folder, Reason: '' };
      yield sample(waitNoun, { ...given, Stage: 'waiting', Arrived: false, MissingVersions: 12 });
      if (timeoutMs < 1000) throw new TandemError('TIMED_OUT', `after 0.5 s ${member} still lacks 12 versions of docs`);
      yield sample(waitNoun, { ...given, Stage: 'arrived', Arrived: true, MissingVersions: 0, ElapsedSeconds: 3 });
    },
    why: async ({ folder, file }) => {
      assertFolder(folder);
      const holds = [
        sample(whyNoun, {
          Kind: 'partner-lacks',
          MemberName: 'beta',
          Reason: 'beta lacks this version',
          Next: 'beta fetches it',
        }),
        sample(whyNoun, { Kind: 'preserved-copy', MemberName: '', Since: NEVER, Next: '', NextTime: NEVER }),
      ];
      return { path: file, folder: 'docs', verdict: 'held', sentence: 'beta lacks this version', holds };
    },
    groupMembers: async () => ({
      members: [
        sample(groupMemberNoun, { MemberName: 'alpha', IsLocal: true, ConfigDigest: 'aa', ConfigDiffers: false }),
        sample(groupMemberNoun, { MemberName: 'beta', IsLocal: false, ConfigDigest: 'bb', ConfigDiffers: true }),
      ],
    }),
    propagationTest: async function* ({ folder, timeoutMs }) {
      assertFolder(folder);
      yield sample(propagationNoun, {
        TestId: 't1',
        ToMember: 'beta',
        State: 'arrived',
        LatencyInMilliseconds: 42,
        Reason: '',
      });
      if (timeoutMs > 1000) return;
      yield sample(propagationNoun, {
        TestId: 't1',
        ToMember: 'gamma',
        State: 'late',
        Reason: 'gamma does not answer',
      });
      throw new TandemError('TIMED_OUT', 'gamma did not have the test’s file in time');
    },
    propagationReport: async ({ folder }) => {
      assertFolder(folder);
      return { total: 9, rows: [sample(propagationNoun, { TestId: 't1', ToMember: 'beta', State: 'arrived' })] };
    },
    followEvents: async function* ({ after }, signal) {
      for (let sequence = (after ?? 0) + 1; sequence <= (after ?? 0) + 3; sequence++) yield event(sequence);
      await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
    },
  };
}
