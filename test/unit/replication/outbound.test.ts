import { describe, expect, test } from 'vitest';
import { systemRandom } from '../../../src/base/system-random.ts';
import { PROTOCOL } from '../../../src/peer/link.ts';
import { Outbound } from '../../../src/replication/outbound.ts';
import { SessionBook } from '../../../src/replication/session-book.ts';
import { MEMBER_STOPS } from '../../../src/replication/sync-session.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { createMemoryKeyValue } from '../../sim/memory-kv.ts';
import { GROUP } from '../daemon/two-members.ts';
import { handClock } from './hand-clock.ts';

const IDLE_MS = 12 * 3_600_000;
const [toBeta] = GROUP.connections;
const guid = toBeta!.guid;

async function setup() {
  const clock = handClock();
  const store = await openStore({ kv: createMemoryKeyValue(), random: systemRandom });
  const fail = (error: unknown): never => {
    throw error;
  };
  const book = new SessionBook({ journal: store.sessions, clock, freshGuid: () => systemRandom.guid(), fail });
  const outbound = new Outbound({
    member: { name: 'alpha', guid: GROUP.members.get('alpha')!.guid },
    group: GROUP,
    software: 'test',
    folders: new Map(),
    clock,
    hash64: () => 0n,
    book,
    idleMs: IDLE_MS,
    heard: () => {},
  });
  outbound.open();
  const greet = () =>
    outbound.establishConnection('beta', {
      protocol: PROTOCOL,
      capabilities: [],
      software: 'test',
      group: GROUP.guid,
      connection: guid,
      member: GROUP.members.get('beta')!.guid,
      configDigest: GROUP.digest,
      now: clock.now(),
      folders: [],
      forced: false,
    });
  const watch = () => {
    const end = new AbortController();
    const events = outbound.watchVectors('beta', { connection: guid, folders: [] }, end.signal);
    const over = events.next();
    return {
      end: async () => {
        end.abort();
        await over;
      },
      over,
    };
  };
  const state = () => outbound.connections.get(guid)?.state;
  return { clock, outbound, greet, watch, state };
}

describe('an outbound connection', () => {
  test('exists from the partner’s call on, and is Online while the partner listens', async () => {
    const { greet, watch, state } = await setup();
    expect(state()).toBeUndefined();
    await greet();
    expect(state()).toBe('connecting');
    const listening = watch();
    await Promise.resolve();
    expect(state()).toBe('online');
    await listening.end();
    expect(state()).toBe('connecting');
  });

  test('is forgotten after twelve hours without a word, and not before', async () => {
    const { clock, greet, watch, state } = await setup();
    await greet();
    const listening = watch();
    clock.move(10 * IDLE_MS);
    expect(state()).toBe('online');
    await listening.end();
    clock.move(IDLE_MS - 1);
    expect(state()).toBe('connecting');
    await greet();
    clock.move(IDLE_MS - 1);
    expect(state()).toBe('connecting');
    clock.move(1);
    expect(state()).toBeUndefined();
    expect(clock.waiting).toBe(0);
    await greet();
    expect(state()).toBe('connecting');
  });

  test('ends with its member, and whoever calls meanwhile is told to call again', async () => {
    const { clock, outbound, greet, watch, state } = await setup();
    await greet();
    const listening = watch();
    outbound.close(MEMBER_STOPS);
    expect(await listening.over).toMatchObject({ done: true });
    expect(state()).toBe('offline');
    expect(clock.waiting).toBe(0);
    await expect(greet()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  });
});
