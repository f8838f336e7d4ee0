/**
 * Groups of chunks: runs of about 64, ended by content as chunks are, so that a receiver recognises the unchanged
 * parts of a large file without its whole recipe; and what recipes and groups from a partner must be.
 */
import { assert } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { chunkSizesFor } from './chunk-cutter.ts';
import type { ChunkGroup, Recipe } from './recipe.ts';

/** xxh64, seed 0. */
export type Hash64 = (bytes: Uint8Array) => bigint;

const GROUP_MIN_CHUNKS = 16;
const GROUP_MAX_CHUNKS = 256;
/** After the minimum one chunk in so many ends a group: 64 chunks on average. */
const GROUP_END_IN = 48n;
/** xxh64 of the chunk, then its length, both little endian. */
const ENTRY_BYTES = 12;

/** The groups of a recipe, in order. Equal runs of chunks get equal groups, but for the first after a difference. */
export function groupChunks(recipe: Recipe, hash64: Hash64): ChunkGroup[] {
  const { lengths, hashes } = recipe;
  assert(lengths.length === hashes.length, 'a recipe has as many lengths as hashes');
  const groups: ChunkGroup[] = [];
  const entries = new DataView(new ArrayBuffer(GROUP_MAX_CHUNKS * ENTRY_BYTES));
  let firstChunk = 0;
  let offset = 0;
  let bytes = 0;
  for (let i = 0; i < lengths.length; i++) {
    writeEntry(entries, i - firstChunk, hashes[i]!, lengths[i]!);
    bytes += lengths[i]!;
    const chunks = i + 1 - firstChunk;
    const ends = chunks >= GROUP_MIN_CHUNKS && (chunks === GROUP_MAX_CHUNKS || hashes[i]! % GROUP_END_IN === 0n);
    if (!ends && i + 1 < lengths.length) continue;
    const hash = hash64(new Uint8Array(entries.buffer, 0, chunks * ENTRY_BYTES));
    groups.push({ firstChunk, chunks, offset, bytes, hash });
    firstChunk = i + 1;
    offset += bytes;
    bytes = 0;
  }
  return groups;
}

/** What is wrong with a recipe from the wire for a file, or a part of one, of `size` bytes; null: nothing. */
export function checkRecipe(recipe: Recipe, size: number, fileSize = size): string | null {
  const { lengths, hashes } = recipe;
  if (lengths.length !== hashes.length) {
    return `a recipe has ${lengths.length} lengths but ${hashes.length} hashes`;
  }
  if (lengths.length > LIMITS.recipeChunks) return `a recipe has more than ${LIMITS.recipeChunks} chunks`;
  const { max } = chunkSizesFor(fileSize);
  let sum = 0;
  for (const length of lengths) {
    if (length === 0) return 'a recipe has an empty chunk';
    if (length > max) return `a recipe has a chunk of ${length} bytes, ${max} are allowed`;
    sum += length;
  }
  return sum === size ? null : `the chunks of a recipe sum up to ${sum} bytes instead of ${size}`;
}

/** What is wrong with the groups from the wire of a file of `size` bytes; null: nothing. */
export function checkGroups(groups: readonly ChunkGroup[], size: number): string | null {
  const { max } = chunkSizesFor(size);
  let chunks = 0;
  let offset = 0;
  for (const group of groups) {
    if (!Number.isInteger(group.chunks) || group.chunks < 1 || group.chunks > GROUP_MAX_CHUNKS) {
      return `a group has ${group.chunks} chunks, 1 to ${GROUP_MAX_CHUNKS} are allowed`;
    }
    if (!Number.isSafeInteger(group.bytes) || group.bytes < group.chunks || group.bytes > group.chunks * max) {
      return `a group of ${group.chunks} chunks cannot have ${group.bytes} bytes`;
    }
    if (group.firstChunk !== chunks || group.offset !== offset) return 'the groups do not follow one another';
    if (group.hash < 0n || group.hash >> 64n !== 0n) return 'the hash of a group is out of range';
    chunks += group.chunks;
    offset += group.bytes;
    if (chunks > LIMITS.recipeChunks) return `the groups have more than ${LIMITS.recipeChunks} chunks`;
  }
  return offset === size ? null : `the groups sum up to ${offset} bytes instead of ${size}`;
}

/** What is wrong with the chunks a partner sent for one of the groups it had announced; null: nothing. */
export function checkGroupChunks(group: ChunkGroup, recipe: Recipe, fileSize: number, hash64: Hash64): string | null {
  const problem = checkRecipe(recipe, group.bytes, fileSize);
  if (problem !== null) return problem;
  if (recipe.lengths.length !== group.chunks) {
    return `${recipe.lengths.length} chunks came for a group of ${group.chunks}`;
  }
  const entries = new DataView(new ArrayBuffer(group.chunks * ENTRY_BYTES));
  for (let i = 0; i < group.chunks; i++) writeEntry(entries, i, recipe.hashes[i]!, recipe.lengths[i]!);
  return hash64(new Uint8Array(entries.buffer)) === group.hash ? null : 'the chunks of a group do not match its hash';
}

/** The chunks of one group of a recipe. Shares memory with `recipe`. */
export function sliceRecipe(recipe: Recipe, group: Pick<ChunkGroup, 'firstChunk' | 'chunks'>): Recipe {
  const end = group.firstChunk + group.chunks;
  return {
    lengths: recipe.lengths.subarray(group.firstChunk, end),
    hashes: recipe.hashes.subarray(group.firstChunk, end),
  };
}

/** One recipe of its parts, in order. */
export function joinRecipes(parts: readonly Recipe[]): Recipe {
  const only = parts[0];
  if (parts.length === 1 && only !== undefined) return only;
  const count = parts.reduce((sum, part) => sum + part.lengths.length, 0);
  const lengths = new Uint32Array(count);
  const hashes = new BigUint64Array(count);
  let at = 0;
  for (const part of parts) {
    lengths.set(part.lengths, at);
    hashes.set(part.hashes, at);
    at += part.lengths.length;
  }
  return { lengths, hashes };
}

function writeEntry(entries: DataView, index: number, hash: bigint, length: number): void {
  entries.setBigUint64(index * ENTRY_BYTES, hash, true);
  entries.setUint32(index * ENTRY_BYTES + 8, length, true);
}
