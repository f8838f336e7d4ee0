/**
 * A file system in memory that behaves as ext4 does where it matters to Tandem: hard links, renames, times, inode
 * numbers that are used again, and crashes after which names may stand for content that never reached the disk.
 */

import { errnoError } from '../../src/base/errno.ts';
import type { Random } from '../../src/base/random.ts';
import type { Directory, FileSystem, Look } from '../../src/disk/file-system.ts';
import { MemoryDirectory } from './memory-handles.ts';
import { type Change, type Inode, InodeTable, keyOfName, ROOT_INO } from './memory-inodes.ts';
import { createMemoryUser, type MemoryUser } from './memory-user.ts';

export interface MemoryOptions {
  /** Nanoseconds since the Unix epoch. Time stamps still never repeat. */
  readonly clock: () => bigint;
  readonly quotaBytes?: number;
  /** Whether what `user` does is durable at once. Default true. */
  readonly durableEdits?: boolean;
}

export interface FileCall {
  readonly operation: string;
  readonly name: string;
}

type Denial = 'list' | 'read' | 'write';
/** A change without its time. */
export type Order = Change extends infer C ? (C extends Change ? Omit<C, 'at'> : never) : never;

export class MemoryFileSystem implements FileSystem {
  /** Edits as a person or a program would make them, by absolute path. */
  readonly user: MemoryUser;
  /** Called before each call of Tandem's: to edit in the very moment, or to throw in its place. */
  onCall: ((call: FileCall) => void) | null = null;
  quotaBytes: number;
  readonly #clock: () => bigint;
  #live = new InodeTable();
  #durable = new InodeTable();
  /** Changes since `#durable`. */
  #log: Change[] = [];
  #lastTime = 0n;
  #nextIno = ROOT_INO + 1;
  #freed: number[] = [];
  readonly #opened = new Map<number, number>();
  readonly #denied = new Map<number, Set<Denial>>();
  readonly #mounts = new Map<number, number>();
  #boots = 0;
  #inHook = false;

  constructor({ clock, quotaBytes = Number.MAX_SAFE_INTEGER, durableEdits = true }: MemoryOptions) {
    this.#clock = clock;
    this.quotaBytes = quotaBytes;
    this.#live.add(ROOT_INO, 'directory', { mode: 0o755, at: this.time() });
    this.#durable = this.#live.copy();
    this.user = createMemoryUser(this, durableEdits);
  }

  openRoot(path: string): Directory {
    this.called('openRoot', path);
    return new MemoryDirectory(this, this.walk(path));
  }

