/** Notices that something was put into the spool. A hint only: on some file systems nothing is ever told. */
import { watch } from 'chokidar';
import type { Log } from '../base/log.ts';

export function hintsOfSpool(spool: string, log: Log): (changed: () => void) => { close(): Promise<void> } {
  return changed => {
    const watcher = watch(spool, { depth: 0, ignoreInitial: true, followSymlinks: false });
    watcher.on('all', changed);
    watcher.on('error', error =>
      log.debug({ err: error }, 'the spool cannot be watched; it is looked at now and then'),
    );
    return { close: () => watcher.close() };
  };
}
