import { describe, expect, test } from 'vitest';
import { judgeUpdate, needsRepair, wantsAgain } from '../../../src/model/reconcile.ts';
import type { FileRecord, Update } from '../../../src/model/update.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { A, B, sampleDirectory, sampleRecord, sampleUpdate } from './sample-update.ts';

const base = sampleUpdate();
const other = 'f'.repeat(64);
const local = sampleRecord({ ...base, gvsn: makeVersion(A, 10), clock: base.clock + 10, ancestry: [base.gvsn] });
/** Made on B in knowledge of `base` only. */
const concurrent = (changes: Partial<Update> = {}) =>
  sampleUpdate({ gvsn: makeVersion(B, 10), clock: base.clock + 20, ancestry: [base.gvsn], hash: other, ...changes });
/** Made on B in knowledge of `local`. */
const successor = (changes: Partial<Update> = {}) => concurrent({ ancestry: [local.gvsn], ...changes });
const gone = { present: false, hash: '', size: 0 } as const;

describe('an update of a file unknown here', () => {
  test('is taken, with its content if it is a file', () => {
    expect(judgeUpdate(undefined, base)).toEqual({
      kind: 'take',
      conflict: false,
      contentLost: false,
      contentNeeded: true,
    });
  });
  test('needs no content if it is a tombstone, directory or symlink', () => {
    for (const update of [
      sampleUpdate(gone),
      sampleDirectory(),
      sampleUpdate({ kind: 'symlink', hash: '', size: 0, target: 'x' }),
    ]) {
      expect(judgeUpdate(undefined, update)).toMatchObject({ kind: 'take', contentNeeded: false });
    }
  });
});

test('the very version that is here is had', () => {
  expect(judgeUpdate(local, local)).toEqual({ kind: 'have' });
});

describe('an update that knew what is here', () => {
  test('is taken without conflict', () => {
    expect(judgeUpdate(local, successor())).toEqual({
      kind: 'take',
      conflict: false,
      contentLost: false,
      contentNeeded: true,
    });
  });
  test('needs no content for a rename', () => {
    expect(judgeUpdate(local, successor({ hash: base.hash, name: 'renamed' }))).toMatchObject({
      conflict: false,
      contentNeeded: false,
    });
  });
  test('needs its content after all if the file is not on this disk', () => {
    expect(judgeUpdate({ ...local, disk: null }, successor({ hash: base.hash }))).toMatchObject({
      contentNeeded: true,
    });
  });
  test('deletes without conflict', () => {
    expect(judgeUpdate(local, successor(gone))).toMatchObject({ kind: 'take', conflict: false, contentLost: false });
  });
  test('is a conflict all the same if the file lost its name', () => {
    expect(judgeUpdate(local, successor({ ...gone, nameConflict: true }))).toMatchObject({
      conflict: true,
      contentLost: true,
    });
  });
});

describe('an update that did not know what is here', () => {
  test('is a conflict, with the content here lost', () => {
    expect(judgeUpdate(local, concurrent())).toEqual({
      kind: 'take',
      conflict: true,
      contentLost: true,
      contentNeeded: true,
    });
  });
  test('is a conflict if it deletes', () => {
    expect(judgeUpdate(local, concurrent(gone))).toMatchObject({ kind: 'take', conflict: true, contentLost: true });
  });
  test('is no conflict if both say the same', () => {
    expect(judgeUpdate(local, concurrent({ hash: base.hash, mtimeNs: 5n }))).toEqual({
      kind: 'take',
      conflict: false,
      contentLost: false,
      contentNeeded: false,
    });
  });
  test('loses no content if only the name differs', () => {
    expect(judgeUpdate(local, concurrent({ hash: base.hash, name: 'elsewhere' }))).toMatchObject({
      conflict: true,
      contentLost: false,
    });
  });
  test('is no conflict if nothing is here any more', () => {
    const deleted = sampleRecord({ ...local, ...gone });
    expect(judgeUpdate(deleted, concurrent())).toMatchObject({ kind: 'take', conflict: false, contentNeeded: true });
  });
  test('is stale, with a conflict, if what is here stands higher', () => {
    expect(judgeUpdate(local, concurrent({ clock: base.clock + 5 }))).toEqual({ kind: 'stale', conflict: true });
    expect(judgeUpdate(local, concurrent({ clock: base.clock + 5, hash: base.hash }))).toEqual({
      kind: 'stale',
      conflict: false,
    });
  });
});

test('an old version of what is here is stale without conflict', () => {
  expect(judgeUpdate(local, base)).toEqual({ kind: 'stale', conflict: false });
});

test('directories renamed on two members are in conflict but lose nothing', () => {
  const here = sampleRecord(sampleDirectory({ gvsn: makeVersion(A, 10), name: 'one' }));
  const there = sampleDirectory({ gvsn: makeVersion(B, 10), name: 'two' });
  expect(judgeUpdate(here, there)).toMatchObject({ kind: 'take', conflict: true, contentLost: false });
});

describe('a comparison of everything wants again', () => {
  const wants = (mine: FileRecord | undefined, theirs: Update, yields = false) =>
    wantsAgain(mine, theirs, judgeUpdate(mine, theirs, yields));
  const here = { ...local, disk: local.disk ?? ({} as never) };

  test('what is unknown here, but no deletion of it', () => {
    expect(wants(undefined, base)).toBe(true);
    expect(wants(undefined, sampleUpdate(gone))).toBe(false);
  });

  test('this very version where its file is gone, or is recorded with other content', () => {
    expect(wants(here, local)).toBe(false);
    expect(wants({ ...here, disk: null }, local)).toBe(true);
    expect(wants({ ...here, hash: other }, local)).toBe(true);
    expect(needsRepair({ ...here, hash: other }, local)).toBe(true);
    expect(needsRepair({ ...here, hash: other }, successor())).toBe(false);
  });

  test('what supersedes the version that is here, and nothing that it supersedes', () => {
    expect(wants(here, successor())).toBe(true);
    expect(wants(here, base)).toBe(false);
  });

  test('also what it supersedes, where what is here gives way whatever the order says', () => {
    expect(wants(here, base, true)).toBe(true);
  });
});

test('a version that nobody else will hear of yields to what it would supersede, and its content is preserved', () => {
  const older = concurrent({ clock: local.clock - 5 });
  expect(judgeUpdate(local, older)).toMatchObject({ kind: 'stale' });
  expect(judgeUpdate(local, older, true)).toMatchObject({ kind: 'take', conflict: true, contentLost: true });
});