  /**
   * The power fails. Of the changes since the last sync a first part survives; content that was not synced may be
   * lost, cut or zeros although its name survived. Handles opened before are dead.
   */
  crash(random: Random): void {
    const survivors = Math.floor(random.next() * (this.#log.length + 1));
    const table = this.#durable;
    for (const change of this.#log.slice(0, survivors)) table.apply(change);
    for (const inode of table.inodes.values()) {
      if (inode.content === inode.safe) continue;
      const content = damage(inode, random);
      table.bytes += content.length - inode.content.length;
      inode.content = inode.safe = content;
    }
    this.#log = [];
    this.#live = table.copy();
    this.#boots++;
    this.#opened.clear();
    this.#nextIno = Math.max(...table.inodes.keys()) + 1;
    this.#freed = [];
    for (let ino = ROOT_INO; ino < this.#nextIno; ino++) if (!table.inodes.has(ino)) this.#freed.push(ino);
  }

  /** The process is killed: nothing is lost, but its handles are gone. */
  kill(): void {
    this.#boots++;
    for (const ino of [...this.#opened.keys()]) {
      this.#opened.delete(ino);
      if (!this.#live.inodes.has(ino)) this.#free(ino);
    }
  }

  deny(path: string, ...what: Denial[]): void {
    this.#denied.set(this.walk(path).ino, new Set(what));
  }

  allow(path: string): void {
    this.#denied.delete(this.walk(path).ino);
  }

  /** Hides a directory under another, empty file system. */
  mount(path: string): void {
    const at = this.walk(path).ino;
    const ino = this.allocate();
    this.#live.add(ino, 'directory', { mode: 0o755, at: this.time(), dev: BigInt(ino) + 1000n });
    this.#durable.add(ino, 'directory', { mode: 0o755, at: this.time(), dev: BigInt(ino) + 1000n });
    this.#mounts.set(at, ino);
  }

  unmount(path: string): void {
    const mounted = this.walk(path).ino;
    for (const [at, ino] of this.#mounts) if (ino === mounted) this.#mounts.delete(at);
  }

  // What follows is for the handles and for `user`.

  get boots(): number {
    return this.#boots;
  }

  get usedBytes(): number {
    return this.#live.bytes;
  }

  called(operation: string, name: string): void {
    // What the hook itself does is not reported to it.
    if (this.onCall === null || this.#inHook) return;
    this.#inHook = true;
    try {
      this.onCall({ operation, name });
    } finally {
      this.#inHook = false;
    }
  }

  check(inode: Inode, what: Denial): void {
    if (this.#denied.get(inode.ino)?.has(what)) throw errnoError('EACCES', 'permission denied');
  }

  denies(inode: Inode, what: Denial): boolean {
    return this.#denied.get(inode.ino)?.has(what) ?? false;
  }

  time(): bigint {
    const now = this.#clock();
    this.#lastTime = now > this.#lastTime ? now : this.#lastTime + 1n;
    return this.#lastTime;
  }

  change(order: Order): void {
    const change = { ...order, at: this.time() } as Change;
    const leaving = leavingIno(this.#live, change);
    this.#live.apply(change);
    this.#log.push(change);
    if (leaving !== undefined && !this.#live.inodes.has(leaving) && !this.#opened.has(leaving)) this.#free(leaving);
  }

  create(parent: Inode, name: string, fields: { kind: Look['kind']; mode: number; target?: string }): Inode {
    if (Buffer.byteLength(name, 'latin1') > 255) throw errnoError('ENAMETOOLONG', 'file name too long');
    if (parent.entries.has(name)) throw errnoError('EEXIST', 'file already exists');
    const { kind, mode, target = '' } = fields;
    const ino = this.allocate();
    this.change({ op: 'create', parent: parent.ino, name, ino, kind, mode, target });
    return this.#live.get(ino);
  }

  write(inode: Inode, content: Buffer): void {
    if (this.#live.bytes + content.length - inode.content.length > this.quotaBytes) {
      throw errnoError('ENOSPC', 'no space left on device');
    }
    if (this.#live.inodes.get(inode.ino) === inode) this.change({ op: 'write', ino: inode.ino, content });
    else inode.content = content;
  }

  child(parent: Inode, name: string): Inode | null {
    const ino = parent.entries.get(name);
    return ino === undefined ? null : this.#live.get(this.#mounts.get(ino) ?? ino);
  }

  exists(inode: Inode): boolean {
    return this.#live.inodes.get(inode.ino) === inode;
  }

  /** Follows no links. */
  walk(path: string): Inode {
    let inode = this.#live.get(ROOT_INO);
    for (const part of path.split('/')) {
      if (part === '') continue;
      if (inode.kind !== 'directory') throw errnoError('ENOTDIR', `${path}: not a directory`);
      const next = this.child(inode, keyOfName(part));
      if (next === null) throw errnoError('ENOENT', `${path}: no such file or directory`);
      inode = next;
    }
    return inode;
  }

  open(inode: Inode): void {
    this.#opened.set(inode.ino, (this.#opened.get(inode.ino) ?? 0) + 1);
  }

  close(inode: Inode): void {
    const count = this.#opened.get(inode.ino) ?? 0;
    if (count > 1) this.#opened.set(inode.ino, count - 1);
    else if (this.#opened.delete(inode.ino) && !this.#live.inodes.has(inode.ino)) this.#free(inode.ino);
  }

  /** The journal is written: all changes so far survive, but not the content of files. */
  commitJournal(): void {
    for (const change of this.#log) this.#durable.apply(change);
    this.#log = [];
  }

  syncContent(inode: Inode): void {
    this.commitJournal();
    const durable = this.#durable.inodes.get(inode.ino);
    if (durable !== undefined) durable.safe = durable.content;
  }

  syncAll(): void {
    this.commitJournal();
    for (const inode of this.#durable.inodes.values()) inode.safe = inode.content;
  }

  allocate(): number {
    return this.#freed.shift() ?? this.#nextIno++;
  }

  #free(ino: number): void {
    this.#freed.push(ino);
    this.#freed.sort((a, b) => a - b);
  }
}

/** Which inode may lose its last name by a change. */
function leavingIno(table: InodeTable, change: Change): number | undefined {
  if (change.op === 'unlink') return table.get(change.parent).entries.get(change.name);
  if (change.op === 'rename') return table.get(change.to).entries.get(change.toName);
  return undefined;
}

/** What the platter may hold of content that was never synced. */
function damage({ content, safe }: Inode, random: Random): Buffer {
  const kind = random.next();
  const cut = Math.floor(random.next() * content.length);
  if (kind < 0.35) return content;
  if (kind < 0.5) return Buffer.alloc(content.length);
  if (kind < 0.7) return Buffer.concat([content.subarray(0, cut), Buffer.alloc(content.length - cut)]);
  if (kind < 0.85) return Buffer.from(content.subarray(0, cut));
  return safe.length > 0 ? safe : Buffer.alloc(0);
}
