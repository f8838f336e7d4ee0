/** What people and programs do to a folder, by chance. */
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Chance } from './chance.ts';

/** Makes `count` edits below `directory`, which exists. Names come from a small stock, so that members who do this at once meet. */
export function makeEdits(directory: string, count: number, chance: Chance): void {
  edit(directory, count, chance, EDITS);
}

/** The same, but nearly all of them make, move, remove and fill directories, down to any depth. */
export function moveDirectoriesAbout(directory: string, count: number, chance: Chance): void {
  edit(directory, count, chance, DIRECTORY_EDITS);
}

function edit(directory: string, count: number, chance: Chance, edits: readonly Edit[]): void {
  for (let done = 0; done < count; done += 1) {
    const edit = chance.pick(edits);
    try {
      edit(directory, chance);
    } catch (error) {
      if (!MEETINGS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

/** The other member's edits arrive meanwhile, so what was listed may be gone or be something else. */
const MEETINGS: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'ENOTEMPTY',
  'EINVAL',
  'ELOOP',
  'ENAMETOOLONG',
  'EBUSY',
]);

type Edit = (directory: string, chance: Chance) => void;

const write: Edit = (directory, chance) => writeFileSync(newPath(directory, chance), chance.bytes(someSize(chance)));
const writeAndRename: Edit = (directory, chance) => {
  const path = newPath(directory, chance);
  writeFileSync(`${path}~new`, chance.bytes(someSize(chance)));
  renameSync(`${path}~new`, path);
};
const append: Edit = (directory, chance) =>
  onSome(directory, chance, 'file', path => appendFileSync(path, chance.bytes(200)));
const shorten: Edit = (directory, chance) =>
  onSome(directory, chance, 'file', path => truncateSync(path, chance.between(0, 50)));
const patch: Edit = (directory, chance) =>
  onSome(directory, chance, 'file', path => {
    const descriptor = openSync(path, 'r+');
    try {
      writeSync(descriptor, chance.bytes(64), 0, 64, chance.between(0, 4096));
    } finally {
      closeSync(descriptor);
    }
  });
const chmod: Edit = (directory, chance) =>
  onSome(directory, chance, 'file', path => chmodSync(path, chance.pick([0o644, 0o600, 0o755])));
const remove: Edit = (directory, chance) => onSome(directory, chance, 'file', path => rmSync(path));
const removeDirectory: Edit = (directory, chance) =>
  onSome(directory, chance, 'directory', path => rmSync(path, { recursive: true, force: true }));
const makeDirectory: Edit = (directory, chance) => void mkdirSync(newPath(directory, chance, 'd'), { recursive: true });
const makeLink: Edit = (directory, chance) =>
  symlinkSync(chance.pick(['a', '../b', '/nowhere', '.']), newPath(directory, chance, 'l'));
const moveFile: Edit = (directory, chance) =>
  onSome(directory, chance, 'file', path => renameSync(path, newPath(directory, chance)));
const moveDirectory: Edit = (directory, chance) =>
  onSome(directory, chance, 'directory', path => renameSync(path, newPath(directory, chance, 'd')));

const EDITS: readonly Edit[] = [
  write,
  write,
  write,
  write,
  writeAndRename,
  append,
  append,
  shorten,
  patch,
  chmod,
  remove,
  removeDirectory,
  makeDirectory,
  makeDirectory,
  makeLink,
  moveFile,
  moveDirectory,
];

const makeDeep: Edit = (directory, chance) => mkdirSync(deepPath(directory, chance, 'd'));
const moveDeep: Edit = (directory, chance) =>
  onSome(directory, chance, 'directory', path => renameSync(path, deepPath(directory, chance, 'd')));
const writeDeep: Edit = (directory, chance) => writeFileSync(deepPath(directory, chance, 'f'), chance.bytes(100));
const chmodDirectory: Edit = (directory, chance) =>
  onSome(directory, chance, 'directory', path => chmodSync(path, chance.pick([0o755, 0o700])));

const DIRECTORY_EDITS: readonly Edit[] = [
  ...Array<Edit>(6).fill(makeDeep),
  ...Array<Edit>(6).fill(moveDeep),
  ...Array<Edit>(4).fill(writeDeep),
  removeDirectory,
  removeDirectory,
  chmodDirectory,
  (directory, chance) => makeEdits(directory, 3, chance),
];

function onSome(directory: string, chance: Chance, kind: 'file' | 'directory', act: (path: string) => void): void {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(
    entry =>
      (kind === 'file' ? entry.isFile() : entry.isDirectory()) &&
      !`${entry.parentPath}/${entry.name}`.includes('/.tandem'),
  );
  if (found.length === 0) return;
  const entry = chance.pick(found);
  act(join(entry.parentPath, entry.name));
}

function newPath(directory: string, chance: Chance, kind = 'f'): string {
  const directories = readdirSync(directory, { withFileTypes: true }).filter(
    entry => entry.isDirectory() && entry.name !== '.tandem',
  );
  const inside =
    directories.length > 0 && chance.next() < 0.6 ? join(directory, chance.pick(directories).name) : directory;
  return join(inside, `${kind}${chance.between(0, 40)}`);
}

/** In any directory below, one of a few names. */
function deepPath(directory: string, chance: Chance, kind: string): string {
  let path = join(directory, `${kind}${chance.between(0, 12)}`);
  const into = (found: string): void => {
    path = join(found, `${kind}${chance.between(0, 12)}`);
  };
  if (chance.next() < 0.6) onSome(directory, chance, 'directory', into);
  return path;
}

function someSize(chance: Chance): number {
  return chance.next() < 0.05 ? chance.between(65_000, 400_000) : chance.between(0, 6000);
}
