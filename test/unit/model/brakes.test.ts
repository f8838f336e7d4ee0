import { expect, test } from 'vitest';
import { judgeScan } from '../../../src/model/brakes.ts';

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
