/** The worked examples of the replication protocol. [dfsr.md §5.9] */
import { describe, expect, test } from 'vitest';
import { loserTombstone, resolveNameConflict } from '../../../src/model/name-conflict.ts';
import { judgeUpdate } from '../../../src/model/reconcile.ts';
import { compareUpdates, supersedes } from '../../../src/model/update-order.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { mergeVectors, subtractVectors, type VersionVector, withRange } from '../../../src/model/version-vector.ts';
import { A, B, C, sampleDirectory, sampleRecord, sampleUpdate } from './sample-update.ts';

const G1 = '1'.repeat(32);
const G2 = '2'.repeat(32);

test('in a ring of three members each version is fetched just once by each member', () => {
  const start: VersionVector = new Map([
    [A, [0, 20]],
    [B, [0, 30]],
    [C, [0, 50]],
  ]);
  let a = withRange(start, A, 20, 22);
  let b = withRange(start, B, 30, 31);
  let c = start;

  const bNeeds = subtractVectors(a, b);
  expect(bNeeds).toEqual(new Map([[A, [20, 22]]]));
  b = mergeVectors(b, a);

  const cNeeds = subtractVectors(b, c);
  expect(cNeeds).toEqual(
    new Map([
      [A, [20, 22]],
      [B, [30, 31]],
    ]),
  );
  c = mergeVectors(c, b);

  const aNeeds = subtractVectors(c, a);
  expect(aNeeds).toEqual(new Map([[B, [30, 31]]]));
  a = mergeVectors(a, c);

  const end = new Map([
    [A, [0, 22]],
    [B, [0, 31]],
    [C, [0, 50]],
  ]);
  expect([a, b, c]).toEqual([end, end, end]);
});

test('what is left of a need after a partial answer is the need without what the answer covered', () => {
  const need: VersionVector = new Map([
    [G1, [10, 200, 203, 300]],
    [G2, [12, 203]],
  ]);
  const upToCursor: VersionVector = new Map([[G1, [0, 272]]]);
  const left = subtractVectors(need, upToCursor);
  expect(left).toEqual(
    new Map([
      [G1, [272, 300]],
      [G2, [12, 203]],
    ]),
  );
  expect(subtractVectors(need, left)).toEqual(new Map([[G1, [10, 200, 203, 272]]]));
});

test('versions are ordered by the bytes of the GUID, then by number', () => {
  const version = (start: string, vsn: number) => makeVersion(start.padEnd(32, '0'), vsn);
  expect(version('fa', 1) < version('fa', 2)).toBe(true);
  expect(version('fa', 5) < version('fb', 4)).toBe(true);
  expect(version('0f', 2 ** 40) < version('f0', 9)).toBe(true);
  expect(version('fa', 9) < version('fa', 16)).toBe(true);
  const older = sampleUpdate({ gvsn: version('fa', 5) });
  const newer = sampleUpdate({ gvsn: version('fb', 4) });
  expect(compareUpdates(newer, older)).toBeGreaterThan(0);
});

test('of two tombstones made for one name conflict the same one survives everywhere', () => {
  const loser = sampleUpdate({ uid: makeVersion(A, 9), gvsn: makeVersion(A, 9), clock: 100, createTime: 1 });
  const winner = sampleUpdate({ uid: makeVersion(B, 9), gvsn: makeVersion(B, 9), clock: 100, createTime: 2 });
  expect(resolveNameConflict(loser, winner)).toMatchObject({ winner, loser });

  const madeByB = loserTombstone(loser, { gvsn: makeVersion(B, 10), clock: 205, mergedInto: null });
  const madeByA = loserTombstone(loser, { gvsn: makeVersion(A, 10), clock: 201, mergedInto: null });
  expect(judgeUpdate(sampleRecord(madeByA), madeByB)).toMatchObject({ kind: 'take', conflict: false });
  expect(judgeUpdate(sampleRecord(madeByB), madeByA)).toMatchObject({ kind: 'stale', conflict: false });

  const lateEdit = { ...loser, gvsn: makeVersion(C, 9), clock: 9_000_000 };
  expect(supersedes(lateEdit, madeByA)).toBe(false);
  expect(supersedes(madeByA, lateEdit)).toBe(true);
});

test('a directory renamed here while a child is made under it there is no conflict, and needs no content', () => {
  const directory = sampleDirectory();
  const child = sampleUpdate({ uid: makeVersion(B, 20), gvsn: makeVersion(B, 20), parent: directory.uid });
  const renamed = {
    ...directory,
    name: 'new name',
    gvsn: makeVersion(A, 11),
    clock: directory.clock + 1,
    ancestry: [directory.gvsn],
  };
  expect(judgeUpdate(undefined, child)).toMatchObject({ kind: 'take', conflict: false });
  expect(judgeUpdate(sampleRecord(directory), renamed)).toEqual({
    kind: 'take',
    conflict: false,
    contentLost: false,
    contentNeeded: false,
  });
  expect(child.parent).toBe(renamed.uid);
});

describe('the order decides by its first difference', () => {
  const base = { uid: makeVersion(A, 9), gvsn: makeVersion(A, 9), fence: 3, clock: 5, createTime: 5 };
  const lower = sampleUpdate(base);
  test.each([
    ['fence', sampleUpdate({ ...base, fence: 4, createTime: 0, clock: 0 })],
    ['directory over file', sampleDirectory({ ...base, createTime: 0, clock: 0 })],
    ['later create time', sampleUpdate({ ...base, createTime: 6, clock: 0 })],
    ['later clock', sampleUpdate({ ...base, clock: 6, gvsn: makeVersion(A, 1) })],
    ['UID', sampleUpdate({ ...base, uid: makeVersion(B, 1), gvsn: makeVersion(A, 1) })],
    ['GVSN', sampleUpdate({ ...base, gvsn: makeVersion(A, 10) })],
  ])('%s', (_, higher) => {
    expect(compareUpdates(higher, lower)).toBeGreaterThan(0);
    expect(compareUpdates(lower, higher)).toBeLessThan(0);
  });
});
