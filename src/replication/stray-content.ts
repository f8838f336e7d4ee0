/** Staged content that nobody waits for any more: it goes at once, and not only when staging is swept. */
import type { Gvsn } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import { stagingIdOf } from './local-content.ts';
import type { PendingUpdate, Staged } from './pending.ts';

export class StrayContent {
  readonly #core: FolderCore;
  /** Versions whose content has been staged for an update that was let go of, while another one for it is under way. */
  readonly #versions = new Set<Gvsn>();

  constructor(core: FolderCore) {
    this.#core = core;
  }

  discard(stagingIds: readonly string[]): void {
    if (stagingIds.length === 0) return;
    this.#core.disk.stageDrop(stagingIds).catch(error => {
      this.#core.log.debug({ err: error }, 'staged content could not be dropped');
    });
  }

  /** Content came for an update that was let go of. Where that was taken up anew, its content will have the same place. */
  came({ update: { gvsn } }: PendingUpdate, { stagingId }: Staged): void {
    if (this.#core.pending.has(gvsn)) this.#versions.add(gvsn);
    else this.discard([stagingId]);
  }

  /** An update is no longer under way. What was staged for itself is none of this. */
  ended(item: PendingUpdate): void {
    if (this.#versions.delete(item.update.gvsn) && !item.staged) this.discard([stagingIdOf(item)]);
  }
}
