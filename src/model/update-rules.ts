/** What an update from a partner must be before anything is done with it. */
import { LIMITS } from '../base/limits.ts';
import { checkName, hasLoneSurrogate, isReserved, utf8Length } from './name-rules.ts';
import type { Update } from './update.ts';
import { databaseOf, FIRST_VSN, type Gvsn, vsnOf } from './version.ts';

const VERSION = /^[0-9a-f]{32}\.[0-9a-f]{14}$/;
const SHA256 = /^[0-9a-f]{64}$/;
/** UID number of a folder's root; the others below FIRST_VSN never name a file. */
const ROOT_VSN = 1;
const MTIME_END_NS = 2n ** 63n;

/** What is wrong with an update; null: nothing. How deep its place is cannot be seen from it alone. */
export function checkUpdate(update: Update): string | null {
  const problem = checkIdentity(update) ?? checkPlace(update) ?? checkNumbers(update) ?? checkContent(update);
  if (problem === null) return null;
  return isFileVersion(update.gvsn) ? `update ${update.gvsn}: ${problem}` : problem;
}

/** Whether this is the GVSN or UID of a file. */
export function isFileVersion(version: string): boolean {
  return isVersion(version) && vsnOf(version) >= FIRST_VSN;
}

function checkIdentity(update: Update): string | null {
  if (!isFileVersion(update.uid)) return 'the UID is malformed';
  if (!isFileVersion(update.gvsn)) return 'the GVSN is malformed';
  if (update.ancestry.length > LIMITS.ancestryEntries) {
    return `the ancestry names ${update.ancestry.length} versions, ${LIMITS.ancestryEntries} are allowed`;
  }
  const databases = new Set<string>();
  for (const ancestor of update.ancestry) {
    if (!isFileVersion(ancestor)) return 'a version in the ancestry is malformed';
    if (ancestor === update.gvsn) return 'the ancestry names the version itself';
    databases.add(databaseOf(ancestor));
  }
  return databases.size < update.ancestry.length ? 'the ancestry names a database twice' : null;
}

function checkPlace(update: Update): string | null {
  const parentIsRoot = isVersion(update.parent) && vsnOf(update.parent) === ROOT_VSN;
  if (!parentIsRoot && !isFileVersion(update.parent)) return 'the UID of the parent is malformed';
  if (update.parent === update.uid) return 'the file is its own parent';
  if (isReserved(parentIsRoot, update.name)) return `the name “${update.name}” is reserved`;
  return checkName(update.name);
}

function checkNumbers(update: Update): string | null {
  if (!isCount(update.fence)) return 'the fence is out of range';
  if (!isCount(update.clock)) return 'the clock is out of range';
  if (!isCount(update.createTime)) return 'the create time is out of range';
  if (!isCount(update.size)) return 'the size is out of range';
  if (!Number.isInteger(update.mode) || update.mode < 0 || update.mode > 0o7777) return 'the mode is out of range';
  if (update.mtimeNs < -MTIME_END_NS || update.mtimeNs >= MTIME_END_NS) return 'the modification time is out of range';
  return null;
}

function checkContent(update: Update): string | null {
  const { kind, present, nameConflict, mergedInto } = update;
  if (kind !== 'file' && kind !== 'directory' && kind !== 'symlink') return 'the kind is unknown';
  if (present && nameConflict) return 'it is present and a tombstone of a name conflict at once';
  if (mergedInto !== null) {
    if (!nameConflict || kind !== 'directory') return 'only a directory lost in a name conflict is merged into another';
    if (!isFileVersion(mergedInto)) return 'the UID of the directory it is merged into is malformed';
    if (mergedInto === update.uid) return 'the directory is merged into itself';
  }
  if (present && kind === 'file') {
    if (!SHA256.test(update.hash)) return 'the hash is not 64 hex digits';
  } else if (update.hash !== '' || update.size !== 0) {
    return 'it has a hash or a size but is no present file';
  }
  if (present && kind === 'symlink') return checkTarget(update.target);
  return update.target === '' ? null : 'it has a target but is no present symlink';
}

/**
 * What is wrong with the target of a symlink; null: nothing. Where it points is the user's business: it is never
 * followed.
 */
export function checkTarget(target: string): string | null {
  if (target === '') return 'the target of the symlink is empty';
  if (target.includes('\0')) return 'the target of the symlink contains a NUL character';
  if (target.length > LIMITS.symlinkTargetBytes || utf8Length(target) > LIMITS.symlinkTargetBytes) {
    return `the target of the symlink is longer than ${LIMITS.symlinkTargetBytes} bytes`;
  }
  return hasLoneSurrogate(target) ? 'the target of the symlink is not valid Unicode' : null;
}

function isVersion(text: string): text is Gvsn {
  return VERSION.test(text) && Number.isSafeInteger(vsnOf(text));
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
