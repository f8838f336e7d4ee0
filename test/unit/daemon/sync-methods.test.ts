/** ReplicaSync, its queue and its sources, asked of two members joined in memory. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { NEVER } from '../../../src/admin/records/column.ts';
import type { SyncReportRecord } from '../../../src/admin/records/replica-sync.ts';
import { silentLog } from '../../../src/base/log.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { SYNC_OPTIONS } from '../../../src/model/replica-sync.ts';
import { NEVER_OPEN } from '../../../src/model/schedule.ts';
import { SyncQueue, type SyncState, type Ticket } from '../../../src/replication/sync-queue.ts';
import { GROUP, groupWith, type Pair, ROOT, startPair } from './two-members.ts';

const { ASYNCHRONOUS_OPERATION, ALL_SOURCES, FORCE, FULL, URGENT, NO_DISCARD, ADD_REFERENCE, PERIODIC, WRITEABLE } =
  SYNC_OPTIONS;
const ALPHA = GROUP.members.get('alpha')!.guid;
const never = new AbortController().signal;
let pair: Pair;

afterEach(() => pair.stop());

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));

function soon(check: () => unknown): Promise<unknown> {
  return vi.waitFor(check, { timeout: 10_000 });
}

async function sync(options = 0, source: string | undefined = 'alpha', folder = 'docs') {
  const reports: SyncReportRecord[] = [];
  for await (const report of pair.beta.backend.replicaSync({ folder, source, options }, never)) reports.push(report);
  const last = reports.at(-1)!;
  expect(reports.map(({ Done }) => Done)).toEqual(reports.map(report => report === last));
  return last;
}

/** All sources: none is named. */
async function syncAll(options: number) {
  for await (const report of pair.beta.backend.replicaSync({ folder: 'docs', options }, never)) return report;
  throw new Error('no report');
}

const operations = async () => (await pair.beta.backend.syncQueue()).operations;
const source = async () => (await pair.beta.backend.replicaSources({})).sources[0]!;
const events = async (name: string) =>
  (await pair.beta.backend.events({ limit: 1000 })).events.filter(({ EventName }) => EventName === name);

/** Beta's connection from alpha as it is in group.yaml, on both members. */
const withConnection = (given: Partial<(typeof GROUP.connections)[0]>) => ({
  ...GROUP,
  connections: GROUP.connections.map((connection, i) => (i === 0 ? { ...connection, ...given } : connection)),
});

