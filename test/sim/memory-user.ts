/** What a person or a program does to an in-memory file system. Paths are absolute; nothing here calls the hook. */

import { errnoError } from '../../src/base/errno.ts';
import type { Look, Name } from '../../src/disk/file-system.ts';
import type { MemoryFileSystem } from './memory-file-system.ts';
import { type Inode, keyOfName, nameOfKey, toLook } from './memory-inodes.ts';

export interface MemoryUser {
  /** Creates a file or rewrites it in place. Directories on the way are made. */
  writeFile(path: string, content: string | Uint8Array): void;
  /** As editors do: writes a new file and renames it over the old one. */
  replaceFile(path: string, content: string | Uint8Array): void;
  append(path: string, content: string | Uint8Array): void;
  readFile(path: string): Buffer;
  makeDirectory(path: string): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  symlink(path: string, target: string): void;
  special(path: string, kind: 'fifo' | 'socket' | 'device'): void;
  setMode(path: string, mode: number): void;
  setModified(path: string, mtimeNs: bigint): void;
  /** With everything below; nothing there is fine. */
  remove(path: string): void;
  exists(path: string): boolean;
  look(path: string): Look;
  list(path: string): Name[];
  /** All that is below a directory, by path relative to it, in the order of paths. */
  snapshot(path: string, options?: { readonly without?: readonly string[] }): Map<string, SnapshotEntry>;
}

export interface SnapshotEntry {
  readonly kind: Look['kind'];
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** '' for anything but a file; one character a byte. */
  readonly content: string;
  readonly target: string;
}

export function createMemoryUser(files: MemoryFileSystem, durable: boolean): MemoryUser {
  function split(path: string): { parent: Inode; name: string } {
    const slash = path.lastIndexOf('/');
    const parent = files.walk(path.slice(0, slash));
    if (parent.kind !== 'directory') throw errnoError('ENOTDIR', `${path}: not a directory`);
    return { parent, name: keyOfName(path.slice(slash + 1)) };
  }

  function find(path: string): Inode | null {
    const { parent, name } = split(path);
    return files.child(parent, name);
  }

  function settle(inode?: Inode): void {
    if (!durable) return;
    if (inode) files.syncContent(inode);
    else files.commitJournal();
  }

  function makeDirectory(path: string): void {
    if (path === '') return;
    const slash = path.lastIndexOf('/');
    makeDirectory(path.slice(0, slash));
    if (find(path) !== null) return;
    const { parent, name } = split(path);
    files.create(parent, name, { kind: 'directory', mode: 0o755 });
    settle();
  }

  function writeFile(path: string, content: string | Uint8Array): void {
    makeDirectory(path.slice(0, path.lastIndexOf('/')));
    const { parent, name } = split(path);
    const inode = files.child(parent, name) ?? files.create(parent, name, { kind: 'file', mode: 0o644 });
    if (inode.kind !== 'file') throw errnoError('EISDIR', `${path} is not a file`);
    files.write(inode, Buffer.from(content));
    settle(inode);
  }

  function rename(from: string, to: string): void {
    const source = split(from);
    const target = split(to);
    const inode = files.child(source.parent, source.name);
    if (inode === null) throw errnoError('ENOENT', `${from} is not there`);
    renameInode(files, { from: source.parent, name: source.name, inode, to: target.parent, toName: target.name });
    settle();
  }

  function removeIn(parent: Inode, name: string): void {
    const inode = files.child(parent, name);
    if (inode === null) return;
    for (const child of [...inode.entries.keys()]) removeIn(inode, child);
    files.change({ op: 'unlink', parent: parent.ino, name });
  }

  return {
    writeFile,
    replaceFile(path, content) {
      writeFile(`${path}.new~`, content);
      rename(`${path}.new~`, path);
    },
    append(path, content) {
      const inode = files.walk(path);
      files.write(inode, Buffer.concat([inode.content, Buffer.from(content)]));
      settle(inode);
    },
    readFile: path => files.walk(path).content,
    makeDirectory,
    rename,
    link(from, to) {
      const { parent, name } = split(to);
      if (files.child(parent, name) !== null) throw errnoError('EEXIST', `${to} is taken`);
      files.change({ op: 'link', parent: parent.ino, name, ino: files.walk(from).ino });
      settle();
    },
    symlink(path, target) {
      makeDirectory(path.slice(0, path.lastIndexOf('/')));
      const { parent, name } = split(path);
      files.create(parent, name, { kind: 'symlink', mode: 0o777, target });
      settle();
    },
    special(path, kind) {
      const { parent, name } = split(path);
      files.create(parent, name, { kind, mode: 0o644 });
      settle();
    },
    setMode(path, mode) {
      files.change({ op: 'mode', ino: files.walk(path).ino, mode });
      settle();
    },
    setModified(path, mtimeNs) {
      files.change({ op: 'modified', ino: files.walk(path).ino, mtimeNs });
      settle();
    },
    remove(path) {
      const { parent, name } = split(path);
      removeIn(parent, name);
      settle();
    },
    exists(path) {
      try {
        files.walk(path);
        return true;
      } catch {
        return false;
      }
    },
    look: path => toLook(files.walk(path)),
    list: path => [...files.walk(path).entries.keys()].map(nameOfKey),
    snapshot(path, { without = ['.tandem'] } = {}) {
      const entries: [string, SnapshotEntry][] = [];
      const visit = (directory: Inode, prefix: string): void => {
        for (const key of directory.entries.keys()) {
          const name = String(nameOfKey(key));
          if (prefix === '' && without.includes(name)) continue;
          const inode = files.child(directory, key)!;
          const { kind, mode, mtimeNs, target } = inode;
          entries.push([prefix + name, { kind, mode, mtimeNs, target, content: inode.content.toString('latin1') }]);
          if (kind === 'directory') visit(inode, `${prefix}${name}/`);
        }
      };
      visit(files.walk(path), '');
      return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
    },
  };
}

interface Renaming {
  readonly from: Inode;
  readonly name: string;
  readonly inode: Inode;
  readonly to: Inode;
  readonly toName: string;
}

export function renameInode(files: MemoryFileSystem, { from, name, inode, to, toName }: Renaming): void {
  if (to.dev !== from.dev) throw errnoError('EXDEV', 'cross-device link');
  if (!files.exists(to)) throw errnoError('ENOENT', 'the directory was removed');
  if (inode.kind === 'directory' && isBelow(files, to, inode)) throw errnoError('EINVAL', 'a directory into itself');
  const target = files.child(to, toName);
  if (target !== null && target !== inode) {
    if (target.kind === 'directory' && inode.kind !== 'directory') throw errnoError('EISDIR', 'is a directory');
    if (target.kind !== 'directory' && inode.kind === 'directory') throw errnoError('ENOTDIR', 'not a directory');
    if (target.entries.size > 0) throw errnoError('ENOTEMPTY', 'directory not empty');
  }
  files.change({ op: 'rename', from: from.ino, fromName: name, to: to.ino, toName });
}

function isBelow(files: MemoryFileSystem, inode: Inode, above: Inode): boolean {
  if (inode === above) return true;
  return [...above.entries.keys()].some(name => {
    const child = files.child(above, name);
    return child?.kind === 'directory' && isBelow(files, inode, child);
  });
}
