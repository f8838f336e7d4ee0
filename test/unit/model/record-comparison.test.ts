import { expect, test } from 'vitest';
import {
  COMPARISON_PAUSE_MS,
  disagrees,
  firstComparison,
  isComparisonDue,
} from '../../../src/model/record-comparison.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { vectorFromVersions } from '../../../src/model/version-vector.ts';
import { A, B } from './sample-update.ts';

const old = makeVersion(A, 10);
const next = makeVersion(B, 11);
const both = vectorFromVersions([old, next]);
const vectors = { here: both, there: both, readOnly: false };

test('a version that is dealt with here, of a file that is unknown or has another version known there', () => {
  expect(disagrees(old, undefined, vectors)).toBe(true);
  expect(disagrees(old, { gvsn: next, provisional: false }, vectors)).toBe(true);
  expect(disagrees(old, { gvsn: old, provisional: false }, vectors)).toBe(false);
});

test('what is still to come, in one direction or the other, is no disagreement', () => {
  expect(disagrees(next, undefined, { ...vectors, here: vectorFromVersions([old]) })).toBe(false);
  const there = vectorFromVersions([old]);
  expect(disagrees(old, { gvsn: next, provisional: false }, { ...vectors, there })).toBe(false);
  expect(disagrees(old, { gvsn: next, provisional: false }, { ...vectors, there, readOnly: true })).toBe(true);
});

test('comparisons are spread over a week', () => {
  expect(firstComparison('00000000-0000-4000-8000-000000000000', 1000)).toBe(1000);
  expect(firstComparison('80000000-0000-4000-8000-000000000000', 0)).toBe(COMPARISON_PAUSE_MS / 2);
  expect(isComparisonDue(1000, 999)).toBe(false);
  expect(isComparisonDue(1000, 1000)).toBe(true);
  expect(isComparisonDue(2 * COMPARISON_PAUSE_MS, 0)).toBe(true);
});
