/**
 * A key-value store that remembers what was read and written last. While updates are taken in, the same keys are read
 * again and again, most of them to learn that they are not there: a look into a map costs a tenth of asking the database.
 */
import { LIMITS } from '../base/limits.ts';
import { AbsenceFilter } from './absence-filter.ts';
import type { KeyValue } from './kv.ts';

type Value = Uint8Array | undefined;

export interface Remembering {
  /** How many of the last keys at least, and twice as many at most. */
  readonly keys?: number;
  /** The store is empty: from then on it is known without asking which keys were never written. */
  readonly empty?: boolean;
}

/** Snapshots, ranges and closing are those of `kv`; nobody else may write to it. */
export function rememberKeyValues(
  kv: KeyValue,
  { keys = LIMITS.rememberedKeys, empty = false }: Remembering = {},
): KeyValue {
  const memory = new Memory(keys / 2);
  const filter = empty ? new AbsenceFilter(LIMITS.absenceFilterBits) : null;
  const isAbsent = (key: string): boolean => filter !== null && !filter.mayHold(key);
  /** Keys of batches on their way, each with the number of the last batch that writes it. */
  const writing = new Map<string, number>();
  let batches = 0;

  return {
    get: async key => {
      if (isAbsent(key)) return undefined;
      if (memory.has(key)) return memory.get(key);
      return kv.get(key);
    },
    getMany: async keys => {
      const values: Value[] = new Array(keys.length);
      const missing: number[] = [];
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]!;
        if (isAbsent(key)) values[i] = undefined;
        else if (memory.has(key)) values[i] = memory.get(key);
        else missing.push(i);
      }
      if (missing.length === 0) return values;
      const era = memory.era;
      const found = await kv.getMany(missing.length === keys.length ? keys : missing.map(i => keys[i]!));
      for (const [at, i] of missing.entries()) {
        const key = keys[i]!;
        values[i] = found[at];
        // Not what a batch has overtaken: of those that ended meanwhile the memory knows better, if it is of that era.
        if (memory.era === era && !writing.has(key) && !memory.has(key)) memory.set(key, found[at]);
      }
      return values;
    },
    batch: async (changes, options) => {
      const all = new Map(changes);
      const number = ++batches;
      for (const [key, value] of all) {
        if (value !== null) filter?.add(key);
        memory.delete(key);
        writing.set(key, number);
      }
      try {
        await kv.batch(all, options);
      } catch (error) {
        memory.clear();
        throw error;
      }
      for (const [key, value] of all) {
        if (writing.get(key) !== number) continue;
        writing.delete(key);
        memory.set(key, value ?? undefined);
      }
    },
    range: range => kv.range(range),
    snapshot: () => kv.snapshot(),
    close: () => {
      memory.clear();
      return kv.close();
    },
  };
}

/** Remembers at least the last `keys` keys and at most twice as many. */
class Memory {
  /** Changes whenever something was forgotten. */
  era = 0;
  readonly #keys: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  constructor(keys: number) {
    this.#keys = keys;
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  get(key: string): Value {
    return this.#young.has(key) ? this.#young.get(key) : this.#old.get(key);
  }

  set(key: string, value: Value): void {
    this.#young.set(key, value);
    if (this.#young.size < this.#keys) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.era++;
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.era++;
  }
}
