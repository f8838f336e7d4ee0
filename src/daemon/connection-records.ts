/** Records of connections: every configured inbound one, and the outbound ones that partners have opened. */
import { NEVER, toDatetime } from '../admin/records/column.ts';
import type { ConnectionRecord } from '../admin/records/connection.ts';
import { formatAddress } from '../base/address.ts';
import { TandemError } from '../base/errors.ts';
import { describeUnknown } from '../base/known-names.ts';
import { formatElapsed } from '../base/sizes-and-durations.ts';
import { LEVEL_OFF } from '../model/bandwidth.ts';
import type { ConnectionState } from '../model/connection-state.ts';
import type { InboundConnection } from '../replication/inbound-connection.ts';
import type { Member } from '../replication/member.ts';
import type { OutboundConnection } from '../replication/outbound-connection.ts';
import { NO_ERROR, numbersOfFailure } from './error-numbers.ts';

const STATE_NUMBERS = {
  connecting: 0,
  online: 1,
  offline: 2,
  'in-error': 3,
} as const satisfies Record<ConnectionState, number>;

export function connectionRecords(member: Member, now: number): ConnectionRecord[] {
  return [
    ...member.inbound.map(connection => inboundRecord(member, connection)),
    ...[...member.outbound.connections.values()].map(connection => outboundRecord(member, connection, now)),
  ];
}

/** By its GUID, its name, or its partner’s name or GUID: of two with one partner, the inbound one. NOT_FOUND with the known ones. */
export function findConnection(member: Member, named: string, now: number): ConnectionRecord {
  const records = connectionRecords(member, now);
  const wanted = named.trim().toLowerCase();
  const found = records.find(({ ConnectionGuid, PartnerName, PartnerGuid, Inbound }) => {
    const [from, to] = Inbound ? [PartnerName, member.parts.name] : [member.parts.name, PartnerName];
    const names = [ConnectionGuid, ...connectionNames(from, to), PartnerName, PartnerGuid];
    return names.some(name => name.toLowerCase() === wanted);
  });
  if (found) return found;
  const known = records.map(({ Name }) => Name);
  throw new TandemError('NOT_FOUND', describeUnknown({ what: 'connection', name: named, known }));
}

/** What a connection is called in commands. */
export function connectionNames(from: string, to: string): readonly string[] {
  return [connectionName(from, to), `${from} -> ${to}`, `${from}->${to}`, `${from}:${to}`];
}

/** `sender → receiver` */
export function connectionName(from: string, to: string): string {
  return `${from} → ${to}`;
}

function inboundRecord(member: Member, connection: InboundConnection): ConnectionRecord {
  const { parts, state, failure } = connection;
  const { group, name } = member.parts;
  const partner = group.members.get(parts.partner.name);
  const starts = connection.sessions.flatMap(session => session.running.map(({ startTime }) => startTime));
  const inSync = lastInSync(connection);
  const attempts = [connection.lastAttempt, inSync?.startTime ?? null, ...starts];
  const { status, reason } = inboundStatus(member, connection);
  return {
    ...commonColumns(member, { guid: parts.guid, partner: parts.partner }),
    Caption: caption('Inbound connection from', parts.partner.name),
    Description: `Brings the changes of ${parts.partner.name} to ${name}.`,
    InstallDate: connection.firstOnline === null ? null : toDatetime(connection.firstOnline),
    Name: connectionName(parts.partner.name, name),
    Status: status,
    Inbound: true,
    State: STATE_NUMBERS[state],
    LastSyncTime: toDatetime(latest(attempts)),
    LastSyncDuration: inSync ? Math.max(0, Math.round((inSync.endTime - inSync.startTime) / 1000)) : 0,
    LastSuccessfulSyncTime: toDatetime(inSync?.endTime),
    NextSyncTime: toDatetime(connection.nextAttempt ?? connection.window.nextStart()),
    ...(failure ? numbersOfFailure(failure) : NO_ERROR),
    StateReason: reason,
    PartnerAddress: partner ? formatAddress(partner) : '',
  };
}

function outboundRecord(member: Member, connection: OutboundConnection, now: number): ConnectionRecord {
  const { name } = member.parts;
  const { partner } = connection;
  const silentMs = now - connection.lastHeard;
  const reason = `waits for ${partner.name} to call again; it was heard ${formatElapsed(silentMs)} ago`;
  return {
    ...commonColumns(member, connection),
    Caption: caption('Outbound connection to', partner.name),
    Description: `Gives the changes of ${name} to ${partner.name}.`,
    InstallDate: toDatetime(connection.since),
    Name: connectionName(name, partner.name),
    Status: connection.state === 'online' ? 'OK' : 'Lost Comm',
    Inbound: false,
    State: STATE_NUMBERS[connection.state],
    LastSyncTime: NEVER,
    LastSyncDuration: 0,
    LastSuccessfulSyncTime: NEVER,
    NextSyncTime: NEVER,
    ...NO_ERROR,
    StateReason: connection.state === 'online' ? '' : reason,
    PartnerAddress: connection.address,
  };
}

/** At most 64 characters, as the class wants it. */
function caption(what: string, partner: string): string {
  const text = `${what} ${partner}`;
  return text.length > 64 ? `${text.slice(0, 63)}…` : text;
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
  if (state === 'offline') {
    return member.stopping
      ? { status: 'Stopping', reason: 'the member is stopping' }
      : { status: 'Starting', reason: 'the member is starting' };
  }
  if (failure === null) return { status: 'Starting', reason: `calling ${partner}` };
  const lost = connection.firstOnline === null ? 'No Contact' : 'Lost Comm';
  const tries = connection.failures === 1 ? 'once' : `${connection.failures} times`;
  return {
    status: state === 'in-error' || connection.gaveUp ? 'Error' : lost,
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

/** The session that was the last to bring everything. */
function lastInSync({ sessions }: InboundConnection): { startTime: number; endTime: number } | null {
  let last: { startTime: number; endTime: number } | null = null;
  for (const { lastInSync: session } of sessions) {
    if (session?.endTime == null || (last && session.endTime < last.endTime)) continue;
    last = { startTime: session.startTime, endTime: session.endTime };
  }
  return last;
}

function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter(time => time !== null);
  return known.length === 0 ? null : Math.max(...known);
}
