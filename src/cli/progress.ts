/** How far long work is: on a terminal one line with a bar, rate and remaining time, written over and over; else a plain line now and then. */
import { LIMITS } from '../base/limits.ts';
import { formatElapsed } from '../base/sizes-and-durations.ts';
import { remainingMs } from '../model/backlog-pace.ts';
import type { CommandCall } from './command.ts';
import { printable, shortenEnd } from './terminal.ts';

export interface Progress {
  /** `left`: versions that are still to come; null where nobody knows. */
  tell(sentence: string, left: number | null): void;
  /** Takes the line away. */
  end(): void;
}

const BAR_COLUMNS = 20;
const ERASE_LINE = '\r\u001b[K';

/** Goes to the error output; with --json nothing does. `firstMs`: the first plain line comes no sooner. `now` in milliseconds. */
export function createProgress(
  { terminal, json }: CommandCall,
  { firstMs, now = Date.now }: { readonly firstMs: number; readonly now?: () => number },
): Progress {
  const { columns } = terminal;
  let shown = false;
  let told = '';
  let next = now() + firstMs;
  let first: { readonly left: number; readonly at: number } | null = null;
  return {
    tell: (sentence, left) => {
      if (json) return;
      const at = now();
      // More is to come than before: what was done until then says nothing of that.
      if (left !== null && (first === null || left > first.left)) first = { left, at };
      if (columns !== null) {
        shown = true;
        const bar = left === null || first === null ? '' : barOf(left, first.left, at - first.at);
        terminal.err(`${ERASE_LINE}${shortenEnd(printable(`${bar}${sentence}`), columns - 1)}`);
        return;
      }
      if (sentence === told || at < next) return;
      terminal.err(`${printable(sentence)}\n`);
      told = sentence;
      next = at + LIMITS.progressLineMs;
    },
    end: () => {
      if (shown) terminal.err(ERASE_LINE);
      shown = false;
    },
  };
}

/** `[█████░░░░░]  50 %, 12 a second, 1 min 5 s left: ` */
export function barOf(left: number, most: number, elapsedMs: number): string {
  const done = most - left;
  const share = most === 0 ? 1 : done / most;
  const filled = Math.floor(share * BAR_COLUMNS);
  const bar = `[${'█'.repeat(filled)}${'░'.repeat(BAR_COLUMNS - filled)}] ${`${Math.floor(share * 100)}`.padStart(3)} %`;
  const remaining = remainingMs({ updates: left, bytes: 0 }, { updates: done, bytes: 0, elapsedMs });
  if (remaining === null || left === 0) return `${bar}: `;
  const rate = (done / elapsedMs) * 1000;
  return `${bar}, ${rate < 10 ? rate.toFixed(1) : Math.round(rate)} a second, ${formatElapsed(remaining)} left: `;
}
