import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import type { FileRecord } from '../../../src/model/update.ts';
import { vectorFromVersions, withRange } from '../../../src/model/version-vector.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { FolderStore, FolderView, Store } from '../../../src/store/store.ts';
import { createMemoryKeyValue, type MemoryKeyValue } from '../../sim/memory-kv.ts';
import { checkFolder } from './check-folder.ts';
import {
  directory,
  FOLDER,
  OTHER_FOLDER,
  ROOT,
  sampleRandom,
  sampleRecipe,
  sampleRecord,
  sampleStat,
  tombstone,
  version,
} from './sample-store.ts';

const CHUNKS_PER_WRITE = 16;

interface Opened {
  readonly kv: MemoryKeyValue;
  readonly store: Store;
  readonly folder: FolderStore;
}

async function open(kv = createMemoryKeyValue()): Promise<Opened> {
  const store = await openStore({ kv, random: sampleRandom(), chunksPerWrite: CHUNKS_PER_WRITE });
  return { kv, store, folder: store.folder(FOLDER) };
}

const born = (...records: readonly FileRecord[]) => ({ put: records.map(after => ({ before: undefined, after })) });

async function collect(batches: AsyncIterable<FileRecord[]>): Promise<FileRecord[]> {
  const all: FileRecord[] = [];
  for await (const batch of batches) {
    expect(batch.length).toBeGreaterThan(0);
    expect(batch.length).toBeLessThanOrEqual(LIMITS.updatesPerBatch);
    all.push(...batch);
  }
  return all;
}

async function uidsOf(view: FolderView, pass: 'tombstones' | 'live', versions: readonly string[]): Promise<string[]> {
  return (await collect(view.updates(vectorFromVersions(versions), pass))).map(record => record.uid);
}

