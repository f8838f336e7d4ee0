import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TandemError } from '../../../src/base/errors.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { databaseIdFromGuid, FIRST_VSN } from '../../../src/model/version.ts';
import { EMPTY_VECTOR, vectorFromVersions } from '../../../src/model/version-vector.ts';
import { openEventJournal } from '../../../src/store/event-journal.ts';
import { META } from '../../../src/store/keys.ts';
import type { KeyValue } from '../../../src/store/kv.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { EventBody } from '../../../src/store/store.ts';
import { encode } from '../../../src/store/values.ts';
import { createMemoryKeyValue, type MemoryKeyValue } from '../../sim/memory-kv.ts';
import { checkFolder } from './check-folder.ts';
import { keysIn } from './kv-contract.ts';
import { FOLDER, OTHER_FOLDER, sampleRandom, sampleRecord, version } from './sample-store.ts';

const NOTHING_LOST = { next: () => 0.999 };
const ALL_UNSYNCED_LOST = { next: () => 0 };

describe('the identity of a database', () => {
  test('it is drawn when the database is made and stays, while the generation grows', async () => {
    const kv = createMemoryKeyValue();
    const first = await openStore({ kv, random: sampleRandom(1) });
    expect(first.database).toBe(databaseIdFromGuid(sampleRandom(1).guid()));
    expect(first.generation).toBe(1);
    const second = await openStore({ kv: kv.crash(ALL_UNSYNCED_LOST), random: sampleRandom(2) });
    expect(second.database).toBe(first.database);
    expect(second.generation).toBe(2);
  });

  test('a database of a newer program is refused', async () => {
    const kv = createMemoryKeyValue();
    await kv.batch([[META.schema, encode(99)]], { sync: true });
    await expect(openStore({ kv, random: sampleRandom() })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('Run the newer program'),
    });
  });

  test('renewing draws a new one, drops all folders and keeps the events', async () => {
    const kv = createMemoryKeyValue();
    const store = await openStore({ kv, random: sampleRandom() });
    const old = store.database;
    const folder = store.folder(FOLDER);
    await store.allocate(5);
    const record = sampleRecord({ uid: version(10) });
    await folder.commit({
      put: [{ before: undefined, after: record }],
      state: { a: 1 },
      vector: vectorFromVersions([version(10)]),
    });
    await store.events.append(event(1));
    await store.renew();
    expect(store.database).not.toBe(old);
    expect([folder.vector, folder.state, folder.counts.files]).toEqual([EMPTY_VECTOR, null, 0]);
    expect(await folder.records([record.uid])).toEqual([undefined]);
    expect(await keysIn(kv, { gte: 'f', lt: 'g' })).toEqual([]);
    expect(await store.allocate(1)).toBe(FIRST_VSN);
    await folder.commit({ put: [{ before: undefined, after: record }] });
    const again = await openStore({ kv: kv.crash(ALL_UNSYNCED_LOST), random: sampleRandom(5) });
    expect(again.database).toBe(store.database);
    expect(await again.folder(FOLDER).records([record.uid])).toEqual([record]);
    expect((await again.events.list({ limit: 9 })).length).toBe(1);
  });

  test('a crash in the middle of renewing leaves the old database whole or nothing of its folders', async () => {
    const outcomes = new Set<string>();
    let crashed = true;
    for (let after = 1; crashed; after++) {
      let calls = Number.POSITIVE_INFINITY;
      const random = after % 2 ? ALL_UNSYNCED_LOST : NOTHING_LOST;
      let crash: (kv: MemoryKeyValue) => void = () => {};
      const crashing = new Promise<MemoryKeyValue>(resolve => {
        crash = resolve;
      });
      const kv = createMemoryKeyValue({
        pause: async () => {
          if (--calls === 0) crash(kv.crash(random));
        },
      });
      const store = await openStore({ kv, random: sampleRandom() });
      const old = store.database;
      const record = sampleRecord({ uid: version(10) });
      await store.folder(FOLDER).commit({ put: [{ before: undefined, after: record }], state: { a: 1 } });
      calls = Math.ceil(after / 2);
      const survivor = await Promise.race([crashing, store.renew().then(() => null)]);
      crashed = survivor !== null;
      calls = Number.POSITIVE_INFINITY;
      const kv2 = survivor ?? kv.crash(random);
      const again = await openStore({ kv: kv2, random: sampleRandom(3) });
      const folder = again.folder(FOLDER);
      const found = await folder.records([record.uid]);
      if (again.database === old) expect([found, folder.state]).toEqual([[record], { a: 1 }]);
      else expect([found, folder.state, await keysIn(kv2, { gte: 'f', lt: 'g' })]).toEqual([[undefined], null, []]);
      outcomes.add(again.database === old ? 'old' : 'new');
    }
    expect(outcomes.size).toBe(2);
  });
});

