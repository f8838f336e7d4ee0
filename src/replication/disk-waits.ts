/** Updates that wait until the disk takes them again: each waits for itself, and is asked about now and then. */
import { messageOf } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { FolderCore } from './folder-core.ts';
import type { PendingUpdate } from './pending.ts';

export class DiskWaits {
  readonly #core: FolderCore;
  #making: Promise<string | null> | null = null;

  constructor(core: FolderCore) {
    this.#core = core;
  }

  /** Tried again by doing it: whether there is room shows only then. */
  forSpace(item: PendingUpdate, detail: string, again: () => void): void {
    const core = this.#core;
    core.obstructed(item, 'disk-full', detail);
    item.stage = 'wait';
    item.reason = 'the disk is full';
    core.clock.after(LIMITS.diskFullRetryMs, () => {
      if (core.pending.holds(item)) again();
    });
  }

  /** `again` only when there is a place for it: what comes over the link must not come for nothing. */
  forStaging(item: PendingUpdate, detail: string, again: () => void): void {
    const core = this.#core;
    core.obstructed(item, 'staging-inaccessible', detail);
    item.stage = 'wait';
    item.reason = 'the staging directory cannot be used';
    core.clock.after(LIMITS.diskFullRetryMs, async () => {
      const problem = core.pending.holds(item) ? await this.#makeStaging() : null;
      if (!core.pending.holds(item)) return;
      if (problem !== null) return this.forStaging(item, problem, again);
      core.obstacles.pass(item);
      again();
    });
  }

  /** Makes it where it is missing and opens it, once for all who wait; answers what keeps that from succeeding. */
  #makeStaging(): Promise<string | null> {
    const core = this.#core;
    this.#making ??= core.line
      .run(async () => {
        if (core.active) await core.mark();
        await core.disk.stageDrop([]);
        return null;
      })
      .catch(messageOf)
      .finally(() => {
        this.#making = null;
      });
    return this.#making;
  }
}
