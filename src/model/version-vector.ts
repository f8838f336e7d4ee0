/**
 * Version vectors: which versions a member holds or needs, as a set of GVSNs. [dfsr.md §5.2]
 *
 * All functions are linear in the number of intervals or better, never change their arguments, and give back an
 * argument itself, or share its lists, wherever nothing changes: a caller may compare by identity first.
 * They expect the form that `checkVector` insists on.
 */
import { assert } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { DatabaseId, Gvsn } from './version.ts';
import { databaseOf, guidFromDatabaseId, vsnOf } from './version.ts';

/** For each database the numbers claimed, as ascending half-open intervals (low, high] in one flat list. */
export type VersionVector = ReadonlyMap<DatabaseId, readonly number[]>;

export const EMPTY_VECTOR: VersionVector = new Map();

export type { Gvsn };

/** The union. `a` itself if `a` covers `b`. */
export function mergeVectors(a: VersionVector, b: VersionVector): VersionVector {
  if (a === b || b.size === 0) return a;
  if (a.size === 0) return b;
  let result: Map<DatabaseId, readonly number[]> | undefined;
  for (const [database, added] of b) {
    const own = a.get(database);
    const merged = own === undefined ? added : mergeLists(own, added);
    if (merged === own) continue;
    result ??= new Map(a);
    result.set(database, merged);
  }
  return result ?? a;
}

/** What `a` has and `b` has not. `a` itself if they have nothing in common. */
export function subtractVectors(a: VersionVector, b: VersionVector): VersionVector {
  if (a === b) return EMPTY_VECTOR;
  let result: Map<DatabaseId, readonly number[]> | undefined;
  for (const [database, own] of a) {
    const removed = b.get(database);
    if (removed === undefined) continue;
    const left = subtractLists(own, removed);
    if (left === own) continue;
    result ??= new Map(a);
    if (left.length === 0) result.delete(database);
    else result.set(database, left);
  }
  if (result === undefined) return a;
  return result.size === 0 ? EMPTY_VECTOR : result;
}

export function containsVersion(vector: VersionVector, gvsn: Gvsn): boolean {
  const list = vector.get(databaseOf(gvsn));
  if (list === undefined) return false;
  const vsn = vsnOf(gvsn);
  const at = firstReaching(list, 0, vsn);
  return at < list.length && list[at]! < vsn;
}

/** a ⊇ b */
export function coversVector(a: VersionVector, b: VersionVector): boolean {
  if (a === b) return true;
  if (b.size > a.size) return false;
  for (const [database, inner] of b) {
    const outer = a.get(database);
    if (outer === undefined || !coversList(outer, inner)) return false;
  }
  return true;
}

export function isEmptyVector(vector: VersionVector): boolean {
  return vector.size === 0;
}

export function equalVectors(a: VersionVector, b: VersionVector): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [database, list] of a) {
    const other = b.get(database);
    if (other === undefined || !equalLists(list, other)) return false;
  }
  return true;
}

/** The vector with (low, high] of one database added. `vector` itself if it has them. */
export function withRange(vector: VersionVector, database: DatabaseId, low: number, high: number): VersionVector {
  assert(Number.isSafeInteger(high) && Number.isSafeInteger(low) && low >= 0 && low < high, 'a range is (low, high]');
  const own = vector.get(database);
  const list = own === undefined ? [low, high] : listWithRange(own, low, high);
  return list === own ? vector : new Map(vector).set(database, list);
}

/** The smallest vector that holds all these versions, in any order. */
export function vectorFromVersions(versions: Iterable<Gvsn>): VersionVector {
  const numbersByDatabase = new Map<DatabaseId, number[]>();
  for (const version of versions) {
    const database = databaseOf(version);
    const numbers = numbersByDatabase.get(database);
    if (numbers === undefined) numbersByDatabase.set(database, [vsnOf(version)]);
    else numbers.push(vsnOf(version));
  }
  const vector = new Map<DatabaseId, readonly number[]>();
  for (const [database, numbers] of numbersByDatabase) {
    numbers.sort((a, b) => a - b);
    const list: number[] = [];
    for (const vsn of numbers) appendInterval(list, vsn - 1, vsn);
    vector.set(database, list);
  }
  return vector;
}

export function countIntervals(vector: VersionVector): number {
  let count = 0;
  for (const list of vector.values()) count += list.length / 2;
  return count;
}

export function countVersions(vector: VersionVector): number {
  let count = 0;
  for (const list of vector.values()) {
    for (let i = 0; i < list.length; i += 2) count += list[i + 1]! - list[i]!;
  }
  return count;
}

