/** A device that keeps its bytes in one file, as simply as that goes. */
import { close, fdatasync, fstatSync, openSync, read, readSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { TandemError } from '../../../src/base/errors.ts';
import type { BlockDevice, Extent } from '../../../src/block/device.ts';

export interface FileDevice extends BlockDevice {
  close(): Promise<void>;
}

const GRAIN = 65_536;
const ZEROES = Buffer.alloc(1024 * 1024);
const DONE = Promise.resolve();

/**
 * The file is a fresh one of the size the device shall have: what is written is taken for data, the rest for holes.
 * Writes are carried out at once, so they land in the order they were called.
 */
export function openFileDevice(path: string): FileDevice {
  const file = openSync(path, 'r+');
  const { size } = fstatSync(file);
  const allocated = new Uint8Array(Math.ceil(size / GRAIN));
  const sync = promisify(fdatasync);

  function mark(offset: number, length: number): void {
    allocated.fill(1, Math.floor(offset / GRAIN), Math.ceil((offset + length) / GRAIN));
  }

  function readLarge(offset: number, into: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      read(file, into, 0, into.length, offset, (error, bytes) => {
        if (error !== null) reject(failure(error));
        else if (bytes === into.length) resolve();
        else if (bytes === 0) reject(new TandemError('BLOCK_IO', 'the file is shorter than it was'));
        else resolve(readLarge(offset + bytes, into.subarray(bytes)));
      });
    });
  }

  function writeAll(offset: number, data: Uint8Array): void {
    try {
      for (let at = 0; at < data.length; ) at += writeSync(file, data, at, data.length - at, offset + at);
    } catch (error) {
      throw failure(error as NodeJS.ErrnoException);
    }
  }

  function clear(offset: number, length: number): void {
    for (let at = 0; at < length; at += ZEROES.length) {
      writeAll(offset + at, ZEROES.subarray(0, Math.min(ZEROES.length, length - at)));
    }
  }

  return {
    size,
    blockSize: 4096,
    read: (offset, into) => {
      if (into.length > GRAIN) return readLarge(offset, into);
      return readSync(file, into, 0, into.length, offset) === into.length ? DONE : readLarge(offset, into);
    },
    write: (offset, data, options) => {
      writeAll(offset, data);
      mark(offset, data.length);
      return options?.durable ? sync(file) : DONE;
    },
    zero: (offset, length, options) => {
      clear(offset, length);
      if (options?.keep) mark(offset, length);
      return options?.durable ? sync(file) : DONE;
    },
    trim: (offset, length, options) => {
      clear(offset, length);
      const [first, last] = [Math.ceil(offset / GRAIN), Math.floor((offset + length) / GRAIN)];
      if (last > first) allocated.fill(0, first, last);
      return options?.durable ? sync(file) : DONE;
    },
    flush: () => sync(file),
    extents: async (offset, length) => {
      const extents: Extent[] = [];
      for (let at = offset; at < offset + length; ) {
        const end = Math.min((Math.floor(at / GRAIN) + 1) * GRAIN, offset + length);
        extents.push({ length: end - at, hole: allocated[Math.floor(at / GRAIN)] === 0 });
        at = end;
      }
      return extents;
    },
    close: () => promisify(close)(file),
  };
}

function failure(error: NodeJS.ErrnoException): TandemError {
  return new TandemError(error.code === 'ENOSPC' ? 'BLOCK_FULL' : 'BLOCK_IO', error.message, {}, error);
}
