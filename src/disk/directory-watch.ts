/**
 * Watches on every directory of a tree, each on the directory that is at its path now: one that was moved, or whose name
 * another one took, is watched anew with everything below it. A watch comes first and the listing after it, so nothing
 * that is made meanwhile is missed.
 */
import { type BigIntStats, type FSWatcher, lstatSync, readdirSync, statSync, watch } from 'node:fs';
import { errnoOf } from '../base/errno.ts';
import { OWN_DIRECTORY } from './tree.ts';

export interface DirectoryWatchOptions {
  /** Absolute, without a '/' at its end. */
  readonly root: string;
  /** Whether a directory, by its path relative to the root, is not to be watched. */
  readonly excludes: (path: string) => boolean;
  /** Something happened in a directory, or it is watched from now on; its path is relative to the root. */
  readonly onHint: (path: string) => void;
  readonly onReady: () => void;
  /** A directory cannot be watched for a reason other than that it is gone or not for us to read. */
  readonly onError: (error: unknown) => void;
}

interface Watched {
  /** Relative to the root, '' being the root. */
  readonly path: string;
  readonly name: string;
  readonly parent: Watched | null;
  readonly identity: Identity;
  readonly children: Map<string, Watched>;
  handle: FSWatcher | null;
}

/** Inode numbers are used again; the time of birth tells whose it is. */
type Identity = Pick<BigIntStats, 'ino' | 'birthtimeNs'>;

const COALESCE_MS = 5;
/** Directories listed before events have their turn: the kernel keeps only so many of them. */
const LISTED_AT_ONCE = 64;

/** The returned function ends it. */
export function watchDirectories({ root, excludes, onHint, onReady, onError }: DirectoryWatchOptions): () => void {
  /** Names that something happened to since the last flush, by directory. */
  const changes = new Map<Watched, Set<string>>();
  const unlisted: Watched[] = [];
  let listing = false;
  let ready = false;
  let ended = false;

  const { dev, ...look } = statSync(root, { bigint: true });
  const top = enter(null, '', look);
  if (!listing) becomeReady();
  return () => {
    unlisted.length = 0;
    ended = true;
    changes.clear();
    leave(top);
  };

  function becomeReady(): void {
    ready = true;
    onReady();
  }

  function enter(parent: Watched | null, name: string, { ino, birthtimeNs }: Identity): Watched {
    const path = parent === null || parent.path === '' ? name : `${parent.path}/${name}`;
    const entry: Watched = { path, name, parent, identity: { ino, birthtimeNs }, children: new Map(), handle: null };
    parent?.children.set(name, entry);
    try {
      entry.handle = watch(absolute(path), (event, changed) => happened(entry, event, changed));
      entry.handle.on('error', onError);
    } catch (error) {
      if (!NOT_FOR_US.has(errnoOf(error))) onError(error);
    }
    unlisted.push(entry);
    if (!listing) {
      listing = true;
      setImmediate(listSome);
    }
    if (ready) onHint(path);
    return entry;
  }

  function listSome(): void {
    if (ended) return;
    for (const entry of unlisted.splice(0, LISTED_AT_ONCE)) if (isWatched(entry)) list(entry);
    listing = unlisted.length > 0;
    if (listing) setImmediate(listSome);
    else if (!ready) becomeReady();
  }

  function list(entry: Watched): void {
    try {
      for (const child of readdirSync(absolute(entry.path), { withFileTypes: true })) {
        if (child.isDirectory() && !entry.children.has(child.name)) compare(entry, child.name);
      }
    } catch (error) {
      if (!NOT_FOR_US.has(errnoOf(error))) onError(error);
    }
  }

  function happened(entry: Watched, event: string, name: string | null): void {
    if (ended || !isWatched(entry) || (entry === top && name === OWN_DIRECTORY)) return;
    if (changes.size === 0) setTimeout(flush, COALESCE_MS);
    const names = changes.get(entry) ?? new Set();
    changes.set(entry, names);
    if (event === 'rename' && name !== null) names.add(name);
  }

  function flush(): void {
    const happenings = [...changes];
    changes.clear();
    for (const [{ path }] of happenings) onHint(path);
    const taken: [Watched, string][] = [];
    for (const [entry, names] of happenings) {
      for (const name of names) {
        if (!isWatched(entry)) continue;
        const now = lookAt(entry, name);
        // What happens to a directory itself carries its own name. When it was removed its watch has ended.
        if (now === null && name === entry.name && entry.parent) {
          leave(entry);
          taken.push([entry.parent, name]);
        }
        const child = entry.children.get(name);
        if (child && !isSame(child.identity, now)) leave(child);
        // Should one be made there in a moment, its own event tells.
        if (now?.isDirectory() === true) taken.push([entry, name]);
      }
    }
    // What left its old place goes before it is met at the new one: the kernel has one watch for both.
    for (const [entry, name] of taken) if (isWatched(entry) && !entry.children.has(name)) compare(entry, name);
  }

  /** Watches what is at a name now, if that is a directory of this file system. */
  function compare(entry: Watched, name: string): void {
    if (excludes(below(entry, name))) return;
    const look = lookAt(entry, name);
    if (look?.isDirectory() === true && look.dev === dev) enter(entry, name, look);
  }

  function lookAt(entry: Watched, name: string): BigIntStats | null {
    try {
      return lstatSync(absolute(below(entry, name)), { bigint: true, throwIfNoEntry: false }) ?? null;
    } catch {
      return null;
    }
  }

  function isWatched(entry: Watched): boolean {
    for (let at: Watched = entry; at.parent; at = at.parent) if (at.parent.children.get(at.name) !== at) return false;
    return true;
  }

  function leave(entry: Watched): void {
    entry.parent?.children.delete(entry.name);
    const leaving = [entry];
    for (let next = leaving.pop(); next; next = leaving.pop()) {
      next.handle?.close();
      leaving.push(...next.children.values());
    }
  }

  function absolute(path: string): string {
    return path === '' ? root : `${root}/${path}`;
  }
}

/** Gone again, or the scan's to report. */
const NOT_FOR_US = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM']);

function below({ path }: Watched, name: string): string {
  return path === '' ? name : `${path}/${name}`;
}

function isSame(a: Identity, b: BigIntStats | null): boolean {
  return b?.isDirectory() === true && a.ino === b.ino && a.birthtimeNs === b.birthtimeNs;
}
