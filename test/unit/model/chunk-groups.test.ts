import { describe, expect, test } from 'vitest';
import {
  checkGroupChunks,
  checkGroups,
  checkRecipe,
  groupChunks,
  joinRecipes,
  sliceRecipe,
} from '../../../src/model/chunk-groups.ts';
import type { Recipe } from '../../../src/model/recipe.ts';
import { hash64, noiseRecipe } from './chunk-samples.ts';

const sizeOf = (recipe: Recipe) => recipe.lengths.reduce((sum, length) => sum + length, 0);

describe('groups of chunks', () => {
  const recipe = noiseRecipe(10_000, 7);
  const size = sizeOf(recipe);
  const groups = groupChunks(recipe, hash64);

  test('have 16 to 256 chunks, about 64 on average, and cover the file', () => {
    expect(checkGroups(groups, size)).toBeNull();
    const chunks = groups.map(group => group.chunks);
    expect(Math.min(...chunks.slice(0, -1))).toBeGreaterThanOrEqual(16);
    expect(Math.max(...chunks)).toBeLessThanOrEqual(256);
    expect(10_000 / groups.length).toBeGreaterThan(45);
    expect(10_000 / groups.length).toBeLessThan(85);
  });

  test('stay the same away from an inserted chunk', () => {
    const changed = joinRecipes([
      sliceRecipe(recipe, { firstChunk: 0, chunks: 5000 }),
      noiseRecipe(1, 99),
      sliceRecipe(recipe, { firstChunk: 5000, chunks: 5000 }),
    ]);
    const known = new Set(groups.map(group => group.hash));
    const unknown = groupChunks(changed, hash64).filter(group => !known.has(group.hash));
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown.length).toBeLessThan(10);
  });

  test('are equal only if hashes and lengths are', () => {
    const lengths = recipe.lengths.slice();
    lengths[3]!++;
    expect(groupChunks({ ...recipe, lengths }, hash64)[0]!.hash).not.toBe(groups[0]!.hash);
  });

  test('of an unlucky recipe end at the maximum, of an empty one are none', () => {
    const unlucky = { lengths: new Uint32Array(600).fill(5000), hashes: new BigUint64Array(600).fill(1n) };
    expect(groupChunks(unlucky, hash64).map(group => group.chunks)).toEqual([256, 256, 88]);
    expect(groupChunks(joinRecipes([]), hash64)).toEqual([]);
  });

  test('hash the chunk’s hash and length in little endian', () => {
    const seen: number[][] = [];
    const one = { lengths: Uint32Array.of(0x0102), hashes: BigUint64Array.of(0x1122_3344_5566_7788n) };
    groupChunks(one, bytes => {
      seen.push([...bytes]);
      return 0n;
    });
    expect(seen).toEqual([[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x02, 0x01, 0, 0]]);
  });

  test('are built again from their parts', () => {
    const parts = groups.map(group => sliceRecipe(recipe, group));
    expect(joinRecipes(parts)).toEqual(recipe);
    for (const [i, group] of groups.entries()) expect(checkGroupChunks(group, parts[i]!, size, hash64)).toBeNull();
  });
});

describe('what comes from the wire is refused', () => {
  const recipe = noiseRecipe(40, 3);
  const size = sizeOf(recipe);
  const groups = groupChunks(recipe, hash64);
  const first = groups[0]!;

  test('if a recipe does not fit its file', () => {
    expect(checkRecipe(recipe, size)).toBeNull();
    expect(checkRecipe(recipe, size + 1)).toContain('sum up');
    expect(checkRecipe({ ...recipe, hashes: recipe.hashes.subarray(1) }, size)).toContain('40 lengths but 39 hashes');
    expect(checkRecipe({ lengths: Uint32Array.of(0, 5), hashes: new BigUint64Array(2) }, 5)).toContain('empty chunk');
    expect(checkRecipe({ lengths: Uint32Array.of(65_537), hashes: new BigUint64Array(1) }, 65_537)).toContain(
      '65537 bytes',
    );
    const tooMany = { lengths: new Uint32Array(524_289).fill(1), hashes: new BigUint64Array(524_289) };
    expect(checkRecipe(tooMany, 524_289)).toContain('more than 524288 chunks');
  });

  test.each([
    ['chunks', { chunks: 0 }],
    ['chunks', { chunks: 257 }],
    ['bytes', { bytes: 1 }],
    ['bytes', { bytes: first.chunks * 65_536 + 1 }],
    ['bytes', { bytes: Number.NaN }],
    ['follow', { firstChunk: 1 }],
    ['follow', { offset: 1 }],
    ['hash', { hash: -1n }],
    ['hash', { hash: 2n ** 64n }],
  ])('if a group has wrong %s: %o', (word, changes) => {
    expect(checkGroups([{ ...first, ...changes }, ...groups.slice(1)], size)).toContain(word);
  });

  test('if groups do not sum up, or chunks do not match their group', () => {
    expect(checkGroups(groups, size + 1)).toContain('sum up');
    const part = sliceRecipe(recipe, first);
    const hashes = part.hashes.slice();
    hashes[2] = hashes[2]! ^ 1n;
    expect(checkGroupChunks(first, { ...part, hashes }, size, hash64)).toContain('do not match');
    const split = {
      lengths: Uint32Array.of(...part.lengths.slice(0, -1), part.lengths.at(-1)! - 1, 1),
      hashes: new BigUint64Array(first.chunks + 1),
    };
    expect(checkGroupChunks(first, split, size, hash64)).toContain('chunks came for a group');
  });
});
