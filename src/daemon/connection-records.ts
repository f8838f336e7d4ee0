/** Records of connections: every configured inbound one, and the outbound ones that partners have opened. */
import { NEVER, toDatetime } from '../admin/records/column.ts';
import type { ConnectionRecord } from '../admin/records/connection.ts';
import { formatAddress } from '../base/address.ts';
import { formatElapsed } from '../base/sizes-and-durations.ts';
import { LEVEL_OFF } from '../model/bandwidth.ts';
import type { InboundConnection } from '../replication/inbound-connection.ts';
import type { SessionRecord } from '../replication/inbound-session.ts';
import type { Member } from '../replication/member.ts';
import type { OutboundConnection } from '../replication/outbound.ts';
import { NO_ERROR, numbersOfFailure } from './error-numbers.ts';

/** An outbound connection that nobody uses for so long is forgotten. [dfsr.md §2.1] */
const OUTBOUND_IDLE_MS = 12 * 3_600_000;

const STATE_NUMBERS = { connecting: 0, online: 1, offline: 2, 'in-error': 3 } as const;

export function connectionRecords(member: Member, now: number): ConnectionRecord[] {
  const outbound = [...member.outbound.connections.values()].filter(
    connection => connection.streams > 0 || now - connection.lastHeard < OUTBOUND_IDLE_MS,
  );
  return [
    ...member.inbound.map(connection => inboundRecord(member, connection)),
    ...outbound.map(connection => outboundRecord(member, connection, now)),
  ];
}

/** `sender → receiver` */
export function connectionName(from: string, to: string): string {
  return `${from} → ${to}`;
}

function inboundRecord(member: Member, connection: InboundConnection): ConnectionRecord {
  const { parts, state, failure } = connection;
  const { group, name } = member.parts;
  const partner = group.members.get(parts.partner.name);
  const sessions = connection.sessions.flatMap(session => [
    ...session.history,
    ...(session.record ? [session.record] : []),
  ]);
  const attempts = [connection.lastAttempt, ...sessions.map(session => session.startTime)];
  const { status, reason } = inboundStatus(member, connection);
  return {
    ...commonColumns(member, { guid: parts.guid, partner: parts.partner }),
    Caption: `Inbound connection from ${parts.partner.name}`,
    Description: `Brings the changes of ${parts.partner.name} to ${name}.`,
    InstallDate: connection.firstOnline === null ? null : toDatetime(connection.firstOnline),
    Name: connectionName(parts.partner.name, name),
    Status: status,
    Inbound: true,
    State: STATE_NUMBERS[state],
    LastSyncTime: toDatetime(latest(attempts)),
    LastSyncDuration: lastDurationSeconds(sessions),
    LastSuccessfulSyncTime: toDatetime(latest(connection.sessions.map(session => session.lastSuccess))),
    NextSyncTime: toDatetime(connection.nextAttempt ?? connection.window.nextStart()),
    ...(failure ? numbersOfFailure(failure.code) : NO_ERROR),
    StateReason: reason,
    PartnerAddress: partner ? formatAddress(partner) : '',
  };
}

function outboundRecord(member: Member, connection: OutboundConnection, now: number): ConnectionRecord {
  const { group, name } = member.parts;
  const open = connection.streams > 0;
  const silentMs = now - connection.lastHeard;
  return {
    ...commonColumns(member, {
      guid: connection.guid,
      partner: { name: connection.partner, guid: group.members.get(connection.partner)?.guid ?? '' },
    }),
    Caption: `Outbound connection to ${connection.partner}`,
    Description: `Gives the changes of ${name} to ${connection.partner}.`,
    InstallDate: toDatetime(connection.since),
    Name: connectionName(name, connection.partner),
    Status: open ? 'OK' : 'Lost Comm',
    Inbound: false,
    State: open ? STATE_NUMBERS.online : STATE_NUMBERS.connecting,
    LastSyncTime: NEVER,
    LastSyncDuration: 0,
    LastSuccessfulSyncTime: NEVER,
    NextSyncTime: NEVER,
    ...NO_ERROR,
    StateReason: open
      ? ''
      : `waits for ${connection.partner} to call again; it was heard ${formatElapsed(silentMs)} ago`,
    PartnerAddress: '',
  };
}

function commonColumns(
  { guid, parts }: Member,
  connection: { readonly guid: string; readonly partner: { readonly name: string; readonly guid: string } },
) {
  return {
    ConnectionGuid: connection.guid,
    MemberGuid: guid,
    MemberName: parts.name,
    PartnerGuid: connection.partner.guid,
    PartnerName: connection.partner.name,
    ReplicationGroupGuid: parts.group.guid,
    ReplicationGroupName: parts.group.name,
  };
}

/** Status in the words of CIM, and why. */
function inboundStatus(member: Member, connection: InboundConnection): { status: string; reason: string } {
  const { parts, state, failure } = connection;
  const partner = parts.partner.name;
  if (!parts.enabled) return { status: 'Service', reason: 'disabled in group.yaml' };
  if (state === 'online') {
    const differs = connection.welcome !== null && connection.welcome.configDigest !== member.parts.group.digest;
    if (differs) return { status: 'Degraded', reason: `group.yaml of ${partner} differs from this member’s` };
    return { status: 'OK', reason: '' };
  }
  const closed = closedReason(connection);
  if (closed !== null) return { status: 'Service', reason: closed };
  if (state === 'offline') return { status: 'Stopping', reason: 'the member is starting or stopping' };
  if (failure === null) return { status: 'Starting', reason: `calling ${partner}` };
  const lost = connection.firstOnline === null ? 'No Contact' : 'Lost Comm';
  const tries = connection.failures === 1 ? 'once' : `${connection.failures} times`;
  return {
    status: state === 'in-error' ? 'Error' : lost,
    reason: `${failure.message} (failed ${tries} since ${toDatetime(failure.since)})`,
  };
}

/** Why the connection may not run now; null: it may. */
function closedReason({ window, parts }: InboundConnection): string | null {
  const { level, forces } = window.now();
  if (level !== LEVEL_OFF) return null;
  if (forces.connection) {
    return `stopped by order until ${toDatetime(forces.connection.endTime)}; “tandem connection force ${parts.partner.name} --mode schedule” takes it back`;
  }
  const start = window.nextStart();
  return start === null ? 'never open by its schedule' : `closed by its schedule until ${toDatetime(start)}`;
}

function lastDurationSeconds(sessions: readonly SessionRecord[]): number {
  let last: SessionRecord | null = null;
  for (const session of sessions) {
    if (session.state === 'in-sync' && (session.endTime ?? 0) >= (last?.endTime ?? 0)) last = session;
  }
  return last?.endTime ? Math.max(0, Math.round((last.endTime - last.startTime) / 1000)) : 0;
}

function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter(time => time !== null);
  return known.length === 0 ? null : Math.max(...known);
}
