/** Records of updates on their way: queued, moving, waiting, blocked, or put off until later. */

import type { UpdatesAnswer } from '../admin/backend.ts';
import { toDatetime } from '../admin/records/column.ts';
import type { UpdateRecord } from '../admin/records/update.ts';
import { derivedGuid } from '../config/derived-guid.ts';
import type { Update } from '../model/update.ts';
import { databaseOf, formatVersion, type Gvsn } from '../model/version.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';
import { type OutboundConnection, queuedUpdates, untold } from '../replication/outbound-connection.ts';
import type { GivenUp, PendingUpdate, UpdateStage } from '../replication/pending.ts';
import { createKnownPaths } from './known-path.ts';

const STATE_NUMBERS = {
  scheduled: 1,
  running: 2,
  downloading: 3,
  wait: 4,
  blocked: 5,
} as const satisfies Record<UpdateStage, number>;

/** Of these folders, in the order in which they came; those that were put off follow, and outbound ones stand last. */
export async function listUpdates(member: Member, folders: readonly Folder[], limit: number): Promise<UpdatesAnswer> {
  let total = 0;
  const updates: UpdateRecord[] = [];
  for (const folder of folders) {
    const { core } = folder;
    const pathOf = createKnownPaths(core);
    total += core.pending.size + core.pending.givenUpSize;
    for (const item of core.pending.list().slice(0, limit - updates.length)) {
      updates.push(underWayRecord(folder, item, await pathOf(item.update)));
    }
    for (const entry of core.pending.listGivenUp().slice(0, limit - updates.length)) {
      updates.push(putOffRecord(member, { folder, entry, path: await pathOf(entry.update) }));
    }
  }
  const outbound = await listOutbound(member, folders, limit - updates.length);
  return { total: total + outbound.total, updates: [...updates, ...outbound.updates] };
}

/** What partners have asked for and not been sent: contents, and updates of which they have not been told yet. */
async function listOutbound(member: Member, folders: readonly Folder[], limit: number): Promise<UpdatesAnswer> {
  const updates: UpdateRecord[] = [];
  let total = 0;
  for (const folder of folders) {
    const { core } = folder;
    const pathOf = createKnownPaths(core);
    for (const connection of member.outbound.connections.values()) {
      const add = async (update: Update, progress: Progress): Promise<void> => {
        const path = await pathOf(update);
        updates.push(outboundRecord(folder, connection, { update, path, ...progress }));
      };
      const asked = [...connection.asked].flatMap(stream => stream.list());
      const files = asked.filter(({ wanted }) => wanted.folder === core.config.guid);
      total += files.length;
      const some = files.slice(0, limit - updates.length);
      const records = await core.store.records(some.map(({ wanted }) => wanted.uid));
      for (const [i, { wanted, sending, since, bytesSent }] of some.entries()) {
        const record = records[i];
        if (record) await add({ ...record, gvsn: wanted.gvsn }, { sending, since, bytesSent });
      }
      for (const session of connection.sessions) {
        if (session.session.subject.folder.guid !== core.config.guid) continue;
        total += await queuedUpdates(session);
        if (updates.length >= limit) continue;
        for await (const { update, since } of untold(session)) {
          if (updates.length >= limit) break;
          await add(update, { sending: false, since, bytesSent: 0 });
        }
      }
    }
  }
  return { total, updates };
}

interface Progress {
  readonly sending: boolean;
  readonly since: number;
  readonly bytesSent: number;
}

function outboundRecord(
  folder: Folder,
  { guid, partner }: OutboundConnection,
  { update, path, sending, since, bytesSent }: Progress & { readonly update: Update; readonly path: string },
): UpdateRecord {
  return {
    ...commonColumns(folder, { update, path, connection: guid }),
    UpdateGuid: derivedGuid(guid, update.gvsn),
    Inbound: false,
    UpdateState: sending ? STATE_NUMBERS.downloading : STATE_NUMBERS.scheduled,
    Since: toDatetime(since),
    PartnerName: partner.name,
    BytesReceived: bytesSent,
    RetryTime: null,
    Reason: sending ? '' : `waits for its turn on the way to ${partner.name}`,
  };
}

/** Why an update that was put off has to wait, in words. */
export function putOffReason(entry: GivenUp): string {
  return `${entry.reason}; it is asked for again at ${toDatetime(entry.retryAt)}`;
}

function underWayRecord(folder: Folder, item: PendingUpdate, path: string): UpdateRecord {
  const { update, round } = item;
  return {
    ...commonColumns(folder, { update, path, connection: round.connection }),
    UpdateState: STATE_NUMBERS[item.stage],
    Since: toDatetime(item.since),
    PartnerName: round.partner,
    BytesReceived: item.staged ? update.size : item.receivedBytes,
    RetryTime: null,
    Reason: item.stage === 'downloading' ? '' : item.reason,
  };
}

interface PutOff {
  readonly folder: Folder;
  readonly entry: GivenUp;
  readonly path: string;
}

function putOffRecord(member: Member, { folder, entry, path }: PutOff): UpdateRecord {
  const connection = member.inbound.find(candidate => candidate.parts.partner.name === entry.partner)?.parts.guid ?? '';
  return {
    ...commonColumns(folder, { update: entry.update, path, connection }),
    UpdateState: STATE_NUMBERS.wait,
    Since: toDatetime(entry.since),
    PartnerName: entry.partner,
    BytesReceived: 0,
    RetryTime: toDatetime(entry.retryAt),
    Reason: putOffReason(entry),
  };
}

function commonColumns(
  { core }: Folder,
  { update, path, connection }: { readonly update: Update; readonly path: string; readonly connection: string },
) {
  return {
    UpdateGuid: updateGuid(update.gvsn),
    Uid: formatVersion(update.uid),
    GVsn: formatVersion(update.gvsn),
    ParentUid: formatVersion(update.parent),
    FileName: update.name,
    FullPathName: path,
    ReplicatedFolderGuid: core.config.guid,
    ReplicatedFolderName: core.config.name,
    ConnectionGuid: connection,
    Inbound: true,
    SizeInBytes: update.size,
  };
}

/** The same version is the same update, whoever sends it and however often. */
function updateGuid(gvsn: Gvsn): string {
  return derivedGuid(databaseOf(gvsn), gvsn);
}
