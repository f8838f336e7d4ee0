/**
 * The real file system, through synchronous `node:fs` calls. Node has no `openat`, so names are reached as
 * `/proc/self/fd/<directory>/<name>`: the kernel starts at the opened directory itself, wherever it has been moved to.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { errnoError, errnoOf } from '../base/errno.ts';
import { TandemError } from '../base/errors.ts';
import type { Directory, File, FileSystem, Look, Name } from './file-system.ts';
import { cutToMicroseconds } from './look.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } = fs.constants;
/** Not in `fs.constants`: a handle that needs no permission to read what it stands for. */
const O_PATH = 0o10000000;
const SYNC_TIMEOUT_MS = 10 * 60_000;
const BIGINT = { bigint: true } as const;
const BIGINT_OR_NOTHING = { bigint: true, throwIfNoEntry: false } as const;

export function createNodeFileSystem(): FileSystem {
  if (!fs.existsSync('/proc/self/fd')) {
    throw new TandemError('DISK_FAILED', '/proc is not mounted; Tandem reaches files through /proc/self/fd: mount it');
  }
  return { openRoot: path => new NodeDirectory(fs.openSync(path, O_PATH | O_DIRECTORY)) };
}

class NodeDirectory implements Directory {
  readonly #fd: number;
  readonly #self: string;
  readonly #prefix: string;

  constructor(fd: number) {
    this.#fd = fd;
    this.#self = `/proc/self/fd/${fd}`;
    this.#prefix = `${this.#self}/`;
  }

