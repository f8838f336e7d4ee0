/** The watching thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { errnoOf } from '../base/errno.ts';
import { assert, messageOf } from '../base/errors.ts';
import { compileFilter } from '../model/filters.ts';
import { watchDirectories } from './directory-watch.ts';
import type { FromWatcher, WatchTask } from './directory-watcher.ts';
import { OWN_DIRECTORY } from './tree.ts';

const port = parentPort;
assert(port, 'watch-worker runs as a worker thread');

const { root, filters } = workerData as WatchTask;
const filter = compileFilter(filters);
const hints = new Set<string>();
const reported = new Set<string>();

watchDirectories({
  root: root.endsWith('/') ? root.slice(0, -1) : root,
  excludes: isExcluded,
  onHint(path) {
    if (hints.size === 0) setImmediate(flush);
    hints.add(path);
  },
  onReady: () => send({ kind: 'ready' }),
  onError(error) {
    const code = errnoOf(error);
    if (reported.has(code)) return;
    reported.add(code);
    send({ kind: 'degraded', reason: reasonFor(code, error) });
  },
});

function flush(): void {
  const directories = [...hints];
  hints.clear();
  send({ kind: 'hints', directories });
}

/** Whether a path is Tandem's own, or a directory that is not replicated. */
function isExcluded(path: string): boolean {
  return path === OWN_DIRECTORY || filter.excludesDirectory(path.slice(path.lastIndexOf('/') + 1));
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

function send(message: FromWatcher): void {
  port!.postMessage(message);
}
