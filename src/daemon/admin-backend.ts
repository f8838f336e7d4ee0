/** What the admin API asks, answered from the running member. Each noun's records are built in a file of their own. */
import { posix } from 'node:path';
import type { FolderQuery, FoldersBackend } from '../admin/backend.ts';
import { toDatetime } from '../admin/records/column.ts';
import type { ConnectionRecord } from '../admin/records/connection.ts';
import type { EventRecord } from '../admin/records/event.ts';
import type { SessionRecord } from '../admin/records/session.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { describeUnknown } from '../base/known-names.ts';
import type { MemberConfig } from '../config/config.ts';
import { isReserved, PRIVATE_DIRECTORY } from '../model/name-rules.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';
import type { SyncQueue } from '../replication/sync-queue.ts';
import type { Store, StoredEvent } from '../store/store.ts';
import { findBacklog } from './backlog-records.ts';
import { backlogSummaries } from './backlog-summary.ts';
import { createBundleMethods } from './bundle-methods.ts';
import { conflictRecord, findConflict, listConflicts } from './conflict-records.ts';
import { createConnectionMethods } from './connection-methods.ts';
import { connectionRecords, findConnection } from './connection-records.ts';
import type { EventFeed } from './event-feed.ts';
import { fenceFolder } from './fence-folder.ts';
import { findFile, pathNames } from './file-lookup.ts';
import { idRecord } from './file-records.ts';
import { fileSystemRecords } from './file-system-records.ts';
import { folderMemberRecords, folderRecord, vectorRecords, vectorText } from './folder-records.ts';
import { createFolderSizesBook } from './folder-sizes.ts';
import { createInsight } from './insight.ts';
import type { PropagationAnswers } from './propagation-answers.ts';
import { findSession, sessionRecordsAsked } from './session-records.ts';
import { sourceRecords } from './source-records.ts';
import {
  attentionRecords,
  type ConfigurationFacts,
  localMemberRecord,
  type ServiceFacts,
  serviceRecord,
} from './status-records.ts';
import { createSyncMethods } from './sync-methods.ts';
import { listUpdates } from './update-records.ts';

export interface AdminBackendParts {
  /** The member that runs now: another one after group.yaml was read again. */
  readonly member: () => Member;
  readonly store: Store;
  readonly events: EventFeed;
  readonly syncs: SyncQueue;
  readonly answers: PropagationAnswers;
  readonly home: string;
  readonly memberConfig: MemberConfig;
  /** The member's own key, PEM: bundles are signed with it. */
  readonly key: string;
  readonly startedAt: number;
  readonly configuration: () => ConfigurationFacts;
  /** The daemon was told to stop. */
  readonly stopping: () => boolean;
  readonly clock: Clock;
}

