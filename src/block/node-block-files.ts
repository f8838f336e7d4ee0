/** The real files of volumes, on `node:fs`. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { mkdir, readdir, readFile, realpath, rename, rmdir, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { errnoError, errnoOf } from '../base/errno.ts';
import { syncDirectory } from '../base/sync-directory.ts';
import type { BlockFile, BlockFiles, BlockLook } from './block-files.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants;

/**
 * Requests up to this size may be carried out at once, without a trip through the thread pool, which costs as much as ten small ones.
 * A write goes to the page cache; a large read rather has to wait for a disk.
 */
const READ_AT_ONCE_BYTES = 128 * 1024;
const WRITE_AT_ONCE_BYTES = 1024 * 1024;
/**
 * A request carried out at once that took longer waited for a disk, or for a processor that others use. It adds to a debt that quick
 * ones pay back; when that is too high, all requests go to the pool for a while.
 */
const SLOW_MS = 1;
const SLOW_DEBT = 50;
const DEBT_LIMIT = 150;
const PAUSE_FIRST_MS = 20;
const PAUSE_LAST_MS = 5000;

export function createNodeBlockFiles(): BlockFiles {
  return {
    open: openFile,
    list: path => readdir(path),
    makeDirectory: path => mkdir(path, { mode: 0o700 }).then(() => {}),
    rename,
    remove: unlink,
    removeDirectory: path => rmdir(path),
    syncDirectory,
  };
}

