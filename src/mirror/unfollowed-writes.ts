/**
 * Writes of a mirrored pair's clients that nobody tells its map of. A flow tells of each write, or a generation was begun for them;
 * between a daemon's start, a meeting or a change of roles and the flow that follows from it, there is neither.
 */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import { place } from '../model/refusal.ts';
import type { Pair } from './pair.ts';

export interface UnfollowedParts {
  readonly pair: Pair;
  /** Opens the pair's map. */
  readonly open: () => Promise<{ readonly map: DirtyMapFile }>;
  /** A flow that tells of the writes is to come. */
  readonly flows: () => boolean;
  readonly goAlone: () => Promise<void>;
  readonly clock: Clock;
}

export class UnfollowedWrites {
  readonly #parts: UnfollowedParts;
  #guarding: Promise<void> | null = null;
  #closed = false;

  constructor(parts: UnfollowedParts) {
    this.#parts = parts;
  }

  /** Null: whatever is written is known to be lacking. `map` null: it is not open yet. BLOCK_IO */
  before(map: DirtyMapFile | null): Promise<void> | null {
    if (isFollowed(map) || (this.#parts.pair.kept.generations.base !== null && map?.following === false)) return null;
    this.#guarding ??= this.#guard().finally(() => {
      this.#guarding = null;
    });
    return this.#guarding;
  }

  close(): void {
    this.#closed = true;
  }

  /** The flow is waited for where one is to come; otherwise it goes on alone. */
  async #guard(): Promise<void> {
    const { clock, open, flows, goAlone, pair } = this.#parts;
    const { map } = await open();
    const begun = clock.now();
    const isToCome = (): boolean => flows() && clock.now() < begun + LIMITS.mirrorFlowMs;
    // While the element was being fed, nobody marked its writes.
    while (!this.#closed && !isFollowed(map) && (map.following || isToCome())) {
      if (clock.now() - begun > LIMITS.heldWriteMs) {
        const sentence = `${place(pair.record)}: what the partner has sent is still not all carried out here; write again later`;
        throw new TandemError('BLOCK_IO', sentence);
      }
      await clock.sleep(LIMITS.mirrorFlowLookMs, new AbortController().signal);
    }
    if (this.#closed) throw new TandemError('BLOCK_IO', 'the pair is not kept any more');
    if (!isFollowed(map)) await goAlone();
  }
}

/** A source's flow has its place among the guards of the volume's writes. */
function isFollowed(map: DirtyMapFile | null): boolean {
  return map !== null && map.unfollow !== null;
}
