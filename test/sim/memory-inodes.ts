/** The tables of the in-memory file system: inodes and the changes that are made to them, as data, so they can be replayed. */
import { errnoError } from '../../src/base/errno.ts';
import type { Look, Name } from '../../src/disk/file-system.ts';

export interface Inode {
  readonly ino: number;
  readonly kind: Look['kind'];
  readonly dev: bigint;
  readonly target: string;
  mode: number;
  nlink: number;
  /** Never changed in place. */
  content: Buffer;
  /** The content that is on the platter whatever happens. */
  safe: Buffer;
  readonly entries: Map<string, number>;
  mtimeNs: bigint;
  ctimeNs: bigint;
  readonly birthtimeNs: bigint;
}

export type Change = { readonly at: bigint } & (
  | {
      readonly op: 'create';
      readonly parent: number;
      readonly name: string;
      readonly ino: number;
      readonly kind: Look['kind'];
      readonly mode: number;
      readonly target: string;
    }
  | { readonly op: 'link'; readonly parent: number; readonly name: string; readonly ino: number }
  | { readonly op: 'unlink'; readonly parent: number; readonly name: string }
  | {
      readonly op: 'rename';
      readonly from: number;
      readonly fromName: string;
      readonly to: number;
      readonly toName: string;
    }
  | { readonly op: 'write'; readonly ino: number; readonly content: Buffer }
  | { readonly op: 'mode'; readonly ino: number; readonly mode: number }
  | { readonly op: 'modified'; readonly ino: number; readonly mtimeNs: bigint }
);

export const ROOT_INO = 2;
const NOTHING = Buffer.alloc(0);

export class InodeTable {
  readonly inodes = new Map<number, Inode>();
  bytes = 0;

  get(ino: number): Inode {
    const inode = this.inodes.get(ino);
    if (inode === undefined) throw errnoError('ESTALE', `inode ${ino} is gone`);
    return inode;
  }

  add(ino: number, kind: Look['kind'], fields: { mode: number; at: bigint; target?: string; dev?: bigint }): Inode {
    const { mode, at, target = '', dev = 1n } = fields;
    const times = { mtimeNs: at, ctimeNs: at, birthtimeNs: at };
    const inode = {
      ino,
      kind,
      dev,
      target,
      mode,
      nlink: 1,
      content: NOTHING,
      safe: NOTHING,
      entries: new Map<string, number>(),
      ...times,
    };
    this.inodes.set(ino, inode);
    return inode;
  }

  apply(change: Change): void {
    const { at } = change;
    switch (change.op) {
      case 'create':
        this.add(change.ino, change.kind, change);
        this.#enter(change.parent, change.name, change.ino, at);
        break;
      case 'link': {
        const inode = this.get(change.ino);
        inode.nlink++;
        inode.ctimeNs = at;
        this.#enter(change.parent, change.name, change.ino, at);
        break;
      }
      case 'unlink':
        this.#leave(change.parent, change.name, at);
        break;
      case 'rename': {
        const ino = this.get(change.from).entries.get(change.fromName)!;
        if (this.get(change.to).entries.get(change.toName) === ino) break;
        this.#leave(change.to, change.toName, at);
        this.get(change.from).entries.delete(change.fromName);
        this.get(change.from).mtimeNs = this.get(change.from).ctimeNs = at;
        this.#enter(change.to, change.toName, ino, at);
        this.get(ino).ctimeNs = at;
        break;
      }
      case 'write': {
        const inode = this.get(change.ino);
        this.bytes += change.content.length - inode.content.length;
        inode.content = change.content;
        inode.mtimeNs = inode.ctimeNs = at;
        break;
      }
      case 'mode':
        this.get(change.ino).mode = change.mode;
        this.get(change.ino).ctimeNs = at;
        break;
      case 'modified':
        this.get(change.ino).mtimeNs = change.mtimeNs;
        this.get(change.ino).ctimeNs = at;
        break;
    }
  }

  copy(): InodeTable {
    const copy = new InodeTable();
    for (const inode of this.inodes.values()) copy.inodes.set(inode.ino, { ...inode, entries: new Map(inode.entries) });
    copy.bytes = this.bytes;
    return copy;
  }

  #enter(parent: number, name: string, ino: number, at: bigint): void {
    const directory = this.get(parent);
    directory.entries.set(name, ino);
    directory.mtimeNs = directory.ctimeNs = at;
  }

  #leave(parent: number, name: string, at: bigint): void {
    const directory = this.get(parent);
    const ino = directory.entries.get(name);
    if (ino === undefined) return;
    directory.entries.delete(name);
    directory.mtimeNs = directory.ctimeNs = at;
    const inode = this.get(ino);
    inode.ctimeNs = at;
    inode.nlink--;
    if (inode.nlink > 0) return;
    this.bytes -= inode.content.length;
    this.inodes.delete(ino);
  }
}

/** Names are kept as their bytes, one character a byte. */
export function keyOfName(name: Name): string {
  const bytes = typeof name === 'string' ? Buffer.from(name, 'utf8') : name;
  const key = bytes.toString('latin1');
  if (key === '' || key.includes('/') || key.includes('\0'))
    throw errnoError('EINVAL', 'a name must be a single component');
  return key;
}

export function nameOfKey(key: string): Name {
  const bytes = Buffer.from(key, 'latin1');
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : bytes;
}

export function toLook(inode: Inode): Look {
  const { kind, mtimeNs, ctimeNs, birthtimeNs, mode, dev } = inode;
  const size = kind === 'file' ? inode.content.length : kind === 'symlink' ? Buffer.byteLength(inode.target) : 4096;
  // A file without a name that is still open has no links.
  return {
    kind,
    dev,
    ino: BigInt(inode.ino),
    size,
    mtimeNs,
    ctimeNs,
    birthtimeNs,
    mode,
    nlink: Math.max(inode.nlink, 0),
  };
}
