/** Any commits, crashes and openings: the store holds what a plain map holds, and its indexes follow the records. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import type { FileRecord } from '../../../src/model/update.ts';
import { makeVersion, type Uid } from '../../../src/model/version.ts';
import { containsVersion, vectorFromVersions, withRange } from '../../../src/model/version-vector.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { Commit, FolderStore } from '../../../src/store/store.ts';
import { createMemoryKeyValue } from '../../sim/memory-kv.ts';
import { checkFolder, countAll } from './check-folder.ts';
import { FOLDER, ROOT, sampleRandom, sampleRecipe, sampleRecord, sampleStat, version } from './sample-store.ts';

const CHUNKS_PER_WRITE = 3;
const UIDS = Array.from({ length: 7 }, (_, n) => version(10 + n));
const NAMES = ['a', 'b', '😀', '｡'];
const HASHES = ['a', 'b', 'c'].map(digit => digit.repeat(64));
/** Chunks of the large contents; some have too many for one write, some share chunks, one repeats one. */
const CHUNKS = [
  [1, 2],
  [2, 3, 4, 2, 5],
  [5, 6, 7, 8, 9, 10, 11, 1],
];

interface Model {
  readonly records: ReadonlyMap<Uid, FileRecord>;
  readonly numbers: readonly string[];
  readonly intents: ReadonlySet<string>;
  readonly step: number;
}

interface Change {
  readonly uid: number;
  readonly forget: boolean;
  readonly present: boolean;
  readonly provisional: boolean;
  readonly parent: number;
  readonly name: number;
  readonly kind: FileRecord['kind'];
  readonly content: number;
  readonly large: boolean;
  readonly withRecipe: boolean;
  readonly inode: number;
  readonly touchOnly: boolean;
}

const change = fc.record<Change>({
  uid: fc.nat(UIDS.length - 1),
  forget: fc.integer({ min: 0, max: 5 }).map(n => n === 0),
  present: fc.integer({ min: 0, max: 3 }).map(n => n > 0),
  provisional: fc.integer({ min: 0, max: 5 }).map(n => n === 0),
  parent: fc.nat(3),
  name: fc.nat(NAMES.length - 1),
  kind: fc.constantFrom('file', 'file', 'file', 'directory', 'symlink'),
  content: fc.nat(HASHES.length - 1),
  large: fc.boolean(),
  withRecipe: fc.integer({ min: 0, max: 4 }).map(n => n > 0),
  inode: fc.nat(4),
  touchOnly: fc.integer({ min: 0, max: 4 }).map(n => n === 0),
});

const action = fc.oneof(
  { weight: 6, arbitrary: fc.array(change, { maxLength: 6 }).map(changes => ({ kind: 'commit' as const, changes })) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        commits: fc.array(fc.array(change, { maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        turns: fc.nat(60),
        kept: fc.double({ min: 0, max: 0.999, noNaN: true }),
      })
      .map(fields => ({ kind: 'crash' as const, ...fields })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

test('whatever is committed is there, and every index follows the records', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 14 }), async actions => {
      let kv = createMemoryKeyValue();
      let store = await openStore({ kv, random: sampleRandom(), chunksPerWrite: CHUNKS_PER_WRITE });
      let model: Model = { records: new Map(), numbers: [], intents: new Set(), step: 0 };
      const used = new Set<string>();
      const stamp = async () => {
        const gvsn = makeVersion(store.database, await store.allocate(1));
        expect(used.has(gvsn)).toBe(false);
        used.add(gvsn);
        return gvsn;
      };
      const reopen = async (kept: number) => {
        kv = kv.crash({ next: () => kept });
        store = await openStore({ kv, random: sampleRandom(), chunksPerWrite: CHUNKS_PER_WRITE });
      };

      for (const next of actions) {
        if (next.kind === 'commit') {
          const planned = await planCommit(model, next.changes, stamp);
          await store.folder(FOLDER).commit(planned.commit);
          model = planned.after;
        } else if (next.kind === 'reopen') {
          await store.close();
          await reopen(0.999);
        } else {
          // Several commits on their way, a crash at any instant, any of the unsynced batches lost.
          const states = [model];
          let done = 0;
          for (const changes of next.commits) {
            const planned = await planCommit(states.at(-1)!, changes, stamp);
            states.push(planned.after);
            const index = states.length - 1;
            void store
              .folder(FOLDER)
              .commit(planned.commit)
              .then(() => {
                expect(index).toBe(done + 1);
                done = index;
              });
          }
          for (let turn = 0; turn < next.turns; turn++) await null;
          await reopen(next.kept);
          const step = Number(store.folder(FOLDER).state?.step ?? 0);
          const reached = states.findIndex(state => state.step === step);
          expect(reached).toBeGreaterThanOrEqual(done);
          model = states[reached]!;
        }
        await compare(store.folder(FOLDER), model);
      }
      await store.close();
      await reopen(0.999);
      await settled(kv);
      await compare(store.folder(FOLDER), model);
      expect(await checkFolder(kv, FOLDER, { complete: true })).toEqual([]);
    }),
    { numRuns: 150 },
  );
}, 120_000);

