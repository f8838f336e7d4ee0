/** A file's bytes that take memory only where something was written. Copies are cheap: pages are never changed in place. */

const PAGE = 4096;
const ZEROES = Buffer.alloc(PAGE);

export class SparseBytes {
  #size: number;
  readonly #pages: Map<number, Buffer>;

  constructor(size = 0, pages: ReadonlyMap<number, Buffer> = new Map()) {
    this.#size = size;
    this.#pages = new Map(pages);
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of the pages that hold anything. */
  get usedBytes(): number {
    return this.#pages.size * PAGE;
  }

  copy(): SparseBytes {
    return new SparseBytes(this.#size, this.#pages);
  }

  read(into: Uint8Array, position: number): void {
    for (let done = 0; done < into.length; ) {
      const at = position + done;
      const page = this.#pages.get(Math.floor(at / PAGE)) ?? ZEROES;
      const part = page.subarray(at % PAGE, (at % PAGE) + into.length - done);
      into.set(part, done);
      done += part.length;
    }
  }

  /** Grows if need be. */
  write(data: Uint8Array, position: number): void {
    for (let done = 0; done < data.length; ) {
      const at = position + done;
      const number = Math.floor(at / PAGE);
      const page = Buffer.from(this.#pages.get(number) ?? ZEROES);
      const part = data.subarray(done, done + PAGE - (at % PAGE));
      page.set(part, at % PAGE);
      if (page.equals(ZEROES)) this.#pages.delete(number);
      else this.#pages.set(number, page);
      done += part.length;
    }
    this.#size = Math.max(this.#size, position + data.length);
  }

  resize(size: number): void {
    if (size < this.#size) {
      for (const number of this.#pages.keys()) if (number * PAGE >= size) this.#pages.delete(number);
      const tail = Math.min(PAGE - (size % PAGE), this.#size - size);
      if (size % PAGE !== 0) this.write(Buffer.alloc(tail), size);
    }
    this.#size = size;
  }

  toBuffer(): Buffer {
    const bytes = Buffer.alloc(this.#size);
    this.read(bytes, 0);
    return bytes;
  }

  static from(bytes: Uint8Array): SparseBytes {
    const sparse = new SparseBytes();
    sparse.write(bytes, 0);
    return sparse;
  }
}