describe('records', () => {
  test('every field comes back as it was put', async () => {
    const { folder } = await open();
    const full = sampleRecord({
      uid: version(9),
      gvsn: version(2 ** 53 - 1, 'f'),
      parent: version(10),
      name: 'naïve\n😀 name',
      mergedInto: version(12, 'c'),
      fence: 1_700_000_000_000,
      clock: Number.MAX_SAFE_INTEGER,
      mtimeNs: -(2n ** 63n),
      size: 2 ** 52,
      ancestry: [version(9), version(9, 'b')],
      disk: sampleStat({ ino: 2n ** 64n - 1n, size: 2 ** 45, mtimeNs: -1n, birthtimeNs: 5n, nlink: 3 }),
      provisional: true,
    });
    const lost = { ...tombstone(directory(version(13)), version(14)), nameConflict: true };
    await folder.commit(born(full, lost));
    expect(await folder.records([version(13), '', version(9), version(99)])).toEqual([
      lost,
      undefined,
      full,
      undefined,
    ]);
    expect((await collect(folder.everyRecord())).map(record => record.uid)).toEqual([version(9), version(13)]);
  });

  test('children come in the order of UTF-16, with their look', async () => {
    const { folder } = await open();
    const names = ['b', 'a', 'ab', '😀', '｡', 'a!', 'á'];
    const records = names.map((name, n) =>
      sampleRecord({ uid: version(10 + n), name, disk: n % 2 ? sampleStat() : null }),
    );
    await folder.commit(born(...records, sampleRecord({ uid: version(50), parent: version(10), name: 'deep' })));
    const [children, none, deep] = await folder.children([ROOT, version(11), version(10)]);
    expect(children!.map(child => child.name)).toEqual([...names].sort());
    expect(children!.map(child => child.disk)).toEqual(
      [...records].sort((a, b) => (a.name < b.name ? -1 : 1)).map(record => record.disk),
    );
    expect(none).toEqual([]);
    expect(deep).toEqual([{ name: 'deep', uid: version(50), disk: null }]);
  });

  test('two files that swap names, inodes and contents in one commit are both found again', async () => {
    const { kv, folder } = await open();
    const a = sampleRecord({ uid: version(10), name: 'a', hash: 'a'.repeat(64), disk: sampleStat({ ino: 1n }) });
    const b = sampleRecord({ uid: version(11), name: 'b', hash: 'b'.repeat(64), disk: sampleStat({ ino: 2n }) });
    await folder.commit(born(a, b));
    const exchange = (one: FileRecord, other: FileRecord, n: number) => ({
      before: one,
      after: { ...one, name: other.name, hash: other.hash, disk: other.disk, gvsn: version(n) },
    });
    await folder.commit({ put: [exchange(a, b, 20), exchange(b, a, 21)] });
    const slots = ['a', 'b'].map(name => ({ parent: ROOT, name }));
    expect(await folder.occupants(slots)).toEqual([b.uid, a.uid]);
    expect(await folder.findByInode([1n, 2n])).toEqual([b.uid, a.uid]);
    expect(await folder.findByHash(['a'.repeat(64), 'b'.repeat(64)])).toEqual([[b.uid], [a.uid]]);
    expect(await checkFolder(kv, FOLDER, { complete: true })).toEqual([]);
  });

  test('a name that somebody else took earlier stays theirs when its old holder leaves', async () => {
    const { kv, folder } = await open();
    const x = sampleRecord({ uid: version(10), name: 'x' });
    const y = sampleRecord({ uid: version(11), name: 'y' });
    await folder.commit(born(x, y));
    const moved = { ...x, name: 'y', gvsn: version(20) };
    await folder.commit({ put: [{ before: x, after: moved }] });
    const slot = [{ parent: ROOT, name: 'y' }];
    expect(await folder.occupants(slot)).toEqual([x.uid]);
    expect((await folder.children([ROOT]))[0]!.map(child => child.uid)).toEqual([y.uid, x.uid]);
    await folder.commit({ put: [{ before: y, after: tombstone(y, version(21)) }] });
    expect(await folder.occupants(slot)).toEqual([x.uid]);
    await folder.commit({ put: [{ before: moved, after: { ...moved, name: 'z', gvsn: version(22) } }] });
    expect(await folder.occupants(slot)).toEqual([undefined]);
    expect(await checkFolder(kv, FOLDER, { complete: true })).toEqual([]);
  });

  test('whoever had a contested name is met again when the newcomer leaves', async () => {
    const { folder } = await open();
    const y = sampleRecord({ uid: version(10), name: 'y' });
    const x = sampleRecord({ uid: version(11), name: 'y' });
    await folder.commit(born(y));
    await folder.commit(born(x));
    await folder.commit({ put: [{ before: y, after: { ...y, disk: sampleStat() } }] });
    expect(await folder.occupants([{ parent: ROOT, name: 'y' }])).toEqual([x.uid]);
    await folder.commit({ forget: [x] });
    expect(await folder.occupants([{ parent: ROOT, name: 'y' }])).toEqual([y.uid]);
  });

  test('the same record twice in one commit ends as the last one, whatever came before', async () => {
    const { kv, folder } = await open();
    const a = sampleRecord({ uid: version(10), name: 'a' });
    const b = { ...a, name: 'b', gvsn: version(11) };
    const c = { ...a, name: 'c', gvsn: version(12) };
    await folder.commit(born(a));
    await folder.commit({
      forget: [a],
      put: [
        { before: a, after: b },
        { before: a, after: c },
      ],
    });
    expect(await folder.records([a.uid])).toEqual([c]);
    expect(folder.counts.files).toBe(1);
    expect(await checkFolder(kv, FOLDER, { complete: true })).toEqual([]);
  });

  test('several links to one inode and several copies of one content are all known', async () => {
    const { folder } = await open();
    const records = [10, 11, 12].map(n => sampleRecord({ uid: version(n), disk: sampleStat({ nlink: 3 }) }));
    await folder.commit(born(...records));
    expect(await folder.findByHash(['0'.repeat(64), '1'.repeat(64)])).toEqual([records.map(({ uid }) => uid), []]);
    expect(await folder.findByInode([7n, 8n])).toEqual([version(12), undefined]);
    await folder.commit({ forget: [records[2]!] });
    expect(await folder.findByInode([7n])).toEqual([version(11)]);
  });

  test('counts follow what is put and forgotten', async () => {
    const { folder } = await open();
    const file = sampleRecord({ uid: version(10), size: 5 });
    await folder.commit(born(file, directory(version(11)), sampleRecord({ uid: version(12), kind: 'symlink' })));
    expect(folder.counts).toEqual({ files: 1, directories: 1, symlinks: 1, bytes: 5, tombstones: 0 });
    await folder.commit({ put: [{ before: file, after: tombstone(file, version(13)) }] });
    expect(folder.counts).toEqual({ files: 0, directories: 1, symlinks: 1, bytes: 0, tombstones: 1 });
    await folder.commit({ forget: [tombstone(file, version(13))] });
    expect(folder.counts).toEqual({ files: 0, directories: 1, symlinks: 1, bytes: 0, tombstones: 0 });
  });

  test('state, vector and intents are there after opening again, folders apart', async () => {
    const { kv, store, folder } = await open();
    const body = { list: [1n, 'two', null, { three: 3, deep: [true, -5n] }], text: '' };
    const vector = withRange(vectorFromVersions([version(9, 'c')]), 'b'.repeat(32), 8, 2 ** 50);
    await folder.commit({ addIntent: { id: 'i-1', body }, vector, state: { phase: 'normal', n: 1.5, none: null } });
    await folder.commit({ addIntent: { id: 'i-2', body: 'x' } });
    await store.folder(OTHER_FOLDER).commit({ state: { other: true } });
    await folder.commit({ removeIntents: ['i-2', 'never'] });
    await store.close();
    const again = await open(kv.crash({ next: () => 0 }));
    expect(again.folder.vector).toEqual(vector);
    expect(again.folder.state).toEqual({ phase: 'normal', n: 1.5, none: null });
    expect(await again.folder.intents()).toEqual([{ id: 'i-1', body }]);
    expect(again.store.folder(OTHER_FOLDER).state).toEqual({ other: true });
    expect(await again.store.folder(OTHER_FOLDER).intents()).toEqual([]);
    expect(again.store.folder('77777777-2222-3333-4444-555555555555').state).toBeNull();
  });
});

