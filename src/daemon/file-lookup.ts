/** From what a command says of a file to its record, or to why there is none. */
import { posix } from 'node:path';
import type { RecordQuery } from '../admin/backend.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { compileFilter } from '../model/filters.ts';
import { checkName, isReserved, PRIVATE_DIRECTORY } from '../model/name-rules.ts';
import type { FileRecord } from '../model/update.ts';
import { parseVersion, type Uid } from '../model/version.ts';
import type { Folder } from '../replication/folder.ts';
import type { FolderCore } from '../replication/folder-core.ts';
import { whatUpdateWaitsFor } from './file-records.ts';
import { createKnownPaths } from './known-path.ts';

export interface FoundFile {
  readonly folder: Folder;
  readonly record: FileRecord;
}

const UID = /^\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?-v\d+$/i;

/** Searches one folder, if `folders` holds only the one that was named, or all. NOT_FOUND says why there is no record. */
export async function findFile(folders: readonly Folder[], query: RecordQuery): Promise<FoundFile> {
  const { file } = query;
  if (isUid(file)) return findByUid(folders, parseVersion(file), file);
  const { folder, names } = placeOf(folders, query);
  const record = await folder.core.paths.recordAt(names.join('/'));
  if (record) return { folder, record };
  const reason = await whyNoRecord(folder, names);
  throw new TandemError(
    'NOT_FOUND',
    `there is no record of “${names.join('/')}” in folder ${folder.core.config.name}: ${reason}`,
  );
}

export function isUid(text: string): boolean {
  return UID.test(text);
}

export interface FoundPlace {
  readonly folder: Folder;
  /** Below the root; never empty. */
  readonly names: readonly string[];
}

/** Where a path points, whether anything is there or not. NOT_FOUND, INVALID_ARGUMENT if it cannot be in a folder. */
export function placeOf(folders: readonly Folder[], { folder: named, file }: RecordQuery): FoundPlace {
  const absolute = posix.isAbsolute(file);
  const folder = absolute ? folderAbove(folders, posix.normalize(file)) : folders[0];
  if (!absolute && (named === undefined || !folder)) {
    throw new TandemError(
      'INVALID_ARGUMENT',
      `“${file}” is a path below a folder’s root: name the folder with --folder`,
    );
  }
  if (!folder) {
    const roots = folders.map(({ core }) => core.rootPath).join(', ');
    throw new TandemError('NOT_FOUND', `“${file}” lies in no replicated folder; their roots: ${roots || 'none'}`);
  }
  const path = absolute ? posix.relative(folder.core.rootPath, posix.normalize(file)) : file;
  const names = pathNames(path);
  if (names.length === 0)
    throw new TandemError(
      'NOT_FOUND',
      `“${file}” is the root of folder ${folder.core.config.name}; a root has no record`,
    );
  return { folder, names };
}

/** The names of a path below a root. INVALID_ARGUMENT if it cannot be one. */
export function pathNames(path: string): string[] {
  const names = path.split('/').filter(name => name !== '' && name !== '.');
  const problem = names.map(checkName).find(found => found !== null);
  if (problem) throw new TandemError('INVALID_ARGUMENT', `“${path}” is not a path below a folder’s root: ${problem}`);
  if (names.length > LIMITS.depthLevels)
    throw new TandemError('INVALID_ARGUMENT', `the path has more than ${LIMITS.depthLevels} levels`);
  return names;
}

async function findByUid(folders: readonly Folder[], uid: Uid, text: string): Promise<FoundFile> {
  for (const folder of folders) {
    const { core } = folder;
    if (uid === core.root)
      throw new TandemError('NOT_FOUND', `${text} is the root of folder ${core.config.name}; a root has no record`);
    const [record] = await core.store.records([uid]);
    if (record) return { folder, record };
  }
  for (const { core } of folders) {
    const waits = whatUpdateWaitsFor(core, uid);
    if (waits !== null)
      throw new TandemError('NOT_FOUND', `there is no record of ${text} in folder ${core.config.name} yet: ${waits}`);
  }
  throw new TandemError('NOT_FOUND', `no folder of this member has a record of ${text}`);
}

/** The innermost folder whose root is above the path. */
function folderAbove(folders: readonly Folder[], path: string): Folder | undefined {
  return folders
    .filter(({ core }) => path === core.rootPath || path.startsWith(`${core.rootPath}/`))
    .sort((a, b) => b.core.rootPath.length - a.core.rootPath.length)[0];
}

async function whyNoRecord(folder: Folder, names: readonly string[]): Promise<string> {
  const { core, scanner } = folder;
  const path = names.join('/');
  if (isReserved(true, names[0]!)) return `${PRIVATE_DIRECTORY} belongs to Tandem and is not replicated`;
  const excluded = excludingFilter(core, names);
  if (excluded !== null) return excluded;
  if (core.memory.halt) return `the folder is halted: ${core.memory.halt.sentence}`;
  const onItsWay = await updateAt(core, path);
  if (onItsWay !== null) return onItsWay;
  const unsupported = scanner.reports.last.unsupported.find(item => item.path === path);
  if (unsupported) return `it is not replicated (${unsupported.reason})`;
  const unreadable = scanner.reports.last.unreadable.find(
    directory => directory === '' || path.startsWith(`${directory}/`),
  );
  if (unreadable !== undefined) return `the directory “${unreadable}” cannot be read`;
  const [look] = await core.disk.look([path]).catch(() => []);
  if (look === undefined) return 'the disk cannot be read now';
  if (look === null) return 'nothing is there, and no deletion of such a name is known by its path';
  if (look.kind === 'other') return 'a device, socket or fifo is there, which is not replicated';
  if (!core.memory.initialScanDone) return 'the folder is being looked at for the first time';
  return 'it is on disk and not recorded yet; it waits until it rests, or for the next scan (tandem folder rescan)';
}

/** The filter that keeps a name of the path out; the last name may be a file’s or a directory’s. */
export function excludingFilter({ config: { filters } }: FolderCore, names: readonly string[]): string | null {
  for (const [i, name] of names.entries()) {
    const directory = filters.directories.find(pattern =>
      compileFilter({ files: [], directories: [pattern] }).excludesDirectory(name),
    );
    if (directory !== undefined) return `the directory filter “${directory}” excludes “${name}”`;
    if (i < names.length - 1) continue;
    const file = filters.files.find(pattern => compileFilter({ files: [pattern], directories: [] }).excludesFile(name));
    if (file !== undefined) return `the file filter “${file}” excludes “${name}”`;
  }
  return null;
}

async function updateAt(core: FolderCore, path: string): Promise<string | null> {
  const uid = await uidOnItsWay(core, path);
  return uid === null ? null : whatUpdateWaitsFor(core, uid);
}

/** The file whose update, under way or put off, wants this path. */
export async function uidOnItsWay(core: FolderCore, path: string): Promise<Uid | null> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const updates = [...core.pending.list(), ...core.pending.listGivenUp()].map(({ update }) => update);
  const pathOf = createKnownPaths(core);
  for (const update of updates) {
    if (update.name === name && (await pathOf(update)) === path) return update.uid;
  }
  return null;
}
