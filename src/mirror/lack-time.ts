/** How long the partner of a mirror has lacked something that does not flow to it: the lag while its link or its copy is not up. */
import type { Clock } from '../base/clock.ts';
import type { Pair } from './pair.ts';

export class LackTime {
  readonly #pair: Pair;
  readonly #clock: Clock;
  /** Ms since the epoch; null: it lacks nothing, or what flows in step knows the age of its writes itself. */
  #since: number | null = null;

  constructor(pair: Pair, clock: Clock) {
    this.#pair = pair;
    this.#clock = clock;
  }

  /** Puts it into the progress of the pair. `dirtyBytes`: of its map. */
  report({ flows, dirtyBytes }: { readonly flows: boolean; readonly dirtyBytes: number }): void {
    const pair = this.#pair;
    const { syncType, here, seeded } = pair.record;
    const now = this.#clock.now();
    const lacks = syncType === 'Mirror' && here !== 'target' && seeded && !flows && dirtyBytes > 0;
    if (lacks) this.#since ??= now;
    else this.#since = null;
    if (this.#since !== null) {
      const lagMs = Math.max(pair.progress.lagMs, now - this.#since);
      pair.progress = { ...pair.progress, dirtyBytes, lagMs };
    } else if (!flows) pair.progress = { ...pair.progress, lagMs: 0 };
  }

  /** What was on its way is lacking still, and no younger. */
  lost(): void {
    const { lagMs } = this.#pair.progress;
    if (lagMs > 0) this.#since ??= this.#clock.now() - lagMs;
  }
}