describe('with a connection that is open', () => {
  beforeEach(async () => {
    pair = await startPair();
    pair.alpha.user.writeFile(`${ROOT}/first.txt`, 'first');
    pair.alpha.hint();
    await soon(() => expect(pair.beta.user.exists(`${ROOT}/first.txt`)).toBe(true));
  });

  test('answers when all that the source has is here, and remembers it', async () => {
    for (let i = 0; i < 50; i++) pair.alpha.user.writeFile(`${ROOT}/file-${i}.txt`, `content ${i}`);
    pair.alpha.hint();
    await soon(async () => expect((await pair.alpha.backend.folder({ folder: 'docs' })).folder.FileCount).toBe(51));
    const done = await sync(ADD_REFERENCE, ALPHA.toUpperCase());
    expect(done).toMatchObject({ ReturnValue: 0, ErrorCode: '', SerialNumber: 1, Absorbed: false });
    expect(done.Message).toContain('folder docs has all that alpha has; alpha notifies this member');
    for (let i = 0; i < 50; i++) expect(pair.beta.user.exists(`${ROOT}/file-${i}.txt`)).toBe(true);
    expect(await source()).toMatchObject({
      SourceName: 'alpha',
      SourceGuid: ALPHA,
      IsNotified: true,
      IsOpen: true,
      MissingVersions: 0,
      LastSyncResult: 0,
      NumConsecutiveSyncFailures: 0,
    });
    expect((await source()).LastSyncSuccess).not.toBe(NEVER);
    expect((await source()).LastVersionSynced).toBeGreaterThan(50);
    expect(pair.beta.syncBook.state).toMatchObject({ nextSerial: 2, queue: [], sources: [{ lastResult: 0 }] });
    expect(await events('SYNC_FINISHED')).toHaveLength(1);
  });

  test('an asynchronous order is kept before it is answered, and done later', async () => {
    const accepted = await sync(ASYNCHRONOUS_OPERATION);
    expect(accepted).toMatchObject({ ReturnValue: 0, SerialNumber: 1 });
    expect(pair.beta.syncBook.state.queue).toMatchObject([{ serial: 1, source: ALPHA }]);
    await soon(async () => expect(await events('SYNC_FINISHED')).toHaveLength(1));
    expect(await operations()).toEqual([]);
  });

  test('one that cannot be kept is refused', async () => {
    pair.beta.syncBook.broken = true;
    expect(await sync(ASYNCHRONOUS_OPERATION)).toMatchObject({ ReturnValue: 8451, ErrorCode: 'STORE_FAILED' });
    pair.beta.syncBook.broken = false;
    expect(await sync()).toMatchObject({ ReturnValue: 0, SerialNumber: 1 });
  });

  test('all sources: asynchronously only', async () => {
    expect(await syncAll(ALL_SOURCES)).toMatchObject({ ReturnValue: 8437, ErrorCode: 'INVALID_ARGUMENT' });
    expect(await syncAll(ALL_SOURCES | ASYNCHRONOUS_OPERATION)).toMatchObject({ ReturnValue: 0 });
    await soon(async () => expect((await events('SYNC_FINISHED'))[0]?.Fields).toContain('"source":"all sources"'));
  });

  test('what comes too soon waits, equal ones together; urgent ones do not', async () => {
    await sync();
    const [one, two, three] = await Promise.all([
      sync(ASYNCHRONOUS_OPERATION),
      sync(ASYNCHRONOUS_OPERATION),
      sync(ASYNCHRONOUS_OPERATION | NO_DISCARD | PERIODIC),
    ]);
    expect([one!.SerialNumber, two!.SerialNumber, three!.SerialNumber]).toEqual([2, 2, 3]);
    expect([one!.Absorbed, two!.Absorbed, three!.Absorbed]).toEqual([false, true, false]);
    expect(await operations()).toMatchObject([
      { SerialNumber: 2, Priority: 200, SourceName: 'alpha', OperationType: 0, OperationStartTime: null },
      { SerialNumber: 3, Priority: 100, OptionNames: 'ASYNCHRONOUS_OPERATION PERIODIC NO_DISCARD' },
    ]);
    const began = Date.now();
    expect(await sync(URGENT)).toMatchObject({ ReturnValue: 0, SerialNumber: 2, Absorbed: true });
    expect(Date.now() - began).toBeLessThan(1500);
  });

  test('one that waits is cancelled, and its caller told', async () => {
    await sync();
    const waiting = sync();
    await soon(async () => expect(await operations()).toHaveLength(1));
    await pair.beta.backend.cancelSync({ serial: 2 });
    expect(await waiting).toMatchObject({ ReturnValue: 8462, ErrorCode: 'CANCELLED' });
    await expect(pair.beta.backend.cancelSync({ serial: 2 })).rejects.toThrow('there is no synchronisation 2');
  });

  test('what is wrong is told by number', async () => {
    expect(await sync(0x400)).toMatchObject({ ReturnValue: 87, SerialNumber: null });
    expect(await sync(0, 'alpha', 'dosc')).toMatchObject({ ReturnValue: 8440, ErrorCode: 'NOT_FOUND' });
    expect(await sync(0, '')).toMatchObject({ ReturnValue: 8437 });
    expect(await sync(0x8)).toMatchObject({ ReturnValue: 8454, ErrorCode: 'REFUSED' });
    for (const stranger of ['gamma', 'nobody', 'beta']) {
      expect(await sync(0, stranger)).toMatchObject({ ReturnValue: 8452, ErrorCode: 'NOT_FOUND' });
    }
    // Accepted, and found out at its turn.
    expect(await sync(ASYNCHRONOUS_OPERATION, 'nobody')).toMatchObject({ ReturnValue: 0 });
    await soon(async () =>
      expect((await events('SYNC_FAILED')).at(-1)?.Message).toContain('8452: nobody is no source'),
    );
  });

  test('a source that does not answer', async () => {
    pair.cut('alpha', true);
    await soon(async () =>
      expect(await sync(URGENT)).toMatchObject({ ReturnValue: 8444, ErrorCode: 'PEER_UNREACHABLE' }),
    );
    const failed = await sync(URGENT);
    expect(failed).toMatchObject({ ReturnValue: 8444, Message: expect.stringContaining('alpha') });
    const failures = (await source()).NumConsecutiveSyncFailures;
    expect(failures).toBeGreaterThan(1);
    expect(await source()).toMatchObject({ LastSyncResult: 8444, IsNotified: false, MissingVersions: null });
    pair.cut('alpha', false);
    await soon(async () => expect(await sync(URGENT)).toMatchObject({ ReturnValue: 0 }));
    expect(await source()).toMatchObject({ LastSyncResult: 0, NumConsecutiveSyncFailures: 0 });
  });

  test('a halted folder takes nothing in, here or there', async () => {
    const { core } = [...pair.beta.member.folders.values()][0]!;
    await core.halt('mass-deletion', 'Too much was deleted.');
    expect(await sync(FORCE)).toMatchObject({
      ReturnValue: 8457,
      Message: 'folder docs is halted: Too much was deleted.',
    });
    await pair.beta.backend.release({ folder: 'docs', decision: 'accept' });
    const there = [...pair.alpha.member.folders.values()][0]!.core;
    await there.halt('mass-deletion', 'Too much was deleted.');
    await soon(async () =>
      expect(await sync(URGENT)).toMatchObject({ ReturnValue: 8456, ErrorCode: 'FOLDER_NOT_READY' }),
    );
  });

  test('FULL has again what is not as the source has it', async () => {
    pair.alpha.user.writeFile(`${ROOT}/second.txt`, 'second');
    pair.alpha.hint();
    await soon(() => expect(pair.beta.user.exists(`${ROOT}/second.txt`)).toBe(true));
    const { core } = [...pair.beta.member.folders.values()][0]!;
    await sync();
    // The record of one file is lost, with the file; that of the other one has lost its content.
    const records = [];
    for await (const batch of core.store.everyRecord()) records.push(...batch);
    const first = records.find(({ name }) => name === 'first.txt')!;
    const second = records.find(({ name }) => name === 'second.txt')!;
    pair.beta.user.remove(`${ROOT}/first.txt`);
    await core.line.run(() =>
      core.commit({ forget: [first], put: [{ before: second, after: { ...second, hash: 'a'.repeat(64) } }] }),
    );
    expect(await sync(URGENT)).toMatchObject({ ReturnValue: 0 });
    expect(pair.beta.user.exists(`${ROOT}/first.txt`)).toBe(false);
    const done = await sync(URGENT | FULL);
    expect(done).toMatchObject({ ReturnValue: 0 });
    expect(done.Message).toContain('2 had again');
    expect(pair.beta.user.exists(`${ROOT}/first.txt`)).toBe(true);
    expect((await core.store.records([second.uid]))[0]?.hash).toBe(second.hash);
    expect((await sync(URGENT | FULL)).Message).toContain('0 had again');
  });

  test('FULL finds nothing to repair after renames, deletions and conflicts', async () => {
    const { alpha, beta } = pair;
    for (const name of ['a', 'b', 'c', 'd']) alpha.user.writeFile(`${ROOT}/${name}`, name);
    alpha.user.makeDirectory(`${ROOT}/dir`);
    alpha.user.writeFile(`${ROOT}/dir/inner`, 'inner');
    alpha.hint();
    await soon(() => expect(beta.user.exists(`${ROOT}/dir/inner`)).toBe(true));
    await soon(() => expect(beta.user.exists(`${ROOT}/d`)).toBe(true));
    pair.cut('alpha', true);
    pair.cut('beta', true);
    alpha.user.writeFile(`${ROOT}/a`, 'by alpha');
    alpha.user.rename(`${ROOT}/b`, `${ROOT}/renamed`);
    alpha.user.remove(`${ROOT}/c`);
    alpha.user.writeFile(`${ROOT}/new`, 'by alpha, longer');
    alpha.user.rename(`${ROOT}/dir`, `${ROOT}/moved`);
    beta.user.writeFile(`${ROOT}/a`, 'by beta too');
    beta.user.writeFile(`${ROOT}/new`, 'by beta');
    beta.user.writeFile(`${ROOT}/c`, 'kept by beta');
    for (const { hint, member } of [alpha, beta]) {
      hint();
      await [...member.folders.values()][0]!.scanner.full();
    }
    pair.cut('alpha', false);
    pair.cut('beta', false);
    await soon(async () => expect(await sync(URGENT)).toMatchObject({ ReturnValue: 0 }));
    const back = async () => {
      const reports: SyncReportRecord[] = [];
      const order = { folder: 'docs', source: 'beta', options: URGENT | FULL };
      for await (const report of alpha.backend.replicaSync(order, never)) reports.push(report);
      return reports.at(-1)!;
    };
    await soon(async () => expect(await back()).toMatchObject({ ReturnValue: 0 }));
    await soon(async () => {
      const texts = await Promise.all(
        [alpha, beta].map(async ({ backend }) => (await backend.folderVector({ folder: 'docs' })).text),
      );
      expect(texts[0]).toBe(texts[1]);
    });
    expect((await sync(URGENT | FULL)).Message).toContain(' 0 had again');
    expect((await back()).Message).toContain(' 0 had again');
  });

  test('a version of one’s own that is wanted again stays wanted, whatever changes here meanwhile', async () => {
    const { member, user, hint } = pair.alpha;
    pair.cut('beta', true);
    const { core, scanner } = [...member.folders.values()][0]!;
    const records = [];
    for await (const batch of core.store.everyRecord()) records.push(...batch);
    const lost = records.find(({ name }) => name === 'first.txt')!;
    user.remove(`${ROOT}/first.txt`);
    await core.line.run(() => core.commit({ forget: [lost], unclaims: [lost.gvsn] }));
    user.writeFile(`${ROOT}/other.txt`, 'made meanwhile');
    hint();
    await scanner.full();
    await soon(async () => expect((await pair.alpha.backend.folder({ folder: 'docs' })).folder.FileCount).toBe(1));
    expect(core.isClaimed(lost.gvsn)).toBe(false);
    pair.cut('beta', false);
    await soon(() => expect(user.exists(`${ROOT}/first.txt`)).toBe(true));
    expect(core.isClaimed(lost.gvsn)).toBe(true);
  });

  test('an order goes on where it was when the member stops, and waits while it reads its configuration again', async () => {
    const { member, events: feed, syncBook } = pair.beta;
    let current = { ...member, parts: member.parts, inbound: [] } as unknown as typeof member;
    const book = {
      load: () => syncBook.state,
      save: (state: SyncState) => {
        syncBook.state = state;
      },
    };
    const open = () =>
      new SyncQueue({
        book,
        clock: systemClock,
        member: () => current,
        emit: feed.emit,
        log: silentLog,
        spool: null,
        key: '',
      });
    const order = { folder: GROUP.folders.get('docs')!.guid, source: ALPHA, options: 0 };
    const stop = new AbortController();
    const first = open();
    const running = first.run(stop.signal);
    const ticket = first.order(order) as Ticket;
    await pause(50);
    stop.abort();
    await running;
    expect(await ticket.outcome).toMatchObject({ result: 8463 });
    expect(first.order({ ...order, options: FULL })).toMatchObject({ entry: { serial: 2 } });
    const again = new AbortController();
    const second = open();
    expect(second.waiting.map(({ serial }) => serial)).toEqual([1, 2]);
    const goingOn = second.run(again.signal);
    await pause(400);
    expect(second.waiting.length + (second.turn ? 1 : 0)).toBe(2);
    current = member;
    await soon(() => expect(syncBook.state.queue).toEqual([]));
    expect(second.source(order.folder, ALPHA)).toMatchObject({ lastResult: 0, failures: 0 });
    again.abort();
    await goingOn;
  });

  test('a more urgent one goes first; what gave way is done after it', async () => {
    const { core } = [...pair.beta.member.folders.values()][0]!;
    // A version that never comes: the turn does not end by itself.
    const connection = pair.beta.member.inbound[0]!;
    const requestUpdates = vi.spyOn(connection, 'requestUpdates');
    requestUpdates.mockImplementation(async function* () {
      yield { kind: 'vector', vector: new Map([['f'.repeat(32), [0, 7]]]), updates: null } as never;
    });
    const slow = sync();
    await soon(async () => expect(await operations()).toMatchObject([{ OperationStartTime: expect.any(String) }]));
    await soon(() => expect(requestUpdates).toHaveBeenCalled());
    await soon(() => expect(pair.beta.syncs.turn?.missing).toBe(0));
    requestUpdates.mockRestore();
    expect(core.pending.size).toBe(0);
    expect(await sync(URGENT | NO_DISCARD)).toMatchObject({ ReturnValue: 0, SerialNumber: 2 });
    expect(await slow).toMatchObject({ ReturnValue: 0, SerialNumber: 1 });
    expect((await events('SYNC_FINISHED')).map(({ Fields }) => JSON.parse(Fields).serial)).toEqual([2, 1]);
  });
});