async function openFile(path: string, access: 'read' | 'write' | 'create'): Promise<BlockFile> {
  const flags = access === 'read' ? O_RDONLY : access === 'write' ? O_RDWR : O_RDWR | O_CREAT | O_EXCL;
  const fd = await call<number>(done => fs.open(path, flags, 0o600, done));
  try {
    const stats = await call<fs.BigIntStats>(done => fs.fstat(fd, { bigint: true }, done));
    if (stats.isFile()) return new NodeBlockFile(fd, path, stats);
    if (stats.isBlockDevice()) return new NodeBlockFile(fd, path, stats);
    throw errnoError('EINVAL', `${path} is neither a file nor a block device`);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

class NodeBlockFile implements BlockFile {
  readonly #fd: number;
  readonly #path: string;
  readonly #stats: fs.BigIntStats;
  #claim: Server | null = null;
  #exclusiveFd: number | null = null;
  #pauseMs = PAUSE_FIRST_MS;
  #debt = 0;
  #poolUntil = 0;

  constructor(fd: number, path: string, stats: fs.BigIntStats) {
    this.#fd = fd;
    this.#path = path;
    this.#stats = stats;
  }

  async look(): Promise<BlockLook> {
    if (this.#stats.isBlockDevice()) return await lookAtDevice(this.#path);
    const stats = await call<fs.BigIntStats>(done => fs.fstat(this.#fd, { bigint: true }, done));
    return { kind: 'file', size: Number(stats.size), identity: `inode ${stats.ino}` };
  }

  read(into: Uint8Array, position: number): Promise<void> {
    return this.#mayGoAtOnce(into, READ_AT_ONCE_BYTES)
      ? this.#atOnce(fs.readSync, into, position)
      : this.#inPool(fs.read, into, position);
  }

  write(data: Uint8Array, position: number): Promise<void> {
    return this.#mayGoAtOnce(data, WRITE_AT_ONCE_BYTES)
      ? this.#atOnce(fs.writeSync, data, position)
      : this.#inPool(fs.write, data, position);
  }

  truncate(size: number): Promise<void> {
    return call(done => fs.ftruncate(this.#fd, size, done));
  }

  sync(): Promise<void> {
    return call(done => fs.fdatasync(this.#fd, done));
  }

  giveBack(offset: number, length: number): Promise<boolean> {
    // Node has no fallocate; util-linux does. The file is handed over opened, so its path does not matter.
    const range = ['--punch-hole', '--offset', String(offset), '--length', String(length)];
    return new Promise(resolve => {
      const child = spawn('fallocate', [...range, '/proc/self/fd/3'], {
        stdio: ['ignore', 'ignore', 'ignore', this.#fd],
      });
      child.on('error', () => resolve(false));
      child.on('exit', code => resolve(code === 0));
    });
  }

  async claim(): Promise<void> {
    const { dev, ino, rdev } = this.#stats;
    if (this.#stats.isBlockDevice()) {
      // The kernel says EBUSY for a device that is mounted or claimed by another program.
      this.#exclusiveFd = await call<number>(done => fs.open(this.#path, O_RDWR | O_EXCL, done));
    }
    // An abstract socket: exclusive by its name, gone with the process, and there is nothing to clean up.
    const name = this.#stats.isBlockDevice() ? `device-${rdev}` : `file-${dev}-${ino}`;
    this.#claim = await new Promise<Server>((resolve, reject) => {
      const server = createServer(socket => socket.destroy());
      server.unref();
      server.once('error', error =>
        reject(errnoOf(error) === 'EADDRINUSE' ? errnoError('EBUSY', `${this.#path} is in use`) : error),
      );
      server.listen({ path: `\0tandem-volume-${name}`, exclusive: true }, () => resolve(server));
    });
  }

  async close(): Promise<void> {
    const claim = this.#claim;
    this.#claim = null;
    if (claim !== null) await new Promise<void>(resolve => claim.close(() => resolve()));
    if (this.#exclusiveFd !== null) fs.closeSync(this.#exclusiveFd);
    this.#exclusiveFd = null;
    await call<void>(done => fs.close(this.#fd, done));
  }

  #mayGoAtOnce({ length }: Uint8Array, limit: number): boolean {
    return length <= limit && (this.#poolUntil === 0 || this.#pauseIsOver());
  }

  #pauseIsOver(): boolean {
    if (performance.now() < this.#poolUntil) return false;
    this.#poolUntil = 0;
    return true;
  }

  /** What is in the page cache is there in two microseconds; a request that has to wait for a disk gives the pool its turn. */
  async #atOnce(operation: SyncCall, bytes: Uint8Array, position: number): Promise<void> {
    const start = performance.now();
    for (let done = 0; done < bytes.length; ) {
      const count = operation(this.#fd, bytes, done, bytes.length - done, position + done);
      if (count === 0) throw this.#shortRead(position + done);
      done += count;
    }
    const end = performance.now();
    if (end - start <= SLOW_MS) {
      if (this.#debt > 0) this.#debt--;
      else this.#pauseMs = PAUSE_FIRST_MS;
      return;
    }
    this.#debt += SLOW_DEBT;
    if (this.#debt < DEBT_LIMIT) return;
    this.#poolUntil = end + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_LAST_MS);
    // After the pause a single slow one is enough.
    this.#debt = DEBT_LIMIT - SLOW_DEBT;
  }

  #inPool(operation: PoolCall, bytes: Uint8Array, position: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (done: number): void => {
        operation(this.#fd, bytes, done, bytes.length - done, position + done, (error, count) => {
          if (error) reject(error);
          else if (done + count >= bytes.length) resolve();
          else if (count === 0) reject(this.#shortRead(position + done));
          else go(done + count);
        });
      };
      go(0);
    });
  }

  #shortRead(position: number): Error {
    return errnoError('EIO', `${this.#path} ends at ${position}`);
  }
}

type SyncCall = (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => number;
type PoolCall = (
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
  done: (error: Error | null, count: number) => void,
) => void;

/** Node has no ioctl: the kernel tells the size of a block device in /sys, in sectors of 512 bytes. */
async function lookAtDevice(path: string): Promise<BlockLook> {
  const name = basename(await realpath(path));
  const base = `/sys/class/block/${name}`;
  const sectors = Number((await readFile(`${base}/size`, 'utf8')).trim());
  const marks = [
    'uuid',
    'wwid',
    'device/wwid',
    'device/serial',
    'dm/uuid',
    'md/uuid',
    'loop/backing_file',
    'partition',
  ];
  const texts = await Promise.all(marks.map(mark => readFile(`${base}/${mark}`, 'utf8').catch(() => '')));
  const found = marks.flatMap((mark, index) =>
    texts[index]!.trim() === '' ? [] : [`${mark} ${texts[index]!.trim()}`],
  );
  return { kind: 'device', size: sectors * 512, identity: found.join(', ') };
}

function call<T>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}
