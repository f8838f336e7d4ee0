/** The table of the admin API's methods: name of the call, form of the request, and which records the answer holds. */
import { z } from 'zod';
import { LIMITS } from '../base/limits.ts';
import { type AdminBackend, RELEASE_DECISIONS } from './backend.ts';
import { INSIGHT_METHODS } from './insight-methods.ts';
import { backlogSummaryNoun } from './records/backlog-summary.ts';
import { bundleReportNoun } from './records/bundle-report.ts';
import type { Noun } from './records/column.ts';
import { conflictNoun } from './records/conflict.ts';
import { connectionNoun } from './records/connection.ts';
import { attentionNoun, eventNoun } from './records/event.ts';
import { fenceNoun } from './records/fence.ts';
import { fileSystemNoun } from './records/file-system.ts';
import { folderMemberNoun, folderNoun, vectorNoun } from './records/folder.ts';
import { idRecordNoun } from './records/id-record.ts';
import { localMemberNoun } from './records/local-member.ts';
import { methodResultNoun } from './records/method-result.ts';
import { replicaSourceNoun, syncOperationNoun, syncReportNoun } from './records/replica-sync.ts';
import { serviceNoun } from './records/service.ts';
import { sessionNoun } from './records/session.ts';
import { backlogNoun, updateNoun } from './records/update.ts';
import { REPLICA_METHODS } from './replica-methods.ts';
import { REPLICA_QUERY_METHODS } from './replica-query-methods.ts';
import { VOLUME_METHODS } from './volume-methods.ts';

export interface AdminMethod {
  /** Name of the call in admin.proto. */
  readonly rpc: string;
  readonly request: z.ZodType;
  /** The answer's fields that hold records, one or a list. Other fields are numbers or text. */
  readonly records: Readonly<Record<string, Noun>>;
  /** True where answers come one after the other, each with one field. */
  readonly stream?: true;
}

const name = z.string().min(1).max(4096);
const limit = z.int().min(1).max(LIMITS.adminRecords);
const after = z.int().min(0).optional();
const nothing = z.strictObject({});
const folderQuery = z.strictObject({ folder: name });
const listQuery = z.strictObject({ folder: name.optional(), limit });
const conflictQuery = z.strictObject({ id: name, folder: name.optional() });

