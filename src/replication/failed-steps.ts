/** What becomes of updates whose operations could not be carried out: tried again after another look, or put off. */
import { LIMITS } from '../base/limits.ts';
import type { FolderCore } from './folder-core.ts';
import type { FailedStep } from './group-outcome.ts';
import { parentOf } from './paths.ts';
import type { Awaits, PendingUpdate } from './pending.ts';

/** Before the second attempt after a look, if not longer is needed for rest; twice as long before each later one. */
const PAUSE_MS = 100;

export interface FailureHandling {
  /** Resolves when these directories have been looked at. */
  rescan(paths: readonly string[]): Promise<void>;
  again(item: PendingUpdate): void;
  waitForSpace(item: PendingUpdate, detail: string): void;
  giveUp(item: PendingUpdate, detail: string, awaits: Awaits): void;
}

export class FailedSteps {
  readonly #core: FolderCore;
  readonly #handling: FailureHandling;

  constructor(core: FolderCore, handling: FailureHandling) {
    this.#core = core;
    this.#handling = handling;
  }

  stepFailed({ step, outcome: { kind, detail }, operation }: FailedStep): void {
    const { rescan, waitForSpace, giveUp } = this.#handling;
    if (kind === 'failed') for (const item of step.items) giveUp(item, detail, 'nobody');
    else if (kind === 'no-space') for (const item of step.items) waitForSpace(item, detail);
    else {
      // Something here is not as it was recorded.
      const looked = rescan(directoriesOf(operation));
      for (const item of step.items) {
        if (item.attempts >= LIMITS.attemptsAtOnce) giveUp(item, detail, 'folder');
        else this.#tryAgain(item, detail, looked);
      }
    }
  }

  /** What is gone counts as deleted only after a moment in which it has not turned up elsewhere: so not all at once. */
  #tryAgain(item: PendingUpdate, detail: string, looked: Promise<void>): void {
    const { pending, clock, config } = this.#core;
    item.attempts++;
    item.stage = 'wait';
    item.reason = detail;
    const again = (): void => {
      if (pending.holds(item) && item.stage === 'wait') this.#handling.again(item);
    };
    const pause = Math.max(PAUSE_MS, config.quietMs) * 2 ** (item.attempts - 2);
    void looked.then(() => (item.attempts === 1 ? again() : void clock.after(pause, again)));
  }
}

function directoriesOf(operation: FailedStep['operation']): string[] {
  const paths =
    operation.kind === 'move' ? [parentOf(operation.from), parentOf(operation.to)] : [parentOf(operation.path)];
  if (operation.kind === 'remove-directory') paths.push(operation.path);
  return paths.filter(path => !path.startsWith('.tandem'));
}
