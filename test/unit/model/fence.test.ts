import { describe, expect, test } from 'vitest';
import {
  countFenced,
  EMPTY_TALLY,
  FENCE_MODES,
  fencedRecord,
  fenceOf,
  givenUpBy,
  isFenceMode,
  takesFence,
  totalOf,
} from '../../../src/model/fence.ts';
import { judgeUpdate } from '../../../src/model/reconcile.ts';
import type { FileRecord, Stat } from '../../../src/model/update.ts';
import { knows, supersedes } from '../../../src/model/update-order.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { A, B, sampleUpdate } from './sample-update.ts';

const NOW = 1_740_830_405_123;
const disk = { kind: 'file' } as Stat;
const before: FileRecord = { ...sampleUpdate({ gvsn: makeVersion(A, 20), clock: 50 }), disk, provisional: false };
const stamp = { gvsn: makeVersion(A, 30), clock: 60 };

describe('the fence of an order', () => {
  test('is the mode itself, or for the last mode the time', () => {
    expect([0, 1, 2, 3].map(mode => fenceOf(mode, { now: NOW, highest: 3 }))).toEqual([0, 1, 2, 3]);
    expect(fenceOf(FENCE_MODES.fence, { now: NOW + 0.5, highest: 3 })).toBe(NOW);
    expect([-1, 0, 4, 5, 1.5].map(isFenceMode)).toEqual([false, true, true, false, false]);
  });

  test('stands above every fence that is known, also where this host’s clock is behind', () => {
    expect(fenceOf(FENCE_MODES.fence, { now: NOW, highest: NOW + 5000 })).toBe(NOW + 5001);
    expect(fenceOf(FENCE_MODES.fence, { now: NOW, highest: Number.MAX_SAFE_INTEGER })).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('a fenced version', () => {
  const fenced = fencedRecord(before, NOW, stamp);

  test('supersedes the one before, in knowledge of it, with the same content', () => {
    expect(supersedes(fenced, before)).toBe(true);
    expect(knows(fenced, before.gvsn)).toBe(true);
    expect(fenced).toMatchObject({ fence: NOW, hash: before.hash, name: before.name, disk });
  });

  test('supersedes a later version that did not know of it, whose content must be kept', () => {
    const later: FileRecord = { ...before, gvsn: makeVersion(B, 9), clock: 1000, hash: 'f'.repeat(64) };
    expect(judgeUpdate(later, fenced)).toEqual({
      kind: 'take',
      conflict: true,
      contentLost: true,
      contentNeeded: true,
    });
  });

  test('with a lower fence gives way to what it replaces, which is asked for again', () => {
    const low = fencedRecord({ ...before, ancestry: [makeVersion(B, 12)] }, FENCE_MODES.unfence, stamp);
    expect(supersedes(before, low)).toBe(true);
    expect(givenUpBy({ ...before, ancestry: [makeVersion(B, 12)] }, 0)).toEqual([before.gvsn, makeVersion(B, 12)]);
    expect(givenUpBy(before, NOW)).toEqual([]);
  });

  test('is higher than the one before also where the clock has come to the end of its range', () => {
    const last = { ...before, fence: NOW, clock: Number.MAX_SAFE_INTEGER };
    const next = fencedRecord(last, NOW, { ...stamp, clock: Number.MAX_SAFE_INTEGER });
    expect(supersedes(next, last)).toBe(true);
  });
});

describe('an order chooses', () => {
  const takes = (change: Partial<FileRecord>, mode: number = FENCE_MODES.fence, fence = NOW): boolean =>
    takesFence({ ...before, ...change }, mode, fence);

  test('files, and deletions, whose fence is lower', () => {
    expect(takes({})).toBe(true);
    expect(takes({ present: false, disk: null })).toBe(true);
    expect(takes({ fence: NOW })).toBe(false);
    expect(takes({ fence: NOW + 1 })).toBe(false);
  });

  test('all whose fence is another, where it lowers', () => {
    expect(takes({ fence: NOW }, FENCE_MODES.default, 3)).toBe(true);
    expect(takes({}, FENCE_MODES.default, 3)).toBe(false);
    expect(takes({}, FENCE_MODES.unfence, 0)).toBe(true);
  });

  test('nothing that is settled, told to nobody, or not here', () => {
    expect(takes({ present: false, nameConflict: true, disk: null })).toBe(false);
    expect(takes({ provisional: true })).toBe(false);
    expect(takes({ disk: null })).toBe(false);
  });

  test('and counts what it chose', () => {
    const records = [before, { ...before, kind: 'directory' as const }, { ...before, present: false }];
    const tally = records.reduce((so, record) => countFenced(so, record, 0), EMPTY_TALLY);
    expect(tally).toEqual({ files: 1, directories: 1, symlinks: 0, tombstones: 1, lowered: 3, highest: 0 });
    expect(totalOf(tally)).toBe(3);
  });
});