describe.each([
  ['disabled in group.yaml', withConnection({ enabled: false }), 8457],
  ['closed by its schedule', withConnection({ schedule: NEVER_OPEN }), 8617],
])('with a connection that is %s', (_how, group, code) => {
  beforeEach(async () => {
    pair = await startPair(group);
    pair.alpha.user.writeFile(`${ROOT}/first.txt`, 'first');
    pair.alpha.hint();
    await soon(async () => expect((await pair.alpha.backend.folder({ folder: 'docs' })).folder.FileCount).toBe(1));
  });

  test('nothing comes unless it is forced, and then for that time only', async () => {
    expect(await sync()).toMatchObject({ ReturnValue: code, ErrorCode: 'REFUSED' });
    expect(await sync(FORCE | URGENT)).toMatchObject({ ReturnValue: 0 });
    expect(pair.beta.user.exists(`${ROOT}/first.txt`)).toBe(true);
    await soon(async () => expect(await source()).toMatchObject({ IsOpen: false, IsNotified: false }));
    await soon(async () => {
      const inbound = (await pair.beta.backend.connections()).connections.find(({ Inbound }) => Inbound)!;
      expect(inbound).toMatchObject({ State: 2, Status: 'Service' });
    });
    expect(await sync(URGENT)).toMatchObject({ ReturnValue: code });
  });
});

