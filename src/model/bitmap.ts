/** A fixed number of bits; ranges are [from, to). */

export class Bitmap {
  readonly bits: number;
  /** Bit n is bit n % 8 of byte n / 8. Whoever writes here directly calls `recount`. */
  readonly bytes: Uint8Array;
  /** The same, so that a search goes over 32 bits at a time. */
  readonly #words: Uint32Array;
  #count = 0;

  constructor(bits: number) {
    this.bits = bits;
    this.#words = new Uint32Array(Math.ceil(bits / 32));
    this.bytes = new Uint8Array(this.#words.buffer, 0, Math.ceil(bits / 8));
  }

  /** Bits that are set. */
  get count(): number {
    return this.#count;
  }

  get(bit: number): boolean {
    return ((this.bytes[bit >> 3]! >> (bit & 7)) & 1) === 1;
  }

  set(from: number, to: number): void {
    this.#fill(from, to, true);
  }

  clear(from: number, to: number): void {
    this.#fill(from, to, false);
  }

  allSet(from: number, to: number): boolean {
    return to - from === 1 ? this.get(from) : this.nextClear(from, to) === to;
  }

  anySet(from: number, to: number): boolean {
    return to - from === 1 ? this.get(from) : this.nextSet(from, to) < to;
  }

  /** The first bit from `from` on that is set; `to` if there is none. */
  nextSet(from: number, to: number): number {
    return this.#next(from, to, 0);
  }

  /** The first bit from `from` on that is not set; `to` if there is none. */
  nextClear(from: number, to: number): number {
    return this.#next(from, to, 0xff);
  }

  /** Runs of equal bits that fill [from, to), in order. */
  *runs(from: number, to: number): Generator<{ readonly from: number; readonly to: number; readonly set: boolean }> {
    while (from < to) {
      const set = this.get(from);
      const end = set ? this.nextClear(from, to) : this.nextSet(from, to);
      yield { from, to: end, set };
      from = end;
    }
  }

  recount(): void {
    let count = 0;
    for (const byte of this.bytes) count += ONES[byte]!;
    this.#count = count;
  }

  #next(from: number, to: number, skipped: number): number {
    while (from < to) {
      if ((from & 31) === 0 && from + 32 <= to && this.#words[from >>> 5] === (skipped === 0 ? 0 : 0xffff_ffff)) {
        from += 32;
      } else if ((from & 7) === 0 && this.bytes[from >> 3] === skipped) {
        from += 8;
      } else {
        if (this.get(from) === (skipped === 0)) return from;
        from++;
      }
    }
    return to;
  }

  #fill(from: number, to: number, value: boolean): void {
    while (from < to) {
      const index = from >> 3;
      const first = from & 7;
      const after = Math.min(8, first + to - from);
      const mask = (0xff >> (8 - after)) & (0xff << first);
      const old = this.bytes[index]!;
      const byte = value ? old | mask : old & ~mask;
      this.bytes[index] = byte;
      this.#count += ONES[byte]! - ONES[old]!;
      from += after - first;
    }
  }
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
});
