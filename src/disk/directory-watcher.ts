/**
 * Hints that something changed in a directory, from the operating system. A hint may come late, twice or not at all
 * (queues overflow in silence): scans find the truth, a hint only says where to look first.
 */
import { errnoOf } from '../base/errno.ts';
import { messageOf } from '../base/errors.ts';
import { compileFilter, type FilterPatterns } from '../model/filters.ts';
import { watchDirectories } from './directory-watch.ts';
import { OWN_DIRECTORY } from './tree.ts';

export interface WatchTask {
  /** Absolute path of the folder's root. */
  readonly root: string;
  readonly filters: FilterPatterns;
}

export type WatchReport =
  /** All directories are watched, or it is clear that they cannot be. */
  | { readonly kind: 'ready' }
  /** Directories, as paths relative to the root, '' being the root. */
  | { readonly kind: 'hints'; readonly directories: readonly string[] }
  /** Some or all directories are not watched, and why, in words for an administrator. */
  | { readonly kind: 'degraded'; readonly reason: string };

/** Watches where the caller is; `report` is called later, never during the call. The returned function ends it. */
export function startWatching({ root, filters }: WatchTask, report: (report: WatchReport) => void): () => void {
  const filter = compileFilter(filters);
  const hints = new Set<string>();
  const reported = new Set<string>();
  let ended = false;

  const tell = (what: WatchReport): void => {
    if (!ended) report(what);
  };
  const flush = (): void => {
    const directories = [...hints];
    hints.clear();
    tell({ kind: 'hints', directories });
  };
  const degrade = (error: unknown): void => {
    const code = errnoOf(error);
    if (reported.has(code)) return;
    reported.add(code);
    tell({ kind: 'degraded', reason: reasonFor(code, error) });
  };

  let stop: (() => void) | null = null;
  setImmediate(() => {
    if (ended) return;
    try {
      stop = watchDirectories({
        root: root.endsWith('/') ? root.slice(0, -1) : root,
        excludes: path => path === OWN_DIRECTORY || filter.excludesDirectory(path.slice(path.lastIndexOf('/') + 1)),
        onHint(path) {
          if (hints.size === 0) setImmediate(flush);
          hints.add(path);
        },
        onReady: () => tell({ kind: 'ready' }),
        onError: degrade,
      });
    } catch (error) {
      degrade(error);
      tell({ kind: 'ready' });
    }
  });
  return () => {
    ended = true;
    stop?.();
  };
}

function reasonFor(code: string, error: unknown): string {
  if (code === 'ENOSPC') {
    return 'the limit of inotify watches is reached (raise fs.inotify.max_user_watches); changes elsewhere are found by rescans';
  }
  if (code === 'EMFILE') {
    return 'the limit of inotify instances or open files is reached (raise fs.inotify.max_user_instances); changes are found by rescans';
  }
  return `some directories cannot be watched: ${messageOf(error)}; changes there are found by rescans`;
}