  look(): Look {
    return toLook(fs.fstatSync(this.#fd, BIGINT));
  }

  list(): Name[] {
    // 'latin1' keeps every byte, and is several times faster than a Buffer for each name.
    const names: Name[] = fs.readdirSync(this.#self, 'latin1');
    for (let index = 0; index < names.length; index++) {
      const name = names[index] as string;
      if (NOT_ASCII.test(name)) names[index] = decodeName(Buffer.from(name, 'latin1'));
    }
    return names;
  }

  lookAt(name: Name): Look | null {
    const stats = fs.lstatSync(this.#at(name), BIGINT_OR_NOTHING);
    return stats === undefined ? null : toLook(stats);
  }

  openDirectory(name: Name): Directory {
    return new NodeDirectory(fs.openSync(this.#at(name), O_PATH | O_DIRECTORY | O_NOFOLLOW));
  }

  openFile(name: Name, access: 'read' | 'write' | 'create'): File {
    const flags = access === 'read' ? O_RDONLY : access === 'write' ? O_RDWR : O_RDWR | O_CREAT | O_EXCL;
    // O_NONBLOCK: a fifo put in the place of a file must not hang us.
    return new NodeFile(fs.openSync(this.#at(name), flags | O_NOFOLLOW | O_NONBLOCK, 0o600));
  }

  makeDirectory(name: Name, mode: number): void {
    fs.mkdirSync(this.#at(name), mode & 0o777);
    this.setMode(name, mode);
  }

  makeSymlink(name: Name, target: string): void {
    fs.symlinkSync(target, this.#at(name));
  }

  readSymlink(name: Name): Name {
    return decodeName(fs.readlinkSync(this.#at(name), 'buffer'));
  }

  link(name: Name, to: Directory, toName: Name): void {
    fs.linkSync(this.#at(name), asNode(to).#at(toName));
  }

  rename(name: Name, to: Directory, toName: Name): void {
    fs.renameSync(this.#at(name), asNode(to).#at(toName));
  }

  unlink(name: Name): void {
    fs.unlinkSync(this.#at(name));
  }

  removeDirectory(name: Name): void {
    fs.rmdirSync(this.#at(name));
  }

  setMode(name: Name, mode: number): void {
    // chmod follows links; through an O_PATH handle it cannot.
    const fd = fs.openSync(this.#at(name), O_PATH | O_NOFOLLOW);
    try {
      fs.chmodSync(`/proc/self/fd/${fd}`, mode);
    } finally {
      fs.closeSync(fd);
    }
  }

  setModified(name: Name, mtimeNs: bigint): void {
    fs.lutimesSync(this.#at(name), Date.now() / 1000, toSeconds(mtimeNs));
  }

  writable(): boolean {
    try {
      fs.accessSync(this.#self, fs.constants.W_OK | fs.constants.X_OK);
      return true;
    } catch (error) {
      if (['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error))) return false;
      throw error;
    }
  }

  space(): { freeBytes: number; totalBytes: number } {
    const stats = fs.statfsSync(this.#self, BIGINT);
    return { freeBytes: Number(stats.bavail * stats.bsize), totalBytes: Number(stats.blocks * stats.bsize) };
  }

  sync(): void {
    const fd = fs.openSync(this.#self, O_RDONLY | O_DIRECTORY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  syncFileSystem(): boolean {
    // Node has no syncfs; coreutils does. The directory is handed over opened, so its path does not matter.
    const fd = fs.openSync(this.#self, O_RDONLY | O_DIRECTORY);
    try {
      const done = spawnSync('sync', ['-f', '/proc/self/fd/3'], {
        stdio: ['ignore', 'ignore', 'ignore', fd],
        timeout: SYNC_TIMEOUT_MS,
      });
      return done.status === 0;
    } finally {
      fs.closeSync(fd);
    }
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  #at(name: Name): string | Buffer {
    if (typeof name === 'string') {
      if (name.includes('/') || name.includes('\0')) throw errnoError('EINVAL', 'a name must be a single component');
      return this.#prefix + name;
    }
    return Buffer.concat([Buffer.from(this.#prefix), name]);
  }
}

class NodeFile implements File {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  look(): Look {
    return toLook(fs.fstatSync(this.#fd, BIGINT));
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    let done = 0;
    while (done < length) {
      const read = fs.readSync(this.#fd, buffer, offset + done, length - done, position + done);
      if (read === 0) break;
      done += read;
    }
    return done;
  }

  write(data: Uint8Array, position: number): void {
    let done = 0;
    while (done < data.length) {
      done += fs.writeSync(this.#fd, data, done, data.length - done, position + done);
    }
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#fd, size);
  }

  setMode(mode: number): void {
    fs.fchmodSync(this.#fd, mode);
  }

  setModified(mtimeNs: bigint): void {
    fs.futimesSync(this.#fd, Date.now() / 1000, toSeconds(mtimeNs));
  }

  sync(): void {
    fs.fsyncSync(this.#fd);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

function asNode(directory: Directory): NodeDirectory {
  if (directory instanceof NodeDirectory) return directory;
  throw errnoError('EXDEV', 'the directory belongs to another file system');
}

/**
 * Node takes a double of seconds and cuts it to microseconds, towards zero: half a microsecond more makes the cut
 * exact. As text, because Node turns negative numbers into the present time.
 */
function toSeconds(ns: bigint): string {
  const us = Number(cutToMicroseconds(ns) / 1000n);
  return String((us + (us < 0 ? -0.5 : 0.5)) / 1e6);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the range meant.
const NOT_ASCII = /[^\x00-\x7f]/;

function decodeName(bytes: Buffer): Name {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') && !Buffer.from(text, 'utf8').equals(bytes) ? bytes : text;
}

const S_IFMT = 0o170000;
// Not an object: its octal keys would be at the mercy of formatters.
const KINDS: ReadonlyMap<number, Look['kind']> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
]);

function toLook(stats: fs.BigIntStats): Look {
  const mode = Number(stats.mode);
  return {
    kind: KINDS.get(mode & S_IFMT) ?? 'device',
    dev: stats.dev,
    ino: stats.ino,
    size: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    birthtimeNs: stats.birthtimeNs,
    mode: mode & 0o7777,
    nlink: Number(stats.nlink),
  };
}
