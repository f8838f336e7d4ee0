/** Who has a say in the changes of a volume: what follows them for partners, what sends them there. */

/** What becomes of a range; `data` is as long as the range and stays as it is until the write settles. */
export type RangeChange =
  | { readonly kind: 'write'; readonly data: Uint8Array }
  /** Zeroes that keep their space. */
  | { readonly kind: 'zero' }
  | { readonly kind: 'trim' };

/**
 * What has a say in the changes of a volume, one guard after the other as they were added. Changes that overlap come in the order
 * they were called: the next one begins when `after` of the one before has settled.
 */
export interface WriteGuard {
  /** The write goes on when it settles; null: at once. A rejection fails the write. */
  before(offset: number, length: number, change: RangeChange): Promise<void> | null;
  /**
   * Once for each call of `before` that did not reject, when the change is carried out here; not `ok`: it failed, and who knows
   * how much of it was. The write settles when the promise does, and fails with it.
   */
  after(offset: number, length: number, ok: boolean): Promise<void> | null;
  /** A flush settles when this does as well. */
  commit?(): Promise<void> | null;
}

export class WriteGuards {
  readonly #guards = new Set<WriteGuard>();

  get size(): number {
    return this.#guards.size;
  }

  add(guard: WriteGuard): () => void {
    this.#guards.add(guard);
    return () => this.#guards.delete(guard);
  }

  /** Carries out a change between what the guards say before and after it. */
  async around(offset: number, length: number, change: RangeChange, carryOut: () => Promise<void>): Promise<void> {
    const passed: WriteGuard[] = [];
    let ok = false;
    try {
      for (const guard of this.#guards) {
        const wait = guard.before(offset, length, change);
        if (wait !== null) await wait;
        passed.push(guard);
      }
      await carryOut();
      ok = true;
    } finally {
      const waits = passed.map(guard => guard.after(offset, length, ok)).filter(wait => wait !== null);
      if (waits.length > 0) await Promise.all(waits);
    }
  }

  /** `here`: makes durable what the volume itself has. */
  async commit(here: () => Promise<void>): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const guard of this.#guards) {
      const wait = guard.commit?.() ?? null;
      if (wait !== null) waits.push(wait);
    }
    if (waits.length === 0) return await here();
    await Promise.all([here(), ...waits]);
  }
}
