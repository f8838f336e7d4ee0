/** One consistent state of a folder: gives the records of a difference in the order in which a partner can use them. */
import { LIMITS } from '../base/limits.ts';
import type { FileRecord } from '../model/update.ts';
import type { Gvsn, Uid } from '../model/version.ts';
import { containsVersion, type VersionVector } from '../model/version-vector.ts';
import type { FolderKeys } from './keys.ts';
import type { KeyValueReader } from './kv.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';
import type { FolderView } from './store.ts';
import { damaged, decodeRecord } from './values.ts';
import { type IndexedVersion, versionsIn } from './version-range.ts';

export function openFolderView(snapshot: SharedSnapshot, keys: FolderKeys, vector: VersionVector): FolderView {
  let open = true;
  return {
    vector,
    updates: (difference, pass) =>
      pass === 'tombstones'
        ? tombstonesIn(snapshot.reader, keys, difference)
        : liveInOrder(snapshot.reader, keys, difference),
    countUpdates: async difference => {
      let updates = 0;
      for (const pass of ['tombstone', 'live'] as const) {
        for await (const versions of versionsIn(snapshot.reader, keys, difference, pass)) updates += versions.length;
      }
      return updates;
    },
    close: async () => {
      if (!open) return;
      open = false;
      await snapshot.release();
    },
  };
}

export async function readRecords(
  reader: KeyValueReader,
  keys: FolderKeys,
  uids: readonly Uid[],
): Promise<(FileRecord | undefined)[]> {
  const values = await reader.getMany(uids.map(uid => keys.record(uid)));
  return values.map((value, index) => value && decodeRecord(uids[index]!, value));
}

async function* tombstonesIn(
  reader: KeyValueReader,
  keys: FolderKeys,
  difference: VersionVector,
): AsyncGenerator<FileRecord[], void, void> {
  for await (const versions of inFullBatches(versionsIn(reader, keys, difference, 'tombstone'))) {
    yield await recordsOf(reader, keys, versions);
  }
}

/**
 * A directory that is also wanted goes before its children, even if its version is newer than theirs. Only those
 * given out of turn are remembered, until their turn has come.
 */
async function* liveInOrder(
  reader: KeyValueReader,
  keys: FolderKeys,
  difference: VersionVector,
): AsyncGenerator<FileRecord[], void, void> {
  const early = new Set<Uid>();
  const passed = new PassedDirectories();
  let batch: FileRecord[] = [];
  for await (const versions of inFullBatches(versionsIn(reader, keys, difference, 'live'))) {
    const records = await recordsOf(reader, keys, versions);
    const ahead = await directoriesAhead(reader, keys, { difference, records, passed });
    for (const record of records) {
      if (early.delete(record.uid)) continue;
      const chain = [record];
      for (let parent = ahead.get(record.parent); parent; parent = ahead.get(parent.parent)) {
        // Those up to here have been given in their turn; of a circle each is given once.
        if (parent.gvsn <= record.gvsn || early.has(parent.uid)) break;
        early.add(parent.uid);
        chain.push(parent);
      }
      for (const next of chain.reverse()) {
        batch.push(next);
        if (batch.length < LIMITS.updatesPerBatch) continue;
        yield batch;
        batch = [];
      }
    }
    for (const record of records) if (record.kind === 'directory') passed.add(record.uid);
  }
  if (batch.length > 0) yield batch;
}

/** The live directories above these records whose versions are in the difference and not older than the first. */
async function directoriesAhead(
  reader: KeyValueReader,
  keys: FolderKeys,
  {
    difference,
    records,
    passed,
  }: { difference: VersionVector; records: readonly FileRecord[]; passed: PassedDirectories },
): Promise<ReadonlyMap<Uid, FileRecord>> {
  const first: Gvsn = records[0]!.gvsn;
  const ahead = new Map<Uid, FileRecord>(records.map(record => [record.uid, record]));
  const asked = new Set<Uid>(ahead.keys());
  let level: readonly FileRecord[] = records;
  while (level.length > 0) {
    const parents: Uid[] = [];
    for (const { parent } of level) {
      if (asked.has(parent) || passed.has(parent)) continue;
      asked.add(parent);
      parents.push(parent);
    }
    const found = await readRecords(reader, keys, parents);
    const next: FileRecord[] = [];
    found.forEach((record, index) => {
      const live = record?.present && !record.provisional && record.gvsn >= first;
      if (live && containsVersion(difference, record.gvsn)) next.push(record);
      else passed.add(parents[index]!);
    });
    for (const record of next) ahead.set(record.uid, record);
    level = next;
  }
  return ahead;
}

/** Directories that need not be looked at again: given in their turn, or not wanted. Forgetting them costs only time. */
class PassedDirectories {
  #uids = new Set<Uid>();

  has(uid: Uid): boolean {
    return this.#uids.has(uid);
  }

  add(uid: Uid): void {
    if (this.#uids.size >= LIMITS.recordsPerBatch) this.#uids = new Set();
    this.#uids.add(uid);
  }
}

async function recordsOf(
  reader: KeyValueReader,
  keys: FolderKeys,
  versions: readonly IndexedVersion[],
): Promise<FileRecord[]> {
  const uids = versions.map(version => version.uid);
  const records = await readRecords(reader, keys, uids);
  return records.map((record, index) => {
    if (record?.gvsn !== versions[index]!.gvsn)
      throw damaged(`no record has the indexed version ${versions[index]!.gvsn}`);
    return record;
  });
}

async function* inFullBatches<T>(batches: AsyncIterable<T[]>): AsyncGenerator<T[], void, void> {
  let waiting: T[] = [];
  for await (const batch of batches) {
    waiting = waiting.length === 0 ? batch : waiting.concat(batch);
    while (waiting.length >= LIMITS.updatesPerBatch) {
      yield waiting.slice(0, LIMITS.updatesPerBatch);
      waiting = waiting.slice(LIMITS.updatesPerBatch);
    }
  }
  if (waiting.length > 0) yield waiting;
}
