/** Chunks depend on nothing but the bytes around them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChunkCutter } from '../../src/model/chunk-cutter.ts';
import { cutLengths, noise } from '../unit/model/chunk-samples.ts';

/** Small chunks, so that short files have many. */
const SIZES = { min: 64, average: 256, max: 1024 };

/** Noise with runs of one byte in it: what real files are made of. */
const file = fc
  .array(fc.tuple(fc.integer(), fc.integer({ min: 0, max: 6000 }), fc.boolean()), { minLength: 1, maxLength: 6 })
  .map(parts =>
    Uint8Array.from(
      parts.flatMap(([seed, bytes, same]) => (same ? Array(bytes).fill(seed & 0xff) : [...noise(bytes, seed)])),
    ),
  );
const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3000 })), {
  minLength: 1,
  maxLength: 8,
});

test('chunks do not depend on the pieces in which a file is read', () => {
  fc.assert(
    fc.property(file, pieces, (bytes, sizes) => {
      expect(cutLengths(bytes, SIZES, sizes)).toEqual(cutLengths(bytes, SIZES));
    }),
  );
});

test('chunks keep their bounds and sum up to the file', () => {
  fc.assert(
    fc.property(file, pieces, (bytes, sizes) => {
      const lengths = cutLengths(bytes, SIZES, sizes);
      expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(bytes.length);
      lengths.forEach((length, i) => {
        expect(length).toBeGreaterThan(0);
        expect(length).toBeLessThanOrEqual(SIZES.max);
        if (i < lengths.length - 1) expect(length).toBeGreaterThanOrEqual(SIZES.min);
      });
    }),
  );
});

test('a cut is told with its length and its place in the pushed bytes', () => {
  fc.assert(
    fc.property(file, pieces, (bytes, sizes) => {
      const cutter = createChunkCutter(SIZES);
      let at = 0;
      let told = 0;
      for (let i = 0; at < bytes.length; i++) {
        const piece = bytes.subarray(at, at + sizes[i % sizes.length]!);
        cutter.push(piece, (length, end) => {
          told += length;
          expect(at + end).toBe(told);
        });
        at += piece.length;
      }
      expect(told + cutter.finish()).toBe(bytes.length);
    }),
  );
});

test('an insertion changes only the chunks around it', () => {
  const FILE_BYTES = 60_000;
  const edit = fc.tuple(fc.integer(), fc.integer({ min: 0, max: FILE_BYTES }), fc.integer({ min: 1, max: 300 }));
  fc.assert(
    fc.property(edit, ([seed, at, bytes]) => {
      const before = noise(FILE_BYTES, seed);
      const after = new Uint8Array([...before.subarray(0, at), ...noise(bytes, seed + 1), ...before.subarray(at)]);
      const known = new Set(chunksOf(before));
      const newBytes = chunksOf(after)
        .filter(chunk => !known.has(chunk))
        .reduce((sum, chunk) => sum + chunk.length, 0);
      expect(newBytes).toBeLessThan(bytes + 20 * SIZES.average);
    }),
  );
});

function chunksOf(bytes: Uint8Array): string[] {
  let at = 0;
  return cutLengths(bytes, SIZES).map(length => {
    at += length;
    return Buffer.from(bytes.subarray(at - length, at)).toString('latin1');
  });
}
