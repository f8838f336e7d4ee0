/**
 * A key-value store in memory, for simulated members. It keeps the contract of `src/store/kv.ts`, including what it
 * leaves open: a crash loses a random suffix of the batches since the last synced one.
 */
import { TandemError } from '../../src/base/errors.ts';
import {
  compareKeys,
  type KeyRange,
  type KeyValue,
  type KeyValueChange,
  type KeyValueEntry,
  type KeyValueReader,
  type KeyValueSnapshot,
} from '../../src/store/kv.ts';

export interface MemoryKeyValue extends KeyValue {
  /**
   * The power fails. Batches on their way and batches since the last synced one survive as a random prefix in the
   * order they were made; what was synced stays. Calls of the old store that have not ended never end, and no new
   * ones do. Gives the store as it is found when the power is back. Allowed after `close`, too.
   */
  crash(random: { next(): number }): MemoryKeyValue;
  /** A store of its own with what this one holds now. */
  copy(): MemoryKeyValue;
}

export interface MemoryOptions {
  /** Waited for in each call before it takes effect: where a simulator lets others run, and crash. */
  readonly pause?: () => Promise<void>;
}

interface LoggedBatch {
  readonly changes: readonly KeyValueChange[];
  /** What the keys held before; null while the batch is on its way. */
  undo: readonly KeyValueChange[] | null;
  readonly sync: boolean;
}

const ENTRIES_PER_READ = 1000;

export function createMemoryKeyValue(options: MemoryOptions = {}): MemoryKeyValue {
  return new MemoryStore(new Table(), options);
}

class MemoryStore implements MemoryKeyValue {
  readonly #table: Table;
  readonly #options: MemoryOptions;
  readonly #snapshots = new Set<MemorySnapshot>();
  /** Batches that are not certain to survive, in order. */
  #log: LoggedBatch[] = [];
  #last: Promise<void> = Promise.resolve();
  #closed = false;
  #crashed = false;

  constructor(table: Table, options: MemoryOptions) {
    this.#table = table;
    this.#options = options;
  }

