import { describe, expect, test } from 'vitest';
import { makeVersion } from '../../../src/model/version.ts';
import {
  checkVector,
  containsVersion,
  countIntervals,
  countVersions,
  coversVector,
  EMPTY_VECTOR,
  equalVectors,
  formatVector,
  isEmptyVector,
  mergeVectors,
  subtractVectors,
  type VersionVector,
  vectorFromVersions,
  withRange,
} from '../../../src/model/version-vector.ts';
import { A, B, C } from './sample-update.ts';

const vector = (lists: Record<string, number[]>): VersionVector => new Map(Object.entries(lists));

describe('version vectors', () => {
  test('a merge joins intervals that touch or overlap', () => {
    const merged = mergeVectors(vector({ [A]: [8, 12, 20, 30] }), vector({ [A]: [12, 15, 25, 40], [B]: [0, 1] }));
    expect(merged).toEqual(vector({ [A]: [8, 15, 20, 40], [B]: [0, 1] }));
  });

  test('a merge that adds nothing gives back the vector itself', () => {
    const a = vector({ [A]: [8, 12, 20, 30], [B]: [8, 9] });
    expect(mergeVectors(a, vector({ [A]: [9, 11, 21, 22] }))).toBe(a);
    expect(mergeVectors(a, EMPTY_VECTOR)).toBe(a);
    expect(mergeVectors(EMPTY_VECTOR, a)).toBe(a);
  });

  test('a merge shares the lists of databases it does not change', () => {
    const a = vector({ [A]: [8, 12], [B]: [8, 9] });
    expect(mergeVectors(a, vector({ [A]: [12, 13] })).get(B)).toBe(a.get(B));
  });

  test('a difference cuts holes and drops databases that are covered', () => {
    const left = subtractVectors(
      vector({ [A]: [0, 100], [B]: [8, 9] }),
      vector({ [A]: [10, 20, 50, 200], [B]: [0, 9] }),
    );
    expect(left).toEqual(vector({ [A]: [0, 10, 20, 50] }));
  });

  test('a difference from something disjoint gives back the vector itself, from itself the empty one', () => {
    const a = vector({ [A]: [8, 12] });
    expect(subtractVectors(a, vector({ [A]: [12, 13, 20, 30], [B]: [0, 5] }))).toBe(a);
    expect(subtractVectors(a, vector({ [A]: [8, 12] }))).toBe(EMPTY_VECTOR);
    expect(isEmptyVector(subtractVectors(a, a))).toBe(true);
  });

  test('the low end of an interval is outside, the high end inside', () => {
    const a = vector({ [A]: [8, 12, 20, 30] });
    const held = [8, 9, 12, 13, 20, 21, 30, 31].filter(vsn => containsVersion(a, makeVersion(A, vsn)));
    expect(held).toEqual([9, 12, 21, 30]);
    expect(containsVersion(a, makeVersion(B, 9))).toBe(false);
  });

  test('a range is put in anywhere, and joined with its neighbours', () => {
    const a = vector({ [A]: [10, 20, 30, 40] });
    expect(withRange(a, A, 0, 5).get(A)).toEqual([0, 5, 10, 20, 30, 40]);
    expect(withRange(a, A, 22, 25).get(A)).toEqual([10, 20, 22, 25, 30, 40]);
    expect(withRange(a, A, 20, 30).get(A)).toEqual([10, 40]);
    expect(withRange(a, A, 40, 41).get(A)).toEqual([10, 20, 30, 41]);
    expect(withRange(a, A, 50, 51).get(A)).toEqual([10, 20, 30, 40, 50, 51]);
    expect(withRange(a, A, 5, 50).get(A)).toEqual([5, 50]);
    expect(withRange(a, B, 8, 9).get(B)).toEqual([8, 9]);
    expect(withRange(a, A, 12, 20)).toBe(a);
    expect(() => withRange(a, A, 5, 5)).toThrow('a range is (low, high]');
  });

  test('single versions become as few intervals as possible', () => {
    const versions = [12, 9, 10, 9, 14].map(vsn => makeVersion(A, vsn));
    expect(vectorFromVersions([...versions, makeVersion(B, 9)])).toEqual(
      vector({ [A]: [8, 10, 11, 12, 13, 14], [B]: [8, 9] }),
    );
  });

  test('vectors are counted and compared', () => {
    const a = vector({ [A]: [8, 12, 20, 30], [B]: [8, 9] });
    expect(countIntervals(a)).toBe(3);
    expect(countVersions(a)).toBe(15);
    expect(equalVectors(a, vector({ [B]: [8, 9], [A]: [8, 12, 20, 30] }))).toBe(true);
    expect(equalVectors(a, vector({ [A]: [8, 12, 20, 30], [C]: [8, 9] }))).toBe(false);
    expect(coversVector(a, vector({ [A]: [25, 30] }))).toBe(true);
    expect(coversVector(a, vector({ [A]: [11, 13] }))).toBe(false);
  });

  test('people see the versions themselves', () => {
    expect(formatVector(vector({ [B]: [8, 9], [A]: [8, 12, 20, 30] }))).toBe(
      '{AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA}: 9..12 21..30\n{BBBBBBBB-BBBB-BBBB-BBBB-BBBBBBBBBBBB}: 9',
    );
    expect(formatVector(EMPTY_VECTOR)).toBe('');
  });

  test('a vector from the wire is refused unless it is in normal form', () => {
    expect(checkVector(vector({ [A]: [0, 12, 20, 30] }))).toBeNull();
    expect(checkVector(vector({ [A.toUpperCase()]: [0, 1] }))).toContain('32 hex digits');
    for (const list of [
      [],
      [1],
      [5, 5],
      [6, 5],
      [-1, 5],
      [0, 1.5],
      [0, 2 ** 53],
      [0, 5, 5, 6],
      [0, 5, 3, 9],
      [9, 10, 1, 2],
    ]) {
      expect(checkVector(vector({ [A]: list })), JSON.stringify(list)).toEqual(expect.any(String));
    }
    const many = Array.from({ length: 2 * 65_537 }, (_, i) => i);
    expect(checkVector(vector({ [A]: many }))).toContain('more than 65536 intervals');
    const databases = Array.from({ length: 4097 }, (_, i) => [i.toString(16).padStart(32, '0'), [0, 1]] as const);
    expect(checkVector(new Map(databases))).toContain('4097 databases');
  });

  test('tens of thousands of intervals are merged and subtracted in no time', () => {
    const even = vector({ [A]: Array.from({ length: 2 * 65_536 }, (_, i) => (i >> 1) * 10 + (i % 2) * 2) });
    const odd = vector({ [A]: Array.from({ length: 2 * 65_536 }, (_, i) => (i >> 1) * 10 + 5 + (i % 2) * 2) });
    const both = mergeVectors(even, odd);
    expect(countIntervals(both)).toBe(131_072);
    expect(equalVectors(subtractVectors(both, odd), even)).toBe(true);
    expect(coversVector(both, odd)).toBe(true);
  });
});
