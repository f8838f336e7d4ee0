/** Where in a bundle each content lies, by its SHA-256, in 24 bytes a place: a million files must not cost a gigabyte. */

const FIRST_PLACES = 1024;
/** Of the digest: 48 and 52 bits. Whether it is the very content is for the reader of the frame to see. */
const HEAD_BYTES = 6;

export class ContentIndex {
  #size = 0;
  #heads = new Float64Array(FIRST_PLACES);
  #tails = new Float64Array(FIRST_PLACES);
  /** 0: nothing is here. */
  #offsets = new Float64Array(FIRST_PLACES);

  get size(): number {
    return this.#size;
  }

  /** `offset` is above 0. Of one content the first place is kept. */
  add(digest: Buffer, offset: number): void {
    if (2 * (this.#size + 1) > this.#offsets.length) this.#grow();
    const place = this.#placeOf(headOf(digest), tailOf(digest));
    if (this.#offsets[place] !== 0) return;
    this.#heads[place] = headOf(digest);
    this.#tails[place] = tailOf(digest);
    this.#offsets[place] = offset;
    this.#size++;
  }

  find(digest: Buffer): number | undefined {
    const offset = this.#offsets[this.#placeOf(headOf(digest), tailOf(digest))]!;
    return offset === 0 ? undefined : offset;
  }

  /** Where it is, or where it would be. */
  #placeOf(head: number, tail: number): number {
    const last = this.#offsets.length - 1;
    let place = head % this.#offsets.length;
    while (this.#offsets[place] !== 0 && (this.#heads[place] !== head || this.#tails[place] !== tail))
      place = place === last ? 0 : place + 1;
    return place;
  }

  #grow(): void {
    const [heads, tails, offsets] = [this.#heads, this.#tails, this.#offsets];
    const places = offsets.length * 2;
    this.#heads = new Float64Array(places);
    this.#tails = new Float64Array(places);
    this.#offsets = new Float64Array(places);
    for (let i = 0; i < offsets.length; i++) {
      if (offsets[i] === 0) continue;
      const place = this.#placeOf(heads[i]!, tails[i]!);
      this.#heads[place] = heads[i]!;
      this.#tails[place] = tails[i]!;
      this.#offsets[place] = offsets[i]!;
    }
  }
}

function headOf(digest: Buffer): number {
  return digest.readUIntBE(0, HEAD_BYTES);
}

function tailOf(digest: Buffer): number {
  return digest.readUIntBE(HEAD_BYTES, HEAD_BYTES) * 16 + (digest.readUInt8(2 * HEAD_BYTES) >> 4);
}
