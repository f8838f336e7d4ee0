/** A replicated folder on a file system, worked on where the caller is: in a worker thread, or in a simulation. */

import { errnoError, errnoOf } from '../base/errno.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import type { NameFilter } from '../model/filters.ts';
import type { Stat } from '../model/update.ts';
import { applyOperation, placeOf } from './apply.ts';
import { createAsides } from './aside.ts';
import { createContentReader, type Unread } from './content.ts';
import type { DividedDisk, Marker } from './disk.ts';
import { allocate } from './disk-messages.ts';
import type { Directory, FileSystem, Look } from './file-system.ts';
import { sameLook, toStat } from './look.ts';
import { claimRoot, MARKER_FILE, probeRoot, readMarker } from './marker.ts';
import { deletePreserved, listPreserved, openPreservedFile, restorePreserved } from './preserving.ts';
import { recoverOperations } from './recover.ts';
import { salvageAsides } from './salvage.ts';
import { scanDirectories } from './scan.ts';
import { createStagedDigests } from './staged-digests.ts';
import { createStaging } from './staging.ts';
import { createTouched } from './touched.ts';
import { openTree, splitPath, type Tree } from './tree.ts';

export interface LocalDiskOptions {
  readonly files: FileSystem;
  /** Absolute path of the folder's root. */
  readonly root: string;
  readonly filter: NameFilter;
  readonly xxh64: Xxh64;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Blocks this thread for a moment; does nothing where time is simulated. */
  readonly pause: (ms: number) => void;
  /** Lets others have a turn during a long read. */
  readonly giveWay: () => Promise<void>;
}

