/** Reads the index of versions: which records have their GVSN in a difference of vectors. */
import { type Gvsn, makeVersion, type Uid, vsnOf } from '../model/version.ts';
import type { VersionVector } from '../model/version-vector.ts';
import type { FolderKeys } from './keys.ts';
import type { KeyValueReader } from './kv.ts';

export interface IndexedVersion {
  readonly gvsn: Gvsn;
  readonly uid: Uid;
  readonly value: Uint8Array;
}

/** Beginning to read a range costs as much as reading about so many entries on. */
const GAP = 16;

/** In the order of GVSN, in batches of any size. */
export async function* versionsIn(
  reader: KeyValueReader,
  keys: FolderKeys,
  difference: VersionVector,
  kind: 'live' | 'tombstone',
): AsyncGenerator<IndexedVersion[], void, void> {
  for (const database of [...difference.keys()].sort()) {
    const intervals = difference.get(database)!;
    for (let first = 0; first < intervals.length; ) {
      let last = first;
      while (last + 2 < intervals.length && intervals[last + 2]! - intervals[last + 1]! <= GAP) last += 2;
      const from = makeVersion(database, intervals[first]! + 1);
      const to = makeVersion(database, intervals[last + 1]! + 1);
      let at = first;
      for await (const entries of reader.range(keys.versions(kind, from, to))) {
        const found: IndexedVersion[] = [];
        for (const [key, value] of entries) {
          const version = keys.ofVersion(key);
          const vsn = vsnOf(version.gvsn);
          while (intervals[at + 1]! < vsn) at += 2;
          if (intervals[at]! < vsn) found.push({ ...version, value });
        }
        if (found.length > 0) yield found;
      }
      first = last + 2;
    }
  }
}
