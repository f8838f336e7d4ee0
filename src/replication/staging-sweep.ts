/** Staged content that nobody waits for any more goes: what was given up, or left behind by an interrupted transfer. */
import { formatSize } from '../base/sizes-and-durations.ts';
import { CLEAN_FROM, CLEAN_TO } from '../model/quota.ts';
import type { FolderCore } from './folder-core.ts';
import { stagingIdOf } from './local-content.ts';

/** Only within a task of the line: between two groups nothing but content on its way in lies there. */
export async function sweepStaging(core: FolderCore): Promise<void> {
  // After an interrupted group users' files may have stepped aside in there, until it has been looked after.
  if (!core.active || (await core.store.intents()).length > 0) return;
  const quota = core.config.stagingQuotaBytes;
  const marks = { from: CLEAN_FROM * quota, to: CLEAN_TO * quota };
  const awaited = new Set(core.pending.list().map(item => stagingIdOf(item)));
  const { reclaimed } = await core.disk.stageSweep(awaited, marks);
  if (reclaimed > 0) {
    const sentence = `${formatSize(reclaimed)} of transfers that broke off were dropped to keep within stagingQuota`;
    core.emit('STAGING_CLEANED', sentence, { bytes: reclaimed });
  }
}
