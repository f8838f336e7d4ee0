/** Keeps a copy within what its priority gives it beside busy clients. */
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import { LEVEL_FULL } from '../model/bandwidth.ts';
import { type CopyPace, type HostLoad, paceCopy } from '../model/copy-plan.ts';
import type { CopyPriority } from '../model/replica-values.ts';

/** What goes to the partner beside its clients' writes, copies and comparisons, keeps to a pace that may change at any time. */
export class LinePacing {
  readonly #pace: () => CopyPace;
  readonly #clock: Clock;
  /** When the next byte may go, milliseconds. */
  #free = 0;

  constructor(pace: () => CopyPace, clock: Clock) {
    this.#pace = pace;
    this.#clock = clock;
  }

  /** Milliseconds after which to ask again; 0: more may go now. */
  waitMs(): number {
    if (this.#pace().windowBytes === 0) return LIMITS.mirrorPaceMs;
    return Math.max(0, Math.min(this.#free - this.#clock.now(), LIMITS.mirrorPaceMs));
  }

  /** The line counts where the schedule slows it down; the disk, where clients do. */
  spend(sentBytes: number, movedBytes: number): void {
    const { bytesPerSecond, reason } = this.#pace();
    if (bytesPerSecond === null || bytesPerSecond === 0) return;
    const bytes = reason === 'clients' ? movedBytes : sentBytes;
    this.#free = Math.max(this.#free, this.#clock.now()) + (bytes * 1000) / bytesPerSecond;
  }
}

/** Asked before each piece of a copy within one member, where no schedule counts. */
export function copyPacing(
  priority: () => CopyPriority,
  load: () => HostLoad,
  clock: Clock,
  signal: AbortSignal,
): (bytes: number) => Promise<void> {
  let free = clock.now();
  return async bytes => {
    const { bytesPerSecond } = paceCopy({ priority: priority(), level: LEVEL_FULL, link: false }, load());
    const now = clock.now();
    if (bytesPerSecond === null) {
      free = now;
      return;
    }
    free = Math.max(free, now) + (bytes * 1000) / bytesPerSecond;
    if (free > now) await clock.sleep(free - now, signal);
  };
}

/**
 * Clients write more than the partner takes: to send it all the same would slow them down, and all of it comes again. But it is not
 * left behind for long. CANCELLED
 */
export async function untilCalm(
  { clock, pace }: { readonly clock: Clock; readonly pace: () => CopyPace },
  signal: AbortSignal,
): Promise<void> {
  const latest = clock.now() + LIMITS.mirrorAheadMs;
  while (pace().reason === 'clients' && clock.now() < latest) await clock.sleep(LIMITS.mirrorPaceMs, signal);
}
