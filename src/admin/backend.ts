/**
 * What the admin API asks of the daemon. The server calls it with validated requests; the client implements the same
 * interface over the socket, so that a command cannot tell one from the other.
 *
 * Answers are plain data. A method rejects with `TandemError`; its code and message reach the caller unchanged. A
 * folder, member or connection is named by its name or its GUID; an unknown one is NOT_FOUND with a message from
 * `describeUnknown`, which lists the known ones. New methods: one here, one in methods.ts, one in admin.proto.
 */

import type { InsightBackend } from './insight.ts';
import type { BacklogSummaryRecord } from './records/backlog-summary.ts';
import type { BundleReportRecord } from './records/bundle-report.ts';
import type { ConflictRecord } from './records/conflict.ts';
import type { ConnectionRecord } from './records/connection.ts';
import type { AttentionRecord, EventRecord } from './records/event.ts';
import type { FenceRecord } from './records/fence.ts';
import type { FileSystemRecord } from './records/file-system.ts';
import type { FolderMemberRecord, FolderRecord, VectorRecord } from './records/folder.ts';
import type { IdRecord } from './records/id-record.ts';
import type { LocalMemberRecord } from './records/local-member.ts';
import type { MethodResult } from './records/method-result.ts';
import type { ReplicaSourceRecord, SyncOperationRecord, SyncReportRecord } from './records/replica-sync.ts';
import type { ServiceRecord } from './records/service.ts';
import type { SessionRecord } from './records/session.ts';
import type { BacklogRecord, UpdateRecord } from './records/update.ts';
import type { ReplicaQueriesBackend } from './replica-queries.ts';
import type { ReplicasBackend } from './replicas.ts';
import type { VolumesBackend } from './volumes.ts';

export interface AdminBackend extends FoldersBackend, VolumesBackend, ReplicasBackend, ReplicaQueriesBackend {}

/** What is about folders, and the member as a whole. */
export interface FoldersBackend extends InsightBackend {
  status(): Promise<StatusAnswer>;
  folders(): Promise<{ readonly folders: readonly FolderRecord[] }>;
  folder(query: FolderQuery): Promise<FolderAnswer>;
  folderVector(query: FolderQuery): Promise<VectorAnswer>;
  /** Orders a full scan; answers once it is ordered, not once it is done. */
  rescan(order: FolderQuery): Promise<void>;
  /** Decides about a halted folder. REFUSED if it is not halted, or halted for what no order can change. */
  release(order: ReleaseOrder): Promise<void>;
  /**
   * Gives records of a folder another fence, which decides before any clock who wins. Tells how far it is; the last one has
   * what was done. REFUSED where a fence given here would tell nobody anything.
   */
  fenceFolder(order: FenceFolderOrder, signal: AbortSignal): AsyncIterable<FenceRecord>;
  /** This member of its replication group. */
  localMember(): Promise<{ readonly member: LocalMemberRecord }>;
  /** Those on which its folders lie. */
  fileSystems(): Promise<{ readonly fileSystems: readonly FileSystemRecord[] }>;
  connections(): Promise<{ readonly connections: readonly ConnectionRecord[] }>;
  /** The methods of DfsrConnectionInfo: what went wrong is told by the answer's number and sentence. */
  checkConnectivity(query: ConnectionQuery): Promise<MethodAnswer>;
  forceReplication(order: ReplicationForceOrder): Promise<MethodAnswer>;
  forceFolderReplication(order: FolderForceOrder): Promise<MethodAnswer>;
  forceDownload(order: DownloadOrder): Promise<MethodAnswer>;
  connection(query: ConnectionQuery): Promise<{ readonly connection: ConnectionRecord }>;
  sessions(query: SessionsQuery): Promise<SessionsAnswer>;
  session(query: SessionQuery): Promise<{ readonly session: SessionRecord }>;
  /** Reports how far it is; the last one has the result, whatever it is. [DsReplicaSync] */
  replicaSync(order: ReplicaSyncOrder, signal: AbortSignal): AsyncIterable<SyncReportRecord>;
  /** What has its turn, then what waits, in the order of its turns. */
  syncQueue(): Promise<{ readonly operations: readonly SyncOperationRecord[] }>;
  cancelSync(order: { readonly serial: number }): Promise<void>;
  replicaSources(query: FolderFilter): Promise<{ readonly sources: readonly ReplicaSourceRecord[] }>;
  /**
   * Makes a bundle: a file with what a member lacks of a folder. Reports how far it is; the last report has the result. REFUSED if
   * something is at the path, or no connection leads from here to the member.
   */
  exportBundle(order: BundleExportOrder, signal: AbortSignal): AsyncIterable<BundleReportRecord>;
  /** Takes a bundle in that another member made for this one. Who stops listening stops it. */
  importBundle(order: BundleImportOrder, signal: AbortSignal): AsyncIterable<BundleReportRecord>;
  updates(query: ListQuery): Promise<UpdatesAnswer>;
  /** What `from` has and `to` lacks; one of the two is this member. PEER_UNREACHABLE if the other one must be asked and cannot. */
  backlog(query: BacklogQuery): Promise<BacklogAnswer>;
  conflicts(query: ListQuery): Promise<ConflictsAnswer>;
  conflict(query: ConflictQuery): Promise<{ readonly conflict: ConflictRecord }>;
  /** Answers the path below the root where the item is now. REFUSED if something is there. */
  restoreConflict(order: RestoreOrder): Promise<{ readonly path: string }>;
  deleteConflict(order: ConflictQuery): Promise<void>;
  record(query: RecordQuery): Promise<{ readonly record: IdRecord }>;
  /** The newest `limit` events after sequence `after`, oldest first. */
  events(query: EventsQuery): Promise<{ readonly events: readonly EventRecord[] }>;
  /** Events as they happen, until the signal; with `after`, first those since then. */
  followEvents(query: FollowQuery, signal: AbortSignal): AsyncIterable<EventRecord>;
}

