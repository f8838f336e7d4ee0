/**
 * `.tandem/staging/`: content on its way in. A file under a staging id is whole and verified; one that is still being
 * written has `,part` behind its id (a comma stands in no id), so that the two cannot be taken for each other.
 */
import { errnoOf } from '../base/errno.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import { sha256 } from './content.ts';
import type { AppendAnswer, StageAnswer, StageItem, StagePiece, SweepMarks } from './disk.ts';
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
  append(tree: Tree, stagingId: string, pieces: readonly StagePiece[]): AppendAnswer;
  /** Opens a file that is still being written, to read it; null: there is none. */
  openPart(tree: Tree, stagingId: string): File | null;
  /** `digest`: SHA-256 of its first `item.size` bytes; null: it has fewer. */
  seal(tree: Tree, item: Omit<StageItem, 'data'>, digest: string | null): StageAnswer;
  drop(tree: Tree, stagingIds: readonly string[]): void;
  sweep(tree: Tree, keep: ReadonlySet<string>, marks?: SweepMarks): { bytes: number; reclaimed: number };
}

export function createStaging({ files, xxh64, buffer, now }: StagingTools): Staging {
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

  function append(tree: Tree, stagingId: string, pieces: readonly StagePiece[]): AppendAnswer {
    const directory = tree.own('staging');
    const sources = openSources(files);
    const file = openToAppend(directory, stagingId);
    let bytes = file.look().size;
    try {
      for (const [index, piece] of pieces.entries()) {
        if (piece.kind === 'data') {
          file.write(piece.data, bytes);
          bytes += piece.data.length;
        } else {
          const copied = copyPiece(sources.open(piece.root, piece.path), piece, file, bytes);
          if (copied === null) return { failedPiece: index, bytes };
          bytes += copied;
        }
      }
      return { failedPiece: null, bytes };
    } finally {
      // What a failed piece left behind the good part goes.
      if (file.look().size !== bytes) file.truncate(bytes);
      file.close();
      sources.close();
    }
  }

  /** Copies to `at`; null: some chunk is not there as announced, and what was written is of no use. */
  function copyPiece(source: File | null, piece: StagePiece & { kind: 'copy' }, to: File, at: number): number | null {
    if (source === null || piece.lengths.length !== piece.hashes.length) return null;
    const total = piece.lengths.reduce((sum, length) => sum + length, 0);
    if (piece.offset + total > source.look().size) return null;
    let copied = 0;
    for (let first = 0; first < piece.lengths.length; ) {
      // As many chunks at once as the buffer holds.
      let length = piece.lengths[first]!;
      let end = first + 1;
      while (end < piece.lengths.length && length + piece.lengths[end]! <= buffer.length)
        length += piece.lengths[end++]!;
      const into = length <= buffer.length ? buffer.subarray(0, length) : Buffer.allocUnsafeSlow(length);
      if (source.read(into, 0, length, piece.offset + copied) !== length) return null;
      for (let from = 0; first < end; first++) {
        const chunk = into.subarray(from, from + piece.lengths[first]!);
        if (xxh64(chunk) !== piece.hashes[first]) return null;
        from += chunk.length;
      }
      to.write(into, at + copied);
      copied += length;
    }
    return copied;
  }

  return {
    stageWhole(tree, items) {
      const directory = tree.own('staging');
      return items.map(item => stageOne(directory, item));
    },
    open(tree, stagingId) {
      return using(openToAppend(tree.own('staging'), stagingId), file => ({ bytes: file.look().size }));
    },
    append,
    openPart: (tree, stagingId) => openIfThere(tree.own('staging'), stagingId, 'read'),
    seal(tree, item, digest) {
      const directory = tree.own('staging');
      const part = checkId(item.stagingId) + PART;
      const bytes = directory.lookAt(part)?.size ?? 0;
      if (bytes !== item.size || digest !== item.hash) {
        dropName(directory, part);
        return { kind: 'mismatch', detail: `${bytes} bytes with another size or SHA-256 than announced` };
      }
      try {
        const answer = using(openPart(directory, item.stagingId, 'write'), file => finish(file, item));
        directory.rename(part, directory, item.stagingId);
        return answer;
      } catch (error) {
        return refusal(error);
      }
    },
    drop(tree, stagingIds) {
      const directory = tree.own('staging');
      for (const stagingId of stagingIds) {
        const id = checkId(stagingId);
        dropName(directory, id);
        dropName(directory, id + PART);
      }
    },
    sweep(tree, keep, marks = { from: Number.POSITIVE_INFINITY, to: 0 }) {
      const directory = tree.own('staging');
      let bytes = 0;
      const leftovers: { name: string; size: number; ctimeNs: bigint }[] = [];
      for (const name of directory.list()) {
        const look = directory.lookAt(name);
        if (look === null) continue;
        if (isKept(name, Number(look.ctimeNs / 1_000_000n), keep) || isLastOfSteppedAside(name, look)) {
          bytes += look.size;
          if (isLeftover(name, keep)) leftovers.push({ name, size: look.size, ctimeNs: look.ctimeNs });
          continue;
        }
        removeTree(directory, name);
      }
      let reclaimed = 0;
      if (bytes >= marks.from) {
        leftovers.sort((a, b) => Number(a.ctimeNs - b.ctimeNs));
        for (const { name, size } of leftovers) {
          if (bytes - reclaimed <= marks.to) break;
          removeTree(directory, name);
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

function openPart(directory: Directory, stagingId: string, access: 'read' | 'write' | 'create'): File {
  return directory.openFile(checkId(stagingId) + PART, access);
}

function openIfThere(directory: Directory, stagingId: string, access: 'read' | 'write'): File | null {
  try {
    return openPart(directory, stagingId, access);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function openToAppend(directory: Directory, stagingId: string): File {
  return openIfThere(directory, stagingId, 'write') ?? openPart(directory, stagingId, 'create');
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
  const { ino, mode: held } = file.look();
  return { kind: 'staged', ino, mode: held };
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