describe('updates', () => {
  test('give tombstones and live records of the difference apart, in the order of GVSN, without provisional ones', async () => {
    const { folder } = await open();
    const gone = tombstone(sampleRecord({ uid: version(10) }), version(30));
    await folder.commit(
      born(
        gone,
        sampleRecord({ uid: version(11), gvsn: version(20) }),
        sampleRecord({ uid: version(12), gvsn: version(15, 'b') }),
        sampleRecord({ uid: version(13), gvsn: version(14) }),
        sampleRecord({ uid: version(14), gvsn: version(16), provisional: true }),
        sampleRecord({ uid: version(15), gvsn: version(40) }),
        sampleRecord({ uid: version(16), gvsn: version(41), kind: 'directory' }),
      ),
    );
    const view = folder.view();
    const wanted = [14, 16, 20, 30, 41].map(n => version(n)).concat(version(15, 'b'));
    expect(await uidsOf(view, 'tombstones', wanted)).toEqual([version(10)]);
    expect(await uidsOf(view, 'live', wanted)).toEqual([version(13), version(11), version(16), version(12)]);
    expect(await folder.countUpdates(vectorFromVersions(wanted))).toEqual({ updates: 5, bytes: 300 });
    expect(await uidsOf(view, 'live', [])).toEqual([]);
    await view.close();
  });

  test('a directory comes before its children even if its version is newer, and never twice', async () => {
    const { folder } = await open();
    const top = directory(version(10), { gvsn: version(95) });
    const middle = directory(version(11), { gvsn: version(40), parent: top.uid });
    const apart = directory(version(12), { gvsn: version(97) });
    const children = [20, 21, 50].map(n => sampleRecord({ uid: version(n), parent: middle.uid }));
    const late = sampleRecord({ uid: version(96), parent: top.uid });
    const inApart = sampleRecord({ uid: version(30), parent: apart.uid });
    await folder.commit(born(top, middle, apart, ...children, late, inApart));
    const view = folder.view();
    const all = [20, 21, 30, 40, 50, 95, 96, 97].map(n => version(n));
    const order = [10, 11, 20, 21, 12, 30, 50, 96].map(n => version(n));
    expect(await uidsOf(view, 'live', all)).toEqual(order);
    const withoutTop = all.filter(one => one !== version(95));
    expect(await uidsOf(view, 'live', withoutTop)).toEqual(order.filter(one => one !== version(10)));
  });

  test('a long difference comes in full batches, each parent before its children across them', async () => {
    const { folder } = await open();
    const records: FileRecord[] = [];
    for (let n = 0; n < 2500; n++) {
      // Directory k is the parent of files and of directory k + 1, and all directories are newer than all files.
      const parent = directoryAt(n % 25);
      records.push(sampleRecord({ uid: version(100 + n), parent }));
    }
    for (let k = 0; k < 25; k++) {
      const parent = k === 0 ? ROOT : directoryAt(k - 1);
      records.push(directory(directoryAt(k), { parent, gvsn: version(100_000 - k) }));
    }
    await folder.commit(born(...records));
    const given = await collect(folder.view().updates(withRange(new Map(), 'a'.repeat(32), 8, 200_000), 'live'));
    expect(given.length).toBe(2525);
    expect(new Set(given.map(record => record.uid)).size).toBe(2525);
    const seen = new Set([ROOT]);
    for (const record of given) {
      expect(seen.has(record.parent)).toBe(true);
      seen.add(record.uid);
    }
  });

  test('directories in a circle are each given once', async () => {
    const { folder } = await open();
    const a = directory(version(10), { parent: version(12), gvsn: version(22) });
    const b = directory(version(11), { parent: version(10), gvsn: version(21) });
    const c = directory(version(12), { parent: version(11), gvsn: version(20) });
    await folder.commit(born(a, b, c));
    const given = await uidsOf(
      folder.view(),
      'live',
      [20, 21, 22].map(n => version(n)),
    );
    expect([...given].sort()).toEqual([a.uid, b.uid, c.uid]);
  });

  test('a difference of many far intervals finds what lies in them and nothing between', async () => {
    const { folder } = await open();
    const numbers = Array.from({ length: 400 }, (_, n) => 9 + n * 7);
    await folder.commit(born(...numbers.map(n => sampleRecord({ uid: version(n) }))));
    const wanted = numbers.filter((_, n) => n % 3 === 0 || n > 390);
    expect(
      await uidsOf(
        folder.view(),
        'live',
        wanted.map(n => version(n)),
      ),
    ).toEqual(wanted.map(n => version(n)));
  });

  test('a view does not move with later commits, nor with one on its way', async () => {
    const { folder } = await open();
    const a = sampleRecord({ uid: version(10) });
    await folder.commit({ ...born(a), vector: vectorFromVersions([version(10)]) });
    const first = folder.view();
    const edited = { ...a, gvsn: version(11) };
    const commit = folder.commit({
      put: [{ before: a, after: edited }],
      vector: vectorFromVersions([version(10), version(11)]),
    });
    const views: FolderView[] = [first];
    let done = false;
    void commit.then(() => {
      done = true;
    });
    while (!done) {
      views.push(folder.view());
      await null;
    }
    views.push(folder.view());
    for (const view of views) {
      const newest = view.vector.get('a'.repeat(32))!.at(-1)!;
      const uids = await uidsOf(view, 'live', [version(10), version(11)]);
      expect(uids).toEqual([a.uid]);
      expect(await uidsOf(view, 'live', [version(newest)])).toEqual([a.uid]);
      await view.close();
    }
    expect(views.length).toBeGreaterThan(3);
  });
});

