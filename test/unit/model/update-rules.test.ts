import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import type { Update } from '../../../src/model/update.ts';
import { checkUpdate } from '../../../src/model/update-rules.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { A, B, ROOT, sampleDirectory, sampleUpdate } from './sample-update.ts';

const tombstone = { present: false, hash: '', size: 0 } as const;
const symlink = { kind: 'symlink', hash: '', size: 0, target: '../elsewhere' } as const;

test('sound updates of every kind pass', () => {
  const sound: Update[] = [
    sampleUpdate(),
    sampleUpdate({ parent: makeVersion(B, 77), name: '.tandem', mtimeNs: -1n }),
    sampleUpdate({ ancestry: [makeVersion(A, 10), makeVersion(B, 9)], gvsn: makeVersion(B, 30) }),
    sampleUpdate(tombstone),
    sampleUpdate({ ...tombstone, nameConflict: true }),
    sampleDirectory(),
    sampleDirectory({ present: false, nameConflict: true, mergedInto: makeVersion(B, 12) }),
    sampleUpdate(symlink),
    sampleUpdate({ ...symlink, target: 'x'.repeat(LIMITS.symlinkTargetBytes) }),
    sampleUpdate({ ...symlink, ...tombstone, target: '' }),
  ];
  for (const update of sound) expect(checkUpdate(update)).toBeNull();
});

test.each<[string, Partial<Update>]>([
  ['UID', { uid: 'nonsense' }],
  ['UID', { uid: makeVersion(A, 8) }],
  ['GVSN', { gvsn: makeVersion(A, 9).toUpperCase() }],
  ['GVSN', { gvsn: `${A}.ffffffffffffff` }],
  ['parent', { parent: '' }],
  ['parent', { parent: makeVersion(A, 2) }],
  ['its own parent', { parent: sampleUpdate().uid }],
  ['reserved', { name: '.tandem', parent: ROOT }],
  ['name', { name: '..' }],
  ['“/”', { name: 'a/b' }],
  ['fence', { fence: -1 }],
  ['clock', { clock: 2 ** 53 }],
  ['clock', { clock: Number.NaN }],
  ['create time', { createTime: 0.5 }],
  ['size', { size: -1 }],
  ['size', { size: Number.POSITIVE_INFINITY }],
  ['mode', { mode: 0o10000 }],
  ['mode', { mode: 1.5 }],
  ['modification time', { mtimeNs: 2n ** 63n }],
  ['kind', { kind: 'device' as never }],
  ['hash', { hash: '' }],
  ['hash', { hash: 'A'.repeat(64) }],
  ['hash', { present: false }],
  ['hash', { kind: 'directory' }],
  ['size', { kind: 'directory', hash: '' }],
  ['target', { target: 'x' }],
  ['target', { ...symlink, target: '' }],
  ['target', { ...symlink, target: 'x'.repeat(4096) }],
  ['target', { ...symlink, target: 'é'.repeat(2048) }],
  ['target', { ...symlink, target: 'a\0b' }],
  ['target', { ...symlink, target: '\ud800' }],
  ['target', { ...symlink, ...tombstone }],
  ['name conflict', { nameConflict: true }],
  ['merged', { ...tombstone, nameConflict: true, mergedInto: makeVersion(B, 9) }],
  ['merged', { ...tombstone, kind: 'directory', mergedInto: makeVersion(B, 9) }],
  ['merged into', { ...tombstone, kind: 'directory', nameConflict: true, mergedInto: 'x' }],
  ['into itself', { ...tombstone, kind: 'directory', nameConflict: true, mergedInto: sampleUpdate().uid }],
  ['ancestry', { ancestry: ['x'] }],
  ['ancestry names the version itself', { ancestry: [sampleUpdate().gvsn] }],
  ['twice', { ancestry: [makeVersion(B, 9), makeVersion(B, 10)] }],
  [
    'ancestry names 65',
    { ancestry: Array.from({ length: 65 }, (_, i) => makeVersion(i.toString(16).padStart(32, '0'), 9)) },
  ],
])('refuses for its %s: %o', (word, changes) => {
  expect(checkUpdate(sampleUpdate(changes))).toContain(word);
});
