/**
 * What Tandem needs of a file system, synchronously: file work runs in worker threads, in batches.
 *
 * Everything below the root is reached through directory handles, opened one component at a time without following
 * links, so that nothing a user changes meanwhile can lead a call out of the root. Names are single components.
 * A failed call throws an error whose `code` is the errno name (`ENOENT`, `EEXIST`, …).
 */

export interface FileSystem {
  /** Opens a root by its absolute path. Links in that path are followed: the administrator wrote it. */
  openRoot(path: string): Directory;
}

/** A name as text, or as bytes where it is not UTF-8. */
export type Name = string | Buffer;

export interface Directory {
  look(): Look;
  /** All names but `.` and `..`, in no order. EACCES when the directory may not be read. */
  list(): Name[];
  /** How a name looks, links not followed; null: nothing there. */
  lookAt(name: Name): Look | null;
  /** ENOENT; ENOTDIR for anything that is not a directory, a link to one included. */
  openDirectory(name: Name): Directory;
  /**
   * Opens a regular file; ELOOP for a link. 'create' fails with EEXIST and makes a file only its owner may read;
   * 'write' opens an existing one for reading and writing.
   */
  openFile(name: Name, access: 'read' | 'write' | 'create'): File;
  /** Fails with EEXIST; the mode is set whatever the umask. */
  makeDirectory(name: Name, mode: number): void;
  makeSymlink(name: Name, target: string): void;
  /** Where a symlink points; as bytes where that is not UTF-8. */
  readSymlink(name: Name): Name;
  /** A second name for a file or symlink (links are not followed). EEXIST where the new name is taken. */
  link(name: Name, to: Directory, toName: Name): void;
  /** Replaces a file or an empty directory at the new name in one step. */
  rename(name: Name, to: Directory, toName: Name): void;
  unlink(name: Name): void;
  removeDirectory(name: Name): void;
  /** Permission bits of a file or directory; ELOOP or EOPNOTSUPP for a link. */
  setMode(name: Name, mode: number): void;
  /** Modification time, cut to microseconds, links not followed. */
  setModified(name: Name, mtimeNs: bigint): void;
  /** False where names cannot be created: permissions, or a file system mounted read-only. */
  writable(): boolean;
  space(): { freeBytes: number; totalBytes: number };
  /** Makes the names in this directory durable. */
  sync(): void;
  /** Makes everything on this file system durable, data and names. False where that cannot be had as one call. */
  syncFileSystem(): boolean;
  close(): void;
}

export interface File {
  look(): Look;
  /** Reads at `position` into the buffer; fewer bytes than asked for only at the end of the file. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Writes all of `data` at `position`; on an error some of it may have been written. */
  write(data: Uint8Array, position: number): void;
  truncate(size: number): void;
  setMode(mode: number): void;
  setModified(mtimeNs: bigint): void;
  /** Makes the file's data and attributes durable. */
  sync(): void;
  close(): void;
}

export interface Look {
  readonly kind: 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'device';
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly nlink: number;
}

/** Runs `action` with the handle and closes it, whatever happens. */
export function using<H extends { close(): void }, R>(handle: H, action: (handle: H) => R): R {
  try {
    return action(handle);
  } finally {
    handle.close();
  }
}

/** A name for people: bytes that are not UTF-8 as \xNN. */
export function nameText(name: Name): string {
  if (typeof name === 'string') return name;
  let text = '';
  for (let at = 0; at < name.length; ) {
    const length = utf8Length(name, at);
    if (length === 0) text += `\\x${name[at]!.toString(16).padStart(2, '0')}`;
    else text += name.toString('utf8', at, at + length);
    at += Math.max(length, 1);
  }
  return text;
}

/** Bytes of the UTF-8 character at `at`; 0 where there is none. */
function utf8Length(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const text = bytes.toString('utf8', at, at + length);
  return text.includes('\ufffd') && !bytes.subarray(at, at + length).equals(REPLACEMENT) ? 0 : length;
}

const REPLACEMENT = Buffer.from('\ufffd');
