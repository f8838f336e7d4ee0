import type { FileRecord, Update } from '../../../src/model/update.ts';
import { makeVersion, rootUid } from '../../../src/model/version.ts';

export const A = 'a'.repeat(32);
export const B = 'b'.repeat(32);
export const C = 'c'.repeat(32);
export const ROOT = rootUid('11111111-2222-3333-4444-555555555555');
export const HASH = '0123456789abcdef'.repeat(4);

/** A present file as a partner could send it. */
export function sampleUpdate(changes: Partial<Update> = {}): Update {
  return {
    uid: makeVersion(A, 9),
    gvsn: makeVersion(A, 9),
    parent: ROOT,
    name: 'report.txt',
    kind: 'file',
    present: true,
    nameConflict: false,
    mergedInto: null,
    fence: 3,
    clock: 1_700_000_000_000_000,
    createTime: 1_700_000_000_000,
    mode: 0o644,
    mtimeNs: 1_700_000_000_000_000_000n,
    size: 10,
    hash: HASH,
    target: '',
    ancestry: [],
    ...changes,
  };
}

export function sampleDirectory(changes: Partial<Update> = {}): Update {
  return sampleUpdate({ kind: 'directory', size: 0, hash: '', mode: 0o755, name: 'plans', ...changes });
}

/** The record of a version whose file is on disk just as the version says. */
export function sampleRecord(update: Update): FileRecord {
  const disk = update.present
    ? {
        kind: update.kind,
        ino: 1n,
        size: update.size,
        mtimeNs: update.mtimeNs,
        ctimeNs: update.mtimeNs,
        birthtimeNs: 0n,
        mode: update.mode,
        nlink: 1,
      }
    : null;
  return { ...update, disk, provisional: false };
}
