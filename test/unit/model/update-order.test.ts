import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { inheritAncestry, knows, succession, supersedes } from '../../../src/model/update-order.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { A, B, C, sampleUpdate } from './sample-update.ts';

test('a deletion and an edit of one file are decided by the clock', () => {
  const edit = sampleUpdate({ gvsn: makeVersion(A, 10), clock: 10 });
  const deletion = sampleUpdate({ gvsn: makeVersion(B, 10), clock: 11, present: false });
  expect(supersedes(deletion, edit)).toBe(true);
  expect(supersedes(edit, { ...deletion, clock: 9 })).toBe(true);
  expect(supersedes(edit, edit)).toBe(false);
});

test('a version knows itself, its ancestors and what the same databases wrote before', () => {
  const update = sampleUpdate({ gvsn: makeVersion(A, 20), ancestry: [makeVersion(B, 15)] });
  for (const known of [makeVersion(A, 20), makeVersion(A, 9), makeVersion(B, 15), makeVersion(B, 10)]) {
    expect(knows(update, known)).toBe(true);
  }
  for (const unknown of [makeVersion(A, 21), makeVersion(B, 16), makeVersion(C, 9)]) {
    expect(knows(update, unknown)).toBe(false);
  }
});

test('ancestry has the replaced version first and each database once', () => {
  const previous = sampleUpdate({
    gvsn: makeVersion(A, 20),
    ancestry: [makeVersion(B, 15), makeVersion(A, 12), makeVersion(C, 9)],
  });
  expect(inheritAncestry(previous)).toEqual([makeVersion(A, 20), makeVersion(B, 15), makeVersion(C, 9)]);
});

test('ancestry forgets the databases that have not written for the longest time', () => {
  let update = sampleUpdate();
  const writers = Array.from({ length: LIMITS.ancestryEntries + 10 }, (_, i) => i.toString(16).padStart(32, '0'));
  for (const writer of writers) {
    update = { ...update, ...succession(update, { gvsn: makeVersion(writer, 9), clock: update.clock + 1 }) };
  }
  expect(update.ancestry).toHaveLength(LIMITS.ancestryEntries);
  expect(update.ancestry[0]).toBe(makeVersion(writers.at(-2)!, 9));
  expect(knows(update, sampleUpdate().gvsn)).toBe(false);
});

test('a successor supersedes even a version whose clock has no room above it', () => {
  const stuck = sampleUpdate({ gvsn: makeVersion(C, 10), clock: Number.MAX_SAFE_INTEGER });
  const next = { ...stuck, ...succession(stuck, { gvsn: makeVersion(A, 10), clock: Number.MAX_SAFE_INTEGER }) };
  expect(supersedes(next, stuck)).toBe(true);
});

test('a successor with too low a clock is a bug', () => {
  const update = sampleUpdate();
  expect(() => succession(update, { gvsn: makeVersion(A, 10), clock: update.clock })).toThrow('higher clock');
});
