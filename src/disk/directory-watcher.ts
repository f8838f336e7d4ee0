/**
 * Hints that something changed in a directory, from the operating system. A hint may come late, twice or not at all
 * (queues overflow in silence): scans find the truth, a hint only says where to look first.
 */
import { messageOf } from '../base/errors.ts';
import type { FilterPatterns } from '../model/filters.ts';
import { startWorker } from './worker-entry.ts';

export interface DirectoryWatcher {
  /** Resolves when all directories are watched, or it is clear that they cannot be. Never rejects. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface DirectoryWatcherOptions {
  /** Absolute path of the folder's root. */
  readonly root: string;
  readonly filters: FilterPatterns;
  /** A directory, as a path relative to the root, '' being the root. Must only enqueue. */
  readonly onHint: (directory: string) => void;
  /** Some or all directories are not watched, and why, in words for an administrator. Must only enqueue. */
  readonly onDegraded: (reason: string) => void;
}

export interface WatchTask {
  readonly root: string;
  readonly filters: FilterPatterns;
}

export type FromWatcher =
  | { readonly kind: 'ready' }
  | { readonly kind: 'hints'; readonly directories: readonly string[] }
  | { readonly kind: 'degraded'; readonly reason: string };

/** Watches in a thread of its own: that costs time and memory in proportion to the number of directories. */
export function createDirectoryWatcher({
  root,
  filters,
  onHint,
  onDegraded,
}: DirectoryWatcherOptions): DirectoryWatcher {
  const worker = startWorker('watch-worker', { root, filters } satisfies WatchTask);
  let closed = false;
  let settle: () => void;
  const ready = new Promise<void>(resolve => {
    settle = resolve;
  });

  function degrade(reason: string): void {
    settle();
    if (!closed) onDegraded(reason);
  }

  worker.on('message', (message: FromWatcher) => {
    if (closed) return;
    if (message.kind === 'ready') settle();
    else if (message.kind === 'degraded') onDegraded(message.reason);
    else for (const directory of message.directories) onHint(directory);
  });
  worker.on('error', error =>
    degrade(`the watching thread died: ${messageOf(error)}; changes are found by rescans only`),
  );
  worker.on('exit', () => degrade('the watching thread ended; changes are found by rescans only'));
  return {
    ready,
    async close() {
      closed = true;
      settle();
      await worker.terminate();
    },
  };
}
