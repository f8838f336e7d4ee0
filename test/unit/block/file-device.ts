/** A device that keeps its bytes in one file, as simply as that goes. */
import { close, fdatasync, fstatSync, openSync, read, write } from 'node:fs';
import { promisify } from 'node:util';
import { TandemError } from '../../../src/base/errors.ts';
import type { BlockDevice } from '../../../src/block/device.ts';

export interface FileDevice extends BlockDevice {
  close(): Promise<void>;
}

const GRAIN = 65_536;
const ZEROES = Buffer.alloc(1024 * 1024);

/** The file is a fresh one of the size the device shall have: what is written is taken for data, the rest for holes. */
export function openFileDevice(path: string): FileDevice {
  const file = openSync(path, 'r+');
  const { size } = fstatSync(file);
  const allocated = new Uint8Array(Math.ceil(size / GRAIN));

  function readAll(offset: number, into: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      read(file, into, 0, into.length, offset, (error, bytes) => {
        if (error !== null) reject(new TandemError('BLOCK_IO', error.message));
        else if (bytes === into.length) resolve();
        else if (bytes === 0) reject(new TandemError('BLOCK_IO', 'the file is shorter than it was'));
        else resolve(readAll(offset + bytes, into.subarray(bytes)));
      });
    });
  }

  function writeAll(offset: number, data: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      write(file, data, 0, data.length, offset, (error, bytes) => {
        if (error !== null) reject(new TandemError(error.code === 'ENOSPC' ? 'BLOCK_FULL' : 'BLOCK_IO', error.message));
        else if (bytes === data.length) resolve();
        else resolve(writeAll(offset + bytes, data.subarray(bytes)));
      });
    });
  }

  const sync = promisify(fdatasync);

  async function zero(offset: number, length: number): Promise<void> {
    for (let at = 0; at < length; at += ZEROES.length) {
      await writeAll(offset + at, ZEROES.subarray(0, Math.min(ZEROES.length, length - at)));
    }
  }

  return {
    size,
    blockSize: 4096,
    read: readAll,
    write: (offset, data, options) => {
      allocated.fill(1, Math.floor(offset / GRAIN), Math.ceil((offset + data.length) / GRAIN));
      const written = writeAll(offset, data);
      return options?.durable ? written.then(() => sync(file)) : written;
    },
    zero: async (offset, length, options) => {
      if (options?.keep) allocated.fill(1, Math.floor(offset / GRAIN), Math.ceil((offset + length) / GRAIN));
      await zero(offset, length);
      if (options?.durable) await sync(file);
    },
    trim: async (offset, length, options) => {
      await zero(offset, length);
      const [first, last] = [Math.ceil(offset / GRAIN), Math.floor((offset + length) / GRAIN)];
      if (last > first) allocated.fill(0, first, last);
      if (options?.durable) await sync(file);
    },
    flush: () => sync(file),
    extents: async (offset, length) => {
      const extents: { length: number; hole: boolean }[] = [];
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
