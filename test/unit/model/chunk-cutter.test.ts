import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { chunkSizesFor, createChunkCutter } from '../../../src/model/chunk-cutter.ts';
import { cutLengths, noise } from './chunk-samples.ts';

const GIB = 1024 ** 3;

test('chunks are within their bounds, near their average and sum up to the file', () => {
  const file = noise(16 * 1024 * 1024, 1);
  const sizes = chunkSizesFor(file.length);
  const lengths = cutLengths(file, sizes);
  const mean = file.length / lengths.length;
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(file.length);
  expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThanOrEqual(sizes.min);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(sizes.max);
  expect(mean).toBeGreaterThan(sizes.average * 0.8);
  expect(mean).toBeLessThan(sizes.average * 1.4);
});

test('a file of one byte repeated is cut at the maximum', () => {
  const lengths = cutLengths(new Uint8Array(200_000), chunkSizesFor(200_000));
  expect(lengths).toEqual([65_536, 65_536, 65_536, 3392]);
});

test('cuts stay the same from version to version', () => {
  const file = noise(150_000, 42);
  expect(cutLengths(file, chunkSizesFor(file.length))).toMatchInlineSnapshot(`
    [
      25268,
      17313,
      17270,
      20661,
      18142,
      22661,
      16588,
      12097,
    ]
  `);
});

test('an empty file has no chunks, a short one a single one', () => {
  const cutter = createChunkCutter(chunkSizesFor(0));
  cutter.push(new Uint8Array(0), () => expect.unreachable());
  expect(cutter.finish()).toBe(0);
  cutter.push(noise(100, 3), () => expect.unreachable());
  expect(cutter.finish()).toBe(100);
  expect(cutter.finish()).toBe(0);
});

describe('sizes of chunks', () => {
  test('are those of the limits table up to 2 GiB, with the same average up to 4 GiB', () => {
    const usual = { min: LIMITS.chunkMinBytes, average: LIMITS.chunkAverageBytes, max: LIMITS.chunkMaxBytes };
    expect(chunkSizesFor(0)).toEqual(usual);
    expect(chunkSizesFor(2 * GIB)).toEqual(usual);
    expect(chunkSizesFor(4 * GIB)).toEqual({ ...usual, min: 2 * usual.min });
  });

  test('double with each doubling of the file’s size above 4 GiB', () => {
    expect(chunkSizesFor(4 * GIB + 1).average).toBe(32 * 1024);
    expect(chunkSizesFor(8 * GIB).average).toBe(32 * 1024);
    expect(chunkSizesFor(8 * GIB + 1)).toEqual({ min: 32 * 1024, average: 64 * 1024, max: 256 * 1024 });
  });

  test('never let a file have more chunks than a recipe may', () => {
    for (let size = 1; size <= 128 * 1024 * GIB; size = Math.ceil(size * 1.37)) {
      const sizes = chunkSizesFor(size);
      expect(size / sizes.min).toBeLessThanOrEqual(LIMITS.recipeChunks);
      expect(sizes.max).toBeLessThan(2 ** 32);
    }
    expect(chunkSizesFor(Number.MAX_SAFE_INTEGER).max).toBeLessThan(2 ** 32);
  });
});