export function createLocalDisk({ files, root, filter, xxh64, now, pause, giveWay }: LocalDiskOptions): DividedDisk {
  const reader = createContentReader({ xxh64, now, pause });
  const staging = createStaging({ files, xxh64, buffer: reader.buffer, now });
  const digests = createStagedDigests(reader.buffer);
  const touched = createTouched();
  const asides = createAsides(touched);
  /** The root as it was claimed. */
  let claimed: { readonly dev: bigint; readonly ino: bigint; readonly marker: Marker } | null = null;

  /** Runs one call on the freshly opened root. */
  async function withTree<T>(action: (tree: Tree) => T): Promise<T> {
    try {
      const tree = openTree(files, root);
      try {
        checkRoot(tree);
        return action(tree);
      } finally {
        tree.close();
      }
    } catch (error) {
      throw asTandemError(error);
    }
  }

  function checkRoot(tree: Tree): void {
    if (claimed !== null && tree.dev !== claimed.dev) {
      throw new TandemError(
        'FILE_SYSTEM_CHANGED',
        `the root ${root} is on another file system than when the member started`,
      );
    }
    const look = tree.ownRoot().lookAt(MARKER_FILE);
    if (look === null) throw new TandemError('MARKER_MISSING', `the marker of ${root} is gone`);
    if (claimed === null || look.ino === claimed.ino) return;
    const marker = readMarker(tree.ownRoot());
    if (marker?.folder !== claimed.marker.folder || marker.member !== claimed.marker.member) {
      throw new TandemError('MARKER_MISSING', `the marker of ${root} belongs to another folder or member`);
    }
    claimed = { ...claimed, ino: look.ino };
  }

  function asTandemError(error: unknown): unknown {
    const code = errnoOf(error);
    if (code === '') return error;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      return new TandemError('DISK_FULL', `the file system of ${root} is full; free some space`, {}, error);
    }
    if (code === 'EROFS') return new TandemError('ROOT_UNWRITABLE', `${root} is mounted read-only`, {}, error);
    return new TandemError(
      'DISK_FAILED',
      `a file operation below ${root} was refused: ${messageOf(error)}`,
      { errno: code },
      error,
    );
  }

  function lookAt(tree: Tree, path: string): Look | null {
    if (path === '') return tree.root.look();
    const place = placeOf(tree, path);
    return place?.directory.lookAt(place.name) ?? null;
  }

  /** Reads a file in turns where it still looks as `stat` says. */
  async function readFile<T>(
    path: string,
    stat: Stat,
    signal: AbortSignal | undefined,
    read: (directory: Directory, name: string, look: Look) => Generator<void, T | Unread>,
  ): Promise<T | Unread> {
    const tree = await withTree(() => openTree(files, root));
    try {
      const place = placeOf(tree, path);
      const look = place?.directory.lookAt(place.name) ?? null;
      if (place === null || look === null) return 'gone';
      if (look.kind !== 'file' || !sameLook(stat, look)) return 'changed';
      return await inTurns(read(place.directory, place.name, look), signal, giveWay);
    } catch (error) {
      if (UNREADABLE_FILE.has(errnoOf(error))) return 'changed';
      throw asTandemError(error);
    } finally {
      tree.close();
    }
  }

  async function stageDigest(stagingId: string, bytes: number): Promise<string | null> {
    const file = await withTree(tree => staging.openPart(tree, stagingId));
    if (file === null) return null;
    try {
      return await inTurns(digests.read(stagingId, file, bytes), undefined, giveWay);
    } catch (error) {
      throw asTandemError(error);
    } finally {
      file.close();
    }
  }

  function readInto(
    tree: Tree,
    file: { path: string; stat: Stat },
    offset: number,
    into: Uint8Array,
  ): 'read' | 'changed' | 'gone' {
    tree.trim();
    try {
      const place = placeOf(tree, file.path);
      return place === null ? 'gone' : reader.read(place.directory, place.name, file.stat, into, offset);
    } catch (error) {
      if (UNREADABLE_FILE.has(errnoOf(error))) return 'changed';
      throw error;
    }
  }

  return {
    async probe() {
      return probeRoot(files, root);
    },
    async claim(marker) {
      try {
        const directory = files.openRoot(root);
        try {
          claimRoot(directory, marker);
        } finally {
          directory.close();
        }
      } catch (error) {
        const code = errnoOf(error);
        if (code === 'EACCES' || code === 'EPERM') {
          throw new TandemError('ROOT_UNWRITABLE', `${root} cannot be written: ${messageOf(error)}`, {}, error);
        }
        if (code === 'ENOENT' || code === 'ENOTDIR')
          throw new TandemError('ROOT_MISSING', `the root ${root} is gone`, {}, error);
        throw asTandemError(error);
      }
      claimed = null;
      await withTree(tree => {
        const ino = tree.ownRoot().lookAt(MARKER_FILE)!.ino;
        claimed = { dev: tree.dev, ino, marker };
      });
    },
    scan: requests => withTree(tree => scanDirectories({ tree, filter, reader, now }, requests)),
    look: paths =>
      withTree(tree =>
        paths.map(path => {
          tree.trim();
          const look = lookAt(tree, path);
          return look && toStat(look);
        }),
      ),
    hash: (path, stat, signal) => readFile(path, stat, signal, reader.hash),
    digest: (path, stat, signal) => readFile(path, stat, signal, reader.digest),
    recipe: (path, stat, signal) => readFile(path, stat, signal, reader.recipe),
    readWhole: requests =>
      withTree(tree => {
        // One block for all answers, so that they travel between threads without being copied.
        const block = allocate(requests.reduce((sum, { stat }) => sum + stat.size, 0));
        let used = 0;
        return requests.map(request => {
          const into = block.subarray(used, used + request.stat.size);
          used += request.stat.size;
          const answer = readInto(tree, request, 0, into);
          return answer === 'read' ? into : answer;
        });
      }),
    readRange: (file, offset, length) =>
      withTree(tree => {
        const into = allocate(length);
        const answer = readInto(tree, file, offset, into);
        return answer === 'read' ? into : answer;
      }),

    stageWhole: items => withTree(tree => staging.stageWhole(tree, items)),
    stageOpen: stagingId => withTree(tree => staging.open(tree, stagingId)),
    stageAppend: (stagingId, pieces) => withTree(tree => staging.append(tree, stagingId, pieces)),
    stageDigest,
    async stageSeal(item, digest) {
      const hash = digest === undefined ? await stageDigest(item.stagingId, item.size) : digest;
      return withTree(tree => staging.seal(tree, item, hash));
    },
    stageDrop: stagingIds => withTree(tree => staging.drop(tree, stagingIds)),
    stageSweep: (keep, marks) => withTree(tree => staging.sweep(tree, keep, marks)),

    apply: (operations, group) =>
      withTree(tree => {
        asides.begin(group);
        return operations.map(operation => {
          tree.trim();
          return applyOperation({ tree, asides, touched }, operation);
        });
      }),
    sync: () => withTree(tree => touched.sync(tree)),
    settle: group => withTree(tree => asides.settle(tree, group)),
    recover: operations =>
      withTree(tree => recoverOperations({ tree, asides, touched, buffer: reader.buffer }, operations)),
    salvage: () => withTree(tree => salvageAsides(tree, touched)),

    preserved: area => withTree(tree => listPreserved(tree, area)),
    async hashPreserved(area, id) {
      const tree = await withTree(() => openTree(files, root));
      const file = await withTree(() => openPreservedFile(tree, area, id)).catch(error => {
        tree.close();
        throw error;
      });
      try {
        if (file === null || typeof file.name !== 'string') return null;
        const hashed = await inTurns(reader.hash(file.directory, file.name, file.look), undefined, giveWay);
        return typeof hashed === 'string' ? null : { hash: hashed.hash, ino: file.look.ino };
      } catch (error) {
        if (UNREADABLE_FILE.has(errnoOf(error))) return null;
        throw asTandemError(error);
      } finally {
        file?.directory.close();
        tree.close();
      }
    },
    restorePreserved: (area, id, to, copy) =>
      withTree(tree => {
        const place = makeParents(tree, to);
        const answer = restorePreserved(tree, { area, id, copy }, place, reader.buffer);
        if (answer === 'restored') touched.path(to, null);
        touched.sync(tree);
        return answer;
      }),
    deletePreserved: (area, id) => withTree(tree => deletePreserved(tree, area, id)),
    space: () => withTree(tree => tree.root.space()),
    async close() {},
  };
}

const UNREADABLE_FILE = new Set([
  'EACCES',
  'EPERM',
  'EXDEV',
  'ELOOP',
  'ENXIO',
  'EISDIR',
  'ENOTDIR',
  'EIO',
  'ENOENT',
  'EINVAL',
]);

async function inTurns<T>(
  steps: Generator<void, T>,
  signal: AbortSignal | undefined,
  giveWay: () => Promise<void>,
): Promise<T> {
  try {
    for (;;) {
      if (signal?.aborted) throw new TandemError('CANCELLED', 'the reading of a file was given up');
      const step = steps.next();
      if (step.done) return step.value;
      await giveWay();
    }
  } finally {
    steps.return(undefined as T);
  }
}

/** The place a path stands for, its directories made where they are missing. */
function makeParents(tree: Tree, path: string): ReturnType<typeof placeOf> & object {
  const { parent } = splitPath(path);
  if (tree.directory(parent) === null) {
    const above = makeParents(tree, parent);
    above.directory.makeDirectory(above.name, 0o755);
  }
  const place = placeOf(tree, path);
  if (place === null) throw errnoError('ENOTDIR', `the directory of “${path}” cannot be made`);
  return place;
}