describe('with a connection that only the source has disabled', () => {
  beforeEach(async () => {
    pair = await startPair(GROUP, withConnection({ enabled: false }));
    pair.alpha.user.writeFile(`${ROOT}/first.txt`, 'first');
    pair.alpha.hint();
    await soon(async () => expect((await pair.alpha.backend.folder({ folder: 'docs' })).folder.FileCount).toBe(1));
  });

  test('the source is said to be disabled; FORCE goes before that, for its time only', async () => {
    const refused = await sync();
    expect(refused).toMatchObject({ ReturnValue: 8456, ErrorCode: 'FOLDER_NOT_READY' });
    expect(refused.Message).toContain('disabled in group.yaml on alpha');
    expect(await source()).toMatchObject({ LastSyncResult: 8456, Enabled: true });
    expect(await sync(FORCE | URGENT)).toMatchObject({ ReturnValue: 0 });
    expect(pair.beta.user.exists(`${ROOT}/first.txt`)).toBe(true);
    pair.alpha.user.writeFile(`${ROOT}/second.txt`, 'second');
    pair.alpha.hint();
    await soon(async () => expect((await pair.alpha.backend.folder({ folder: 'docs' })).folder.FileCount).toBe(2));
    await pause(300);
    expect(pair.beta.user.exists(`${ROOT}/second.txt`)).toBe(false);
    expect(await sync(URGENT)).toMatchObject({ ReturnValue: 8456 });
    expect(await sync(FORCE | URGENT)).toMatchObject({ ReturnValue: 0 });
    expect(pair.beta.user.exists(`${ROOT}/second.txt`)).toBe(true);
  });

  test('FORCE goes before it at the first attempt too', async () => {
    expect(await sync(FORCE)).toMatchObject({ ReturnValue: 0 });
    expect(pair.beta.user.exists(`${ROOT}/first.txt`)).toBe(true);
  });

  test('a check of the connection says so by number', async () => {
    const { result } = await pair.beta.backend.checkConnectivity({ connection: 'alpha' });
    expect(result).toMatchObject({ ReturnValue: 9026, ErrorCode: 'PEER_DISABLED' });
  });
});

test('WRITEABLE is for a folder that is writable here', async () => {
  pair = await startPair(groupWith({ readOnly: ['beta'] }));
  pair.alpha.user.writeFile(`${ROOT}/first.txt`, 'first');
  pair.alpha.hint();
  expect(await sync(WRITEABLE)).toMatchObject({ ReturnValue: 8440, ErrorCode: 'NOT_FOUND', SerialNumber: null });
  expect(await sync()).toMatchObject({ ReturnValue: 0 });
});
