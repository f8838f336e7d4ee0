/** The methods of DfsrConnectionInfo: each answers a number and a sentence, whatever comes of it. [dfsr.md §1.1, §1.2] */
import type { ConnectionQuery, DownloadOrder, FolderForceOrder, ReplicationForceOrder } from '../admin/backend.ts';
import type { MethodResult, RETURN_VALUES } from '../admin/records/method-result.ts';
import type { Clock } from '../base/clock.ts';
import { type ErrorCode, TandemError } from '../base/errors.ts';
import type { EventName } from '../base/events.ts';
import { describeUnknown } from '../base/known-names.ts';
import { LIMITS } from '../base/limits.ts';
import { levelName } from '../model/bandwidth.ts';
import { FORCE_MODES, faultOfFolderForce, faultOfForce, orderFolderForce, orderForce } from '../model/force.ts';
import { formatVersion } from '../model/version.ts';
import type { Folder } from '../replication/folder.ts';
import { forceDownload } from '../replication/forced-download.ts';
import type { InboundConnection } from '../replication/inbound-connection.ts';
import type { InboundSession } from '../replication/inbound-session.ts';
import type { Member } from '../replication/member.ts';
import { connectionName, connectionNames } from './connection-records.ts';
import { numbersOfFailure } from './error-numbers.ts';
import { findFile } from './file-lookup.ts';

type ReturnValue = keyof typeof RETURN_VALUES;

export interface MethodParts {
  readonly member: () => Member;
  /** NOT_FOUND if there is none of that name or GUID. */
  readonly folderNamed: (named: string) => Folder;
  readonly clock: Clock;
  readonly emit: (name: EventName, message: string, fields: Readonly<Record<string, string | number>>) => void;
}

export interface ConnectionMethods {
  checkConnectivity(query: ConnectionQuery): Promise<MethodResult>;
  forceReplication(order: ReplicationForceOrder): Promise<MethodResult>;
  forceFolderReplication(order: FolderForceOrder): Promise<MethodResult>;
  forceDownload(order: DownloadOrder): Promise<MethodResult>;
}

export function createConnectionMethods(parts: MethodParts): ConnectionMethods {
  const { clock, emit } = parts;

  /** The sentence that tells of an order, also in the journal. */
  function tell(connection: InboundConnection, sentence: string): string {
    const { partner, guid } = connection.parts;
    emit('FORCE_ORDERED', sentence, { partner: partner.name, connection: guid });
    return sentence;
  }

  return {
    checkConnectivity: query =>
      resultOf(async () => {
        const connection = inboundNamed(parts.member(), query.connection);
        const { group } = parts.member().parts;
        const began = clock.now();
        await connection.checkConnectivity(group.guid, AbortSignal.timeout(LIMITS.callTimeoutMs));
        return `${connection.parts.partner.name} answered in ${Math.max(0, clock.now() - began)} ms and knows the connection`;
      }),

    forceReplication: order =>
      resultOf(async () => {
        const connection = inboundNamed(parts.member(), order.connection);
        const force = { mode: order.mode, durationMinutes: order.durationMinutes, level: order.bandwidth };
        throwFault(faultOfForce(force));
        connection.window.order(orderForce(force, clock.now()));
        return tell(connection, sentenceOf(order, connection.parts.partner.name));
      }),

    forceFolderReplication: order =>
      resultOf(async () => {
        const connection = inboundNamed(parts.member(), order.connection);
        const folder = parts.folderNamed(order.folder);
        const { guid, name } = sessionOf(connection, folder).folder.core.config;
        const force = { durationMinutes: order.durationMinutes, level: order.bandwidth };
        throwFault(faultOfFolderForce(force));
        const { window } = connection;
        window.order(orderFolderForce(window.forces, guid, force, clock.now()));
        const from = connection.parts.partner.name;
        return tell(
          connection,
          `folder ${name} is synchronised from ${from} for ${order.durationMinutes} min at ${levelName(order.bandwidth)}, whatever the schedule says`,
        );
      }),

    forceDownload: order =>
      resultOf(async () => {
        const connection = inboundNamed(parts.member(), order.connection);
        const session = sessionOf(connection, parts.folderNamed(order.folder));
        const underWay = retryNow(session, order.uid, clock.now());
        if (underWay !== null) return underWay;
        const { core } = session.folder;
        const query = { folder: core.config.name, file: order.uid };
        const { record } = await findFile([session.folder], query).catch(error => {
          if (!(error instanceof TandemError) || error.code !== 'NOT_FOUND') throw error;
          throw withNumber(2, error);
        });
        const path = (await core.paths.of(record)) ?? record.name;
        const signal = AbortSignal.timeout(LIMITS.backlogTimeoutMs);
        await forceDownload(connection, session, { record, path }, signal);
        return `the content of “${path}” is had from ${connection.parts.partner.name} again; “tandem event list” tells when it is there`;
      }),
  };
}

