/**
 * `.tandem/staging/`: content on its way in. A file under a staging id is whole and verified; one that is still being
 * written has `,part` behind its id (a comma stands in no id), so that the two cannot be taken for each other.
 */
import type { Hash } from 'node:crypto';
import { errnoOf } from '../base/errno.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import { hashPrefix, sha256 } from './content.ts';
import type { StageAnswer, StageItem, StagePiece, SweepMarks } from './disk.ts';
import { type Directory, type File, type FileSystem, type Look, type Name, using } from './file-system.ts';
import { removeTree } from './subtree.ts';
import { isStepAside, openTree, STAGING_PREFIX, type Tree } from './tree.ts';

const PART = ',part';
const PARTIAL_LIFETIME_MS = 24 * 60 * 60_000;

export interface StagingTools {
  readonly files: FileSystem;
  readonly xxh64: Xxh64;
  readonly buffer: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

export interface Staging {
  stageWhole(tree: Tree, items: readonly StageItem[]): StageAnswer[];
  open(tree: Tree, stagingId: string): { bytes: number };
  append(tree: Tree, stagingId: string, pieces: readonly StagePiece[]): { failedPiece: number | null };
  seal(tree: Tree, item: Omit<StageItem, 'data'>): StageAnswer;
  drop(tree: Tree, stagingIds: readonly string[]): void;
  sweep(tree: Tree, keep: ReadonlySet<string>, marks?: SweepMarks): { bytes: number; reclaimed: number };
}

/** How far a partial file has come; the hash runs along with what is appended. */
interface Partial {
  bytes: number;
  hash: Hash;
}

export function createStaging({ files, xxh64, buffer, now }: StagingTools): Staging {
  const partials = new Map<string, Partial>();

  function stageOne(directory: Directory, item: StageItem): StageAnswer {
    if (item.data.length !== item.size || sha256(item.data) !== item.hash) {
      return { kind: 'mismatch', detail: `${item.data.length} bytes with another SHA-256 than announced` };
    }
    const id = checkId(item.stagingId);
    try {
      return using(createFresh(directory, id), file => {
        file.write(item.data, 0);
        return finish(file, item);
      });
    } catch (error) {
      dropName(directory, id);
      return refusal(error);
    }
  }

  /** Brings what is remembered of a partial file into line with what is on disk. */
  function resume(directory: Directory, stagingId: string): Partial {
    const name = checkId(stagingId) + PART;
    const known = partials.get(stagingId);
    const size = directory.lookAt(name)?.size;
    if (known !== undefined && known.bytes === size) return known;
    const file = size === undefined ? directory.openFile(name, 'create') : directory.openFile(name, 'write');
    return using(file, () => {
      const hash = hashPrefix(file, size ?? 0, buffer);
      if (hash === null) throw new TandemError('DISK_FAILED', `the staged file ${stagingId} shrank while it was read`);
      const partial = { bytes: size ?? 0, hash };
      partials.set(stagingId, partial);
      return partial;
    });
  }

  function append(tree: Tree, stagingId: string, pieces: readonly StagePiece[]): { failedPiece: number | null } {
    const directory = tree.own('staging');
    const partial = resume(directory, stagingId);
    const sources = openSources(files);
    const file = directory.openFile(checkId(stagingId) + PART, 'write');
    try {
      for (const [index, piece] of pieces.entries()) {
        if (piece.kind === 'data') {
          file.write(piece.data, partial.bytes);
          partial.hash.update(piece.data);
          partial.bytes += piece.data.length;
        } else {
          const copied = copyPiece(sources.open(piece.root, piece.path), piece, file, partial);
          if (copied === null) return { failedPiece: index };
          partial.hash = copied.hash;
          partial.bytes = copied.bytes;
        }
      }
      return { failedPiece: null };
    } finally {
      // What a failed piece left behind the good part goes.
      if (file.look().size !== partial.bytes) file.truncate(partial.bytes);
      file.close();
      sources.close();
    }
  }

  /** Null: some chunk is not there as announced. The partial file is only as far as before the piece then. */
  function copyPiece(
    source: File | null,
    piece: StagePiece & { kind: 'copy' },
    to: File,
    partial: Partial,
  ): Partial | null {
    if (source === null || piece.lengths.length !== piece.hashes.length) return null;
    const total = piece.lengths.reduce((sum, length) => sum + length, 0);
    if (piece.offset + total > source.look().size) return null;
    const hash = partial.hash.copy();
    let bytes = partial.bytes;
    let offset = piece.offset;
    for (let first = 0; first < piece.lengths.length; ) {
      // As many chunks at once as the buffer holds.
      let length = piece.lengths[first]!;
      let end = first + 1;
      while (end < piece.lengths.length && length + piece.lengths[end]! <= buffer.length)
        length += piece.lengths[end++]!;
      const into = length <= buffer.length ? buffer.subarray(0, length) : Buffer.allocUnsafeSlow(length);
      if (source.read(into, 0, length, offset) !== length) return null;
      for (let at = 0; first < end; first++) {
        const chunk = into.subarray(at, at + piece.lengths[first]!);
        if (xxh64(chunk) !== piece.hashes[first]) return null;
        at += chunk.length;
      }
      to.write(into, bytes);
      hash.update(into);
      bytes += length;
      offset += length;
    }
    return { bytes, hash };
  }

  return {
    stageWhole(tree, items) {
      const directory = tree.own('staging');
      return items.map(item => stageOne(directory, item));
    },
    open(tree, stagingId) {
      return { bytes: resume(tree.own('staging'), stagingId).bytes };
    },
    append,
    seal(tree, item) {
      const directory = tree.own('staging');
      const id = checkId(item.stagingId);
      const partial = resume(directory, id);
      partials.delete(id);
      if (partial.bytes !== item.size || partial.hash.digest('hex') !== item.hash) {
        dropName(directory, id + PART);
        return { kind: 'mismatch', detail: `${partial.bytes} bytes with another size or SHA-256 than announced` };
      }
      try {
        const answer = using(directory.openFile(id + PART, 'write'), file => finish(file, item));
        directory.rename(id + PART, directory, id);
        return answer;
      } catch (error) {
        return refusal(error);
      }
    },
    drop(tree, stagingIds) {
      const directory = tree.own('staging');
      for (const stagingId of stagingIds) {
        const id = checkId(stagingId);
        partials.delete(id);
        dropName(directory, id);
        dropName(directory, id + PART);
      }
    },
    sweep(tree, keep, marks = { from: Number.POSITIVE_INFINITY, to: 0 }) {
      const directory = tree.own('staging');
      let bytes = 0;
      const leftovers: { name: string; size: number; ctimeNs: bigint }[] = [];
      const drop = (name: Name): void => {
        if (typeof name === 'string' && name.endsWith(PART)) partials.delete(name.slice(0, -PART.length));
        removeTree(directory, name);
      };
      for (const name of directory.list()) {
        const look = directory.lookAt(name);
        if (look === null) continue;
        if (isKept(name, Number(look.ctimeNs / 1_000_000n), keep) || isLastOfSteppedAside(name, look)) {
          bytes += look.size;
          if (isLeftover(name, keep)) leftovers.push({ name, size: look.size, ctimeNs: look.ctimeNs });
          continue;
        }
        drop(name);
      }
      let reclaimed = 0;
      if (bytes >= marks.from) {
        leftovers.sort((a, b) => Number(a.ctimeNs - b.ctimeNs));
        for (const { name, size } of leftovers) {
          if (bytes - reclaimed <= marks.to) break;
          drop(name);
          reclaimed += size;
        }
      }
      return { bytes: bytes - reclaimed, reclaimed };
    },
  };

  function isKept(name: Name, changedMs: number, keep: ReadonlySet<string>): boolean {
    if (typeof name !== 'string') return false;
    if (!name.endsWith(PART)) return keep.has(name);
    return keep.has(name.slice(0, -PART.length)) || Math.abs(now() - changedMs) < PARTIAL_LIFETIME_MS;
  }
}

/** A partial file that is kept only to be resumed. */
function isLeftover(name: Name, keep: ReadonlySet<string>): name is string {
  return typeof name === 'string' && name.endsWith(PART) && !keep.has(name.slice(0, -PART.length));
}

/** A user's file for which there was no room at its place. It is preserved at the next start. */
function isLastOfSteppedAside(name: Name, look: Look): boolean {
  const steppedAside = typeof name === 'string' && isStepAside(STAGING_PREFIX + name);
  return steppedAside && (look.kind === 'directory' || look.nlink === 1);
}

/** 1 to 128 characters of [0-9a-z.-], and no `.` or `..`. */
function checkId(stagingId: string): string {
  if (/^[0-9a-z.-]{1,128}$/.test(stagingId) && !/^\.\.?$/.test(stagingId)) return stagingId;
  throw new TandemError('INTERNAL', `“${stagingId}” is not a staging id`);
}

function createFresh(directory: Directory, name: string): File {
  try {
    return directory.openFile(name, 'create');
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    directory.unlink(name);
    return directory.openFile(name, 'create');
  }
}

function finish(file: File, { mode, mtimeNs }: { mode: number; mtimeNs: bigint }): StageAnswer {
  file.setModified(mtimeNs);
  file.setMode(mode);
  return { kind: 'staged', ino: file.look().ino };
}

function dropName(directory: Directory, name: string): void {
  try {
    directory.unlink(name);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function refusal(error: unknown): StageAnswer {
  const code = errnoOf(error);
  if (code === '') throw error;
  return { kind: code === 'ENOSPC' || code === 'EDQUOT' ? 'no-space' : 'failed', detail: messageOf(error) };
}

/** Files of any replicated folder here, opened for one call. The last one stays open: pieces come in runs. */
function openSources(files: FileSystem): { open(root: string, path: string): File | null; close(): void } {
  const trees = new Map<string, Tree>();
  let last: { root: string; path: string; file: File | null } | null = null;
  return {
    open(root, path) {
      if (last?.root === root && last.path === path) return last.file;
      last?.file?.close();
      last = { root, path, file: null };
      try {
        let tree = trees.get(root);
        if (tree === undefined) {
          tree = openTree(files, root);
          trees.set(root, tree);
        }
        const slash = path.lastIndexOf('/');
        const directory = tree.directory(slash < 0 ? '' : path.slice(0, slash));
        const file = directory?.openFile(path.slice(slash + 1), 'read') ?? null;
        if (file !== null && file.look().kind !== 'file') file.close();
        else last.file = file;
      } catch (error) {
        if (!(error instanceof TandemError) && errnoOf(error) === '') throw error;
      }
      return last.file;
    },
    close() {
      last?.file?.close();
      for (const tree of trees.values()) tree.close();
    },
  };
}
