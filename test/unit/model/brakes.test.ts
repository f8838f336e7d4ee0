import { expect, test } from 'vitest';
import { judgeScan, ripeDeletions } from '../../../src/model/brakes.ts';

const limits = { deletedShare: 0.5, changedShare: 0.8, minimumFiles: 100 };
const quiet = { folderFiles: 1000, deleted: 0, changed: 0, rootEmpty: false };

test('an ordinary scan is not held', () => {
  expect(judgeScan({ ...quiet, deleted: 499, changed: 799 }, limits)).toBeNull();
});

test('a deletion of an unusual share is held with its numbers', () => {
  expect(judgeScan({ ...quiet, deleted: 625 }, limits)).toEqual({
    reason: 'mass-deletion',
    sentence: '625 of 1000 files (62.5 %) were deleted; from 50 % on this is held.',
  });
});

test('a change of an unusual share is held with its numbers', () => {
  expect(judgeScan({ ...quiet, changed: 800 }, limits)).toEqual({
    reason: 'mass-change',
    sentence: '800 of 1000 files (80 %) were changed; from 80 % on this is held.',
  });
});

test('few files are never an unusual share', () => {
  expect(judgeScan({ ...quiet, folderFiles: 99, deleted: 99, changed: 99 }, limits)).toBeNull();
});

test('a share of one or more is never held', () => {
  expect(
    judgeScan({ ...quiet, deleted: 1000, changed: 1000 }, { ...limits, deletedShare: 1, changedShare: 2 }),
  ).toBeNull();
});

test('a root that was emptied is held however few files it had, but for a single one', () => {
  expect(judgeScan({ folderFiles: 2, deleted: 2, changed: 0, rootEmpty: true }, limits)?.reason).toBe('root-emptied');
  expect(judgeScan({ folderFiles: 1, deleted: 1, changed: 0, rootEmpty: true }, limits)).toBeNull();
  expect(judgeScan({ folderFiles: 0, deleted: 0, changed: 0, rootEmpty: true }, limits)).toBeNull();
});

const ripeness = { holdMs: 200, patienceMs: 5000, limits };
const since = (...times: number[]) => new Map(times.map((time, i) => [i, { since: time, files: 1 }]));

test('a vanished name is deleted when it has been gone for long enough', () => {
  expect(ripeDeletions(since(1000, 1100), 1150, ripeness)).toEqual({ ripe: [], nextAt: 1200 });
  expect(ripeDeletions(since(1000, 1100), 1250, ripeness)).toEqual({ ripe: [0], nextAt: 1250 });
  expect(ripeDeletions(since(0), 50, ripeness)).toEqual({ ripe: [0], nextAt: 50 });
  expect(ripeDeletions(since(), 50, ripeness)).toEqual({ ripe: [], nextAt: Number.POSITIVE_INFINITY });
});

test('many names that go one after the other are judged together, but not waited for without end', () => {
  const going = since(...Array.from({ length: 100 }, (_, i) => 1000 + 10 * i));
  expect(ripeDeletions(going, 1300, ripeness)).toEqual({ ripe: [], nextAt: 1310 });
  expect(ripeDeletions(going, 2190, ripeness).ripe).toHaveLength(100);
  const endless = new Map([...going, [100, { since: 6150, files: 1 }]]);
  expect(ripeDeletions(endless, 6199, ripeness)).toEqual({ ripe: [], nextAt: 6200 });
  expect(ripeDeletions(endless, 6200, ripeness).ripe).toHaveLength(100);
  const unbraked = { ...ripeness, limits: { ...limits, deletedShare: 1 } };
  expect(ripeDeletions(going, 1300, unbraked).ripe).toHaveLength(11);
});