/** An update that waits is tried at once. Null: none of this file does. */
function retryNow({ folder: { core } }: InboundSession, uid: string, now: number): string | null {
  const wanted = [...core.pending.list(), ...core.pending.listGivenUp()].find(
    ({ update }) => formatVersion(update.uid).toLowerCase() === uid.toLowerCase(),
  );
  if (!wanted) return null;
  return core.pending.retryNow(wanted.update.uid, now)
    ? `an update of “${wanted.update.name}” waited to be tried again; it is tried now`
    : `an update of “${wanted.update.name}” is on its way already: ${wanted.reason}`;
}

async function resultOf(work: () => Promise<string>): Promise<MethodResult> {
  try {
    return { ReturnValue: 0, Message: await work(), ErrorCode: '' };
  } catch (error) {
    if (!(error instanceof TandemError) || error.code === 'INTERNAL') throw error;
    const number = error.fields.returnValue as ReturnValue | undefined;
    return { ReturnValue: number ?? numberOf(error.code), Message: error.message, ErrorCode: error.code };
  }
}

function numberOf(code: ErrorCode): ReturnValue {
  switch (code) {
    case 'INVALID_ARGUMENT':
      return 87;
    case 'NOT_FOUND':
      return 1168;
    case 'STORE_FAILED':
      return 1;
    case 'PEER_UNTRUSTED':
      return 4;
    case 'PEER_UNREACHABLE':
    case 'PEER_UNRECOGNIZED':
    case 'PEER_DISABLED':
    case 'PEER_INCOMPATIBLE':
    case 'PEER_VIOLATION':
    case 'FOLDER_NOT_READY':
      return numbersOfFailure({ code, lost: false }).LastErrorCode as ReturnValue;
    case 'CANCELLED':
      return 1726;
    default:
      return 5;
  }
}

/** By its GUID, its name (`sender → receiver`), or its partner’s name or GUID. Methods are for inbound connections. */
function inboundNamed(member: Member, named: string): InboundConnection {
  const { name, group } = member.parts;
  const wanted = named.trim().toLowerCase();
  const names = (guid: string, from: string, to: string, partner: string): readonly string[] =>
    [guid, ...connectionNames(from, to), partner, group.members.get(partner)?.guid ?? ''].map(text =>
      text.toLowerCase(),
    );
  const found = member.inbound.find(({ parts: { guid, partner } }) =>
    names(guid, partner.name, name, partner.name).includes(wanted),
  );
  if (!found) {
    const outbound = group.connections.find(
      ({ guid, from, to }) => from === name && names(guid, name, to, to).includes(wanted),
    );
    if (outbound) {
      throw new TandemError(
        'REFUSED',
        `the connection ${connectionName(name, outbound.to)} is outbound: only the member that receives can check or force it; give the order on ${outbound.to}`,
      );
    }
    const known = member.inbound.map(({ parts }) => connectionName(parts.partner.name, name));
    throw new TandemError('NOT_FOUND', describeUnknown({ what: 'connection', name: named, known }));
  }
  if (!found.parts.enabled) {
    const what = connectionName(found.parts.partner.name, name);
    throw withNumber(9026, new TandemError('REFUSED', `the connection ${what} is disabled in group.yaml`));
  }
  return found;
}

function sessionOf({ parts, sessions }: InboundConnection, folder: Folder): InboundSession {
  const found = sessions.find(session => session.folder === folder);
  if (found) return found;
  throw new TandemError('NOT_FOUND', `folder ${folder.core.config.name} is not replicated by ${parts.partner.name}`);
}

function sentenceOf({ mode, durationMinutes, bandwidth }: ReplicationForceOrder, partner: string): string {
  const always = 'whatever the schedule says';
  switch (mode) {
    case FORCE_MODES.now:
      return `synchronising from ${partner} for ${durationMinutes} min at ${levelName(bandwidth)}, ${always}`;
    case FORCE_MODES.stop:
      return `nothing is taken from ${partner} for ${durationMinutes} min, ${always}`;
    case FORCE_MODES.untilInSync: {
      const most = durationMinutes === 0 ? '' : `, for ${durationMinutes} min at most`;
      return `synchronising from ${partner} at ${levelName(bandwidth)} until in sync${most}, ${always}`;
    }
    default:
      return `the connection from ${partner} obeys its schedule`;
  }
}

function throwFault(fault: string | null): void {
  if (fault !== null) throw new TandemError('INVALID_ARGUMENT', fault);
}

function withNumber(returnValue: ReturnValue, { code, message, fields }: TandemError): TandemError {
  return new TandemError(code, message, { ...fields, returnValue });
}
