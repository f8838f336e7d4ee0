/**
 * What volumes need of a file system, asynchronously: a few large files, read and written at offsets.
 *
 * A failed call throws an error whose `code` is the errno name (`ENOENT`, `ENOSPC`, …). Paths are absolute and the
 * administrator's: links in them are followed.
 */
import { errnoOf } from '../base/errno.ts';

export interface BlockFiles {
  /** 'create' makes a file only its owner may use; EEXIST where the name is taken. 'write' reads and writes. */
  open(path: string, access: 'read' | 'write' | 'create'): Promise<BlockFile>;
  /** Names in a directory, in no order. */
  list(path: string): Promise<string[]>;
  /** EEXIST where the name is taken. */
  makeDirectory(path: string): Promise<void>;
  /** Replaces a file, in one step. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** ENOTEMPTY */
  removeDirectory(path: string): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
}

export interface BlockFile {
  look(): Promise<BlockLook>;
  /** Fills all of `into`. EIO where the file ends before. */
  read(into: Uint8Array, position: number): Promise<void>;
  /** Writes all of `data`; on an error some of it may have been written. A file grows if need be. */
  write(data: Uint8Array, position: number): Promise<void>;
  /** Files only. */
  truncate(size: number): Promise<void>;
  /** Makes everything written so far durable. After an error nothing is known of what is. */
  sync(): Promise<void>;
  /**
   * Gives the space of a range back; it reads as zeroes then. False where this cannot be done here; the range may have
   * any content of its own or zeroes then.
   */
  giveBack(offset: number, length: number): Promise<boolean>;
  /**
   * Claims the file for this process, however it is named and whoever else looks: EBUSY while another claim holds. The
   * kernel releases it with the process.
   */
  claim(): Promise<void>;
  /** Releases a claim as well. */
  close(): Promise<void>;
}

export interface BlockLook {
  readonly kind: 'file' | 'device';
  readonly size: number;
  /** Tells this file from others that may be put in its place; the same after a restart of the host. */
  readonly identity: string;
}

/** Opens a file that may not be there: null then. */
export async function openIfThere(
  files: BlockFiles,
  path: string,
  access: 'read' | 'write',
): Promise<BlockFile | null> {
  try {
    return await files.open(path, access);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Opens a file, a new one if there is none. */
export async function openOrCreate(files: BlockFiles, path: string): Promise<BlockFile> {
  return (await openIfThere(files, path, 'write')) ?? (await files.open(path, 'create'));
}

/** Removes a file that may not be there. */
export async function removeIfThere(files: BlockFiles, path: string): Promise<void> {
  try {
    await files.remove(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
