/** Opens the member's database. */
import { assert, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { TaskLine } from '../base/task-line.ts';
import { type DatabaseId, databaseIdFromGuid, FIRST_VSN } from '../model/version.ts';
import { CommitLine } from './commit-line.ts';
import { openDurableTable } from './durable-table.ts';
import { openEventJournal } from './event-journal.ts';
import { emptySpace, type FolderSpace } from './folder-space.ts';
import { openFolderStore } from './folder-store.ts';
import {
  ALL_KEYS,
  FOLDER_NUMBERS,
  folderNumberKey,
  folderOfKey,
  META,
  SCHEMA,
  spaceOfKey,
  spaceRange,
} from './keys.ts';
import { firstKey, type KeyRange, type KeyValue, type KeyValueChange } from './kv.ts';
import { openLevelKeyValue } from './level-kv.ts';
import { rememberKeyValues } from './remembered-kv.ts';
import { openSessionJournal } from './session-journal.ts';
import type { FolderStore, Store } from './store.ts';
import { decode, decodeCounts, decodeVector, encode } from './values.ts';

export type StoreOptions = (
  | { readonly directory: string }
  /** Belongs to the store from now on. */
  | { readonly kv: KeyValue }
) & {
  /** Where the identities of new databases are drawn. */
  readonly random: Random;
  /** A lower bound than LIMITS.chunksPerWrite lets a simulation split small recipes. */
  readonly chunksPerWrite?: number;
};

/** Opens the database, creating it where missing. Rejects with HOME_LOCKED or STORE_FAILED. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const stored = 'kv' in options ? options.kv : await openLevelKeyValue(options.directory);
  try {
    const empty = (await firstKey(stored, ALL_KEYS)) === undefined;
    return await openStoreOn(rememberKeyValues(stored, { empty }), options);
  } catch (error) {
    await stored.close();
    throw error;
  }
}

async function openStoreOn(
  kv: KeyValue,
  { random, chunksPerWrite = LIMITS.chunksPerWrite }: StoreOptions,
): Promise<Store> {
  const identity = await openIdentity(kv, random);
  const { spaces, nextFolder } = await readSpaces(kv);
  const line = new CommitLine(kv, chunksPerWrite);
  const allocations = new TaskLine();
  const events = await openEventJournal(kv);
  const folders = new Map<string, FolderStore>();
  let { database, reservedVsn } = identity;
  let nextVsn = reservedVsn + 1;
  let nextNumber = nextFolder;

  await sweepSpaces(kv, new Set([...spaces.values()].map(space => space.number)));
  for (const space of spaces.values()) await findUnindexedRecipes(kv, space, line);
  line.resume();

  const reserveUpTo = async (mark: number): Promise<void> => {
    assert(Number.isSafeInteger(mark), 'version numbers are left');
    await kv.batch([[META.reservedVsn, encode(mark)]], { sync: true });
    reservedVsn = mark;
  };

  return {
    get database() {
      return database;
    },
    generation: identity.generation,
    get reservedVsn() {
      return reservedVsn;
    },
    folder: guid => {
      const id = databaseIdFromGuid(guid);
      const known = folders.get(id);
      if (known) return known;
      const space = spaces.get(id) ?? emptySpace(id, nextNumber++);
      spaces.set(id, space);
      const folder = openFolderStore(kv, space, line);
      folders.set(id, folder);
      return folder;
    },
    allocate: count =>
      allocations.run(async () => {
        assert(Number.isSafeInteger(count) && count > 0, 'at least one version number is allocated');
        const first = nextVsn;
        const last = first + count - 1;
        if (last > reservedVsn) await reserveUpTo(last + LIMITS.reservedVersions);
        nextVsn = last + 1;
        return first;
      }),
    reserve: () => allocations.run(() => reserveUpTo(reservedVsn + 1)),
    renew: () =>
      allocations.run(() =>
        line.alone(async () => {
          const fresh = databaseIdFromGuid(random.guid());
          const changes = new Map<string, Uint8Array | null>(identityChanges(fresh));
          // The folders get new numbers in the same batch: what lies under the old ones is out of reach at once.
          for (const space of spaces.values()) changes.set(folderNumberKey(space.folder), null);
          changes.set(META.nextFolder, encode(nextNumber));
          await kv.batch(changes, { sync: true });
          database = fresh;
          reservedVsn = FIRST_VSN - 1;
          nextVsn = FIRST_VSN;
          line.indexing.clear();
          for (const space of spaces.values()) Object.assign(space, emptySpace(space.folder, nextNumber++));
          await sweepSpaces(kv, new Set());
        }),
      ),
    events,
    sessions: openSessionJournal(kv),
    table: name => openDurableTable(kv, name),
    close: async () => {
      await allocations.idle();
      await line.close();
      await kv.close();
    },
  };
}

interface Identity {
  readonly database: DatabaseId;
  readonly generation: number;
  readonly reservedVsn: number;
}

/** Reads or creates who this database is, and counts the opening. */
async function openIdentity(kv: KeyValue, random: Random): Promise<Identity> {
  const keys = [META.schema, META.database, META.generation, META.reservedVsn];
  const [schema, database, generation, reserved] = await kv.getMany(keys);
  const found = schema ? decode<number>(schema) : SCHEMA;
  if (found > SCHEMA) {
    const sentence = `The database has layout ${found}; this program knows layouts up to ${SCHEMA}. Run the newer program that wrote it.`;
    throw new TandemError('STORE_FAILED', sentence, { found, known: SCHEMA });
  }
  const changes: KeyValueChange[] = [];
  const id = database ? decode<DatabaseId>(database) : databaseIdFromGuid(random.guid());
  if (!database) changes.push([META.schema, encode(SCHEMA)], ...identityChanges(id));
  const opening = (generation ? decode<number>(generation) : 0) + 1;
  changes.push([META.generation, encode(opening)]);
  await kv.batch(changes, { sync: true });
  return { database: id, generation: opening, reservedVsn: reserved ? decode<number>(reserved) : FIRST_VSN - 1 };
}

function identityChanges(database: DatabaseId): KeyValueChange[] {
  return [
    [META.database, encode(database)],
    [META.reservedVsn, encode(FIRST_VSN - 1)],
  ];
}

async function readSpaces(kv: KeyValue): Promise<{ spaces: Map<string, FolderSpace>; nextFolder: number }> {
  const spaces = new Map<string, FolderSpace>();
  const floor = await kv.get(META.nextFolder);
  let nextFolder = floor ? decode<number>(floor) : 1;
  for await (const entries of kv.range(FOLDER_NUMBERS)) {
    for (const [key, value] of entries) {
      const space = emptySpace(folderOfKey(key), decode<number>(value));
      const [vector, counts, state] = await kv.getMany([space.keys.vector, space.keys.counts, space.keys.state]);
      space.numbered = true;
      if (vector) space.vector = decodeVector(vector);
      if (counts) space.counts = decodeCounts(counts);
      if (state) space.state = decode<Readonly<Record<string, unknown>>>(state);
      spaces.set(space.folder, space);
      nextFolder = Math.max(nextFolder, space.number + 1);
    }
  }
  return { spaces, nextFolder };
}

/** Recipes that were entering or leaving the index of chunks when the member stopped. */
async function findUnindexedRecipes(kv: KeyValue, space: FolderSpace, line: CommitLine): Promise<void> {
  for await (const entries of kv.range(space.keys.unindexedRecipes)) {
    for (const [key] of entries) {
      const { uid, hash } = space.keys.ofUnindexedRecipe(key);
      line.indexing.add(space, uid, hash);
    }
  }
}

/** Drops what a renewal left behind: everything under numbers that no folder has. */
async function sweepSpaces(kv: KeyValue, numbers: ReadonlySet<number>): Promise<void> {
  let from = 0;
  for (;;) {
    const number = await firstSpace(kv, spaceRange(from));
    if (number === undefined) return;
    if (!numbers.has(number)) {
      for await (const entries of kv.range(spaceRange(number, number + 1))) {
        await kv.batch(
          entries.map(([key]) => [key, null] as const),
          { sync: false },
        );
      }
    }
    from = number + 1;
  }
}

async function firstSpace(kv: KeyValue, range: KeyRange): Promise<number | undefined> {
  const key = await firstKey(kv, range);
  return key === undefined ? undefined : spaceOfKey(key);
}
