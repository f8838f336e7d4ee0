/** Names that vanished and may yet turn up elsewhere: since when, and how many files went with each. */
import { type BrakeLimits, isBraked, ripeDeletions, type Vanished } from '../model/brakes.ts';
import type { Uid } from '../model/version.ts';
import type { Child } from '../store/store.ts';
import type { FolderCore } from './folder-core.ts';

export class VanishedNames {
  readonly #core: FolderCore;
  readonly #limits: BrakeLimits;
  readonly #names = new Map<Uid, Vanished>();

  constructor(core: FolderCore, limits: BrakeLimits) {
    this.#core = core;
    this.#limits = limits;
  }

  /** Whether some have been gone since this moment or before it. */
  anySince(until: number): boolean {
    return [...this.#names.values()].some(({ since }) => since <= until);
  }

  /**
   * What a pass misses: it may have moved to where the pass had been, and what goes with it may not yet be gone. `decided`:
   * the brakes were told to let everything through.
   */
  async missed(gone: readonly Child[], now: number, decided: boolean): Promise<void> {
    for (const { uid, disk } of gone) {
      const known = this.#names.get(uid);
      if (known && !decided) continue;
      const files = known?.files ?? (disk?.kind === 'directory' ? await this.#filesBelow(uid) : 1);
      this.#names.set(uid, { since: decided ? 0 : now, files });
    }
  }

  ripe(now: number): ReturnType<typeof ripeDeletions<Uid>> {
    const { quietMs, quietLimitMs } = this.#core.config;
    return ripeDeletions(this.#names, now, { holdMs: 2 * quietMs, patienceMs: quietLimitMs, limits: this.#limits });
  }

  /** The clock was set back. */
  forgetFuture(now: number): void {
    for (const [uid, { since, files }] of this.#names) if (since > now) this.#names.set(uid, { since: now, files });
  }

  forget(uids: Iterable<Uid>): void {
    for (const uid of uids) this.#names.delete(uid);
  }

  clear(): void {
    this.#names.clear();
  }

  /** How many entries a directory had, counted no further than it matters to the brakes. */
  async #filesBelow(directory: Uid): Promise<number> {
    const { store } = this.#core;
    let level = [directory];
    let files = 0;
    while (level.length > 0 && !isBraked(files, this.#limits)) {
      const children = (await store.children(level.slice(0, 100))).flat();
      files += children.length;
      level = [...level.slice(100), ...children.filter(({ disk }) => disk?.kind === 'directory').map(({ uid }) => uid)];
    }
    return Math.max(1, files);
  }
}
