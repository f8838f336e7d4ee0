import { expect, test } from 'vitest';
import { planDelta, weighPlan } from '../../../src/model/delta-plan.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { A } from './sample-update.ts';

const X = makeVersion(A, 20);
const Y = makeVersion(A, 21);
const target = (...lengths: number[]) => ({
  recipe: { lengths: Uint32Array.from(lengths), hashes: new BigUint64Array(lengths.length) },
  size: lengths.reduce((sum, length) => sum + length, 0),
});

test('copies are merged while they go on in one source, fetches while they fit one piece', () => {
  const places = [
    { uid: X, offset: 100, length: 10 },
    { uid: X, offset: 110, length: 20 },
    { uid: X, offset: 200, length: 30 },
    { uid: Y, offset: 230, length: 40 },
  ];
  const steps = planDelta({ ...target(10, 20, 30, 40, 50, 60, 70), fetchBytes: 120 }, index => places[index]);
  expect(steps).toEqual([
    { kind: 'copy', uid: X, sourceOffset: 100, offset: 0, length: 30, firstChunk: 0, chunks: 2 },
    { kind: 'copy', uid: X, sourceOffset: 200, offset: 30, length: 30, firstChunk: 2, chunks: 1 },
    { kind: 'copy', uid: Y, sourceOffset: 230, offset: 60, length: 40, firstChunk: 3, chunks: 1 },
    { kind: 'fetch', offset: 100, length: 110 },
    { kind: 'fetch', offset: 210, length: 70 },
  ]);
  expect(weighPlan(steps)).toEqual({ copyBytes: 100, fetchBytes: 180 });
});

test('a place of another length is not trusted', () => {
  expect(planDelta(target(10), () => ({ uid: X, offset: 0, length: 11 }))).toEqual([
    { kind: 'fetch', offset: 0, length: 10 },
  ]);
});

test('a chunk longer than a piece is fetched alone', () => {
  const steps = planDelta({ ...target(10, 500, 10), fetchBytes: 100 }, () => undefined);
  expect(steps.map(step => step.length)).toEqual([10, 500, 10]);
});

test('a plan goes on behind what is staged, fetching the rest of a chunk begun', () => {
  const find = (index: number) => ({ uid: X, offset: index * 10, length: 10 });
  expect(planDelta({ ...target(10, 10, 10), stagedBytes: 14 }, find)).toEqual([
    { kind: 'fetch', offset: 14, length: 6 },
    { kind: 'copy', uid: X, sourceOffset: 20, offset: 20, length: 10, firstChunk: 2, chunks: 1 },
  ]);
  expect(planDelta({ ...target(10, 10), stagedBytes: 20 }, find)).toEqual([]);
  expect(planDelta({ ...target(10, 10), stagedBytes: 10 }, find)[0]).toMatchObject({ kind: 'copy', offset: 10 });
});

test('an empty file needs no steps', () => {
  expect(planDelta(target(), () => undefined)).toEqual([]);
});