describe('version numbers', () => {
  test('they begin at the first free one, follow each other and are reserved before they are given', async () => {
    const kv = createMemoryKeyValue();
    const store = await openStore({ kv, random: sampleRandom() });
    expect(store.reservedVsn).toBe(FIRST_VSN - 1);
    const given = await Promise.all([store.allocate(1), store.allocate(10), store.allocate(1)]);
    expect(given).toEqual([FIRST_VSN, FIRST_VSN + 1, FIRST_VSN + 11]);
    expect(store.reservedVsn).toBeGreaterThanOrEqual(FIRST_VSN + 11);
    const many = await store.allocate(LIMITS.reservedVersions * 3);
    expect(store.reservedVsn).toBeGreaterThanOrEqual(many + LIMITS.reservedVersions * 3 - 1);
  });

  test('after a crash none is given again', async () => {
    let kv = createMemoryKeyValue();
    let highest = 0;
    for (let n = 0; n < 5; n++) {
      const store = await openStore({ kv, random: sampleRandom() });
      const first = await store.allocate(1 + n * 50_000);
      expect(first).toBeGreaterThan(highest);
      highest = first + n * 50_000;
      expect(store.reservedVsn).toBeGreaterThanOrEqual(highest);
      kv = kv.crash(ALL_UNSYNCED_LOST);
    }
  });
});

describe('commits', () => {
  test('those that wait while one is written go together into the next batch', async () => {
    const kv = createMemoryKeyValue();
    let synced = 0;
    const counting: KeyValue = {
      get: key => kv.get(key),
      getMany: keys => kv.getMany(keys),
      range: range => kv.range(range),
      snapshot: () => kv.snapshot(),
      close: () => kv.close(),
      batch: (changes, options) => {
        if (options.sync) synced++;
        return kv.batch(changes, options);
      },
    };
    const store = await openStore({ kv: counting, random: sampleRandom() });
    const folders = [store.folder(FOLDER), store.folder(OTHER_FOLDER)];
    synced = 0;
    const commits: Promise<void>[] = [];
    const commitAll = () => {
      for (let n = 0; n < 25; n++) {
        for (const folder of folders) {
          const after = sampleRecord({ uid: version(10 + n), name: `n${n}` });
          commits.push(folder.commit({ put: [{ before: undefined, after }], state: { n } }));
        }
      }
    };
    commitAll();
    await Promise.all(commits);
    expect(synced).toBe(1);
    expect(folders.map(folder => [folder.counts.files, folder.state])).toEqual([
      [25, { n: 24 }],
      [25, { n: 24 }],
    ]);
    expect(await checkFolder(kv, FOLDER)).toEqual([]);
    expect(await checkFolder(kv, OTHER_FOLDER)).toEqual([]);
  });

  test('vector, counts and state move when the batch is durable, not before', async () => {
    let release: () => void = () => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    let hold = false;
    const kv = createMemoryKeyValue({ pause: async () => (hold ? held : undefined) });
    const store = await openStore({ kv, random: sampleRandom() });
    const folder = store.folder(FOLDER);
    await folder.commit({ state: { n: 1 } });
    hold = true;
    const commit = folder.commit({ state: { n: 2 }, vector: vectorFromVersions([version(10)]) });
    await new Promise(resolve => setImmediate(resolve));
    expect([folder.state, folder.vector]).toEqual([{ n: 1 }, EMPTY_VECTOR]);
    release();
    await commit;
    expect([folder.state, folder.vector]).toEqual([{ n: 2 }, vectorFromVersions([version(10)])]);
  });

  test('after a failed batch nothing is written any more and everyone is told', async () => {
    const kv = createMemoryKeyValue();
    let broken = false;
    const failure = new TandemError('STORE_FAILED', 'The disk is gone.');
    const breaking: KeyValue = {
      get: key => kv.get(key),
      getMany: keys => kv.getMany(keys),
      range: range => kv.range(range),
      snapshot: () => kv.snapshot(),
      close: () => kv.close(),
      batch: (changes, options) => (broken ? Promise.reject(failure) : kv.batch(changes, options)),
    };
    const store = await openStore({ kv: breaking, random: sampleRandom() });
    const folder = store.folder(FOLDER);
    await folder.commit({ state: { n: 1 } });
    broken = true;
    const first = folder.commit({ state: { n: 2 } });
    await expect(first).rejects.toBe(failure);
    broken = false;
    await expect(folder.commit({ state: { n: 3 } })).rejects.toBe(failure);
    await expect(store.renew()).rejects.toBe(failure);
    expect(folder.state).toEqual({ n: 1 });
    await store.close();
  });

  test('closing writes what waits, and refuses what comes later', async () => {
    const kv = createMemoryKeyValue();
    const store = await openStore({ kv, random: sampleRandom() });
    const folder = store.folder(FOLDER);
    const commit = folder.commit({ state: { n: 1 } });
    await store.close();
    await commit;
    await expect(folder.commit({ state: { n: 2 } })).rejects.toMatchObject({ code: 'STORE_FAILED' });
    const again = await openStore({ kv: kv.crash(ALL_UNSYNCED_LOST), random: sampleRandom() });
    expect(again.folder(FOLDER).state).toEqual({ n: 1 });
  });
});

