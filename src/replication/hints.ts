import type { ScanDirectory } from './scan-step.ts';

/** Milliseconds since the Unix epoch. */
export interface Due {
  readonly since: number;
  readonly due: number;
}

/** So many directories are kept of a look at everything. */
const KEPT_OF_A_LOOK = 100_000;

/** Directories in which something may have changed, by path: when to look at them, and since when there have been hints. */
export class Hints {
  readonly #directories = new Map<string, Due>();
  /** What the look at everything that is under way has been at; null: none is, or that is too much to be kept. */
  #looked: string[] | null = null;

  add(path: string, due: number): void {
    const known = this.#directories.get(path);
    if (!known || known.due > due) this.#directories.set(path, { since: known?.since ?? due, due });
  }

  /** Infinity: there are none. */
  get nextAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { due } of this.#directories.values()) next = Math.min(next, due);
    return next;
  }

  takeDue(until: number): [string, Due][] {
    return takeDue(this.#directories, until);
  }

  /** What is due later than `last` is due now. */
  forgetFuture(last: number, now: number): void {
    for (const [path, { due }] of this.#directories)
      if (due > last) this.#directories.set(path, { since: now, due: now });
  }

  /**
   * These are looked at now. What was hinted of them before needs no other look: as the directories of a new tree come to
   * be watched one by one, that would be a look at all of them.
   */
  looking(directories: readonly ScanDirectory[], now: number): void {
    for (const { path } of directories) {
      this.#looked?.push(path);
      if ((this.#directories.get(path)?.due ?? now + 1) <= now) this.#directories.delete(path);
    }
    if ((this.#looked?.length ?? 0) > KEPT_OF_A_LOOK) this.#looked = null;
  }

  beginLookAtAll(): void {
    this.#directories.clear();
    this.#looked = [];
  }

  endLookAtAll(): void {
    this.#looked = null;
  }

  /** What a look at everything has been at is to be looked at again; false: there is none, or it is not known how far it is. */
  repeat(now: number): boolean {
    if (this.#looked === null) return false;
    for (const path of this.#looked) this.add(path, now);
    return true;
  }
}

export function takeDue<Key>(all: Map<Key, Due>, until: number): [Key, Due][] {
  const due = [...all].filter(([, entry]) => entry.due <= until);
  for (const [key] of due) all.delete(key);
  return due;
}
