/**
 * An ordered key-value store: what the database needs of LevelDB, and all a simulated disk has to be.
 *
 * Keys are strings without lone surrogates, ordered by their bytes in UTF-8 (`compareKeys`); values are bytes that
 * nobody changes afterwards. All calls reject only with `TandemError` STORE_FAILED, also after `close`.
 */

export interface KeyValue extends KeyValueReader {
  /**
   * Applies all changes at once or none of them; null deletes. Of several changes to one key the last counts. Batches
   * take effect in the order of the calls. With `sync` the batch and everything before it is durable when the promise
   * resolves; without it, a crash of the host may lose it together with everything after it. Reads see a batch once
   * its promise has resolved, and may see it earlier; an empty batch does nothing. Until then nobody alters `changes`.
   */
  batch(changes: Iterable<KeyValueChange>, options: { readonly sync: boolean }): Promise<void>;
  /** The present state, unmoved by later batches. Taken at once, without waiting for batches on their way. */
  snapshot(): KeyValueSnapshot;
  /** Waits for batches on their way. Open snapshots and ranges end with STORE_FAILED. */
  close(): Promise<void>;
}

export interface KeyValueReader {
  get(key: string): Promise<Uint8Array | undefined>;
  /** One value for each key, in order. Far cheaper than as many calls of `get`. */
  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>;
  /** The entries of a range in order, all as of when reading begins, in batches that are never empty. May be left early. */
  range(range: KeyRange): AsyncIterable<KeyValueEntry[]>;
}

export interface KeyValueSnapshot extends KeyValueReader {
  /** To be called once: the store keeps old data for the snapshot. */
  close(): Promise<void>;
}

export type KeyValueChange = readonly [key: string, value: Uint8Array | null];
export type KeyValueEntry = readonly [key: string, value: Uint8Array];

export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
  /** From the end of the range to its begin. */
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** The first key of a range, in the order it asks for; undefined: there is none. */
export async function firstKey(kv: KeyValueReader, range: KeyRange): Promise<string | undefined> {
  for await (const entries of kv.range({ ...range, limit: 1 })) return entries[0]![0];
  return undefined;
}

/** The order of keys: that of their bytes in UTF-8, which is that of their code points. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointRank(x) - codePointRank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others of 16 bits. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}