describe('the journal of events', () => {
  test('events are numbered without gaps, also after opening again, and listed oldest first', async () => {
    const kv = createMemoryKeyValue();
    const store = await openStore({ kv, random: sampleRandom() });
    const appended = await Promise.all([1, 2, 3].map(n => store.events.append(event(n))));
    expect(appended.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    const again = await openStore({ kv: kv.crash(NOTHING_LOST), random: sampleRandom() });
    await again.events.append(event(4));
    expect(await again.events.list({ limit: 2 })).toEqual([3, 4].map(n => ({ ...event(n), sequence: n })));
    expect((await again.events.list({ after: 1, limit: 9 })).map(({ sequence }) => sequence)).toEqual([2, 3, 4]);
    expect(await again.events.list({ after: 4, limit: 9 })).toEqual([]);
    expect(await again.events.list({ limit: 0 })).toEqual([]);
  });

  test('beyond its limit the oldest go, and a journal from a larger limit shrinks', async () => {
    const kv = createMemoryKeyValue();
    const wide = await openEventJournal(kv, 20);
    for (let n = 1; n <= 30; n++) await wide.append(event(n));
    expect((await wide.list({ limit: 99 })).map(({ sequence }) => sequence)).toEqual(sequences(11, 30));
    const narrow = await openEventJournal(kv, 5);
    await narrow.append(event(31));
    await narrow.append(event(32));
    expect((await narrow.list({ limit: 99 })).map(({ sequence }) => sequence)).toEqual(sequences(28, 32));
  });
});

test('the database on disk is the same after closing and opening, and is not opened twice', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tandem-store-'));
  try {
    const open = () => openStore({ directory: join(directory, 'database'), random: sampleRandom() });
    const store = await open();
    const record = sampleRecord({ uid: version(10), parent: version(11), name: 'n' });
    await store
      .folder(FOLDER)
      .commit({ put: [{ before: undefined, after: record }], vector: vectorFromVersions([version(10)]) });
    await expect(open()).rejects.toMatchObject({ code: 'HOME_LOCKED' });
    const view = store.folder(FOLDER).view();
    await store.close();
    await view.close();
    const again = await open();
    expect(again.generation).toBe(2);
    const folder = again.folder(FOLDER);
    expect(await folder.records([record.uid])).toEqual([record]);
    expect(await folder.children([version(11)])).toEqual([[{ name: 'n', uid: record.uid, disk: null }]]);
    expect(folder.vector).toEqual(vectorFromVersions([version(10)]));
    await again.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});

function event(n: number): EventBody {
  return {
    time: 1_700_000_000_000 + n,
    number: 20000,
    name: `E${n}`,
    severity: 'warning',
    message: 'm',
    fields: { n },
  };
}

function sequences(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}
