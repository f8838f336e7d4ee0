/**
 * Content-defined chunks: a rolling hash over the last 31 bytes decides where one ends, so that an insertion changes
 * only the chunks around it. Gear hash with normalised chunk sizes (FastCDC): a cut is made harder below the average
 * and easier above it. Members must cut alike to find each other's chunks: the numbers here are part of the protocol.
 */
import { LIMITS } from '../base/limits.ts';

export interface ChunkSizes {
  /** No chunk but a file's last is shorter. */
  readonly min: number;
  /** A power of two. */
  readonly average: number;
  readonly max: number;
}

/** `length`: bytes of the chunk that ends here; `end`: where in the pushed bytes it ends. */
export type OnChunk = (length: number, end: number) => void;

export interface ChunkCutter {
  /** The next bytes of the file, in pieces of any size: the chunks do not depend on it. */
  push(bytes: Uint8Array, onChunk: OnChunk): void;
  /** Ends the file: bytes of the last chunk that no cut has ended; 0: none. The cutter is as new then. */
  finish(): number;
}

/** Up to this size files are cut with the sizes of the limits table. */
const PLAIN_FILE_BYTES = 4 * 1024 ** 3;
/** How many bits harder and easier a cut is below and above the average. */
const NORMALISATION_BITS = 2;
/** Keeps the masks within 32 bits: good to files of 128 TiB. */
const LARGEST_AVERAGE = 2 ** 29;
const GEAR_SEED = 0x7a4d_e301;

/** Signed, as V8 keeps such sums in one register; unsigned ones it does not. */
const GEAR = makeGear(GEAR_SEED);
const GEAR_TWICE = GEAR.map(value => value << 1);

/**
 * How a file of this size is cut. Above 4 GiB the average doubles with each doubling of the size. The minimum is such
 * that even the most unlucky content has at most LIMITS.recipeChunks chunks.
 */
export function chunkSizesFor(fileSize: number): ChunkSizes {
  let average: number = LIMITS.chunkAverageBytes;
  for (let bytes = PLAIN_FILE_BYTES; bytes < fileSize && average < LARGEST_AVERAGE; bytes *= 2) average *= 2;
  let min: number = LIMITS.chunkMinBytes;
  while (min * LIMITS.recipeChunks < fileSize && min < average) min *= 2;
  return { min, average, max: average * (LIMITS.chunkMaxBytes / LIMITS.chunkAverageBytes) };
}

export function createChunkCutter(sizes: ChunkSizes): ChunkCutter {
  const { min, average, max } = sizes;
  const bits = Math.log2(average);
  const hardMask = highBits(bits + NORMALISATION_BITS);
  const easyMask = highBits(bits - NORMALISATION_BITS);
  /** Bytes of the unfinished chunk so far, and its hash. */
  let length = 0;
  let hash = 0;

  /** Hashes on from `from`; answers where the chunk ends, or -1: not before `to`. */
  function scan(bytes: Uint8Array, from: number, to: number, mask: number): number {
    const gear = GEAR;
    const gearTwice = GEAR_TWICE;
    // Two bytes a turn with one shift: after the first of them h is just twice its value, and so is the mask.
    const maskTwice = mask << 1;
    let h = hash;
    let i = from;
    const unrolledEnd = to - 7;
    while (i < unrolledEnd) {
      h = ((h << 2) + gearTwice[bytes[i]!]!) | 0;
      if ((h & maskTwice) === 0) return i + 1;
      h = (h + gear[bytes[i + 1]!]!) | 0;
      if ((h & mask) === 0) return i + 2;
      h = ((h << 2) + gearTwice[bytes[i + 2]!]!) | 0;
      if ((h & maskTwice) === 0) return i + 3;
      h = (h + gear[bytes[i + 3]!]!) | 0;
      if ((h & mask) === 0) return i + 4;
      h = ((h << 2) + gearTwice[bytes[i + 4]!]!) | 0;
      if ((h & maskTwice) === 0) return i + 5;
      h = (h + gear[bytes[i + 5]!]!) | 0;
      if ((h & mask) === 0) return i + 6;
      h = ((h << 2) + gearTwice[bytes[i + 6]!]!) | 0;
      if ((h & maskTwice) === 0) return i + 7;
      h = (h + gear[bytes[i + 7]!]!) | 0;
      if ((h & mask) === 0) return i + 8;
      i += 8;
    }
    while (i < to) {
      h = ((h << 1) + gear[bytes[i++]!]!) | 0;
      if ((h & mask) === 0) return i;
    }
    hash = h;
    return -1;
  }

  /** Where the chunk that begins at `start` (negative: in an earlier push) ends; -1: not in these bytes. */
  function findEnd(bytes: Uint8Array, from: number, start: number): number {
    const size = bytes.length;
    // The first bytes cannot hold a cut and are not looked at.
    let at = Math.max(from, start + min);
    if (at >= size) return -1;
    const averageEnd = Math.min(start + average, size);
    if (at < averageEnd) {
      const end = scan(bytes, at, averageEnd, hardMask);
      if (end >= 0) return end;
      at = averageEnd;
    }
    const maxEnd = Math.min(start + max, size);
    const end = at < maxEnd ? scan(bytes, at, maxEnd, easyMask) : -1;
    if (end >= 0) return end;
    return start + max <= size ? start + max : -1;
  }

  return {
    push(bytes, onChunk) {
      let from = 0;
      while (from < bytes.length) {
        const start = from - length;
        const end = findEnd(bytes, from, start);
        if (end < 0) {
          length = bytes.length - start;
          return;
        }
        length = 0;
        hash = 0;
        from = end;
        onChunk(end - start, end);
      }
    },
    finish() {
      const rest = length;
      length = 0;
      hash = 0;
      return rest;
    },
  };
}

/** High bits depend on the most bytes. The highest is spared: it is lost from a hash that is doubled. */
function highBits(bits: number): number {
  return (2 ** bits - 1) * 2 ** (31 - bits);
}

function makeGear(seed: number): Int32Array {
  const gear = new Int32Array(256);
  let state = seed;
  for (let i = 0; i < 256; i++) {
    // The finaliser of splitmix32.
    state = (state + 0x9e37_79b9) | 0;
    let value = state ^ (state >>> 16);
    value = Math.imul(value, 0x21f0_aaad);
    value ^= value >>> 15;
    value = Math.imul(value, 0x735a_2d97);
    gear[i] = value ^ (value >>> 15);
  }
  return gear;
}
