/** The watching thread: chokidar on directories only, driven by its raw events. */
import { readdirSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { FSWatcher } from 'chokidar';
import { assert, messageOf } from '../base/errors.ts';
import { compileFilter } from '../model/filters.ts';
import type { FromWatcher, WatchTask } from './directory-watcher.ts';
import { errnoOf } from './file-system.ts';
import { OWN_DIRECTORY } from './tree.ts';

const port = parentPort;
assert(port, 'watch-worker runs as a worker thread');

const COALESCE_MS = 5;
/** A new directory is looked into again: its first files may have come before its watch. */
const SECOND_LOOK_MS = 250;

const { root, filters } = workerData as WatchTask;
const filter = compileFilter(filters);
const prefix = root.endsWith('/') ? root : `${root}/`;
const top = prefix.slice(0, -1);

/** Directories chokidar has been told about. */
const watched = new Set<string>();
const hints = new Set<string>();
const reported = new Set<string>();

/** Lists directories only: chokidar would look at every file of a directory each time anything in it changes. */
class DirectoryWatch extends FSWatcher {
  override _readdirp(directory: string, options: Parameters<FSWatcher['_readdirp']>[1]) {
    const stream = super._readdirp(directory, { ...options, type: 'directories', alwaysStat: false });
    stream?.prependListener('data', (entry: { stats?: unknown; dirent?: unknown }) => {
      entry.stats = entry.dirent;
    });
    return stream;
  }
}

const watcher = new DirectoryWatch({
  followSymlinks: false,
  // Would hide editors' files and pairs of events within 100 ms.
  atomic: false,
  ignoreInitial: true,
  // What cannot be read is the scan's to report; and there are no modes to look at in a mere listing.
  ignorePermissionErrors: true,
  ignored(path, stats) {
    if (isExcluded(path)) return true;
    if (stats === undefined) return false;
    if (!stats.isDirectory()) return true;
    watched.add(path);
    return false;
  },
}).add(root);

watcher.on('raw', (_event, name, details) => {
  const directory = (details as { watchedPath?: unknown } | undefined)?.watchedPath;
  if (typeof directory !== 'string' || (directory === top && name === OWN_DIRECTORY)) return;
  hint(directory);
});
watcher.on('addDir', path => {
  hint(path);
  setTimeout(() => lookAgain(path), SECOND_LOOK_MS);
});
watcher.on('unlinkDir', path => {
  watched.delete(path);
  hint(path.slice(0, path.lastIndexOf('/')));
});
watcher.on('ready', () => send({ kind: 'ready' }));
watcher.on('error', error => {
  const code = errnoOf(error);
  if (reported.has(code)) return;
  reported.add(code);
  send({ kind: 'degraded', reason: reasonFor(code, error) });
});

function hint(path: string): void {
  if (path !== top && !path.startsWith(prefix)) return;
  if (hints.size === 0) setTimeout(flush, COALESCE_MS);
  hints.add(path === top ? '' : path.slice(prefix.length));
}

function flush(): void {
  const directories = [...hints];
  hints.clear();
  send({ kind: 'hints', directories });
}

/** Directories made between chokidar's listing of their parent and its watch are watched by nobody. */
function lookAgain(path: string): void {
  if (!watched.has(path)) return;
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = `${path}/${entry.name}`;
      if (!entry.isDirectory() || watched.has(child) || isExcluded(child)) continue;
      watcher.add(child);
      hint(child);
      setTimeout(() => lookAgain(child), SECOND_LOOK_MS);
    }
  } catch {
    // It is gone again, or not for us to read: the scan reports it.
  }
  hint(path);
}

/** Whether a path is Tandem's own, or a directory that is not replicated. Files are told apart by their stats. */
function isExcluded(path: string): boolean {
  if (path === top || path === root) return false;
  const relative = path.slice(prefix.length);
  if (relative === OWN_DIRECTORY || relative.startsWith(`${OWN_DIRECTORY}/`)) return true;
  return filter.excludesDirectory(relative.slice(relative.lastIndexOf('/') + 1));
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
