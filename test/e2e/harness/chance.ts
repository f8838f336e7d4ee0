/** Chance from a seed: the same seed gives the same tree, the same edits and the same instants of death. */
export interface Chance {
  /** A float in [0, 1). */
  next(): number;
  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  /** Bytes that do not compress; any two calls differ. */
  bytes(count: number): Buffer;
}

/** [mulberry32] */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    pick: items => items[between(0, items.length - 1)]!,
    bytes: count => fillBytes(Buffer.allocUnsafe(count), Math.floor(next() * 2 ** 32)),
  };
}

/** The seed of this run: TANDEM_E2E_SEED, else the test's own. Failures print it. */
export function seedOfRun(own: number): number {
  const given = process.env.TANDEM_E2E_SEED;
  return given === undefined ? own : Number(given);
}

/** [xorshift32], four bytes at a time. */
function fillBytes(buffer: Buffer, seed: number): Buffer {
  let state = seed | 1;
  let offset = 0;
  for (; offset + 4 <= buffer.length; offset += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    buffer.writeInt32LE(state, offset);
  }
  for (; offset < buffer.length; offset += 1) {
    state = Math.imul(state, 69069) + 1;
    buffer[offset] = state >>> 24;
  }
  return buffer;
}
