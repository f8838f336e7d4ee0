import { type ChunkSizes, createChunkCutter } from '../../../src/model/chunk-cutter.ts';
import type { Recipe } from '../../../src/model/recipe.ts';

/** Bytes without any order, the same for the same seed. */
export function noise(bytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    words[i] = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d);
  }
  return new Uint8Array(words.buffer, 0, bytes);
}

/** The lengths of a file's chunks, the bytes being pushed in pieces of these sizes, over and over. */
export function cutLengths(file: Uint8Array, sizes: ChunkSizes, pieces: readonly number[] = [file.length]): number[] {
  const cutter = createChunkCutter(sizes);
  const lengths: number[] = [];
  let at = 0;
  for (let i = 0; at < file.length; i++) {
    const piece = file.subarray(at, at + Math.max(1, pieces[i % pieces.length]!));
    cutter.push(piece, length => lengths.push(length));
    at += piece.length;
  }
  const rest = cutter.finish();
  if (rest > 0) lengths.push(rest);
  return lengths;
}

/** FNV-1a with 64 bits: stands in for xxh64 where only equality counts. */
export function hash64(bytes: Uint8Array): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100_0000_01b3n);
  return hash;
}

/** A recipe of so many chunks with hashes without any order. */
export function noiseRecipe(chunks: number, seed: number): Recipe {
  const bytes = noise(chunks * 8, seed);
  const hashes = new BigUint64Array(bytes.buffer.slice(0, chunks * 8));
  const lengths = Uint32Array.from(hashes, hash => 4096 + Number(hash % 60_000n));
  return { lengths, hashes };
}
