/** What scans come upon that an administrator has to know: each path once since the start, busy files now and then. */
import { formatElapsed } from '../base/sizes-and-durations.ts';
import type { Uid } from '../model/version.ts';
import { BusyFiles } from './busy-files.ts';
import type { FolderCore } from './folder-core.ts';
import type { PassResult } from './scan-pass.ts';

const REPORTED_PATHS = 1000;

export class ScanReports {
  readonly #core: FolderCore;
  readonly #reported = new Set<string>();
  readonly #busy = new BusyFiles();
  /** What the last pass could not read or does not support, for reports. */
  last: Pick<PassResult, 'unreadable' | 'unsupported' | 'hardLinks'> = {
    unreadable: [],
    unsupported: [],
    hardLinks: [],
  };

  constructor(core: FolderCore) {
    this.#core = core;
  }

  /** After a pass over these directories, or over all. */
  passed(directories: Iterable<Uid> | 'all', result: PassResult): void {
    const core = this.#core;
    this.last = result;
    this.#busy.found(directories, result.busy, core.clock.now());
    for (const { path, reason } of result.unsupported) {
      this.#once(path, () => core.emit('FILE_UNSUPPORTED', `“${path}” is not replicated: ${reason}`, { path, reason }));
    }
    for (const path of result.unreadable) {
      this.#once(path, () =>
        core.emit('SUBTREE_UNREADABLE', `the directory “${path}” cannot be read; what is below it is left as it is`, {
          path,
        }),
      );
    }
    for (const path of result.hardLinks) {
      this.#once(path, () =>
        core.emit('HARD_LINK_LOST', `“${path}” has further hard links; its names are replicated as independent files`, {
          path,
        }),
      );
    }
  }

  /** The quiet limit of these directories is over: what has not come to rest there is recorded as it is. */
  outOfPatience(directories: Iterable<Uid>): void {
    const { clock, config, emit } = this.#core;
    // A directory is restless as long as anything in it is: a file that came late has not been waited for.
    for (const path of this.#busy.tell(directories, config.quietLimitMs / 2, clock.now())) {
      const limit = formatElapsed(config.quietLimitMs);
      emit('FILE_BUSY', `“${path}” keeps changing: it was held back for up to ${limit} and is sent as it is then`, {
        path,
      });
    }
  }

  #once(path: string, tell: () => void): void {
    if (this.#reported.has(path) || this.#reported.size >= REPORTED_PATHS) return;
    this.#reported.add(path);
    tell();
  }
}
