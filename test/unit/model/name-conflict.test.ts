import { describe, expect, test } from 'vitest';
import {
  cycleThrough,
  homeOf,
  keptInPlace,
  loserTombstone,
  reparented,
  resolveNameConflict,
  revived,
  tombstone,
} from '../../../src/model/name-conflict.ts';
import type { Update } from '../../../src/model/update.ts';
import { supersedes } from '../../../src/model/update-order.ts';
import { checkUpdate } from '../../../src/model/update-rules.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { A, B, ROOT, sampleDirectory, sampleRecord, sampleUpdate } from './sample-update.ts';

const uid = (vsn: number) => makeVersion(A, vsn);
const stampFor = (previous: Update) => ({ gvsn: makeVersion(B, 500), clock: previous.clock + 1 });

describe('two files under one name', () => {
  const older = sampleUpdate({ uid: uid(9), gvsn: uid(9), createTime: 1 });
  const newer = sampleUpdate({ uid: uid(10), gvsn: uid(10), createTime: 2, hash: 'e'.repeat(64) });

  test('are decided alike from both sides', () => {
    const expected = { winner: newer, loser: older, merge: false, equalContent: false };
    expect(resolveNameConflict(older, newer)).toEqual(expected);
    expect(resolveNameConflict(newer, older)).toEqual(expected);
  });

  test('with the same content have nothing to preserve', () => {
    expect(resolveNameConflict(older, { ...newer, hash: older.hash }).equalContent).toBe(true);
    const link = { kind: 'symlink', hash: '', size: 0, target: 't' } as const;
    expect(resolveNameConflict({ ...older, ...link }, { ...newer, ...link }).equalContent).toBe(true);
    expect(resolveNameConflict({ ...older, ...link }, { ...newer, ...link, target: 'u' }).equalContent).toBe(false);
  });

  test('are merged if both are directories; a directory beats a file', () => {
    const directory = sampleDirectory({ name: older.name, createTime: 0 });
    expect(resolveNameConflict({ ...directory, uid: uid(11) }, { ...directory, uid: uid(12) })).toMatchObject({
      merge: true,
    });
    expect(resolveNameConflict(newer, { ...directory, uid: uid(11) })).toMatchObject({
      winner: { uid: uid(11) },
      merge: false,
    });
  });

  test('must really share a name', () => {
    expect(() => resolveNameConflict(older, older)).toThrow('between two files');
    expect(() => resolveNameConflict(older, { ...newer, name: 'x' })).toThrow('one name');
    expect(() => resolveNameConflict(older, { ...newer, present: false })).toThrow('present');
  });
});

describe('new versions', () => {
  const file = sampleRecord(sampleUpdate({ parent: uid(30) }));
  const directory = sampleDirectory({ uid: uid(20), gvsn: uid(20) });

  test('supersede what they are made from, know it, are sound and keep nothing of a record', () => {
    const deleted = tombstone(directory, { gvsn: makeVersion(A, 100), clock: directory.clock + 1 });
    const made: [Update, Update][] = [
      [file, tombstone(file, stampFor(file))],
      [file, loserTombstone(file, { ...stampFor(file), mergedInto: null })],
      [directory, loserTombstone(directory, { ...stampFor(directory), mergedInto: uid(21) })],
      [file, reparented(file, uid(21), stampFor(file))],
      [deleted, revived(deleted, stampFor(deleted))],
      [directory, keptInPlace(directory, ROOT, 'old name', stampFor(directory))],
    ];
    for (const [before, after] of made) {
      expect(checkUpdate(after)).toBeNull();
      expect(supersedes(after, before)).toBe(true);
      expect(after.ancestry[0]).toBe(before.gvsn);
      expect(after).not.toHaveProperty('disk');
      expect(after).not.toHaveProperty('provisional');
    }
  });

  test('say what they are for', () => {
    expect(loserTombstone(directory, { ...stampFor(directory), mergedInto: uid(21) })).toMatchObject({
      present: false,
      nameConflict: true,
      mergedInto: uid(21),
      name: directory.name,
    });
    expect(tombstone(file, stampFor(file))).toMatchObject({
      present: false,
      nameConflict: false,
      hash: '',
      size: 0,
      kind: 'file',
    });
    expect(reparented(file, uid(21), stampFor(file))).toMatchObject({
      parent: uid(21),
      name: file.name,
      hash: file.hash,
    });
    expect(keptInPlace(directory, ROOT, 'old', stampFor(directory))).toMatchObject({
      parent: ROOT,
      name: 'old',
      present: true,
    });
  });

  test('are refused where they make no sense', () => {
    const lost = loserTombstone(directory, { ...stampFor(directory), mergedInto: null });
    expect(() => revived(lost, stampFor(lost))).toThrow('does not come back');
    expect(() => revived(directory, stampFor(directory))).toThrow('deleted directory');
    expect(() => loserTombstone(file, { ...stampFor(file), mergedInto: uid(3) })).toThrow('only a directory');
    expect(() => loserTombstone(file, { gvsn: makeVersion(B, 9), clock: file.clock, mergedInto: null })).toThrow(
      'higher clock',
    );
  });
});

test('a move below itself is found, and nothing else is', () => {
  const parents = new Map([
    [uid(12), uid(11)],
    [uid(11), uid(10)],
    [uid(10), ROOT],
    [uid(41), uid(40)],
    [uid(40), uid(41)],
  ]);
  const parentOf = (of: string) => parents.get(of);
  expect(cycleThrough(uid(10), uid(12), parentOf)).toBe(true);
  expect(cycleThrough(uid(10), uid(10), parentOf)).toBe(true);
  expect(cycleThrough(uid(12), uid(10), parentOf)).toBe(false);
  expect(cycleThrough(uid(10), uid(41), parentOf)).toBe(false);
  expect(cycleThrough(uid(10), ROOT, parentOf)).toBe(false);
});

test('the children of a directory are at home where its merges lead', () => {
  const state = (changes: Partial<Update>) => sampleDirectory({ present: false, ...changes });
  const records = new Map<string, Update>([
    [uid(10), sampleDirectory()],
    [uid(11), state({ nameConflict: true, mergedInto: uid(10) })],
    [uid(12), state({ nameConflict: true, mergedInto: uid(11) })],
    [uid(13), state({})],
    [uid(14), state({ nameConflict: true, mergedInto: uid(13) })],
    [uid(15), state({ nameConflict: true })],
    [uid(16), state({ nameConflict: true, mergedInto: uid(17) })],
    [uid(17), state({ nameConflict: true, mergedInto: uid(16) })],
    [uid(18), state({ nameConflict: true, mergedInto: uid(99) })],
  ]);
  const home = (of: number) => homeOf(uid(of), at => records.get(at));
  expect(home(10)).toEqual({ kind: 'present', uid: uid(10) });
  expect(home(12)).toEqual({ kind: 'present', uid: uid(10) });
  expect(home(14)).toEqual({ kind: 'deleted', uid: uid(13) });
  expect(home(15)).toEqual({ kind: 'lost', uid: uid(15) });
  expect(home(16).kind).toBe('lost');
  expect(home(18)).toEqual({ kind: 'unknown', uid: uid(99) });
});
