/**
 * Recomputes every index of a folder from its records and compares: what a reader of docs/STATE.md may rely on. For
 * tests and for the simulator, between commits.
 */
import { chunkPlaces } from '../../../src/model/recipe.ts';
import type { FileRecord } from '../../../src/model/update.ts';
import { databaseIdFromGuid } from '../../../src/model/version.ts';
import { hasRecipe } from '../../../src/store/kept-recipes.ts';
import { FolderKeys, folderNumberKey, spaceRange } from '../../../src/store/keys.ts';
import type { KeyValueReader } from '../../../src/store/kv.ts';
import type { Counts } from '../../../src/store/store.ts';
import { decode, decodeCounts, decodeRecipe, decodeRecord, statToTuple } from '../../../src/store/values.ts';

type OwnersByKey = Map<string, Map<string, string>>;

/**
 * What is wrong with the folder's part of the database, one sentence each. An inode, content or chunk may have more
 * owners than the index remembers; only with `complete` must it name them all.
 */
export async function checkFolder(
  kv: KeyValueReader,
  folder: string,
  { complete = false }: { readonly complete?: boolean } = {},
): Promise<string[]> {
  const numberValue = await kv.get(folderNumberKey(databaseIdFromGuid(folder)));
  if (!numberValue) return [];
  const number = decode<number>(numberValue);
  const keys = new FolderKeys(number);
  const found = new Map<string, Uint8Array>();
  for await (const entries of kv.range(spaceRange(number, number + 1))) {
    for (const [key, value] of entries) found.set(key, value);
  }
  const prefix = keys.vector.slice(0, -1);
  const under = (letter: string) => [...found].filter(([key]) => key.startsWith(`${prefix}${letter}/`));
  const records = under('r').map(([key, value]) => decodeRecord(keys.uidOfRecord(key), value));
  const stale = new Set(under('q').map(([key]) => key));
  const problems: string[] = [];

  const counts = found.get(keys.counts);
  const expectedCounts = countAll(records);
  if (counts && show(decodeCounts(counts)) !== show(expectedCounts)) {
    problems.push(`counts are ${show(decodeCounts(counts))}, the records say ${show(expectedCounts)}`);
  } else if (!counts && records.length > 0) problems.push('there are records and no counts');

  const versions = new Map(
    records.filter(record => !record.provisional).map(record => [keys.version(record), record.size]),
  );
  for (const [key, value] of [...under('l'), ...under('t')]) {
    const size = versions.get(key);
    if (size === undefined) problems.push(`version entry ${key} has no record`);
    else if (size !== (value.length > 0 ? decode<number>(value) : 0))
      problems.push(`version entry ${key} has a wrong size`);
    versions.delete(key);
  }
  for (const key of versions.keys()) problems.push(`version entry ${key} is missing`);

  const expected = expectedOwners(keys, records, found);
  for (const letter of ['c', 'i', 'h', 'x']) {
    const mustHave = complete || letter === 'c';
    const wanted = expected.get(letter)!;
    for (const [key, value] of under(letter)) {
      const owners = decode<[string, ...unknown[]][]>(value);
      const claims = wanted.get(key) ?? new Map<string, string>();
      if (owners.length === 0) problems.push(`${key} names nobody`);
      if (new Set(owners.map(([uid]) => uid)).size < owners.length) problems.push(`${key} names somebody twice`);
      for (const [uid, ...detail] of owners) {
        const moving = letter === 'x' && [...stale].some(other => other.includes(`q/${uid}/`));
        if (!moving && claims.get(uid) !== show(detail)) {
          problems.push(`${key} names ${uid} with ${show(detail)}, its record says ${claims.get(uid)}`);
        }
        claims.delete(uid);
      }
      if (mustHave) for (const uid of claims.keys()) problems.push(`${key} does not name ${uid}`);
      wanted.delete(key);
    }
    for (const [key, claims] of wanted) {
      if (mustHave && claims.size > 0) problems.push(`${key} is missing, ${[...claims.keys()].join(', ')} have it`);
    }
  }

  const recipes = new Set(records.filter(hasRecipe).map(record => keys.recipe(record.uid, record.hash)));
  for (const [key] of under('p')) {
    if (!recipes.has(key) && !stale.has(key.replace(`${prefix}p/`, `${prefix}q/`)))
      problems.push(`${key} is nobody’s recipe`);
  }
  const letters = new Set(['r', 'c', 'l', 't', 'i', 'h', 'x', 'p', 'q', 'n', 'v', 'k', 's']);
  for (const key of found.keys()) if (!letters.has(key[prefix.length]!)) problems.push(`nobody knows what ${key} is`);
  return problems;
}

function expectedOwners(
  keys: FolderKeys,
  records: readonly FileRecord[],
  found: ReadonlyMap<string, Uint8Array>,
): Map<string, OwnersByKey> {
  const owners = new Map<string, OwnersByKey>(['c', 'i', 'h', 'x'].map(letter => [letter, new Map()]));
  const claim = (letter: string, key: string, uid: string, detail: readonly unknown[]) => {
    const byKey = owners.get(letter)!;
    const claims = byKey.get(key) ?? new Map<string, string>();
    byKey.set(key, claims.set(uid, show(detail)));
  };
  for (const record of records) {
    const { uid, disk } = record;
    if (record.present) claim('c', keys.slot(record.parent, record.name), uid, [disk && statToTuple(disk)]);
    if (disk) claim('i', keys.inode(disk.ino), uid, []);
    if (!record.present || record.kind !== 'file' || record.size === 0) continue;
    claim('h', keys.content(record.hash), uid, []);
    const recipe = found.get(keys.recipe(uid, record.hash));
    if (!recipe) continue;
    for (const { hash, offset, length } of chunkPlaces(decodeRecipe(recipe))) {
      claim('x', keys.chunk(hash), uid, [offset, length]);
    }
  }
  return owners;
}

export function countAll(records: Iterable<FileRecord>): Counts {
  const counts = { files: 0, directories: 0, symlinks: 0, bytes: 0, tombstones: 0 };
  for (const record of records) {
    if (!record.present) counts.tombstones++;
    else if (record.kind === 'file') {
      counts.files++;
      counts.bytes += record.size;
    } else if (record.kind === 'directory') counts.directories++;
    else counts.symlinks++;
  }
  return counts;
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
}