async function planCommit(
  model: Model,
  changes: readonly Change[],
  stamp: () => Promise<string>,
): Promise<{ commit: Commit; after: Model }> {
  const records = new Map(model.records);
  const numbers = [...model.numbers];
  const put: { before: FileRecord | undefined; after: FileRecord }[] = [];
  const forget: FileRecord[] = [];
  const recipes = new Map<Uid, ReturnType<typeof sampleRecipe>>();
  const touched = new Set<Uid>();
  for (const one of changes) {
    const uid = UIDS[one.uid]!;
    const before = records.get(uid);
    if (touched.has(uid)) continue;
    touched.add(uid);
    if (one.forget) {
      if (!before) continue;
      forget.push(before);
      records.delete(uid);
      continue;
    }
    const gvsn = await stamp();
    const after =
      one.touchOnly && before ? { ...before, disk: sampleStat({ ino: BigInt(one.inode) }) } : build(one, uid, gvsn);
    put.push({ before, after });
    records.set(uid, after);
    numbers.push(after.gvsn);
    const large = after.present && after.kind === 'file' && after.size > LIMITS.wholeFileBytes;
    if (large && one.withRecipe) recipes.set(uid, recipeOf(after.hash));
  }
  const step = model.step + 1;
  const intents = new Set(model.intents);
  const intent = `i${step}`;
  const removed = [...intents].slice(1);
  for (const id of removed) intents.delete(id);
  intents.add(intent);
  return {
    commit: {
      put,
      forget,
      recipes,
      vector: vectorFromVersions(numbers),
      addIntent: { id: intent, body: { step } },
      removeIntents: removed,
      state: { step },
    },
    after: { records, numbers, intents, step },
  };
}

function build(one: Change, uid: Uid, gvsn: string): FileRecord {
  const content = one.present && one.kind === 'file';
  return sampleRecord({
    uid,
    gvsn,
    kind: one.kind,
    present: one.present,
    provisional: one.provisional,
    parent: one.parent === 0 ? ROOT : UIDS[one.parent]!,
    name: NAMES[one.name]!,
    size: content ? (one.large ? LIMITS.wholeFileBytes + 1 : one.content) : 0,
    hash: content ? (one.large ? HASHES[one.content]! : `${one.content}`.repeat(64)) : '',
    disk: one.present && one.inode > 0 ? sampleStat({ ino: BigInt(one.inode) }) : null,
  });
}

function recipeOf(hash: string) {
  return sampleRecipe(CHUNKS[HASHES.indexOf(hash)]!);
}

async function compare(folder: FolderStore, model: Model): Promise<void> {
  const records = [...model.records.values()];
  expect(folder.counts).toEqual(countAll(records));
  expect(folder.vector).toEqual(vectorFromVersions(model.numbers));
  expect((await folder.intents()).map(({ id }) => id)).toEqual([...model.intents].sort());
  expect(await folder.records(UIDS)).toEqual(UIDS.map(uid => model.records.get(uid)));
  const every = new Map<Uid, FileRecord>();
  for await (const batch of folder.everyRecord()) for (const record of batch) every.set(record.uid, record);
  expect(every).toEqual(new Map(model.records));

  const present = records.filter(record => record.present);
  for (const parent of [ROOT, ...UIDS]) {
    const [children] = await folder.children([parent]);
    const expected = present.filter(record => record.parent === parent);
    expect(children!.map(({ uid, name, disk }) => ({ uid, name, disk })).sort(byUid)).toEqual(
      expected.map(({ uid, name, disk }) => ({ uid, name, disk })).sort(byUid),
    );
    expect(children!.map(({ name }) => name)).toEqual(expected.map(({ name }) => name).sort());
  }
  for (const hash of HASHES) {
    const [owners] = await folder.findByHash([hash]);
    expect([...owners!].sort()).toEqual(
      present
        .filter(record => record.hash === hash)
        .map(({ uid }) => uid)
        .sort(),
    );
  }

  const difference = withRange(new Map(), '0'.repeat(32), 8, 9);
  const wanted = new Map([...difference, ...vectorFromVersions(model.numbers.filter((_, n) => n % 3 !== 0))]);
  const view = folder.view();
  const seen = new Set<Uid>();
  let bytes = 0;
  for (const pass of ['tombstones', 'live'] as const) {
    for await (const batch of view.updates(wanted, pass)) {
      for (const record of batch) {
        expect(seen.has(record.uid)).toBe(false);
        seen.add(record.uid);
        expect(record).toEqual(model.records.get(record.uid));
        expect(record.present).toBe(pass === 'live');
        bytes += record.size;
      }
    }
  }
  await view.close();
  const expected = records.filter(record => !record.provisional && containsVersion(wanted, record.gvsn));
  expect([...seen].sort()).toEqual(expected.map(({ uid }) => uid).sort());
  expect(await folder.countUpdates(wanted)).toEqual({ updates: expected.length, bytes });
}

function byUid(a: { uid: Uid }, b: { uid: Uid }): number {
  return a.uid < b.uid ? -1 : 1;
}

async function settled(kv: ReturnType<typeof createMemoryKeyValue>): Promise<void> {
  for (;;) {
    let left = 0;
    for await (const entries of kv.range({ gte: 'f', lt: 'g' }))
      for (const [key] of entries) if (key[9] === 'q') left++;
    if (left === 0) return;
    await new Promise(resolve => setImmediate(resolve));
  }
}
