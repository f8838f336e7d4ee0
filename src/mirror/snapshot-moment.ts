/** Snapshots of several volumes at one moment: when all who belong to it are ready, all volumes are held, and then each is taken. */
import { TandemError } from '../base/errors.ts';
import type { Volume } from '../block/volume.ts';

/** Runs while the volume is held. */
export type TakeSnapshot = (takenMs: number) => Promise<void>;

interface Wanted {
  readonly volume: Volume;
  readonly take: TakeSnapshot;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface SnapshotMomentParts {
  /** Nobody writes to the volume while the work runs. */
  readonly hold: (volume: Volume, work: () => Promise<void>) => Promise<void>;
  readonly now: () => number;
}

export class SnapshotMoment {
  readonly #parts: SnapshotMomentParts;
  readonly #missing: Set<string>;
  readonly #wanted: Wanted[] = [];
  #failure: unknown = null;
  #end = (): void => {};
  /** Settles when it has passed, or was given up. */
  readonly over = new Promise<void>(resolve => (this.#end = resolve));

  /** `pairs`: who belongs to it. */
  constructor(pairs: Iterable<string>, parts: SnapshotMomentParts) {
    this.#missing = new Set(pairs);
    this.#parts = parts;
  }

  /** Settles when all snapshots are durable. Rejects if one of the others will not be there, or the signal ends the waiting. */
  take(pair: string, volume: Volume, take: TakeSnapshot, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null || signal?.aborted) return reject(this.#failure ?? given());
      signal?.addEventListener('abort', () => this.leave(pair, given()), { once: true });
      this.#wanted.push({ volume, take, resolve, reject });
      this.#missing.delete(pair);
      if (this.#missing.size === 0) void this.#takeAll();
    });
  }

  /** The pair will not be there: nobody is. Nothing, if all were there already. */
  leave(pair: string, error: unknown): void {
    if (this.#missing.size === 0) return;
    this.#missing.add(pair);
    this.#failure ??= error;
    this.#end();
    for (const { reject } of this.#wanted.splice(0)) reject(this.#failure);
  }

  async #takeAll(): Promise<void> {
    // Whoever holds several volumes does it in the same order, so that nobody waits in a circle.
    const volumes = [...new Set(this.#wanted.map(({ volume }) => volume))].sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
    try {
      await this.#holdAll(volumes, async () => {
        const takenMs = this.#parts.now();
        await Promise.all(volumes.map(volume => this.#takeOf(volume, takenMs)));
      });
    } catch (error) {
      for (const { reject } of this.#wanted) reject(error);
    } finally {
      this.#end();
    }
  }

  #holdAll([first, ...others]: readonly Volume[], work: () => Promise<void>): Promise<void> {
    return first === undefined ? work() : this.#parts.hold(first, () => this.#holdAll(others, work));
  }

  async #takeOf(volume: Volume, takenMs: number): Promise<void> {
    for (const wanted of this.#wanted) {
      if (wanted.volume !== volume) continue;
      await wanted.take(takenMs).then(wanted.resolve, wanted.reject);
    }
  }
}

function given(): TandemError {
  return new TandemError('CANCELLED', 'the snapshots of the group were given up');
}
