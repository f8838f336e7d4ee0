/**
 * Files of volumes in memory, for one process after the other. The power may fail before any step that changes something: what was
 * written and not synced is then kept or lost sector by sector, names that were not synced survive as a prefix of what was
 * done. Space, the ability to read, write and sync can be taken away.
 */
import { errnoError } from '../../src/base/errno.ts';
import type { BlockFile, BlockFiles, BlockLook } from '../../src/block/block-files.ts';
import type { SimRandom } from './sim-random.ts';
import { SparseBytes } from './sparse-bytes.ts';

const SECTOR_BYTES = 512;

interface Inode {
  readonly number: number;
  kind: 'file' | 'directory' | 'device';
  current: SparseBytes;
  durable: SparseBytes;
  /** Since the last sync, in order. */
  pending: ({ readonly offset: number; readonly data: Buffer } | { readonly size: number })[];
}

export class PowerFailure extends Error {}

export class MemoryDisk {
  names = new Map<string, Inode>();
  /** How the names were after each change since they were last synced; the first is durable. */
  nameHistory: Map<string, Inode>[] = [];
  nextInode = 1;

  constructor() {
    this.names.set('/', {
      number: 0,
      kind: 'directory',
      current: new SparseBytes(),
      durable: new SparseBytes(),
      pending: [],
    });
    this.nameHistory = [new Map(this.names)];
  }
}

export interface MemoryBlockFiles extends BlockFiles {
  readonly disk: MemoryDisk;
  /** Steps that changed something so far. */
  readonly steps: number;
  /** The power fails before the step of this number. */
  failAt(step: number): void;
  /** What is left when the power comes back. Everything opened before is dead. */
  restart(random: SimRandom): MemoryBlockFiles;
  /** What a process that died leaves: everything it wrote. */
  kill(): MemoryBlockFiles;
  /** Bytes that all files together may take, in pages that are not zero; Infinity at first. */
  quotaBytes: number;
  /** Errno names for what comes next: a call whose path matches fails. */
  fault: { readonly on: 'read' | 'write' | 'sync'; readonly path: RegExp; readonly code: string } | null;
  /** Writes whose path matches begin when this settles: a disk that takes its time. */
  slow: { readonly path: RegExp; readonly wait: () => Promise<void> } | null;
  addDevice(path: string, size: number): void;
  contentOf(path: string): Buffer;
  /** Puts bytes into a file, as whoever tampers with it would. */
  tamper(path: string, change: (content: Buffer) => Buffer): void;
  paths(): string[];
  canGiveBack: boolean;
}

