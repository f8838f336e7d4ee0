/** Records of synchronisation sessions: those that run, and the last ones of each connection. */
import { NOT_ENDED, toDatetime } from '../admin/records/column.ts';
import type { SessionRecord } from '../admin/records/session.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { InitiationReason } from '../model/force.ts';
import type { SessionState } from '../model/session-state.ts';
import { servesAsSource } from '../replication/folder-core.ts';
import type { InboundConnection } from '../replication/inbound-connection.ts';
import type { InboundSession } from '../replication/inbound-session.ts';
import type { Member } from '../replication/member.ts';
import { type OutboundConnection, type OutboundSession, queuedUpdates } from '../replication/outbound-connection.ts';
import type { SyncSession } from '../replication/sync-session.ts';
import type { SessionBody } from '../store/store.ts';
import { NO_ERROR, numbersOfFailure } from './error-numbers.ts';

const STATE_NUMBERS = {
  initialized: 0,
  connecting: 1,
  'in-progress': 2,
  completed: 3,
  'in-sync': 4,
  interrupted: 5,
  'in-error': 6,
} as const satisfies Record<SessionState, number>;

const REASON_NUMBERS = {
  schedule: 0,
  forced: 1,
  paused: 2,
  'forced-until-sync': 3,
} as const satisfies Record<InitiationReason, number>;

/** What is known beside the session itself. */
interface Surroundings {
  readonly queued: number;
  readonly toCome: number;
  readonly reason: string;
}

/** Those that run come first, then the newest. */
export async function sessionRecords(member: Member): Promise<SessionRecord[]> {
  const running = [...inboundRecords(member), ...guestRecords(member), ...(await outboundRecords(member))];
  const ended = member.sessions
    .ended()
    .map(body => sessionRecord(member, body, { ...body, reason: body.note }))
    .sort((a, b) => compare(b.EndTime, a.EndTime));
  return [...running.sort((a, b) => compare(b.StartTime, a.StartTime)), ...ended];
}

/** As above, after each partner was asked how many updates it has that it was not asked for: nobody else can tell. */
export async function sessionRecordsAsked(member: Member, clock: Clock): Promise<SessionRecord[]> {
  const timeUp = new AbortController();
  const cancel = clock.after(LIMITS.countTimeoutMs, () => timeUp.abort());
  try {
    await Promise.all(
      member.inbound.flatMap(connection =>
        connection.sessions.map(session => connection.countUnasked(session, timeUp.signal)),
      ),
    );
  } finally {
    cancel();
  }
  return sessionRecords(member);
}

/** NOT_FOUND if no session that is remembered has this GUID. */
export async function findSession(member: Member, guid: string, clock: Clock): Promise<SessionRecord> {
  const records = await sessionRecordsAsked(member, clock);
  const found = records.find(({ SyncGuid }) => SyncGuid === guid.toLowerCase());
  if (found) return found;
  throw new TandemError('NOT_FOUND', `no session “${guid}” is remembered; “tandem session list” shows those that are`);
}

function inboundRecords(member: Member): SessionRecord[] {
  return member.inbound.flatMap(connection =>
    connection.sessions.flatMap(folder =>
      folder.running.map(session => {
        const left = folder.outstanding(session);
        const reason = stoppedReason(session) ?? inboundReason(connection, folder, left.toCome);
        return sessionRecord(member, session.body(), { ...left, reason });
      }),
    ),
  );
}

/** Of bundles that are being taken in. */
function guestRecords(member: Member): SessionRecord[] {
  return [...member.guests].flatMap(folder =>
    folder.running.map(session =>
      sessionRecord(member, session.body(), { ...folder.outstanding(session), reason: 'a bundle is taken in' }),
    ),
  );
}

async function outboundRecords(member: Member): Promise<SessionRecord[]> {
  const records: SessionRecord[] = [];
  for (const connection of member.outbound.connections.values()) {
    for (const folder of connection.sessions) {
      const queued = await queuedUpdates(folder);
      const around = { queued, toCome: 0, reason: outboundReason(connection, folder) };
      if (!folder.session.over) records.push(sessionRecord(member, folder.session.body(), around));
    }
  }
  return records;
}

function sessionRecord(member: Member, body: SessionBody, { queued, toCome, reason }: Surroundings): SessionRecord {
  const { group, name } = member.parts;
  return {
    SyncGuid: body.guid,
    ConnectionGuid: body.connection,
    MemberGuid: member.guid,
    MemberName: name,
    PartnerGuid: body.partner.guid,
    PartnerName: body.partner.name,
    ReplicationGroupGuid: group.guid,
    ReplicationGroupName: group.name,
    Inbound: body.inbound,
    State: STATE_NUMBERS[body.state],
    InitiationReason: REASON_NUMBERS[body.force?.reason ?? 'schedule'],
    StartTime: toDatetime(body.startTime),
    EndTime: toDatetime(body.endTime, NOT_ENDED),
    UpdatesTransferred: body.updatesTransferred,
    BytesTransferred: body.bytesTransferred,
    UpdatesNotTransferred: queued,
    UpdatesToBeTransferred: toCome,
    ConflictsGenerated: body.conflicts,
    TombstonesGenerated: body.tombstones,
    ...(body.failure ? numbersOfFailure(body.failure) : NO_ERROR),
    ForceReplicationEndTime: toDatetime(body.force?.endTime, NOT_ENDED),
    ForceReplicationBandwidthlevel: body.force?.level ?? 0,
    ReplicatedFolderGuid: body.folder.guid,
    ReplicatedFolderName: body.folder.name,
    StateReason: reason,
  };
}

function stoppedReason({ force }: SyncSession): string | null {
  return force?.reason === 'paused' ? `stopped by order until ${toDatetime(force.endTime)}` : null;
}

/** Why a session that runs does not move, or what it does; empty while updates come in. */
function inboundReason(connection: InboundConnection, { folder, latest }: InboundSession, toCome: number): string {
  const { core } = folder;
  const { partner } = connection.parts;
  if (connection.state !== 'online') return connection.failure?.message ?? `calling ${partner.name}`;
  const offered = connection.welcome?.folders.some(({ folder: guid }) => guid === core.config.guid);
  if (!offered) return `${partner.name} does not replicate folder ${core.config.name}`;
  if (core.memory.halt) return `the folder is halted: ${core.memory.halt.sentence}`;
  if (latest && !servesAsSource(latest.state)) return `the folder on ${partner.name} is ${latest.state}`;
  if (!core.memory.initialScanDone) return 'looking at the folder for the first time';
  const putOff = core.pending.givenUpSize;
  if (toCome > 0 && putOff > 0) return `${putOff} ${putOff === 1 ? 'update waits' : 'updates wait'} for another try`;
  return latest && toCome === 0 && latest.state !== 'normal' ? `the folder on ${partner.name} is ${latest.state}` : '';
}

function outboundReason({ partner, used }: OutboundConnection, { watchers }: OutboundSession): string {
  if (watchers > 0) return '';
  return used ? `${partner.name} does not ask for this folder now` : `waits for ${partner.name} to call again`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
