/** The handles of the in-memory file system. */
import { errnoError } from '../../src/base/errno.ts';
import type { Directory, File, Look, Name } from '../../src/disk/file-system.ts';
import type { MemoryFileSystem } from './memory-file-system.ts';
import { type Inode, keyOfName, nameOfKey, toLook } from './memory-inodes.ts';
import { renameInode } from './memory-user.ts';

export class MemoryDirectory implements Directory {
  readonly #files: MemoryFileSystem;
  readonly #inode: Inode;
  readonly #boot: number;

  constructor(files: MemoryFileSystem, inode: Inode) {
    if (inode.kind !== 'directory') throw errnoError('ENOTDIR', 'not a directory');
    this.#files = files;
    this.#inode = inode;
    this.#boot = files.boots;
    files.open(inode);
  }

  look(): Look {
    return toLook(this.#use('look', ''));
  }

  list(): Name[] {
    const inode = this.#use('list', '');
    this.#files.check(inode, 'list');
    return [...inode.entries.keys()].map(nameOfKey);
  }

  lookAt(name: Name): Look | null {
    const child = this.#files.child(this.#use('lookAt', name), keyOfName(name));
    return child && toLook(child);
  }

  openDirectory(name: Name): Directory {
    return new MemoryDirectory(this.#files, this.#child('openDirectory', name));
  }

  openFile(name: Name, access: 'read' | 'write' | 'create'): File {
    const parent = this.#use('openFile', name);
    if (access === 'create') {
      this.#files.check(parent, 'write');
      return new MemoryFile(this.#files, this.#files.create(parent, keyOfName(name), { kind: 'file', mode: 0o600 }));
    }
    const inode = this.#child('openFile', name);
    if (inode.kind === 'symlink') throw errnoError('ELOOP', 'too many symbolic links');
    if (inode.kind === 'directory' && access === 'write') throw errnoError('EISDIR', 'is a directory');
    if (inode.kind === 'socket') throw errnoError('ENXIO', 'no such device or address');
    this.#files.check(inode, access);
    return new MemoryFile(this.#files, inode);
  }

  makeDirectory(name: Name, mode: number): void {
    const parent = this.#use('makeDirectory', name);
    this.#files.check(parent, 'write');
    this.#files.create(parent, keyOfName(name), { kind: 'directory', mode });
  }

  makeSymlink(name: Name, target: string): void {
    const parent = this.#use('makeSymlink', name);
    this.#files.check(parent, 'write');
    this.#files.create(parent, keyOfName(name), { kind: 'symlink', mode: 0o777, target });
  }

  readSymlink(name: Name): Name {
    const inode = this.#child('readSymlink', name);
    if (inode.kind !== 'symlink') throw errnoError('EINVAL', 'invalid argument');
    return inode.target;
  }

  link(name: Name, to: Directory, toName: Name): void {
    const inode = this.#child('link', name);
    const target = asMemory(to).#inode;
    if (inode.kind === 'directory') throw errnoError('EPERM', 'operation not permitted');
    if (target.dev !== inode.dev) throw errnoError('EXDEV', 'cross-device link');
    if (!this.#files.exists(target)) throw errnoError('ENOENT', 'the directory was removed');
    this.#files.check(target, 'write');
    if (target.entries.has(keyOfName(toName))) throw errnoError('EEXIST', 'file already exists');
    this.#files.change({ op: 'link', parent: target.ino, name: keyOfName(toName), ino: inode.ino });
  }

  rename(name: Name, to: Directory, toName: Name): void {
    const from = this.#use('rename', name);
    const inode = this.#child('', name);
    const target = asMemory(to).#inode;
    this.#files.check(from, 'write');
    this.#files.check(target, 'write');
    renameInode(this.#files, { from, name: keyOfName(name), inode, to: target, toName: keyOfName(toName) });
  }

  unlink(name: Name): void {
    const parent = this.#use('unlink', name);
    this.#files.check(parent, 'write');
    if (this.#child('', name).kind === 'directory') throw errnoError('EISDIR', 'is a directory');
    this.#files.change({ op: 'unlink', parent: parent.ino, name: keyOfName(name) });
  }

  removeDirectory(name: Name): void {
    const parent = this.#use('removeDirectory', name);
    this.#files.check(parent, 'write');
    const inode = this.#child('', name);
    if (inode.kind !== 'directory') throw errnoError('ENOTDIR', 'not a directory');
    if (inode.dev !== parent.dev) throw errnoError('EBUSY', 'resource busy');
    if (inode.entries.size > 0) throw errnoError('ENOTEMPTY', 'directory not empty');
    this.#files.change({ op: 'unlink', parent: parent.ino, name: keyOfName(name) });
  }

  setMode(name: Name, mode: number): void {
    const inode = this.#child('setMode', name);
    if (inode.kind === 'symlink') throw errnoError('EOPNOTSUPP', 'operation not supported');
    this.#files.change({ op: 'mode', ino: inode.ino, mode });
  }

  setModified(name: Name, mtimeNs: bigint): void {
    const inode = this.#child('setModified', name);
    this.#files.change({ op: 'modified', ino: inode.ino, mtimeNs: floorToMicroseconds(mtimeNs) });
  }

  writable(): boolean {
    return !this.#files.denies(this.#use('writable', ''), 'write');
  }

  space(): { freeBytes: number; totalBytes: number } {
    this.#use('space', '');
    return { freeBytes: this.#files.quotaBytes - this.#files.usedBytes, totalBytes: this.#files.quotaBytes };
  }

  sync(): void {
    this.#use('sync', '');
    this.#files.commitJournal();
  }

  syncFileSystem(): boolean {
    this.#use('syncFileSystem', '');
    this.#files.syncAll();
    return true;
  }

  close(): void {
    if (this.#boot === this.#files.boots) this.#files.close(this.#inode);
  }

  #use(operation: string, name: Name): Inode {
    if (this.#boot !== this.#files.boots) throw errnoError('EBADF', 'the handle is from before a crash');
    if (operation !== '') this.#files.called(operation, String(name));
    if (this.#boot !== this.#files.boots) throw errnoError('EBADF', 'the handle is from before a crash');
    return this.#inode;
  }

  #child(operation: string, name: Name): Inode {
    const child = this.#files.child(this.#use(operation, name), keyOfName(name));
    if (child === null) throw errnoError('ENOENT', 'no such file or directory');
    return child;
  }
}

class MemoryFile implements File {
  readonly #files: MemoryFileSystem;
  readonly #inode: Inode;
  readonly #boot: number;

  constructor(files: MemoryFileSystem, inode: Inode) {
    this.#files = files;
    this.#inode = inode;
    this.#boot = files.boots;
    files.open(inode);
  }

  look(): Look {
    return toLook(this.#use('file.look'));
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const { content, kind } = this.#use('file.read');
    if (kind === 'directory') throw errnoError('EISDIR', 'is a directory');
    const piece = content.subarray(position, position + length);
    buffer.set(piece, offset);
    return piece.length;
  }

  write(data: Uint8Array, position: number): void {
    const inode = this.#use('file.write');
    const content = Buffer.alloc(Math.max(inode.content.length, position + data.length));
    inode.content.copy(content);
    content.set(data, position);
    this.#files.write(inode, content);
  }

  truncate(size: number): void {
    const inode = this.#use('file.truncate');
    const content = Buffer.alloc(size);
    inode.content.copy(content, 0, 0, Math.min(size, inode.content.length));
    this.#files.write(inode, content);
  }

  setMode(mode: number): void {
    const inode = this.#use('file.setMode');
    if (this.#files.exists(inode)) this.#files.change({ op: 'mode', ino: inode.ino, mode });
  }

  setModified(mtimeNs: bigint): void {
    const inode = this.#use('file.setModified');
    const cut = floorToMicroseconds(mtimeNs);
    if (this.#files.exists(inode)) this.#files.change({ op: 'modified', ino: inode.ino, mtimeNs: cut });
  }

  sync(): void {
    this.#files.syncContent(this.#use('file.sync'));
  }

  close(): void {
    if (this.#boot === this.#files.boots) this.#files.close(this.#inode);
  }

  #use(operation: string): Inode {
    this.#files.called(operation, '');
    if (this.#boot !== this.#files.boots) throw errnoError('EBADF', 'the handle is from before a crash');
    return this.#inode;
  }
}

function floorToMicroseconds(ns: bigint): bigint {
  return ns - (((ns % 1000n) + 1000n) % 1000n);
}

function asMemory(directory: Directory): MemoryDirectory {
  if (directory instanceof MemoryDirectory) return directory;
  throw errnoError('EXDEV', 'the directory belongs to another file system');
}