  async batch(changes: Iterable<KeyValueChange>, { sync }: { readonly sync: boolean }): Promise<void> {
    this.assertOpen();
    // Later changes to a key take the place of earlier ones; the bytes are ours from now on.
    const final = new Map<string, Uint8Array | null>();
    for (const [key, value] of changes) final.set(key, value === null ? null : new Uint8Array(value));
    if (final.size === 0) return;
    const entry: LoggedBatch = { changes: [...final], undo: null, sync };
    this.#log.push(entry);
    const done = this.#last.then(() => this.turn(() => this.#apply(entry)));
    this.#last = done;
    await done;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.getMany([key]).then(([value]) => value);
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    this.assertOpen();
    return this.turn(() => {
      this.assertOpen();
      return keys.map(key => this.#table.get(key));
    });
  }

  range(range: KeyRange): AsyncIterable<KeyValueEntry[]> {
    return this.rangeOf(() => this.#table.range(range));
  }

  snapshot(): KeyValueSnapshot {
    this.assertOpen();
    const snapshot = new MemorySnapshot(this, this.#table, () => this.#snapshots.delete(snapshot));
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  async close(): Promise<void> {
    await this.#last;
    this.#closed = true;
  }

  crash(random: { next(): number }): MemoryKeyValue {
    this.#crashed = true;
    const kept = Math.floor(random.next() * (this.#log.length + 1));
    // First back to what was applied and is certain, then forward again.
    for (const { undo } of [...this.#log].reverse()) if (undo) this.#table.apply(undo);
    for (const { changes } of this.#log.slice(0, kept)) this.#table.apply(changes);
    return new MemoryStore(this.#table, this.#options);
  }

  copy(): MemoryKeyValue {
    return new MemoryStore(this.#table.copy(), this.#options);
  }

  assertOpen(): void {
    if (this.#closed) throw new TandemError('STORE_FAILED', 'The database in memory is closed.');
  }

  /** Lets others run, then takes effect, unless the power failed meanwhile. */
  async turn<T>(effect: () => T): Promise<T> {
    await this.#options.pause?.();
    return this.#crashed ? new Promise<never>(() => {}) : effect();
  }

  async *rangeOf(read: () => KeyValueEntry[]): AsyncGenerator<KeyValueEntry[], void, void> {
    this.assertOpen();
    const entries = await this.turn(read);
    for (let start = 0; start < entries.length; start += ENTRIES_PER_READ) {
      yield await this.turn(() => {
        this.assertOpen();
        return entries.slice(start, start + ENTRIES_PER_READ);
      });
    }
  }

  #apply(entry: LoggedBatch): void {
    const undo = entry.changes.map(([key]) => [key, this.#table.get(key) ?? null] as const);
    for (const snapshot of this.#snapshots) snapshot.preserve(undo);
    this.#table.apply(entry.changes);
    entry.undo = undo;
    if (entry.sync) this.#log = this.#log.slice(this.#log.indexOf(entry) + 1);
  }
}

/** What has changed since is kept as it was. */
class MemorySnapshot implements KeyValueSnapshot {
  readonly #store: MemoryStore;
  readonly #table: Table;
  readonly #old = new Map<string, Uint8Array | null>();
  readonly #forget: () => void;
  #closed = false;

  constructor(store: MemoryStore, table: Table, forget: () => void) {
    this.#store = store;
    this.#table = table;
    this.#forget = forget;
  }

  preserve(old: readonly KeyValueChange[]): void {
    for (const [key, value] of old) if (!this.#old.has(key)) this.#old.set(key, value);
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.getMany([key]).then(([value]) => value);
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    this.#assertOpen();
    return this.#store.turn(() => {
      this.#assertOpen();
      return keys.map(key => {
        const old = this.#old.get(key);
        return old === undefined ? this.#table.get(key) : (old ?? undefined);
      });
    });
  }

  range(range: KeyRange): ReturnType<KeyValueReader['range']> {
    return this.#store.rangeOf(() => {
      this.#assertOpen();
      const { limit = Number.POSITIVE_INFINITY, reverse = false } = range;
      const entries = this.#table.range({ gte: range.gte, lt: range.lt }).filter(([key]) => !this.#old.has(key));
      for (const [key, value] of this.#old) {
        if (value && compareKeys(key, range.gte) >= 0 && compareKeys(key, range.lt) < 0) entries.push([key, value]);
      }
      entries.sort(([a], [b]) => (reverse ? compareKeys(b, a) : compareKeys(a, b)));
      return entries.slice(0, limit);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#forget();
  }

  #assertOpen(): void {
    this.#store.assertOpen();
    if (this.#closed) throw new TandemError('STORE_FAILED', 'The snapshot is closed.');
  }
}

/** Keys in order, with their values. */
class Table {
  readonly #keys: string[] = [];
  readonly #valueByKey = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.#valueByKey.get(key);
  }

  apply(changes: readonly KeyValueChange[]): void {
    for (const [key, value] of changes) {
      const known = this.#valueByKey.has(key);
      if (value === null) {
        if (known) this.#keys.splice(this.#position(key), 1);
        this.#valueByKey.delete(key);
      } else {
        if (!known) this.#keys.splice(this.#position(key), 0, key);
        this.#valueByKey.set(key, value);
      }
    }
  }

  copy(): Table {
    const copy = new Table();
    copy.apply([...this.#valueByKey]);
    return copy;
  }

  range({ gte, lt, reverse = false, limit = Number.POSITIVE_INFINITY }: KeyRange): KeyValueEntry[] {
    const keys = this.#keys.slice(this.#position(gte), this.#position(lt));
    if (reverse) keys.reverse();
    return keys.slice(0, limit).map(key => [key, this.#valueByKey.get(key)!] as const);
  }

  /** Where the key stands, or would stand. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#keys[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
