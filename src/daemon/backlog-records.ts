/** What one member has of a folder and another one lacks; one of the two is this member. */
import type { BacklogAnswer } from '../admin/backend.ts';
import { toDatetime } from '../admin/records/column.ts';
import type { BacklogRecord } from '../admin/records/update.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Update } from '../model/update.ts';
import { formatVersion, type Uid } from '../model/version.ts';
import { subtractVectors } from '../model/version-vector.ts';
import type { Folder } from '../replication/folder.ts';
import type { InboundConnection } from '../replication/inbound-connection.ts';
import type { Member } from '../replication/member.ts';
import { createKnownPaths, type Place } from './known-path.ts';

export interface BacklogSubject {
  /** Names of members of the group. */
  readonly from: string;
  readonly to: string;
  readonly folder: Folder;
  readonly limit: number;
}

/** What a partner tells of its directories is remembered for paths, up to this many. */
const TOLD_DIRECTORIES = 100_000;

export async function findBacklog(member: Member, subject: BacklogSubject, clock: Clock): Promise<BacklogAnswer> {
  const { from, to, folder } = subject;
  const here = member.parts.name;
  if (from === to) throw new TandemError('INVALID_ARGUMENT', `${from} has no backlog to itself; name two members`);
  if (from !== here && to !== here) {
    const advice = `ask the daemon of ${from} or ${to}`;
    throw new TandemError('REFUSED', `${here} knows only of its own backlogs; ${advice}`);
  }
  const partner = from === here ? to : from;
  assertShared(folder, partner);
  assertFlowsOut(folder, from);
  return from === here ? backlogTo(member, subject) : backlogFrom(member, subject, clock);
}

/** By the vector that the partner announced last. */
async function backlogTo(member: Member, { to, folder, limit }: BacklogSubject): Promise<BacklogAnswer> {
  const { core } = folder;
  const connection = connectionFrom(member, folder, to);
  const session = connection?.sessions.find(each => each.folder === folder);
  const latest = session?.latest;
  if (!connection) {
    const why = `${whyUnheard(member, folder, to)}, so what ${to} holds is not known here`;
    throw new TandemError('REFUSED', `${why}; ask the daemon of ${to}`);
  }
  const stopped = session && connection.standingSentence(session);
  if (stopped) throw new TandemError('REFUSED', `what ${to} holds is not known here: ${stopped}`);
  if (!latest) throw unreachable(connection);
  if (latest.state !== 'normal') {
    const name = core.config.name;
    throw new TandemError(
      'FOLDER_NOT_READY',
      `${to} does not tell what it holds while its folder ${name} is ${latest.state}; ask the daemon of ${to}`,
    );
  }
  const view = core.store.view();
  try {
    const difference = subtractVectors(view.vector, latest.vector);
    const { updates: total, bytes } = await core.store.countUpdates(difference);
    const pathOf = createKnownPaths(core);
    const files: BacklogRecord[] = [];
    for (const pass of ['tombstones', 'live'] as const) {
      if (files.length >= limit) break;
      for await (const records of view.updates(difference, pass)) {
        for (const record of records.slice(0, limit - files.length)) {
          files.push(backlogRecord(record, await pathOf(record)));
        }
        if (files.length >= limit) break;
      }
    }
    return { total: Math.max(total, files.length), bytes, files };
  } finally {
    await view.close();
  }
}

/** By asking the partner, which tells of each version. */
async function backlogFrom(member: Member, subject: BacklogSubject, clock: Clock): Promise<BacklogAnswer> {
  const { from, folder, limit } = subject;
  const { core } = folder;
  const connection = connectionFrom(member, folder, from);
  if (!connection) {
    const why = `no enabled connection leads from ${from} to ${member.parts.name}`;
    throw new TandemError('REFUSED', `${why}: nothing of ${from} comes here directly`);
  }
  const told = new Map<Uid, Place>();
  const pathOf = createKnownPaths(core, uid => told.get(uid));
  const files: BacklogRecord[] = [];
  let total = 0;
  let bytes = 0;
  const timeUp = new AbortController();
  const cancel = clock.after(LIMITS.backlogTimeoutMs, () => timeUp.abort());
  try {
    for await (const answer of connection.requestUpdates(core.config.guid, core.store.vector, timeUp.signal)) {
      if (answer.kind !== 'updates') continue;
      for (const update of answer.updates) {
        total++;
        if (update.present) bytes += update.size;
        if (update.kind === 'directory' && told.size < TOLD_DIRECTORIES) told.set(update.uid, update);
        if (files.length < limit) files.push(backlogRecord(update, await pathOf(update)));
      }
    }
  } catch (error) {
    if (!(error instanceof TandemError) || error.code !== 'CANCELLED') throw error;
  } finally {
    cancel();
  }
  if (timeUp.signal.aborted) {
    const seconds = LIMITS.backlogTimeoutMs / 1000;
    throw new TandemError(
      'PEER_UNREACHABLE',
      `${from} had told of ${total} updates after ${seconds} s and did not end`,
    );
  }
  return { total, bytes, files };
}

/** The enabled connection on which a partner’s versions of this folder arrive. */
export function connectionFrom(member: Member, folder: Folder, partner: string): InboundConnection | undefined {
  const candidates = member.inbound.filter(
    ({ parts, sessions }) =>
      parts.enabled && parts.partner.name === partner && sessions.some(session => session.folder === folder),
  );
  return candidates.find(({ state }) => state === 'online') ?? candidates[0];
}

/** Why a partner, from which no connection brings the folder, tells nothing here of what it holds. */
export function whyUnheard({ parts }: Member, { core: { config } }: Folder, partner: string): string {
  return config.readOnly.includes(partner)
    ? `${config.name} is read-only on ${partner}, which tells nobody what it holds`
    : `no enabled connection leads from ${partner} to ${parts.name}`;
}

/** REFUSED for a read-only member. */
export function assertFlowsOut({ core: { config } }: Folder, from: string): void {
  if (!config.readOnly.includes(from)) return;
  throw new TandemError(
    'REFUSED',
    `nothing flows out of ${from}: ${config.name} is read-only there, and what is changed there is undone`,
  );
}

function unreachable({ parts, failure }: InboundConnection): TandemError {
  const why = failure ? `: ${failure.message}` : ' yet';
  return new TandemError('PEER_UNREACHABLE', `${parts.partner.name} has not said what it holds${why}`);
}

/** NOT_FOUND with the members that have the folder. */
export function assertShared({ core: { config } }: Folder, partner: string): void {
  if (config.members.has(partner)) return;
  const known = [...config.members.keys()].join(', ');
  throw new TandemError('NOT_FOUND', `folder ${config.name} is not replicated by ${partner}; its members: ${known}`);
}

function backlogRecord(update: Update, path: string): BacklogRecord {
  return {
    FullPathName: path,
    FileName: update.name,
    Uid: formatVersion(update.uid),
    GVsn: formatVersion(update.gvsn),
    Present: update.present,
    SizeInBytes: update.present ? update.size : 0,
    // The hybrid clock follows the members’ clocks within a bounded distance.
    UpdateTime: toDatetime(update.clock / 1000),
  };
}