export interface StatusAnswer {
  readonly service: ServiceRecord;
  readonly folders: readonly FolderRecord[];
  readonly connections: readonly ConnectionRecord[];
  readonly backlogs: readonly BacklogSummaryRecord[];
  /** What waits for an administrator; empty if all is well. */
  readonly attention: readonly AttentionRecord[];
}

export interface FolderQuery {
  readonly folder: string;
}

export interface FolderAnswer {
  readonly folder: FolderRecord;
  readonly members: readonly FolderMemberRecord[];
}

export interface VectorAnswer {
  readonly vector: readonly VectorRecord[];
  /** The vector as one line of text, for comparing members. */
  readonly text: string;
}

/** accept: what is held is meant; refuse: it is undone from the partners; retry: look again, the cause is gone. */
export const RELEASE_DECISIONS = ['accept', 'refuse', 'retry'] as const;
export type ReleaseDecision = (typeof RELEASE_DECISIONS)[number];

export interface ReleaseOrder extends FolderQuery {
  readonly decision: ReleaseDecision;
}

export interface FenceFolderOrder extends FolderQuery {
  /** Path below the folder's root, absolute path, or UID; without it, the whole folder. */
  readonly file?: string | undefined;
  /** 0: unfence, 1: initial sync, 2: initial primary, 3: default, 4: fence. */
  readonly mode: number;
  /** Also everything below a directory. */
  readonly recursive: boolean;
  /** Count only. */
  readonly dryRun: boolean;
}

export interface ConnectionQuery {
  /** Its GUID, its name (`alpha → beta`, `alpha->beta`, `alpha:beta`), or its partner’s name. */
  readonly connection: string;
}

export interface ReplicationForceOrder extends ConnectionQuery {
  /** 1: obey the schedule, 2: synchronise now, 3: stop, 4: synchronise until in sync. */
  readonly mode: number;
  /** Up to 10080. */
  readonly durationMinutes: number;
  /** Level 0 (off) to 15 (full). */
  readonly bandwidth: number;
}

export interface FolderForceOrder extends ConnectionQuery {
  readonly folder: string;
  readonly durationMinutes: number;
  readonly bandwidth: number;
}

export interface DownloadOrder extends ConnectionQuery {
  readonly folder: string;
  /** UID, or path below the folder’s root. */
  readonly uid: string;
}

export interface MethodAnswer {
  readonly result: MethodResult;
}

export interface SessionsQuery {
  readonly connection?: string | undefined;
  readonly limit: number;
}

/** Those that run come first, then the newest. */
export interface SessionsAnswer {
  readonly total: number;
  readonly sessions: readonly SessionRecord[];
}

export interface SessionQuery {
  /** GUID */
  readonly session: string;
}

export interface ReplicaSyncOrder {
  readonly folder: string;
  /** Name or GUID of a member. */
  readonly source?: string | undefined;
  /** Sum of values of SYNC_OPTIONS. */
  readonly options: number;
}

export interface BundleExportOrder extends FolderQuery {
  /** Name or GUID of the member it is for. */
  readonly member: string;
  /** Absolute, on the daemon's host. */
  readonly path: string;
  /** Also what the member is known to have. */
  readonly full: boolean;
}

export interface BundleImportOrder {
  /** Absolute, on the daemon's host. */
  readonly path: string;
}

export interface FolderFilter {
  readonly folder?: string | undefined;
}

export interface ListQuery extends FolderFilter {
  /** At most so many records; the answer's `total` tells how many there are. */
  readonly limit: number;
}

export interface UpdatesAnswer {
  readonly total: number;
  readonly updates: readonly UpdateRecord[];
}

export interface BacklogQuery {
  readonly from: string;
  readonly to: string;
  readonly folder: string;
  readonly limit: number;
}

export interface BacklogAnswer {
  readonly total: number;
  readonly bytes: number;
  readonly files: readonly BacklogRecord[];
}

export interface ConflictsAnswer {
  readonly total: number;
  readonly conflicts: readonly ConflictRecord[];
}

export interface ConflictQuery {
  readonly id: string;
  /** Needed only where two folders have an item of the same id. */
  readonly folder?: string | undefined;
}

export interface RestoreOrder extends ConflictQuery {
  /** Path below the folder's root; without it, where the item was. */
  readonly to?: string | undefined;
  /** True keeps the preserved item. */
  readonly copy: boolean;
}

export interface RecordQuery {
  /** Without it, `file` is a UID or an absolute path on this host. */
  readonly folder?: string | undefined;
  /** `{DatabaseGUID}-v<number>`, a path below the folder's root, or an absolute path. */
  readonly file: string;
}

export interface EventsQuery {
  readonly after?: number | undefined;
  readonly limit: number;
}

export interface FollowQuery {
  readonly after?: number | undefined;
}
