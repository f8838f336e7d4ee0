/** Notices when group.yaml has been changed, by whatever way of saving: in place, by rename, or through a symlink. */
import { watch } from 'chokidar';

export interface GroupWatch {
  close(): Promise<void>;
}

/** A file is taken as saved when it has not grown for so long. */
const STILL_MS = 300;

/** `onChanged` must only enqueue. `onDegraded`: changes go unnoticed from now on; the reason in words. */
export function watchGroupFile(
  file: string,
  { onChanged, onDegraded }: { readonly onChanged: () => void; readonly onDegraded: (reason: string) => void },
): GroupWatch {
  const watcher = watch(file, {
    ignoreInitial: true,
    awaitWriteFinish: { stabilityThreshold: STILL_MS, pollInterval: STILL_MS / 3 },
  });
  // It may have been changed between its reading and the begin of the watch.
  watcher.on('ready', onChanged);
  watcher.on('add', onChanged);
  watcher.on('change', onChanged);
  watcher.on('error', error => onDegraded(error instanceof Error ? error.message : String(error)));
  return { close: () => watcher.close() };
}
