/** What an administrator’s order is to count for is what lies on the disk at that moment: it must be recorded first. */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Folder } from '../replication/folder.ts';

/** How often is looked whether files have come to rest. */
export const REST_LOOK_MS = 50;

/**
 * True: everything that is on disk now is recorded: seen, come to rest, and told to the partners. False: the folder was stopped
 * before that, or the signal came.
 */
export async function folderSettled(folder: Folder, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const { core, scanner } = folder;
  const now = clock.now();
  await untilAborted(scanner.full(), signal);
  while (!signal.aborted && !scanner.ended) {
    if (core.memory.halt) {
      const { sentence } = core.memory.halt;
      throw new TandemError('REFUSED', `nothing goes out of folder ${core.config.name}, it is halted: ${sentence}`);
    }
    if (core.active && !scanner.isUnsettled(now)) {
      // What has come to rest is taken up by the pass that runs now.
      await untilAborted(scanner.look(['']), signal);
      if (core.active && !scanner.isUnsettled(now) && !scanner.ended) return true;
    }
    await clock.sleep(REST_LOOK_MS, signal).catch(() => {});
  }
  return false;
}

async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = () => {};
  const aborted = new Promise<void>(resolve => {
    stop = resolve;
    if (signal.aborted) resolve();
    signal.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([work, aborted]);
  signal.removeEventListener('abort', stop);
}
