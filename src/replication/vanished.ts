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

  /** What a look at some directories misses: it may have moved to another. */
  async missed(gone: readonly Child[], now: number): Promise<void> {
    for (const { uid, disk } of gone) {
      if (this.#names.has(uid)) continue;
      const files = disk?.kind === 'directory' ? await this.#filesBelow(uid) : 1;
      this.#names.set(uid, { since: now, files });
    }
  }

  /**
   * What a look at everything misses is nowhere, and need not be waited for; only where it is much, a deletion may be
   * under way of which the pass saw a part: that has to come to rest, so that the brakes judge the whole of it. `decided`: they were told
   * to let everything through.
   */
  async missedByAll(gone: readonly Child[], now: number, decided: boolean): Promise<void> {
    await this.missed(gone, now);
    if (!decided && isBraked(this.#files, this.#limits)) return;
    for (const { uid } of gone) this.#names.set(uid, { since: 0, files: this.#names.get(uid)!.files });
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

  get #files(): number {
    let sum = 0;
    for (const { files } of this.#names.values()) sum += files;
    return sum;
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
