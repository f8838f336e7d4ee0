/** What a folder does every hour on the passed clock: staging, quotas, and old deletions. */
import { LIMITS } from '../base/limits.ts';
import { keepConflictQuota, type PreservedContents } from './conflict-quota.ts';
import type { FolderCore } from './folder-core.ts';
import { sweepStaging } from './staging-sweep.ts';
import { forgetTombstones, watchFreshness } from './staleness.ts';

export async function runHousekeeping(core: FolderCore, hears: () => boolean, signal: AbortSignal): Promise<void> {
  const contents: PreservedContents = new Map();
  const chores = [
    () => sweepStaging(core),
    () => keepConflictQuota(core, contents),
    () => watchFreshness(core, hears()),
    () => forgetTombstones(core),
  ];
  for (;;) {
    await core.clock.sleep(LIMITS.housekeepingMs, signal).catch(() => {});
    if (signal.aborted) return;
    for (const chore of chores) {
      await core.line.run(chore).catch(error => core.log.warn({ err: error }, 'housekeeping failed'));
    }
  }
}
