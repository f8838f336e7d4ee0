/** One snapshot for several holders: closed when the last of them lets go. */
import type { KeyValueSnapshot } from './kv.ts';

export class SharedSnapshot {
  readonly reader: KeyValueSnapshot;
  #holders = 1;

  constructor(snapshot: KeyValueSnapshot) {
    this.reader = snapshot;
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  async release(): Promise<void> {
    this.#holders--;
    if (this.#holders === 0) await this.reader.close();
  }
}
