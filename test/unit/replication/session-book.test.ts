import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { systemRandom } from '../../../src/base/system-random.ts';
import { SessionBook } from '../../../src/replication/session-book.ts';
import { CONFIG_CHANGES, MEMBER_STOPS, type SessionSubject } from '../../../src/replication/sync-session.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { SessionBody, SessionJournal } from '../../../src/store/store.ts';
import { createMemoryKeyValue } from '../../sim/memory-kv.ts';
import { handClock } from './hand-clock.ts';

function subjectOf(connection: string, inbound = true): SessionSubject {
  return {
    connection,
    partner: { name: 'alpha', guid: '3f1b0000-0000-4000-8000-000000000001' },
    folder: { name: 'docs', guid: 'b7aa0000-0000-4000-8000-000000000001' },
    inbound,
  };
}

/** The book writes in its own time. */
function written(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 5));
}

async function setup() {
  const store = await openStore({ kv: createMemoryKeyValue(), random: systemRandom });
  const clock = handClock();
  const writes: ReadonlyMap<number, SessionBody | null>[] = [];
  const journal: SessionJournal = {
    list: () => store.sessions.list(),
    write: changes => {
      writes.push(changes);
      return store.sessions.write(changes);
    },
  };
  const open = async () => {
    const book = new SessionBook({
      journal,
      clock,
      freshGuid: () => systemRandom.guid(),
      fail: error => {
        throw error;
      },
    });
    await book.open();
    return book;
  };
  return { clock, writes, open };
}

describe('the book of sessions', () => {
  test('keeps what ended over a restart, with every count', async () => {
    const { clock, open } = await setup();
    const book = await open();
    const session = book.begin(subjectOf('c1'), { reason: 'forced', endTime: 5, level: 15 });
    session.take('connection-established');
    session.updatesTransferred = 7;
    session.bytesTransferred = 2 ** 40;
    session.conflicts = 1;
    session.tombstones = 2;
    clock.move(1500);
    session.take('no-more-updates');
    await book.close();
    const [kept, ...others] = (await open()).ended();
    expect(others).toEqual([]);
    expect(kept).toMatchObject({
      guid: session.guid,
      state: 'in-sync',
      force: { reason: 'forced', endTime: 5, level: 15 },
      updatesTransferred: 7,
      bytesTransferred: 2 ** 40,
      conflicts: 1,
      tombstones: 2,
      endTime: session.startTime + 1500,
      failure: null,
    });
  });

  test('ends what ran when the member died at the last time it was seen', async () => {
    const { clock, open } = await setup();
    const book = await open();
    const inbound = book.begin(subjectOf('c1'), null);
    const outbound = book.begin(subjectOf('c2', false), null);
    for (const session of [inbound, outbound]) session.take('connection-established');
    inbound.bytesTransferred = 100;
    clock.move(LIMITS.sessionsWriteMs);
    const seen = clock.now();
    await written();
    inbound.bytesTransferred = 200;
    const next = await open();
    expect(next.ended()).toMatchObject([
      { guid: inbound.guid, state: 'interrupted', bytesTransferred: 100, endTime: seen },
      { guid: outbound.guid, state: 'completed', endTime: seen },
    ]);
    expect(next.running()).toEqual([]);
    await next.close();
    expect((await open()).ended()).toHaveLength(2);
  });

  test('closes sessions with the reason in words', async () => {
    const { open } = await setup();
    const book = await open();
    const [stopped, changed] = [book.begin(subjectOf('c1'), null), book.begin(subjectOf('c1'), null)];
    for (const session of [stopped, changed]) session.take('connection-established');
    stopped.close(MEMBER_STOPS);
    changed.close(CONFIG_CHANGES);
    expect(book.ended()).toMatchObject([
      { state: 'completed', note: 'the member stopped' },
      { state: 'interrupted', note: 'the configuration changed' },
    ]);
  });

  test('writes nothing while nothing moves, and a batch now and then while something does', async () => {
    const { clock, writes, open } = await setup();
    const book = await open();
    const session = book.begin(subjectOf('c1'), null);
    session.take('connection-established');
    for (let i = 0; i < 1000; i++) {
      session.updatesTransferred++;
      clock.move(10);
    }
    await written();
    expect(writes.length).toBeLessThanOrEqual(3);
    for (let i = 0; i < 4; i++) clock.move(LIMITS.sessionsWriteMs);
    await written();
    const settled = writes.length;
    for (let i = 0; i < 10; i++) clock.move(LIMITS.sessionsWriteMs);
    await written();
    expect(writes.length).toBe(settled);
    expect(clock.waiting).toBe(0);
    session.updatesTransferred++;
    book.touch();
    clock.move(LIMITS.sessionsWriteMs);
    await written();
    expect(writes.length).toBe(settled + 1);
  });

  test('is bounded: the oldest of a busy connection go, and those of a quiet one stay', async () => {
    const { open } = await setup();
    const book = await open();
    const end = (connection: string) => {
      const session = book.begin(subjectOf(connection), null);
      session.take('connection-established');
      session.take('no-more-updates');
      return session;
    };
    const quiet = end('quiet');
    const busy = Array.from({ length: LIMITS.endedSessionsPerConnection + 5 }, () => end('busy'));
    const kept = new Set(book.ended().map(({ guid }) => guid));
    expect(kept.size).toBe(LIMITS.endedSessionsPerConnection + 1);
    expect(kept.has(quiet.guid)).toBe(true);
    expect(kept.has(busy[4]!.guid)).toBe(false);
    expect(kept.has(busy[5]!.guid)).toBe(true);
    await book.close();
    expect((await open()).ended()).toHaveLength(kept.size);
    const more = await open();
    for (let i = 0; i < LIMITS.endedSessions + 10; i++) {
      const session = more.begin(subjectOf(`c${i}`), null);
      session.take('connection-established');
      session.take('no-more-updates');
    }
    expect(more.ended()).toHaveLength(LIMITS.endedSessions);
  });

  test('keeps the last of a row of attempts that failed alike', async () => {
    const { open } = await setup();
    const book = await open();
    const fail = (code: 'PEER_UNREACHABLE' | 'PEER_UNTRUSTED', bytes = 0) => {
      const session = book.begin(subjectOf('c1'), null);
      session.take('connection-trying');
      session.bytesTransferred = bytes;
      session.failure = { code, lost: false };
      session.take('connection-failed');
      return session.guid;
    };
    const first = fail('PEER_UNREACHABLE', 10);
    fail('PEER_UNREACHABLE');
    fail('PEER_UNREACHABLE');
    const third = fail('PEER_UNREACHABLE');
    const other = fail('PEER_UNTRUSTED');
    expect(book.ended().map(({ guid }) => guid)).toEqual([first, third, other]);
  });
});