export function createMemoryBlockFiles(disk: MemoryDisk = new MemoryDisk()): MemoryBlockFiles {
  const claims = new Set<Inode>();
  let steps = 0;
  let failStep = Number.POSITIVE_INFINITY;
  let dead = false;

  function alive(): void {
    if (dead) throw new PowerFailure('the power is off');
  }

  async function step(): Promise<void> {
    await null;
    alive();
    if (++steps >= failStep) dead = true;
    alive();
  }

  function check(on: 'read' | 'write' | 'sync', path: string): void {
    if (files.fault?.on === on && files.fault.path.test(path)) throw errnoError(files.fault.code, path);
  }

  function find(path: string): Inode {
    const inode = disk.names.get(path);
    if (inode === undefined) throw errnoError('ENOENT', path);
    return inode;
  }

  function parentOf(path: string): string {
    return path.slice(0, Math.max(1, path.lastIndexOf('/')));
  }

  function named(): void {
    disk.nameHistory.push(new Map(disk.names));
  }

  function used(): number {
    let bytes = 0;
    const seen = new Set<Inode>();
    for (const inode of disk.names.values()) {
      if (seen.has(inode) || inode.kind === 'device') continue;
      seen.add(inode);
      bytes += inode.current.usedBytes;
    }
    return bytes;
  }

  const files: MemoryBlockFiles = {
    disk,
    quotaBytes: Number.POSITIVE_INFINITY,
    fault: null,
    slow: null,
    canGiveBack: true,
    get steps() {
      return steps;
    },
    failAt(at) {
      failStep = at;
    },
    async open(path, access) {
      await null;
      alive();
      if (access === 'create') {
        await step();
        if (disk.names.has(path)) throw errnoError('EEXIST', path);
        if (find(parentOf(path)).kind !== 'directory') throw errnoError('ENOTDIR', path);
        disk.names.set(path, {
          number: disk.nextInode++,
          kind: 'file',
          current: new SparseBytes(),
          durable: new SparseBytes(),
          pending: [],
        });
        named();
      }
      const inode = find(path);
      if (inode.kind === 'directory') throw errnoError('EISDIR', path);
      if (access !== 'read') check('write', path);
      return openInode(inode, path);
    },
    async list(path) {
      await null;
      alive();
      if (find(path).kind !== 'directory') throw errnoError('ENOTDIR', path);
      const prefix = path === '/' ? '/' : `${path}/`;
      return [...disk.names.keys()]
        .filter(name => name !== '/' && name.startsWith(prefix) && !name.slice(prefix.length).includes('/'))
        .map(name => name.slice(prefix.length));
    },
    async makeDirectory(path) {
      await step();
      if (disk.names.has(path)) throw errnoError('EEXIST', path);
      find(parentOf(path));
      disk.names.set(path, {
        number: disk.nextInode++,
        kind: 'directory',
        current: new SparseBytes(),
        durable: new SparseBytes(),
        pending: [],
      });
      named();
    },
    async rename(from, to) {
      await step();
      const moved = [...disk.names].filter(([name]) => name === from || name.startsWith(`${from}/`));
      if (moved.length === 0) throw errnoError('ENOENT', from);
      find(parentOf(to));
      for (const [name] of moved) disk.names.delete(name);
      for (const [name, inode] of moved) disk.names.set(to + name.slice(from.length), inode);
      named();
    },
    async remove(path) {
      await step();
      if (find(path).kind === 'directory') throw errnoError('EISDIR', path);
      disk.names.delete(path);
      named();
    },
    async removeDirectory(path) {
      await step();
      if (find(path).kind !== 'directory') throw errnoError('ENOTDIR', path);
      if ((await files.list(path)).length > 0) throw errnoError('ENOTEMPTY', path);
      disk.names.delete(path);
      named();
    },
    async syncDirectory(path) {
      await step();
      check('sync', path);
      find(path);
      disk.nameHistory = [new Map(disk.names)];
    },
    restart(random) {
      dead = true;
      const survivors = disk.nameHistory[random.below(disk.nameHistory.length)]!;
      const next = new MemoryDisk();
      next.nextInode = disk.nextInode;
      const copies = new Map<Inode, Inode>();
      for (const [name, inode] of survivors) {
        if (!copies.has(inode)) copies.set(inode, survive(inode, random));
        next.names.set(name, copies.get(inode)!);
      }
      next.nameHistory = [new Map(next.names)];
      return createMemoryBlockFiles(next);
    },
    kill() {
      dead = true;
      return createMemoryBlockFiles(disk);
    },
    addDevice(path, size) {
      disk.names.set(path, {
        number: disk.nextInode++,
        kind: 'device',
        current: new SparseBytes(size),
        durable: new SparseBytes(size),
        pending: [],
      });
      disk.nameHistory = [new Map(disk.names)];
    },
    contentOf: path => find(path).current.toBuffer(),
    tamper(path, change) {
      const inode = find(path);
      inode.current = SparseBytes.from(change(inode.current.toBuffer()));
      inode.durable = inode.current.copy();
      inode.pending = [];
    },
    paths: () => [...disk.names.keys()],
  };

  function openInode(inode: Inode, path: string): BlockFile {
    let closed = false;
    let claimed = false;
    function usable(): void {
      alive();
      if (closed) throw errnoError('EBADF', path);
    }
    return {
      async look(): Promise<BlockLook> {
        usable();
        return {
          kind: inode.kind === 'device' ? 'device' : 'file',
          size: inode.current.size,
          identity: `inode ${inode.number}`,
        };
      },
      async read(into, position) {
        await null;
        usable();
        check('read', path);
        if (position + into.length > inode.current.size) throw errnoError('EIO', `${path} ends before`);
        inode.current.read(into, position);
      },
      async write(data, position) {
        const copy = Buffer.from(data);
        usable();
        if (files.slow?.path.test(path) === true) await files.slow.wait();
        usable();
        if (steps + 1 >= failStep && copy.length > 0) {
          // The last write before the dark is cut off anywhere.
          inode.pending.push({ offset: position, data: copy });
        }
        await step();
        usable();
        check('write', path);
        const end = position + copy.length;
        if (inode.kind === 'device' && end > inode.current.size) throw errnoError('ENOSPC', path);
        if (files.quotaBytes === Number.POSITIVE_INFINITY) {
          inode.current.write(copy, position);
        } else {
          const before = inode.current.copy();
          inode.current.write(copy, position);
          if (used() > files.quotaBytes) {
            inode.current = before;
            throw errnoError('ENOSPC', path);
          }
        }
        inode.pending.push({ offset: position, data: copy });
      },
      async truncate(size) {
        await step();
        usable();
        check('write', path);
        inode.current.resize(size);
        inode.pending.push({ size });
      },
      async sync() {
        await step();
        usable();
        check('sync', path);
        inode.durable = inode.current.copy();
        inode.pending = [];
      },
      async giveBack(offset, length) {
        await step();
        usable();
        if (!files.canGiveBack) return false;
        const zeroes = Buffer.alloc(length);
        inode.current.write(zeroes, offset);
        inode.pending.push({ offset, data: zeroes });
        return true;
      },
      async claim() {
        usable();
        if (claims.has(inode)) throw errnoError('EBUSY', path);
        claims.add(inode);
        claimed = true;
      },
      async close() {
        if (claimed) claims.delete(inode);
        closed = true;
      },
    };
  }

  return files;
}

function survive(inode: Inode, random: SimRandom): Inode {
  const content = inode.durable.copy();
  // Often all or nothing of a stretch of time survives; a free choice for each sector would seldom show that.
  const share = random.pick([0, 0.1, 0.5, 0.9, 1]);
  for (const change of inode.pending) {
    if ('size' in change) {
      if (random.chance(share)) content.resize(change.size);
      continue;
    }
    for (let at = 0; at < change.data.length; at += SECTOR_BYTES) {
      if (!random.chance(share)) continue;
      const sector = change.data.subarray(at, at + SECTOR_BYTES);
      const end = change.offset + at + sector.length;
      if (inode.kind !== 'device' || end <= content.size) content.write(sector, change.offset + at);
    }
  }
  return { number: inode.number, kind: inode.kind, current: content, durable: content.copy(), pending: [] };
}
