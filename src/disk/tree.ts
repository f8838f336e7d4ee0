/**
 * A replicated folder, opened for the time of one call. Directory handles are kept only within that call: one kept
 * longer could have been moved out of the root by then.
 */

import { errnoError, errnoOf } from '../base/errno.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Directory, FileSystem, Name } from './file-system.ts';

/** The directory in the root that is Tandem's own. */
export const OWN_DIRECTORY = '.tandem';
export const OWN_PARTS = ['staging', 'aside', 'conflicts', 'pre-existing'] as const;
export type OwnPart = (typeof OWN_PARTS)[number];

/** Where a file or directory waits that steps aside for another one within one group of operations. */
export const STAGING_PREFIX = `${OWN_DIRECTORY}/staging/`;

/** The one kind of path below Tandem's own directory that operations may name. */
export function isStepAside(path: string): boolean {
  return /^\.tandem\/staging\/exchange-[0-9a-f.]{1,64}$/.test(path);
}

const CACHED_HANDLES = 128;

export interface Tree {
  readonly root: Directory;
  readonly dev: bigint;
  /**
   * The directory at a path; null where it, or one above it, is missing, a link or no directory. The handle belongs
   * to the tree and holds until `trim` or `forget`. Throws EXDEV for what lies on another file system, and EACCES.
   */
  directory(path: string): Directory | null;
  /** STAGING_INACCESSIBLE, or MARKER_MISSING for any other part, where it is not there. */
  own(part: OwnPart): Directory;
  /** `.tandem/` itself. */
  ownRoot(): Directory;
  /** Forgets handles at and below a path that was moved or removed. */
  forget(path: string): void;
  /** Between two operations: closes the handles used longest ago where there are many. */
  trim(): void;
  close(): void;
}

/** Fails with ROOT_MISSING where there is no directory at `path`. */
export function openTree(files: FileSystem, path: string): Tree {
  const root = openRoot(files, path);
  const dev = root.look().dev;
  const cache = new Map<string, Directory>();
  const own = new Map<string, Directory>();

  function open(parent: Directory, name: Name): Directory | null {
    let handle: Directory;
    try {
      handle = parent.openDirectory(name);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error))) return null;
      throw error;
    }
    if (handle.look().dev === dev) return handle;
    handle.close();
    throw errnoError('EXDEV', 'another file system is mounted here');
  }

  function directory(at: string): Directory | null {
    if (at === '') return root;
    const cached = cache.get(at);
    if (cached !== undefined) {
      cache.delete(at);
      cache.set(at, cached);
      return cached;
    }
    const { parent, name } = splitPath(at);
    const above = directory(parent);
    const handle = above && open(above, name);
    if (handle === null) return null;
    cache.set(at, handle);
    return handle;
  }

  function openOwn(parent: Directory, name: string): Directory {
    const known = own.get(name);
    if (known !== undefined) return known;
    const handle = open(parent, name);
    if (handle === null) {
      throw new TandemError('MARKER_MISSING', `${path}/${OWN_DIRECTORY} or a directory in it is gone or was replaced`);
    }
    own.set(name, handle);
    return handle;
  }

  /** Without it content cannot come in, but the folder is still the one it was. */
  function openStaging(): Directory {
    const parent = openOwn(root, OWN_DIRECTORY);
    try {
      return openOwn(parent, 'staging');
    } catch (error) {
      if (!(error instanceof TandemError) && errnoOf(error) === '') throw error;
      const detail = error instanceof TandemError ? 'it is gone or was replaced' : messageOf(error);
      throw new TandemError('STAGING_INACCESSIBLE', `${path}/${OWN_DIRECTORY}/staging: ${detail}`, {}, error);
    }
  }

  return {
    root,
    dev,
    directory,
    ownRoot: () => openOwn(root, OWN_DIRECTORY),
    own: part => (part === 'staging' ? openStaging() : openOwn(openOwn(root, OWN_DIRECTORY), part)),
    forget(at) {
      for (const [cachedPath, handle] of cache) {
        if (cachedPath !== at && !cachedPath.startsWith(`${at}/`)) continue;
        cache.delete(cachedPath);
        handle.close();
      }
    },
    trim() {
      for (const [oldest, handle] of cache) {
        if (cache.size <= CACHED_HANDLES) return;
        cache.delete(oldest);
        handle.close();
      }
    },
    close() {
      for (const handle of cache.values()) handle.close();
      for (const handle of own.values()) handle.close();
      root.close();
    },
  };
}

/**
 * `a/b/c` → `a/b` and `c`. Throws EINVAL for what is no path of a replicated file: callers have validated their
 * paths, and this is the second lock on the door.
 */
export function splitPath(path: string): { parent: string; name: string } {
  const slash = path.lastIndexOf('/');
  const parent = slash < 0 ? '' : path.slice(0, slash);
  const name = path.slice(slash + 1);
  if (name === '' || name === '.' || name === '..' || name.includes('\0') || slash === 0) {
    throw errnoError('EINVAL', `“${path}” is not a path below the root`);
  }
  if (parent === '' && name === OWN_DIRECTORY) throw errnoError('EINVAL', `${OWN_DIRECTORY} is not replicated`);
  return { parent, name };
}

function openRoot(files: FileSystem, path: string): Directory {
  try {
    return files.openRoot(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') {
      throw new TandemError('ROOT_MISSING', `the root ${path} is not there or is not a directory; mount or create it`);
    }
    if (code === '') throw error;
    throw new TandemError('DISK_FAILED', `the root ${path} cannot be opened: ${messageOf(error)}`, {}, error);
  }
}
