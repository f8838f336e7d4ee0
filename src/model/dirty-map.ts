/**
 * Which blocks of a volume differ, or may differ, from another copy of it: one bit for each granule. Everything is in bytes
 * at its border; a granule is dirty if any byte of it may be. The bits lie in memory as they lie on disk.
 */
import { assert } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { Bitmap } from './bitmap.ts';

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface DirtyMap {
  readonly sizeBytes: number;
  readonly granuleBytes: number;
  /** Granules that are dirty. */
  readonly count: number;
  /** Of the whole map; the last granule counts with the bytes it has. */
  readonly dirtyBytes: number;
  /** Everything the range touches is dirty. True if anything was not. */
  mark(range: ByteRange): boolean;
  /** Only granules that lie in the range as a whole become clean. True if anything was dirty. */
  clear(range: ByteRange): boolean;
  isDirty(range: ByteRange): boolean;
  /** The first dirty stretch at or after `from`, at most `maxBytes` of it, cut at the volume's end; null: there is none. */
  nextDirty(from: number, maxBytes: number): ByteRange | null;
  /** What is dirty in the other one, of equal size and granule, is dirty here as well. */
  merge(other: DirtyMap): void;
  markAll(): void;
  clearAll(): void;
  /** Least significant first; beyond the end they are 0. Not a copy: whoever writes into it calls `recount`. */
  readonly bits: Uint8Array;
  /** After the bits were written from outside, as when they were read from disk. */
  recount(): void;
}

export function createDirtyMap({
  sizeBytes,
  granuleBytes,
  bitmap = new Bitmap(Math.ceil(sizeBytes / granuleBytes)),
}: {
  readonly sizeBytes: number;
  readonly granuleBytes: number;
  /** Of a bit for each granule, for who keeps it elsewhere as well. */
  readonly bitmap?: Bitmap;
}): DirtyMap {
  assert(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, 'a size in bytes');
  assert(granuleBytes >= 512 && Number.isInteger(Math.log2(granuleBytes)), 'a granule is a power of two');
  const granules = Math.ceil(sizeBytes / granuleBytes);
  assert(granules <= LIMITS.dirtyGranules, 'the map has a bound');
  assert(bitmap.bits === granules, 'a bit for each granule');

  const changes = (change: () => void): boolean => {
    const before = bitmap.count;
    change();
    return bitmap.count !== before;
  };
  const touched = (range: ByteRange): readonly [number, number] => {
    insist(range, sizeBytes);
    const { offset, length } = range;
    return length === 0 ? [0, 0] : [Math.floor(offset / granuleBytes), Math.ceil((offset + length) / granuleBytes)];
  };
  const within = (range: ByteRange): readonly [number, number] => {
    insist(range, sizeBytes);
    const first = Math.ceil(range.offset / granuleBytes);
    const end = range.offset + range.length;
    return [first, Math.max(first, end === sizeBytes ? granules : Math.floor(end / granuleBytes))];
  };

  return {
    sizeBytes,
    granuleBytes,
    bits: bitmap.bytes,
    get count() {
      return bitmap.count;
    },
    get dirtyBytes() {
      const missing = granules * granuleBytes - sizeBytes;
      return bitmap.count * granuleBytes - (granules > 0 && bitmap.get(granules - 1) ? missing : 0);
    },
    mark: range => changes(() => bitmap.set(...touched(range))),
    clear: range => changes(() => bitmap.clear(...within(range))),
    isDirty: range => {
      const [first, end] = touched(range);
      return first < end && bitmap.anySet(first, end);
    },
    nextDirty: (from, maxBytes) => {
      assert(maxBytes >= granuleBytes, 'a granule is taken as a whole');
      const first = bitmap.nextSet(Math.floor(from / granuleBytes), granules);
      if (first >= granules) return null;
      const most = Math.min(granules, first + Math.floor(maxBytes / granuleBytes));
      const offset = first * granuleBytes;
      return { offset, length: Math.min(bitmap.nextClear(first, most) * granuleBytes, sizeBytes) - offset };
    },
    merge: other => {
      assert(other.sizeBytes === sizeBytes && other.granuleBytes === granuleBytes, 'maps of one shape');
      for (const [at, byte] of other.bits.entries()) bitmap.bytes[at] = bitmap.bytes[at]! | byte;
      bitmap.recount();
    },
    markAll: () => bitmap.set(0, granules),
    clearAll: () => bitmap.clear(0, granules),
    recount: () => {
      // What lies beyond the end means nothing.
      const last = bitmap.bytes.length - 1;
      if ((granules & 7) !== 0) bitmap.bytes[last] = bitmap.bytes[last]! & ((1 << (granules & 7)) - 1);
      bitmap.recount();
    },
  };
}

/** Dirty stretches of a page of the map, for the wire: pairs of how many granules are clean, then how many are dirty. */
export function toRuns(map: DirtyMap, page: ByteRange): readonly number[] {
  const runs: number[] = [];
  const end = page.offset + page.length;
  let at = page.offset;
  while (at < end) {
    const dirty = map.nextDirty(at, Number.MAX_SAFE_INTEGER);
    if (dirty === null || dirty.offset >= end) break;
    const stop = Math.min(dirty.offset + dirty.length, end);
    runs.push(granulesIn(map, dirty.offset - at), granulesIn(map, stop - dirty.offset));
    at = stop;
  }
  return runs;
}

/** Marks what the partner's runs say of the page. False, and the map as it was: they do not fit into it. */
export function markRuns(map: DirtyMap, page: ByteRange, runs: readonly number[]): boolean {
  const ranges = rangesOfRuns(map, page, runs);
  for (const range of ranges ?? []) map.mark(range);
  return ranges !== null;
}

/** What the partner's runs say is dirty in the page; null: they do not fit into it. */
export function rangesOfRuns(
  { sizeBytes, granuleBytes }: Pick<DirtyMap, 'sizeBytes' | 'granuleBytes'>,
  page: ByteRange,
  runs: readonly number[],
): ByteRange[] | null {
  const granules = Math.ceil(page.length / granuleBytes);
  let total = 0;
  for (const run of runs) {
    if (!Number.isSafeInteger(run) || run < 0) return null;
    total += run;
    if (total > granules) return null;
  }
  if (runs.length % 2 !== 0) return null;
  const ranges: ByteRange[] = [];
  let at = page.offset;
  for (let index = 0; index < runs.length; index += 2) {
    const offset = at + runs[index]! * granuleBytes;
    at = Math.min(offset + runs[index + 1]! * granuleBytes, sizeBytes);
    if (offset < at) ranges.push({ offset, length: at - offset });
  }
  return ranges;
}

function granulesIn(map: DirtyMap, bytes: number): number {
  return Math.ceil(bytes / map.granuleBytes);
}

function insist({ offset, length }: ByteRange, sizeBytes: number): void {
  assert(offset >= 0 && length >= 0 && offset + length <= sizeBytes, 'a range within the volume');
}
