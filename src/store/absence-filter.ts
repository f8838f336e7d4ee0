/**
 * A Bloom filter of the keys that were ever written: what it does not hold is not in the database. The first
 * synchronisation of a large folder asks for hundreds of thousands of keys to learn that they are not there.
 *
 * Burton H. Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 13 (1970); two hashes stand for
 * all, after Kirsch and Mitzenmacher, Less hashing, same performance (2006).
 */

const PROBES = 4;

export class AbsenceFilter {
  readonly #words: Uint32Array;
  readonly #mask: number;

  /** `bits` is a power of two: ten for each key let one in a hundred absent keys be asked for all the same. */
  constructor(bits: number) {
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
  }

  add(key: string): void {
    let at = hashKey(key);
    const step = mix(at) | 1;
    for (let probe = 0; probe < PROBES; probe++, at += step) {
      const bit = at & this.#mask;
      this.#words[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  /** False: it was never added. */
  mayHold(key: string): boolean {
    let at = hashKey(key);
    const step = mix(at) | 1;
    for (let probe = 0; probe < PROBES; probe++, at += step) {
      const bit = at & this.#mask;
      if (((this.#words[bit >>> 5]! >>> (bit & 31)) & 1) === 0) return false;
    }
    return true;
  }
}

/** FNV-1a over UTF-16 code units. */
function hashKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The end of MurmurHash3: keys often differ in their last digits only. */
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
