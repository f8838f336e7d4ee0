import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ByteRange, createDirtyMap, type DirtyMap, markRuns, toRuns } from '../../src/model/dirty-map.ts';

const GRANULE = 4096;
const size = fc.integer({ min: 1, max: 300 * GRANULE });
const act = fc.record({ kind: fc.constantFrom('mark', 'mark', 'clear', 'all', 'none'), a: fc.nat(), b: fc.nat() });
type Act = { kind: string; a: number; b: number };

const rangeOf = ({ a, b }: Act, sizeBytes: number): ByteRange => {
  const offset = a % sizeBytes;
  return { offset, length: b % (sizeBytes - offset + 1) };
};
const drawn = (sizeBytes: number, acts: readonly Act[]): DirtyMap => {
  const map = createDirtyMap({ sizeBytes, granuleBytes: GRANULE });
  for (const each of acts) {
    if (each.kind === 'mark') map.mark(rangeOf(each, sizeBytes));
    else if (each.kind === 'clear') map.clear(rangeOf(each, sizeBytes));
    else if (each.b % 7 === 0) each.kind === 'all' ? map.markAll() : map.clearAll();
  }
  return map;
};
const stretches = (map: DirtyMap, maxBytes = Number.MAX_SAFE_INTEGER): ByteRange[] => {
  const found: ByteRange[] = [];
  for (let at = 0; ; ) {
    const next = map.nextDirty(at, maxBytes);
    if (next === null) return found;
    found.push(next);
    at = next.offset + next.length;
    if (at >= map.sizeBytes) return found;
  }
};

test('a byte that was written after it was cleared last is in a dirty stretch, and counts agree', () => {
  fc.assert(
    fc.property(size, fc.array(act, { maxLength: 40 }), (sizeBytes, acts) => {
      const map = createDirtyMap({ sizeBytes, granuleBytes: GRANULE });
      const naive = new Set<number>();
      const granules = Math.ceil(sizeBytes / GRANULE);
      const endOf = (granule: number) => Math.min((granule + 1) * GRANULE, sizeBytes);
      for (const each of acts) {
        const { offset, length } = rangeOf(each, sizeBytes);
        for (let granule = 0; granule < granules; granule++) {
          const touches = length > 0 && granule * GRANULE < offset + length && endOf(granule) > offset;
          const within = granule * GRANULE >= offset && endOf(granule) <= offset + length;
          if (each.kind === 'mark' && touches) naive.add(granule);
          if (each.kind === 'clear' && within) naive.delete(granule);
        }
        if (each.kind === 'mark') map.mark({ offset, length });
        if (each.kind === 'clear') map.clear({ offset, length });
      }
      expect(map.count).toBe(naive.size);
      const found = stretches(map);
      expect(found.reduce((sum, { length }) => sum + length, 0)).toBe(map.dirtyBytes);
      for (const granule of naive) {
        const at = granule * GRANULE;
        expect(found.some(({ offset, length }) => offset <= at && at < offset + length)).toBe(true);
        expect(map.isDirty({ offset: at, length: 1 })).toBe(true);
      }
    }),
  );
});

test('stretches cut short cover the same', () => {
  fc.assert(
    fc.property(size, fc.array(act, { maxLength: 20 }), fc.integer({ min: 1, max: 9 }), (sizeBytes, acts, most) => {
      const map = drawn(sizeBytes, acts);
      const cut = stretches(map, most * GRANULE);
      expect(cut.every(({ length }) => length <= most * GRANULE)).toBe(true);
      expect(cut.reduce((sum, { length }) => sum + length, 0)).toBe(map.dirtyBytes);
    }),
  );
});

test('runs carry any page over the wire, and merging is a union', () => {
  fc.assert(
    fc.property(size, fc.array(act, { maxLength: 20 }), fc.array(act, { maxLength: 20 }), (sizeBytes, here, there) => {
      const ours = drawn(sizeBytes, here);
      const theirs = drawn(sizeBytes, there);
      const union = drawn(sizeBytes, here);
      union.merge(theirs);
      for (let offset = 0; offset < sizeBytes; offset += 64 * GRANULE) {
        const page = { offset, length: Math.min(64 * GRANULE, sizeBytes - offset) };
        expect(markRuns(ours, page, toRuns(theirs, page))).toBe(true);
      }
      expect(ours.bits).toEqual(union.bits);
      expect(ours.count).toBe(union.count);
    }),
  );
});

test('what a partner sends is marked as a whole or not at all', () => {
  const map = createDirtyMap({ sizeBytes: 10 * GRANULE, granuleBytes: GRANULE });
  const page = { offset: 0, length: 10 * GRANULE };
  for (const runs of [[0, 11], [-1, 2], [1], [0.5, 1], [Number.NaN, 1], [2 ** 53, 2 ** 53]]) {
    expect(markRuns(map, page, runs), String(runs)).toBe(false);
  }
  expect(map.count).toBe(0);
});

test('bits that came from a disk are counted, and those beyond the end forgotten', () => {
  const map = createDirtyMap({ sizeBytes: 10 * GRANULE + 1, granuleBytes: GRANULE });
  map.bits.fill(0xff);
  map.recount();
  expect(map.count).toBe(11);
  expect(map.dirtyBytes).toBe(10 * GRANULE + 1);
  expect(map.nextDirty(0, Number.MAX_SAFE_INTEGER)).toEqual({ offset: 0, length: 10 * GRANULE + 1 });
});
