/** What several pairs change at the same moment, in one durable write: all of it counts or none. */
import type { BookChange } from './replica-book.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class SharedWrite {
  readonly #write: (change: BookChange) => Promise<void>;
  /** Of whom nothing has come yet. */
  readonly #missing: Set<number>;
  readonly #changes: BookChange[] = [];
  readonly #waiting: Waiting[] = [];
  #state: 'gathering' | 'writing' | 'failed' = 'gathering';
  #failure: unknown = null;

  constructor(parts: readonly number[], write: (change: BookChange) => Promise<void>) {
    this.#missing = new Set(parts);
    this.#write = write;
  }

  /** Settles when everybody's change is durable. */
  commit(part: number, change: BookChange): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'failed') return reject(this.#failure);
      this.#changes.push(change);
      this.#waiting.push({ resolve, reject });
      this.leaveOut(part);
    });
  }

  /** Nothing comes of this one any more. */
  leaveOut(part: number): void {
    this.#missing.delete(part);
    if (this.#state !== 'gathering' || this.#missing.size > 0 || this.#changes.length === 0) return;
    this.#state = 'writing';
    this.#write(merged(this.#changes)).then(
      () => {
        for (const { resolve } of this.#waiting) resolve();
      },
      error => this.#reject(error),
    );
  }

  /** Nothing is written, if it is not being written already. */
  fail(error: unknown): void {
    if (this.#state !== 'gathering') return;
    this.#state = 'failed';
    this.#failure = error;
    this.#reject(error);
  }

  #reject(error: unknown): void {
    for (const { reject } of this.#waiting) reject(error);
  }
}

function merged(changes: readonly BookChange[]): BookChange {
  return {
    pairs: Object.assign({}, ...changes.map(({ pairs }) => pairs)),
    removed: Object.assign({}, ...changes.map(({ removed }) => removed)),
  };
}
