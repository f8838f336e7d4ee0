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
  /** Batches on their way, in the order in which they are written. Until one has ended, what was there before counts. */
  const writing = new Set<ReadonlyMap<string, unknown>>();

  function isBeingWritten(key: string): boolean {
    for (const changes of writing) if (changes.has(key)) return true;
    return false;
  }

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
        if (memory.era === era && !isBeingWritten(key) && !memory.has(key)) memory.set(key, found[at]);
      }
      return values;
    },
    batch: async (changes, options) => {
      const all = changes instanceof Map ? changes : new Map(changes);
      for (const [key, value] of all) if (value !== null) filter?.add(key);
      writing.add(all);
      try {
        await kv.batch(all, options);
      } catch (error) {
        memory.clear();
        throw error;
      } finally {
        writing.delete(all);
      }
      for (const [key, value] of all) memory.set(key, value ?? undefined);
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

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.era++;
  }
}
