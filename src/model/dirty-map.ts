/**
 * Which blocks of a volume differ, or may differ, from another copy of it: one bit for each granule. Everything is in bytes
 * at its border; a granule is dirty if any byte of it may be. The bits lie in memory as they lie on disk.
 */
import { assert } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';

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
}: {
  readonly sizeBytes: number;
  readonly granuleBytes: number;
}): DirtyMap {
  assert(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, 'a size in bytes');
  assert(granuleBytes >= 512 && Number.isInteger(Math.log2(granuleBytes)), 'a granule is a power of two');
  const granules = Math.ceil(sizeBytes / granuleBytes);
  assert(granules <= LIMITS.dirtyGranules, 'the map has a bound');
  // Whole words, so that a search goes over 32 granules at a time.
  const words = new Uint32Array(Math.ceil(granules / 32));
  const bits = new Uint8Array(words.buffer);
  let count = 0;

  const isSet = (granule: number): boolean => (bits[granule >>> 3]! & (1 << (granule & 7))) !== 0;

  const fill = (first: number, end: number, dirty: boolean): boolean => {
    let changed = 0;
    for (let granule = first; granule < end; granule++) {
      const mask = 1 << (granule & 7);
      const at = granule >>> 3;
      if ((granule & 7) === 0 && granule + 8 <= end) {
        const byte = bits[at]!;
        changed += dirty ? 8 - onesIn(byte) : onesIn(byte);
        bits[at] = dirty ? 0xff : 0;
        granule += 7;
      } else if (((bits[at]! & mask) !== 0) !== dirty) {
        bits[at] = bits[at]! ^ mask;
        changed++;
      }
    }
    count += dirty ? changed : -changed;
    return changed > 0;
  };

  /** The first granule from `first` on that is dirty, or is not; `granules` if there is none. */
  const seek = (first: number, dirty: boolean): number => {
    const skipped = dirty ? 0 : 0xffffffff;
    let granule = first;
    while (granule < granules) {
      if ((granule & 31) === 0 && words[granule >>> 5] === skipped) granule += 32;
      else if (isSet(granule) === dirty) return granule;
      else granule++;
    }
    return granules;
  };

  const touched = ({ offset, length }: ByteRange): readonly [number, number] => {
    insist({ offset, length }, sizeBytes);
    if (length === 0) return [0, 0];
    return [Math.floor(offset / granuleBytes), Math.ceil((offset + length) / granuleBytes)];
  };

  return {
    sizeBytes,
    granuleBytes,
    bits,
    get count() {
      return count;
    },
    get dirtyBytes() {
      if (count === 0) return 0;
      const missing = granules * granuleBytes - sizeBytes;
      return count * granuleBytes - (isSet(granules - 1) ? missing : 0);
    },
    mark: range => fill(...touched(range), true),
    clear: ({ offset, length }) => {
      insist({ offset, length }, sizeBytes);
      const first = Math.ceil(offset / granuleBytes);
      const atEnd = offset + length === sizeBytes;
      const end = atEnd ? granules : Math.floor((offset + length) / granuleBytes);
      return fill(first, Math.max(first, end), false);
    },
    isDirty: range => {
      const [first, end] = touched(range);
      return first < end && seek(first, true) < end;
    },
    nextDirty: (from, maxBytes) => {
      assert(maxBytes >= granuleBytes, 'a granule is taken as a whole');
      const first = seek(Math.floor(from / granuleBytes), true);
      if (first === granules) return null;
      const end = Math.min(seek(first, false), first + Math.floor(maxBytes / granuleBytes));
      const offset = first * granuleBytes;
      return { offset, length: Math.min(end * granuleBytes, sizeBytes) - offset };
    },
    merge: other => {
      assert(other.sizeBytes === sizeBytes && other.granuleBytes === granuleBytes, 'maps of one shape');
      for (const [at, byte] of other.bits.entries()) bits[at] = bits[at]! | byte;
      count = recounted(bits);
    },
    markAll: () => {
      fill(0, granules, true);
    },
    clearAll: () => {
      fill(0, granules, false);
    },
    recount: () => {
      // What lies beyond the end means nothing.
      for (let granule = granules; granule < bits.length * 8; granule++) {
        bits[granule >>> 3] = bits[granule >>> 3]! & ~(1 << (granule & 7));
      }
      count = recounted(bits);
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
  const granules = granulesIn(map, page.length);
  let total = 0;
  for (const run of runs) {
    if (!Number.isSafeInteger(run) || run < 0) return false;
    total += run;
    if (total > granules) return false;
  }
  if (runs.length % 2 !== 0) return false;
  let at = page.offset;
  for (let index = 0; index < runs.length; index += 2) {
    const offset = at + runs[index]! * map.granuleBytes;
    at = Math.min(offset + runs[index + 1]! * map.granuleBytes, map.sizeBytes);
    if (offset < at) map.mark({ offset, length: at - offset });
  }
  return true;
}

function granulesIn(map: DirtyMap, bytes: number): number {
  return Math.ceil(bytes / map.granuleBytes);
}

function insist({ offset, length }: ByteRange, sizeBytes: number): void {
  assert(offset >= 0 && length >= 0 && offset + length <= sizeBytes, 'a range within the volume');
}

function recounted(bits: Uint8Array): number {
  let count = 0;
  for (const byte of bits) count += onesIn(byte);
  return count;
}

function onesIn(byte: number): number {
  let ones = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) ones++;
  return ones;
}
