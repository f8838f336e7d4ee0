/** Version vectors are sets of versions: every function is compared with one on real sets. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeVersion } from '../../src/model/version.ts';
import {
  checkVector,
  containsVersion,
  countIntervals,
  countVersions,
  coversVector,
  equalVectors,
  isEmptyVector,
  mergeVectors,
  subtractVectors,
  type VersionVector,
  vectorFromVersions,
  withRange,
} from '../../src/model/version-vector.ts';

const DATABASES = ['a', 'b', 'c'].map(digit => digit.repeat(32));
const LAST_VSN = 40;

const database = fc.constantFrom(...DATABASES);
const versionSet = fc
  .array(fc.tuple(database, fc.integer({ min: 1, max: LAST_VSN - 6 }), fc.integer({ min: 1, max: 6 })), {
    maxLength: 20,
  })
  .map(
    runs =>
      new Set(
        runs.flatMap(([of, first, count]) => Array.from({ length: count }, (_, i) => makeVersion(of, first + i))),
      ),
  );

const UNIVERSE = DATABASES.flatMap(of => Array.from({ length: LAST_VSN }, (_, i) => makeVersion(of, i + 1)));

function expectSame(vector: VersionVector, set: ReadonlySet<string>): void {
  expect(checkVector(vector)).toBeNull();
  expect(UNIVERSE.filter(version => containsVersion(vector, version))).toEqual(
    UNIVERSE.filter(version => set.has(version)),
  );
  expect(countVersions(vector)).toBe(set.size);
  expect(isEmptyVector(vector)).toBe(set.size === 0);
}

test('a vector holds just the versions it was made from', () => {
  fc.assert(fc.property(versionSet, set => expectSame(vectorFromVersions(set), set)));
});

test('merging is the union of sets', () => {
  fc.assert(
    fc.property(versionSet, versionSet, (a, b) => {
      const vector = vectorFromVersions(a);
      const merged = mergeVectors(vector, vectorFromVersions(b));
      expectSame(merged, new Set([...a, ...b]));
      expect(merged === vector).toBe(coversVector(vector, vectorFromVersions(b)) || (a.size === 0 && b.size === 0));
    }),
  );
});

test('subtracting is the difference of sets', () => {
  fc.assert(
    fc.property(versionSet, versionSet, (a, b) => {
      const vector = vectorFromVersions(a);
      const left = subtractVectors(vector, vectorFromVersions(b));
      const expected = new Set([...a].filter(version => !b.has(version)));
      expectSame(left, expected);
      if (expected.size === a.size && a.size > 0) expect(left).toBe(vector);
    }),
  );
});

test('covering is the superset, equality the equality of sets', () => {
  fc.assert(
    fc.property(versionSet, versionSet, (a, b) => {
      const covers = [...b].every(version => a.has(version));
      expect(coversVector(vectorFromVersions(a), vectorFromVersions(b))).toBe(covers);
      expect(equalVectors(vectorFromVersions(a), vectorFromVersions(b))).toBe(covers && a.size === b.size);
    }),
  );
});

test('adding a range adds its versions, low end excluded', () => {
  const range = fc.tuple(fc.integer({ min: 0, max: LAST_VSN - 1 }), fc.integer({ min: 1, max: 12 }));
  fc.assert(
    fc.property(versionSet, database, range, (set, of, [low, count]) => {
      const high = Math.min(low + count, LAST_VSN);
      const added = Array.from({ length: high - low }, (_, i) => makeVersion(of, low + 1 + i));
      const vector = vectorFromVersions(set);
      const grown = withRange(vector, of, low, high);
      expectSame(grown, new Set([...set, ...added]));
      expect(grown === vector).toBe(added.every(version => set.has(version)));
    }),
  );
});

test('merging is idempotent, commutative and associative', () => {
  const vector = versionSet.map(vectorFromVersions);
  fc.assert(
    fc.property(vector, vector, vector, (a, b, c) => {
      expect(mergeVectors(a, a)).toBe(a);
      expect(equalVectors(mergeVectors(a, b), mergeVectors(b, a))).toBe(true);
      expect(equalVectors(mergeVectors(mergeVectors(a, b), c), mergeVectors(a, mergeVectors(b, c)))).toBe(true);
    }),
  );
});

test('arguments are never changed, and intervals never more than needed', () => {
  fc.assert(
    fc.property(versionSet, versionSet, (a, b) => {
      const [one, other] = [vectorFromVersions(a), vectorFromVersions(b)];
      const before = structuredClone([one, other]);
      const merged = mergeVectors(one, other);
      subtractVectors(one, other);
      withRange(one, DATABASES[0]!, 3, 30);
      expect([one, other]).toEqual(before);
      expect(countIntervals(merged)).toBe(countIntervals(vectorFromVersions(new Set([...a, ...b]))));
    }),
  );
});