export function createAdminBackend(parts: AdminBackendParts): FoldersBackend {
  const { events, clock } = parts;
  const sizes = createFolderSizesBook(clock);

  function folderNamed({ folder: named }: FolderQuery): Folder {
    const folders = allFolders();
    const found = folders.find(({ core: { config } }) => config.name === named || config.guid === named.toLowerCase());
    if (found) return found;
    const known = folders.map(({ core }) => core.config.name);
    throw new TandemError('NOT_FOUND', describeUnknown({ what: 'folder', name: named, known }));
  }

  function allFolders(): Folder[] {
    return [...parts.member().folders.values()];
  }

  function foldersOf(named: string | undefined): Folder[] {
    return named === undefined ? allFolders() : [folderNamed({ folder: named })];
  }

  function memberNamed(named: string): string {
    const members = [...parts.member().parts.group.members.values()];
    const found = members.find(member => member.name === named || member.guid === named.toLowerCase());
    if (found) return found.name;
    const known = members.map(member => member.name);
    throw new TandemError('NOT_FOUND', describeUnknown({ what: 'member', name: named, known }));
  }

  async function recordOf(folder: Folder) {
    return folderRecord(parts.member().parts.group, folder, await sizes.of(folder));
  }

  const methods = createConnectionMethods({
    member: parts.member,
    folderNamed: folder => folderNamed({ folder }),
    clock,
    emit: events.emit,
  });

  function facts(): ServiceFacts {
    return { ...parts, configuration: parts.configuration(), stopping: parts.stopping() };
  }
  const insight = createInsight({
    member: parts.member,
    answers: parts.answers,
    folderNamed: folder => folderNamed({ folder }),
    foldersOf,
    memberNamed,
    events,
    clock,
  });
  const syncs = createSyncMethods({
    member: parts.member,
    syncs: parts.syncs,
    clock,
    spool: parts.memberConfig.spool,
  });
  const bundles = createBundleMethods({ member: parts.member, folderNamed, memberNamed, key: parts.key, clock });

  return {
    ...insight,

    async status() {
      const member = parts.member();
      const { group } = member.parts;
      const folders = allFolders();
      const sizesByFolder = new Map(
        await Promise.all(folders.map(async folder => [folder, await sizes.of(folder)] as const)),
      );
      const connections = connectionRecords(member, clock.now());
      return {
        service: serviceRecord(member, facts()),
        folders: await Promise.all([...sizesByFolder].map(([folder, found]) => folderRecord(group, folder, found))),
        connections,
        backlogs: await backlogSummaries(member, clock.now()),
        attention: attentionRecords(member, {
          configProblem: parts.configuration().problem,
          sizes: sizesByFolder,
          connections,
          events,
        }),
      };
    },

    folders: async () => ({ folders: await Promise.all(allFolders().map(recordOf)) }),

    async folder(query) {
      const folder = folderNamed(query);
      return { folder: await recordOf(folder), members: folderMemberRecords(parts.member(), folder) };
    },

    async folderVector(query) {
      const { vector } = folderNamed(query).core.store;
      return { vector: vectorRecords(parts.member(), vector), text: vectorText(vector) };
    },

    async rescan(order) {
      const { core, scanner } = folderNamed(order);
      if (core.memory.halt)
        throw new TandemError('REFUSED', `folder ${core.config.name} is halted: ${core.memory.halt.sentence}`);
      void scanner.full();
    },

    async release({ decision, ...query }) {
      await folderNamed(query).release(decision);
    },

    fenceFolder: (order, signal) => fenceFolder(folderNamed(order), order, { clock, signal }),

    localMember: async () => ({ member: localMemberRecord(parts.member(), facts()) }),

    fileSystems: async () => ({ fileSystems: await fileSystemRecords(parts.member(), facts()) }),

    connections: async () => ({ connections: connectionRecords(parts.member(), clock.now()) }),

    connection: async query => ({ connection: findConnection(parts.member(), query.connection, clock.now()) }),

    async sessions({ connection: named, limit }) {
      const member = parts.member();
      const records = await sessionRecordsAsked(member, clock);
      const found = named === undefined ? records : sessionsOf(records, findConnection(member, named, clock.now()));
      return { total: found.length, sessions: found.slice(0, limit) };
    },

    session: async query => ({ session: await findSession(parts.member(), query.session, clock) }),

    checkConnectivity: async query => ({ result: await methods.checkConnectivity(query) }),

    forceReplication: async order => ({ result: await methods.forceReplication(order) }),

    forceFolderReplication: async order => ({ result: await methods.forceFolderReplication(order) }),

    forceDownload: async order => ({ result: await methods.forceDownload(order) }),

    replicaSync: (order, signal) => syncs.replicaSync(order, signal),

    syncQueue: async () => ({ operations: syncs.operations() }),

    cancelSync: async ({ serial }) => syncs.cancel(serial),

    replicaSources: async ({ folder }) => ({
      sources: sourceRecords(parts.member(), foldersOf(folder), parts.syncs),
    }),

    exportBundle: (order, signal) => bundles.exportBundle(order, signal),

    importBundle: (order, signal) => bundles.importBundle(order, signal),

    updates: async ({ folder, limit }) => listUpdates(parts.member(), foldersOf(folder), limit),

    async backlog({ from, to, folder, limit }) {
      const subject = { from: memberNamed(from), to: memberNamed(to), folder: folderNamed({ folder }), limit };
      return findBacklog(parts.member(), subject, clock);
    },

    conflicts: async ({ folder, limit }) => listConflicts(parts.member().parts.group, foldersOf(folder), limit),

    async conflict({ id, folder }) {
      const found = await findConflict(foldersOf(folder), id);
      return { conflict: conflictRecord(parts.member().parts.group, found) };
    },

    async restoreConflict({ id, folder: named, to, copy }) {
      const { folder } = await findConflict(foldersOf(named), id);
      const target = to === undefined ? null : restorePath(folder, to);
      const path = await folder.restoreConflict(id, { to: target, copy });
      sizes.forget(folder);
      return { path };
    },

    async deleteConflict({ id, folder: named }) {
      const { folder } = await findConflict(foldersOf(named), id);
      await folder.deleteConflict(id);
      sizes.forget(folder);
    },

    async record(query) {
      const { folder, record } = await findFile(foldersOf(query.folder), query);
      return { record: await idRecord(folder, record) };
    },

    events: async query => ({ events: (await events.list(query)).map(eventRecord) }),

    async *followEvents({ after }, signal) {
      for await (const event of events.follow(after, signal)) yield eventRecord(event);
    },
  };
}

/** Where an item is to go, below the root. An absolute path below the root will do too. */
function restorePath({ core }: Folder, to: string): string {
  const inside = posix.isAbsolute(to) ? posix.relative(core.rootPath, posix.normalize(to)) : to;
  const names = pathNames(inside);
  if (names.length === 0)
    throw new TandemError('INVALID_ARGUMENT', 'say a name for the restored item, not only the root');
  if (isReserved(true, names[0]!))
    throw new TandemError('INVALID_ARGUMENT', `${PRIVATE_DIRECTORY} belongs to Tandem; choose another place`);
  return names.join('/');
}

function sessionsOf(records: readonly SessionRecord[], { ConnectionGuid }: ConnectionRecord): SessionRecord[] {
  return records.filter(record => record.ConnectionGuid === ConnectionGuid);
}

function eventRecord(event: StoredEvent): EventRecord {
  return {
    Sequence: event.sequence,
    Time: toDatetime(event.time),
    Severity: event.severity,
    EventId: event.number,
    EventName: event.name,
    Message: event.message,
    Fields: JSON.stringify(event.fields),
  };
}
