/** One folder's part of the database. */
import { LIMITS } from '../base/limits.ts';
import type { Recipe } from '../model/recipe.ts';
import type { FileRecord } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import type { VersionVector } from '../model/version-vector.ts';
import type { CommitLine } from './commit-line.ts';
import type { FolderSpace } from './folder-space.ts';
import { openFolderView, readRecords } from './folder-view.ts';
import type { KeyRange, KeyValue, KeyValueEntry } from './kv.ts';
import { type Owner, ownersOf } from './owner-lists.ts';
import type { Child, ChunkPlace, FolderStore, Intent, Slot } from './store.ts';
import { decode, decodeIntent, decodeRecipe, decodeRecord, type StatTuple, statFromTuple } from './values.ts';
import { versionsIn } from './version-range.ts';

/** Directories whose children are read at the same time. */
const PARALLEL_RANGES = 64;

export function openFolderStore(kv: KeyValue, space: FolderSpace, line: CommitLine): FolderStore {
  const newestOwners = async (keys: readonly string[]): Promise<(Owner | undefined)[]> => {
    const values = await kv.getMany(keys);
    return values.map(value => ownersOf(value).at(-1));
  };

  return {
    get vector() {
      return space.vector;
    },
    get counts() {
      return space.counts;
    },
    get state() {
      return space.state;
    },
    records: uids => readRecords(kv, space.keys, uids),
    children: async (parents: readonly Uid[]) => {
      const children: Child[][] = [];
      for (let start = 0; start < parents.length; start += PARALLEL_RANGES) {
        const some = parents.slice(start, start + PARALLEL_RANGES);
        children.push(...(await Promise.all(some.map(parent => readChildren(kv, space, parent)))));
      }
      return children;
    },
    occupants: async (slots: readonly Slot[]) => {
      const owners = await newestOwners(slots.map(({ parent, name }) => space.keys.slot(parent, name)));
      return owners.map(owner => owner?.[0]);
    },
    findByInode: async (inodes: readonly bigint[]) => {
      const owners = await newestOwners(inodes.map(inode => space.keys.inode(inode)));
      return owners.map(owner => owner?.[0]);
    },
    findByHash: async (hashes: readonly string[]) => {
      const values = await kv.getMany(hashes.map(hash => space.keys.content(hash)));
      return values.map(value => ownersOf(value).map(([uid]) => uid));
    },
    findChunks: async (hashes: BigUint64Array) => {
      const places: (ChunkPlace | undefined)[] = [];
      for (let start = 0; start < hashes.length; start += LIMITS.chunksPerWrite) {
        const some = hashes.subarray(start, start + LIMITS.chunksPerWrite);
        const owners = await newestOwners(Array.from(some, hash => space.keys.chunk(hash)));
        for (const owner of owners) places.push(owner && chunkPlace(owner));
      }
      return places;
    },
    recipe: async (uid: Uid): Promise<Recipe | undefined> => {
      const [record] = await readRecords(kv, space.keys, [uid]);
      if (!record?.present || record.hash === '') return undefined;
      const value = await kv.get(space.keys.recipe(uid, record.hash));
      return value && decodeRecipe(value);
    },
    view: () => openFolderView(line.snapshot(), space.keys, space.vector),
    countUpdates: async (difference: VersionVector) => {
      let updates = 0;
      let bytes = 0;
      for await (const versions of versionsIn(kv, space.keys, difference, 'tombstone')) updates += versions.length;
      for await (const versions of versionsIn(kv, space.keys, difference, 'live')) {
        updates += versions.length;
        for (const { value } of versions) if (value.length > 0) bytes += decode<number>(value);
      }
      return { updates, bytes };
    },
    everyRecord: () => everyRecord(kv, space),
    intents: async (): Promise<Intent[]> => {
      const { intents } = space.keys;
      const entries = await readAll(kv, intents);
      return entries.map(([key, value]) => ({ id: key.slice(intents.gte.length), body: decodeIntent(value) }));
    },
    commit: change => line.commit(space, change),
  };
}

async function* everyRecord(kv: KeyValue, space: FolderSpace): AsyncGenerator<FileRecord[], void, void> {
  const { keys } = space;
  for await (const entries of kv.range(keys.records)) {
    yield entries.map(([key, value]) => decodeRecord(keys.uidOfRecord(key), value));
  }
}

async function readChildren(kv: KeyValue, space: FolderSpace, parent: Uid): Promise<Child[]> {
  const { keys } = space;
  const children: Child[] = [];
  for (const [key, value] of await readAll(kv, keys.children(parent))) {
    const name = keys.nameOfSlot(key);
    for (const [uid, look] of ownersOf(value)) {
      children.push({ name, uid, disk: look === null ? null : statFromTuple(look as StatTuple) });
    }
  }
  // The database has them in the order of UTF-8, which differs beyond the basic plane only.
  if (children.some((child, index) => index > 0 && child.name < children[index - 1]!.name)) {
    children.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }
  return children;
}

async function readAll(kv: KeyValue, range: KeyRange): Promise<KeyValueEntry[]> {
  const all: KeyValueEntry[] = [];
  for await (const entries of kv.range(range)) for (const entry of entries) all.push(entry);
  return all;
}

function chunkPlace([uid, offset, length]: Owner): ChunkPlace {
  return { uid, offset: offset as number, length: length as number };
}
