/** Staged content that nobody waits for any more goes: what was given up, or left behind by an interrupted transfer. */
import { LIMITS } from '../base/limits.ts';
import type { FolderCore } from './folder-core.ts';
import { stagingIdOf } from './local-content.ts';

export async function runStagingSweep(core: FolderCore, signal: AbortSignal): Promise<void> {
  for (;;) {
    await core.clock.sleep(LIMITS.stagingSweepMs, signal).catch(() => {});
    if (signal.aborted) return;
    await core.line
      .run(() => sweepStaging(core))
      .catch(error => core.log.warn({ err: error }, 'staging could not be swept'));
  }
}

/** Only within a task of the line: between two groups nothing but content on its way in lies there. */
export async function sweepStaging(core: FolderCore): Promise<void> {
  // After an interrupted group users' files may have stepped aside in there, until it has been looked after.
  if (!core.active || (await core.store.intents()).length > 0) return;
  await core.disk.stageSweep(new Set(core.pending.list().map(item => stagingIdOf(item))));
}