export const ADMIN_METHODS = {
  status: {
    rpc: 'GetStatus',
    request: nothing,
    records: {
      service: serviceNoun,
      folders: folderNoun,
      connections: connectionNoun,
      backlogs: backlogSummaryNoun,
      attention: attentionNoun,
    },
  },
  folders: { rpc: 'ListFolders', request: nothing, records: { folders: folderNoun } },
  folder: { rpc: 'GetFolder', request: folderQuery, records: { folder: folderNoun, members: folderMemberNoun } },
  folderVector: { rpc: 'GetFolderVector', request: folderQuery, records: { vector: vectorNoun } },
  rescan: { rpc: 'RescanFolder', request: folderQuery, records: {} },
  release: { rpc: 'ReleaseFolder', request: folderQuery.extend({ decision: z.enum(RELEASE_DECISIONS) }), records: {} },
  fenceFolder: {
    rpc: 'FenceFolder',
    request: folderQuery.extend({
      file: name.optional(),
      mode: z.int(),
      recursive: z.boolean(),
      dryRun: z.boolean(),
    }),
    records: { progress: fenceNoun },
    stream: true,
  },
  localMember: { rpc: 'GetLocalMember', request: nothing, records: { member: localMemberNoun } },
  fileSystems: { rpc: 'ListFileSystems', request: nothing, records: { fileSystems: fileSystemNoun } },
  connections: { rpc: 'ListConnections', request: nothing, records: { connections: connectionNoun } },
  checkConnectivity: {
    rpc: 'CheckConnectivity',
    request: z.strictObject({ connection: name }),
    records: { result: methodResultNoun },
  },
  forceReplication: {
    rpc: 'ForceReplication',
    request: z.strictObject({ connection: name, mode: z.int(), durationMinutes: z.int(), bandwidth: z.int() }),
    records: { result: methodResultNoun },
  },
  forceFolderReplication: {
    rpc: 'ForceFolderReplication',
    request: z.strictObject({ connection: name, folder: name, durationMinutes: z.int(), bandwidth: z.int() }),
    records: { result: methodResultNoun },
  },
  forceDownload: {
    rpc: 'ForceDownload',
    request: z.strictObject({ connection: name, folder: name, uid: name }),
    records: { result: methodResultNoun },
  },
  connection: {
    rpc: 'GetConnection',
    request: z.strictObject({ connection: name }),
    records: { connection: connectionNoun },
  },
  sessions: {
    rpc: 'ListSessions',
    request: z.strictObject({ connection: name.optional(), limit }),
    records: { sessions: sessionNoun },
  },
  session: { rpc: 'GetSession', request: z.strictObject({ session: name }), records: { session: sessionNoun } },
  replicaSync: {
    rpc: 'ReplicaSync',
    // What is wrong with them is told by the number of the result.
    request: z.strictObject({
      folder: z.string().max(4096),
      source: z.string().max(4096).optional(),
      options: z.int(),
    }),
    records: { report: syncReportNoun },
    stream: true,
  },
  syncQueue: { rpc: 'ListSyncQueue', request: nothing, records: { operations: syncOperationNoun } },
  cancelSync: { rpc: 'CancelSync', request: z.strictObject({ serial: z.int().min(0) }), records: {} },
  replicaSources: {
    rpc: 'ListReplicaSources',
    request: z.strictObject({ folder: name.optional() }),
    records: { sources: replicaSourceNoun },
  },
  exportBundle: {
    rpc: 'ExportBundle',
    request: z.strictObject({ folder: name, member: name, path: name, full: z.boolean() }),
    records: { report: bundleReportNoun },
    stream: true,
  },
  importBundle: {
    rpc: 'ImportBundle',
    request: z.strictObject({ path: name }),
    records: { report: bundleReportNoun },
    stream: true,
  },
  updates: { rpc: 'ListUpdates', request: listQuery, records: { updates: updateNoun } },
  backlog: {
    rpc: 'GetBacklog',
    request: z.strictObject({ from: name, to: name, folder: name, limit }),
    records: { files: backlogNoun },
  },
  conflicts: { rpc: 'ListConflicts', request: listQuery, records: { conflicts: conflictNoun } },
  conflict: { rpc: 'GetConflict', request: conflictQuery, records: { conflict: conflictNoun } },
  restoreConflict: {
    rpc: 'RestoreConflict',
    request: conflictQuery.extend({ to: name.optional(), copy: z.boolean() }),
    records: {},
  },
  deleteConflict: { rpc: 'DeleteConflict', request: conflictQuery, records: {} },
  record: {
    rpc: 'GetRecord',
    request: z.strictObject({ folder: name.optional(), file: name }),
    records: { record: idRecordNoun },
  },
  events: { rpc: 'ListEvents', request: z.strictObject({ after, limit }), records: { events: eventNoun } },
  followEvents: {
    rpc: 'FollowEvents',
    request: z.strictObject({ after }),
    records: { event: eventNoun },
    stream: true,
  },
  ...INSIGHT_METHODS,
  ...VOLUME_METHODS,
  ...REPLICA_METHODS,
  ...REPLICA_QUERY_METHODS,
} as const satisfies Record<keyof AdminBackend, AdminMethod>;

/** Methods with one answer, and methods that stream. */
export type StreamMethodName = {
  [M in keyof AdminBackend]: AdminBackend[M] extends (...args: never[]) => AsyncIterable<unknown> ? M : never;
}[keyof AdminBackend];
export type UnaryMethodName = Exclude<keyof AdminBackend, StreamMethodName>;