describe('recipes', () => {
  const big = LIMITS.wholeFileBytes * 100;
  const file = (n: number, digit: string, fields: Partial<FileRecord> = {}) =>
    sampleRecord({ uid: version(n), size: big, hash: digit.repeat(64), ...fields });

  test('chunks are found where they are known, and not after their content is gone', async () => {
    const { kv, store, folder } = await open();
    const a = file(10, 'a');
    const b = file(11, 'b');
    const recipes = new Map([
      [a.uid, sampleRecipe([1, 2, 3])],
      [b.uid, sampleRecipe([3, 4], 20_000)],
    ]);
    await folder.commit({ ...born(a, b), recipes });
    expect(await folder.recipe(a.uid)).toEqual(recipes.get(a.uid));
    const [first, third, fourth, none] = await folder.findChunks(BigUint64Array.of(1n, 3n, 4n, 5n));
    expect([first, fourth, none]).toEqual([
      { uid: a.uid, offset: 0, length: 16_384 },
      { uid: b.uid, offset: 20_000, length: 20_000 },
      undefined,
    ]);
    expect(third!.uid).toBe(b.uid);
    const edited = { ...a, hash: 'c'.repeat(64), gvsn: version(20) };
    await folder.commit({ put: [{ before: a, after: edited }], recipes: new Map([[a.uid, sampleRecipe([9, 2])]]) });
    await folder.commit({ put: [{ before: b, after: tombstone(b, version(21)) }] });
    await store.close();
    const again = await open(kv.crash({ next: () => 0 }));
    await settled(again);
    const places = await again.folder.findChunks(BigUint64Array.of(1n, 2n, 3n, 4n, 9n));
    expect(places.map(place => place?.offset)).toEqual([undefined, 16_384, undefined, undefined, 0]);
    expect(await again.folder.recipe(a.uid)).toEqual(sampleRecipe([9, 2]));
    expect(await again.folder.recipe(b.uid)).toBeUndefined();
    expect(await checkFolder(again.kv, FOLDER, { complete: true })).toEqual([]);
  });

  test('a content that comes back with its recipe is known again', async () => {
    const opened = await open();
    const { folder } = opened;
    const a = file(10, 'a');
    const b = { ...a, hash: 'b'.repeat(64), gvsn: version(11) };
    const recipeOf = (...hashes: number[]) => new Map([[a.uid, sampleRecipe(hashes)]]);
    await folder.commit({ ...born(a), recipes: recipeOf(1, 2) });
    await Promise.all([
      folder.commit({ put: [{ before: a, after: b }], recipes: recipeOf(2, 3) }),
      folder.commit({ put: [{ before: b, after: { ...a, gvsn: version(12) } }], recipes: recipeOf(1, 2) }),
    ]);
    await settled(opened);
    const places = await folder.findChunks(BigUint64Array.of(1n, 2n, 3n));
    expect(places.map(place => place?.offset)).toEqual([0, 16_384, undefined]);
    expect(await checkFolder(opened.kv, FOLDER, { complete: true })).toEqual([]);
  });

  test('of small files no recipe is kept', async () => {
    const { folder } = await open();
    const small = sampleRecord({ uid: version(10) });
    await folder.commit({ ...born(small), recipes: new Map([[small.uid, sampleRecipe([1])]]) });
    expect(await folder.recipe(small.uid)).toBeUndefined();
    expect(await folder.findChunks(BigUint64Array.of(1n))).toEqual([undefined]);
  });

  test('a recipe too large for one batch enters the index behind its commit, lets others pass, and leaves it whole', async () => {
    const opened = await open();
    const { folder, store } = opened;
    const many = CHUNKS_PER_WRITE * 20 + 5;
    const a = file(10, 'a', { size: 2 ** 40 });
    const recipe = sampleRecipe(Array.from({ length: many }, (_, n) => BigInt(n) * 0x1_0000_0001n));
    await folder.commit({ ...born(a), recipes: new Map([[a.uid, recipe]]) });
    expect(await folder.recipe(a.uid)).toEqual(recipe);
    const other = store.folder(OTHER_FOLDER);
    for (let x = 0; x < 10; x++) await Promise.all([folder.commit({ state: { x } }), other.commit({ state: { x } })]);
    const entering = await folder.findChunks(recipe.hashes);
    const known = entering.indexOf(undefined);
    expect(known).toBeGreaterThan(0);
    expect(entering.every((place, n) => place?.offset === (n < known ? n * 16_384 : undefined))).toBe(true);
    await settled(opened);
    const places = await folder.findChunks(recipe.hashes);
    expect(places.every((place, n) => place?.offset === n * 16_384)).toBe(true);
    expect(await checkFolder(opened.kv, FOLDER, { complete: true })).toEqual([]);
    await folder.commit({ put: [{ before: a, after: tombstone(a, version(20)) }] });
    await settled(opened);
    expect((await folder.findChunks(recipe.hashes)).every(place => place === undefined)).toBe(true);
    expect(await checkFolder(opened.kv, FOLDER, { complete: true })).toEqual([]);
  });

  test('a crash while a large recipe enters or leaves the index is made good at the next opening', async () => {
    const many = CHUNKS_PER_WRITE * 2;
    const first = sampleRecipe(Array.from({ length: many }, (_, n) => n));
    const second = sampleRecipe(Array.from({ length: many }, (_, n) => n + 10));
    let crashed = true;
    for (let crashAfter = 0; crashed; crashAfter++) {
      let calls = Number.POSITIVE_INFINITY;
      const random = { next: () => (crashAfter % 2 ? 0.999 : 0) };
      let crash: (kv: MemoryKeyValue) => void = () => {};
      const crashing = new Promise<MemoryKeyValue>(resolve => {
        crash = resolve;
      });
      const pause = async () => {
        if (--calls === 0) crash(opened.kv.crash(random));
      };
      const opened: Opened = await open(createMemoryKeyValue({ pause }));
      const { folder } = opened;
      const a = file(10, 'a');
      const b = { ...a, hash: 'b'.repeat(64), gvsn: version(11) };
      await folder.commit({ ...born(a), recipes: new Map([[a.uid, first]]) });
      calls = Math.floor(crashAfter / 2) + 1;
      const change = { put: [{ before: a, after: b }], recipes: new Map([[a.uid, second]]) };
      const untouched = folder.commit(change).then(() => settled(opened));
      const survivor = await Promise.race([crashing, untouched.then(() => null)]);
      crashed = survivor !== null;
      calls = Number.POSITIVE_INFINITY;
      const again = await open(survivor ?? opened.kv.crash(random));
      await settled(again);
      const [record] = await again.folder.records([a.uid]);
      expect(await again.folder.recipe(a.uid)).toEqual(record!.hash === a.hash ? first : second);
      expect(await checkFolder(again.kv, FOLDER, { complete: true })).toEqual([]);
    }
  });

  /** Waits until no chunk is to enter the index or to leave it any more. */
  async function settled({ kv }: Opened): Promise<void> {
    for (;;) {
      let left = 0;
      for await (const entries of kv.range({ gte: 'f', lt: 'g' })) {
        for (const [key] of entries) if (key[9] === 'q') left++;
      }
      if (left === 0) return;
      await new Promise(resolve => setImmediate(resolve));
    }
  }
});

function directoryAt(k: number): string {
  return version(10 + k);
}
