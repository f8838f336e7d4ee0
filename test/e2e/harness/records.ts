/** Records of connections and sessions, as the admin API gives them, and what passed between two looks. */
import { join } from 'node:path';
import { type AdminClient, createAdminClient } from '../../../src/admin/client.ts';
import type { ConnectionRecord } from '../../../src/admin/records/connection.ts';
import type { SessionRecord } from '../../../src/admin/records/session.ts';
import type { Member } from './member.ts';
import { until } from './until.ts';

export type Connection = ConnectionRecord & { readonly StateName: string };
export type Session = SessionRecord & { readonly StateName: string; readonly InitiationReasonName: string };

/** As `tandem connection list --json` gives them. */
export function connections(member: Member): Promise<Connection[]> {
  return member.json<Connection[]>('connection', 'list');
}

/** `alpha:beta` is the connection from alpha to beta. */
export function connection(member: Member, name: string): Promise<Connection> {
  return member.json<Connection>('connection', 'show', name);
}

/** Those that run first, then the newest. */
export function sessions(member: Member, name: string): Promise<Session[]> {
  return member.json<Session[]>('session', 'list', '--connection', name);
}

/** Waits until the connection is as `fits` says. */
export function connectionThat(
  member: Member,
  name: string,
  fits: (record: Connection) => boolean,
  timeoutMs = 30_000,
): Promise<Connection> {
  return waitFor(
    `connection ${name} on ${member.name}`,
    () => connections(member),
    ({ Name, ...record }) => {
      return Name === name.replace(':', ' → ') && fits({ Name, ...record });
    },
    timeoutMs,
  );
}

/** Waits until there is such a session. */
export function sessionThat(
  member: Member,
  name: string,
  fits: (record: Session) => boolean,
  timeoutMs = 30_000,
): Promise<Session> {
  return waitFor(`a session of ${name} on ${member.name}`, () => sessions(member, name), fits, timeoutMs);
}

async function waitFor<T>(
  what: string,
  look: () => Promise<T[]>,
  fits: (record: T) => boolean,
  timeoutMs: number,
): Promise<T> {
  let last: readonly T[] = [];
  const explain = () => JSON.stringify(last, null, 1);
  const ask = async () => {
    last = await look();
    return last.find(fits);
  };
  return (await until(what, ask, { timeoutMs, everyMs: 100, explain })) as T;
}

export interface Trace<T> {
  /** Each look that differs from the one before in state or error, in order. */
  readonly looks: readonly T[];
  /** Different states in order, as numbers. */
  states(): number[];
  stop(): void;
}

export function traceConnection(member: Member, name: string): Promise<Trace<ConnectionRecord>> {
  return trace(member, async client => (await client.connection({ connection: name })).connection);
}

export function traceSession(member: Member, guid: string): Promise<Trace<SessionRecord>> {
  return trace(member, async client => (await client.session({ session: guid })).session);
}

/** Looks again and again, much faster than a program can be started. */
async function trace<T extends { readonly State: number; readonly LastErrorCode: number }>(
  member: Member,
  ask: (client: AdminClient) => Promise<T>,
): Promise<Trace<T>> {
  const client = await createAdminClient(join(member.home, 'admin.sock'));
  const looks: T[] = [];
  let stopped = false;
  const look = async (): Promise<void> => {
    while (!stopped) {
      const found = await ask(client).catch(() => null);
      const former = looks.at(-1);
      const isNew = found !== null && (former?.State !== found.State || former.LastErrorCode !== found.LastErrorCode);
      if (isNew) looks.push(found);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    client.close();
  };
  void look();
  await until(`the first look at records of ${member.name}`, () => looks.length > 0, { everyMs: 5 });
  return {
    looks,
    states: () => looks.map(({ State }) => State).filter((state, i, all) => state !== all[i - 1]),
    stop: () => {
      stopped = true;
    },
  };
}
