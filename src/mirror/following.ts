/**
 * A source flow's place among the guards of its volume. It is kept after the flow has ended until the source goes on alone, or another
 * flow takes it: in between no write is answered that the partner lacks.
 */
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import type { WriteGuard } from '../block/write-guard.ts';
import type { FlowElement } from './copy-run.ts';

export interface FollowingParts {
  readonly volume: Pick<FlowElement, 'hold' | 'addGuard'>;
  readonly map: DirtyMapFile;
  readonly goAlone: () => Promise<void>;
}

export class Following {
  readonly #parts: FollowingParts;
  #remove: (() => void) | null = null;
  #alone: Promise<void> | null = null;
  /** The guard goes when those who write have settled. */
  #left: Promise<void> | null = null;

  constructor(parts: FollowingParts) {
    this.#parts = parts;
  }

  /** While nobody writes. */
  begin(guard: WriteGuard): void {
    if (this.#remove !== null) return;
    const { map, volume } = this.#parts;
    map.unfollow?.();
    const remove = volume.addGuard(guard);
    this.#remove = () => {
      remove();
      map.following = false;
      map.unfollow = null;
      this.#remove = null;
    };
    map.following = true;
    map.unfollow = this.#remove;
  }

  /** Before a write is answered that the partner lacks. Tried again by the next one who needs it, if it fails. */
  goAlone(): Promise<void> {
    if (this.#remove === null) return Promise.resolve();
    this.#alone ??= this.#parts.goAlone().then(
      () => {
        // Not waited for: those who wait for this have their ranges until they have heard of it.
        this.#left = this.#parts.volume.hold(async () => this.#remove?.()).catch(() => {});
      },
      error => {
        this.#alone = null;
        throw error;
      },
    );
    return this.#alone;
  }

  async leave(): Promise<void> {
    await this.goAlone().catch(() => {});
    await this.#left;
  }
}
