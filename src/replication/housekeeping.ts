/** What a folder does every hour on the passed clock: staging, quotas, old deletions, and the marker. */
import { LIMITS } from '../base/limits.ts';
import { equalVectors } from '../model/version-vector.ts';
import { keepConflictQuota, type PreservedContents } from './conflict-quota.ts';
import type { FolderCore } from './folder-core.ts';
import { rootIsThere } from './root-check.ts';
import { sweepStaging } from './staging-sweep.ts';
import { forgetTombstones, watchFreshness } from './staleness.ts';

export async function runHousekeeping(core: FolderCore, hears: () => boolean, signal: AbortSignal): Promise<void> {
  const contents: PreservedContents = new Map();
  const chores = [
    () => sweepStaging(core),
    () => keepConflictQuota(core, contents),
    () => watchFreshness(core, hears()),
    () => forgetTombstones(core),
    markOnceChanged(core),
  ];
  for (;;) {
    await core.clock.sleep(LIMITS.housekeepingMs, signal).catch(() => {});
    if (signal.aborted) return;
    for (const chore of chores) {
      await core.line.run(chore).catch(error => core.log.warn({ err: error }, 'housekeeping failed'));
    }
  }
}

/** With the marker moved on, a copy of the database from before is known as such even if nothing was edited here since. */
function markOnceChanged(core: FolderCore): () => Promise<void> {
  let marked = core.store.vector;
  return async () => {
    const now = core.store.vector;
    if (equalVectors(now, marked) || !core.active || !(await rootIsThere(core))) return;
    await core.members.reserve();
    await core.mark();
    marked = now;
  };
}
