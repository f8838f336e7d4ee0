/** Records of the sources of this member’s folders: what requests of ReplicaSync found, and what is so now. */
import { toDatetime } from '../admin/records/column.ts';
import type { ReplicaSourceRecord } from '../admin/records/replica-sync.ts';
import { resultOfFailure } from '../model/replica-sync.ts';
import { countVersions, subtractVectors } from '../model/version-vector.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';
import { type Feed, feedsOf, type SyncQueue } from '../replication/sync-queue.ts';

export function sourceRecords(member: Member, folders: readonly Folder[], syncs: SyncQueue): ReplicaSourceRecord[] {
  return folders.flatMap(folder =>
    feedsOf(member, folder.core.config.guid).map(feed => sourceRecord(folder, feed, syncs)),
  );
}

function sourceRecord({ core }: Folder, { connection, session }: Feed, syncs: SyncQueue): ReplicaSourceRecord {
  const { parts, welcome, failure } = connection;
  const state = syncs.source(core.config.guid, parts.partner.guid);
  const heard = session.latest;
  const database = welcome?.folders.find(({ folder }) => folder === core.config.guid)?.database ?? '';
  // The connection fails by itself as well, and is in sync without having been asked.
  const failed = failure !== null && failure.since >= (state?.lastAttempt ?? 0);
  const inSync = session.lastInSync?.endTime ?? null;
  const succeeded = inSync !== null && inSync > (state?.lastAttempt ?? 0) && !failed;
  const last = failed
    ? { result: resultOfFailure(failure.code), sentence: failure.message, failures: connection.failures }
    : succeeded
      ? { result: 0, sentence: '', failures: 0 }
      : { result: state?.lastResult ?? 0, sentence: state?.sentence ?? '', failures: state?.failures ?? 0 };
  return {
    ReplicatedFolderGuid: core.config.guid,
    ReplicatedFolderName: core.config.name,
    SourceGuid: parts.partner.guid,
    SourceName: parts.partner.name,
    ConnectionGuid: parts.guid,
    Enabled: parts.enabled,
    IsOpen: connection.window.isOpen(core.config.guid),
    IsNotified: connection.state === 'online' && heard !== null,
    SourceDatabaseGuid: database,
    LastVersionSynced: database === '' ? 0 : core.highestClaimed(database),
    MissingVersions: heard === null ? null : countVersions(subtractVectors(heard.vector, core.store.vector)),
    LastSyncAttempt: toDatetime(latest(state?.lastAttempt, connection.lastAttempt)),
    LastSyncSuccess: toDatetime(latest(state?.lastSuccess, inSync)),
    LastSyncResult: last.result,
    NumConsecutiveSyncFailures: last.failures,
    LastSyncMessage: last.sentence,
  };
}

function latest(a: number | null | undefined, b: number | null): number | null {
  return Math.max(a ?? 0, b ?? 0) || null;
}
