/** Records of synchronisation sessions: those under way and the last ones of each folder and connection. */
import { NOT_ENDED, toDatetime } from '../admin/records/column.ts';
import type { SessionRecord } from '../admin/records/session.ts';
import type { InitiationReason } from '../model/force.ts';
import { countVersions, coversVector, subtractVectors } from '../model/version-vector.ts';
import type { InboundConnection } from '../replication/inbound-connection.ts';
import type { InboundSession, SessionRecord as SessionFacts } from '../replication/inbound-session.ts';
import type { Member } from '../replication/member.ts';
import { NO_ERROR, numbersOfFailure } from './error-numbers.ts';

const STATE_NUMBERS = {
  initialized: 0,
  connecting: 1,
  'in-progress': 2,
  completed: 3,
  'in-sync': 4,
  interrupted: 5,
  'in-error': 6,
} as const satisfies Record<SessionFacts['state'], number>;

const REASON_NUMBERS = {
  schedule: 0,
  forced: 1,
  paused: 2,
  'forced-until-sync': 3,
} as const satisfies Record<InitiationReason, number>;

/** Newest first. */
export function sessionRecords(member: Member): SessionRecord[] {
  return member.inbound
    .flatMap(connection =>
      connection.sessions.flatMap(session =>
        [...session.history, ...(session.record ? [session.record] : [])].map(facts => ({
          startTime: facts.startTime,
          record: sessionRecord(member, { connection, session, facts }),
        })),
      ),
    )
    .sort((a, b) => b.startTime - a.startTime)
    .map(({ record }) => record);
}

interface Subject {
  readonly connection: InboundConnection;
  readonly session: InboundSession;
  readonly facts: SessionFacts;
}

function sessionRecord(member: Member, { connection, session, facts }: Subject): SessionRecord {
  const { parts } = connection;
  const { group, name } = member.parts;
  const { counters } = session.folder.flow;
  const running = facts.endTime === null;
  const newest = session.record ?? session.history.at(-1);
  const failure = facts.state === 'interrupted' && facts === newest ? connection.failure : null;
  return {
    SyncGuid: facts.guid,
    ConnectionGuid: parts.guid,
    MemberGuid: member.guid,
    MemberName: name,
    PartnerGuid: parts.partner.guid,
    PartnerName: parts.partner.name,
    ReplicationGroupGuid: group.guid,
    ReplicationGroupName: group.name,
    Inbound: true,
    State: STATE_NUMBERS[facts.state],
    InitiationReason: REASON_NUMBERS[facts.force?.reason ?? 'schedule'],
    StartTime: toDatetime(facts.startTime),
    EndTime: toDatetime(facts.endTime, NOT_ENDED),
    UpdatesTransferred: facts.updatesTransferred,
    BytesTransferred: facts.bytesTransferred,
    UpdatesNotTransferred: running ? queuedUpdates(connection, session) : 0,
    UpdatesToBeTransferred: running ? outstandingUpdates(connection, session) : 0,
    // What two sessions of one folder met at the same time counts for both.
    ConflictsGenerated: facts.conflicts ?? counters.conflicts - facts.conflictsBefore,
    TombstonesGenerated: facts.tombstones,
    ...(failure ? numbersOfFailure(failure.code) : NO_ERROR),
    ForceReplicationEndTime: toDatetime(facts.force?.endTime, NOT_ENDED),
    ForceReplicationBandwidthlevel: facts.force?.level ?? 0,
  };
}

function queuedUpdates({ parts }: InboundConnection, { folder }: InboundSession): number {
  return folder.core.pending.list().filter(item => item.round.connection === parts.guid).length;
}

/**
 * Exact once the partner has told of all its updates; before that every version not heard of counts, also those that a
 * newer one has made needless.
 */
function outstandingUpdates(connection: InboundConnection, session: InboundSession): number {
  const { core, flow } = session.folder;
  const givenUp = core.pending.listGivenUp().filter(entry => entry.partner === connection.parts.partner.name).length;
  const told = queuedUpdates(connection, session) + givenUp;
  const have = flow.have();
  if (!session.latest || coversVector(have, session.latest.vector)) return told;
  return told + countVersions(subtractVectors(session.latest.vector, have));
}
