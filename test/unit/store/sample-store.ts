/** Records and randomness for the tests of the store. */
import type { Random } from '../../../src/base/random.ts';
import type { Recipe } from '../../../src/model/recipe.ts';
import type { FileRecord, Stat } from '../../../src/model/update.ts';
import { makeVersion, rootUid } from '../../../src/model/version.ts';

export const FOLDER = '11111111-2222-3333-4444-555555555555';
export const OTHER_FOLDER = '99999999-2222-3333-4444-555555555555';
export const ROOT = rootUid(FOLDER);

const DATABASE = 'a'.repeat(32);

/** Version number `n` of a database named by one hex digit. */
export function version(n: number, digit = 'a'): string {
  return makeVersion(digit === 'a' ? DATABASE : digit.repeat(32), n);
}

export function sampleRandom(seed = 1): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const digits = (count: number) => Array.from({ length: count }, () => Math.floor(next() * 16).toString(16)).join('');
  return { next, guid: () => [8, 4, 4, 4, 12].map(digits).join('-') };
}

export function sampleStat(fields: Partial<Stat> = {}): Stat {
  return {
    kind: 'file',
    ino: 7n,
    size: 100,
    mtimeNs: 1_700_000_000_123_456_789n,
    ctimeNs: 1_700_000_000_223_456_789n,
    birthtimeNs: 0n,
    mode: 0o644,
    nlink: 1,
    ...fields,
  };
}

/** A present file of 100 bytes in the root, not on disk. */
export function sampleRecord(fields: Partial<FileRecord> & { readonly uid: string }): FileRecord {
  const kind = fields.kind ?? 'file';
  const present = fields.present ?? true;
  const content = present && kind === 'file';
  return {
    gvsn: fields.uid,
    parent: ROOT,
    name: `file-${fields.uid.slice(-4)}`,
    kind,
    present,
    nameConflict: false,
    mergedInto: null,
    fence: 3,
    clock: 1_700_000_000_000_001,
    createTime: 1_700_000_000_000,
    mode: 0o644,
    mtimeNs: 1_700_000_000_123_456_789n,
    size: content ? 100 : 0,
    hash: content ? '0'.repeat(64) : '',
    target: present && kind === 'symlink' ? 'elsewhere' : '',
    ancestry: [],
    disk: null,
    provisional: false,
    ...fields,
  };
}

export function directory(uid: string, fields: Partial<FileRecord> = {}): FileRecord {
  return sampleRecord({ uid, kind: 'directory', ...fields });
}

export function tombstone(record: FileRecord, gvsn: string): FileRecord {
  return { ...record, gvsn, present: false, size: 0, hash: '', target: '', disk: null };
}

export function sampleRecipe(hashes: readonly (number | bigint)[], length = 16_384): Recipe {
  return { lengths: new Uint32Array(hashes.length).fill(length), hashes: BigUint64Array.from(hashes, BigInt) };
}
