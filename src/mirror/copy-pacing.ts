/** Keeps a copy within what its priority gives it beside busy clients. */
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import { LEVEL_FULL } from '../model/bandwidth.ts';
import { type CopyPace, type HostLoad, type LinePace, paceCopy } from '../model/copy-plan.ts';
import type { CopyPriority } from '../model/replica-values.ts';

/** What goes to the partner beside its clients' writes, copies and comparisons, keeps to a pace that may change at any time. */
export class LinePacing {
  readonly #pace: (ownBytesPerSecond: number) => LinePace;
  readonly #clock: Clock;
  /** Bytes that went ahead of the pace, as of then. They are worked off at the pace of each moment, not at that of their own. */
  #owed = 0;
  #asOf: number;
  /** Pieces on their way, since when there are any, and how much they are. */
  #open = 0;
  #openSince = 0;
  #openBytes = 0;
  /** How fast it goes while it does not wait, bytes per second; 0: not known yet. */
  #speed = 0;

  constructor(pace: (ownBytesPerSecond: number) => LinePace, clock: Clock) {
    this.#pace = pace;
    this.#clock = clock;
    this.#asOf = clock.now();
  }

  /** Bytes that may be on their way now. */
  get windowBytes(): number {
    return this.#pace(this.#speed).windowBytes;
  }

  /** Milliseconds after which to ask again; 0: more may go now. */
  waitMs(): number {
    const { windowBytes, bytesPerSecond } = this.#workOff();
    if (windowBytes === 0) return LIMITS.mirrorPaceMs;
    if (bytesPerSecond === null || bytesPerSecond === 0) return 0;
    return Math.min(Math.ceil((this.#owed * 1000) / bytesPerSecond), LIMITS.mirrorPaceMs);
  }

  /** The line counts where the schedule slows it down; the disk, where clients do. */
  spend(sentBytes: number, movedBytes: number): void {
    const { bytesPerSecond, reason } = this.#workOff();
    if (bytesPerSecond === null || bytesPerSecond === 0) return;
    this.#owed += reason === 'clients' ? movedBytes : sentBytes;
  }

  /** A piece is on its way; what is returned is to be called once, when it has arrived. */
  begin(movedBytes: number): () => void {
    if (this.#open === 0) {
      this.#openSince = this.#clock.now();
      this.#openBytes = 0;
    }
    this.#open += 1;
    this.#openBytes += movedBytes;
    return () => {
      this.#open -= 1;
      if (this.#open > 0) return;
      const speed = (this.#openBytes * 1000) / Math.max(1, this.#clock.now() - this.#openSince);
      this.#speed = this.#speed === 0 ? speed : (3 * this.#speed + speed) / 4;
    };
  }

  #workOff(): LinePace {
    const pace = this.#pace(this.#speed);
    const now = this.#clock.now();
    const { bytesPerSecond } = pace;
    const done = bytesPerSecond === null ? this.#owed : (Math.max(0, now - this.#asOf) * bytesPerSecond) / 1000;
    this.#owed = Math.max(0, this.#owed - done);
    this.#asOf = now;
    return pace;
  }
}

/** Asked before each piece of a copy within one member, where no schedule counts. The next piece is asked for when the last has arrived. */
export function copyPacing(
  priority: () => CopyPriority,
  load: () => HostLoad,
  clock: Clock,
  signal: AbortSignal,
): (bytes: number) => Promise<void> {
  const pacing = new LinePacing(
    own => paceCopy({ priority: priority(), level: LEVEL_FULL, link: false }, load(), own),
    clock,
  );
  let arrived: (() => void) | null = null;
  return async bytes => {
    arrived?.();
    arrived = null;
    for (let waitMs = pacing.waitMs(); waitMs > 0; waitMs = pacing.waitMs()) await clock.sleep(waitMs, signal);
    pacing.spend(bytes, bytes);
    arrived = pacing.begin(bytes);
  };
}

/**
 * Asked before each message of an asynchronous pair: null, it may go now; else when the promise settles. CANCELLED
 */
export function epochPacing(
  { clock, pace }: { readonly clock: Clock; readonly pace: () => CopyPace },
  signal: AbortSignal,
): (bytes: number) => Promise<void> | null {
  const pacing = new LinePacing(
    () => ({ windowBytes: LIMITS.copyWindowBytes, bytesPerSecond: pace().epochBytesPerSecond, reason: null }),
    clock,
  );
  const wait = async (bytes: number): Promise<void> => {
    for (let waitMs = pacing.waitMs(); waitMs > 0; waitMs = pacing.waitMs()) await clock.sleep(waitMs, signal);
    pacing.spend(bytes, bytes);
  };
  return bytes => {
    if (pacing.waitMs() > 0) return wait(bytes);
    pacing.spend(bytes, bytes);
    return null;
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