/** For people: one line a database, `{GUID}: 9..200 204..300 305`; '' for the empty vector. */
export function formatVector(vector: VersionVector): string {
  const lines: string[] = [];
  for (const database of [...vector.keys()].sort()) {
    const list = vector.get(database)!;
    const parts: string[] = [];
    for (let i = 0; i < list.length; i += 2) {
      const first = list[i]! + 1;
      const last = list[i + 1]!;
      parts.push(first === last ? `${first}` : `${first}..${last}`);
    }
    lines.push(`{${guidFromDatabaseId(database).toUpperCase()}}: ${parts.join(' ')}`);
  }
  return lines.join('\n');
}

/** What is wrong with a vector from the wire; null: it is in the one form that all functions here expect. */
export function checkVector(vector: VersionVector): string | null {
  if (vector.size > LIMITS.vectorDatabases) {
    return `a version vector names ${vector.size} databases, ${LIMITS.vectorDatabases} are allowed`;
  }
  let intervals = 0;
  for (const [database, list] of vector) {
    if (!/^[0-9a-f]{32}$/.test(database)) return 'a version vector names a database that is not 32 hex digits';
    if (list.length === 0 || list.length % 2 !== 0) return `database ${database} has no whole intervals`;
    intervals += list.length / 2;
    if (intervals > LIMITS.vectorIntervals) return `a version vector has more than ${LIMITS.vectorIntervals} intervals`;
    let end = -1;
    for (let i = 0; i < list.length; i += 2) {
      const low = list[i]!;
      const high = list[i + 1]!;
      if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || low < 0) {
        return `database ${database} has an interval with numbers out of range`;
      }
      if (low >= high) return `database ${database} has the empty interval (${low}, ${high}]`;
      if (low <= end) return `database ${database} has intervals that are not ascending with gaps at (${low}, ${high}]`;
      end = high;
    }
  }
  return null;
}

/** Index of the first interval from `from` on whose high is at least `vsn`; the list's length if there is none. */
function firstReaching(list: readonly number[], from: number, vsn: number): number {
  // Galloping: one step where the answer is near, logarithmic where it is far.
  let step = 2;
  let low = from;
  let high = from;
  while (high < list.length && list[high + 1]! < vsn) {
    low = high + 2;
    high += step;
    step *= 2;
  }
  if (high > list.length) high = list.length;
  while (low < high) {
    const middle = low + ((high - low) >> 2) * 2;
    if (list[middle + 1]! < vsn) low = middle + 2;
    else high = middle;
  }
  return low;
}

function coversList(outer: readonly number[], inner: readonly number[]): boolean {
  if (outer === inner) return true;
  let at = 0;
  for (let i = 0; i < inner.length; i += 2) {
    at = firstReaching(outer, at, inner[i + 1]!);
    if (at >= outer.length || outer[at]! > inner[i]!) return false;
  }
  return true;
}

function equalLists(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function mergeLists(a: readonly number[], b: readonly number[]): readonly number[] {
  if (coversList(a, b)) return a;
  if (b.length === 2) return listWithRange(a, b[0]!, b[1]!);
  if (coversList(b, a)) return b;
  const result: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (j >= b.length || (i < a.length && a[i]! <= b[j]!)) {
      appendInterval(result, a[i]!, a[i + 1]!);
      i += 2;
    } else {
      appendInterval(result, b[j]!, b[j + 1]!);
      j += 2;
    }
  }
  return result;
}

/** `low` must not lie below that of the last interval. */
function appendInterval(list: number[], low: number, high: number): void {
  const end = list.length - 1;
  if (end > 0 && low <= list[end]!) {
    if (high > list[end]!) list[end] = high;
  } else {
    list.push(low, high);
  }
}

function listWithRange(list: readonly number[], low: number, high: number): readonly number[] {
  // From the first interval that reaches or touches the range to the last one that begins within or at its end.
  const first = firstReaching(list, 0, low);
  let last = firstReaching(list, first, high);
  if (last >= list.length || list[last]! > high) last -= 2;
  if (first > last) return [...list.slice(0, first), low, high, ...list.slice(first)];
  const newLow = Math.min(low, list[first]!);
  const newHigh = Math.max(high, list[last + 1]!);
  if (first === last && newLow === list[first] && newHigh === list[first + 1]) return list;
  const result = list.slice(0, first);
  result.push(newLow, newHigh);
  return result.concat(list.slice(last + 2));
}

function subtractLists(a: readonly number[], b: readonly number[]): readonly number[] {
  if (coversList(b, a)) return [];
  const result: number[] = [];
  let changed = false;
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    let low = a[i]!;
    const high = a[i + 1]!;
    // The first interval of b that ends above low.
    j = firstReaching(b, j, low + 1);
    while (j < b.length && b[j]! < high) {
      changed = true;
      if (b[j]! > low) result.push(low, b[j]!);
      low = b[j + 1]!;
      if (low >= high) break;
      j += 2;
    }
    if (low < high) result.push(low, high);
  }
  return changed ? result : a;
}
