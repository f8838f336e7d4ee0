/**
 * Bitmaps in memory with their copy on disk, page by page. Each page has two places in the file and is written to them in
 * turn, so that a torn write leaves the page as it was before. Several planes of equally many bits share the pages: what
 * changes at the same time in all of them is there as a whole or not at all.
 *
 * Page p lies at (2 p + its sequence % 2) × 4096; its payload holds the planes' bits from p × `bitsPerPage` on, one plane after
 * the other. A page that was never written is all zeroes.
 */
import { Bitmap } from '../model/bitmap.ts';
import type { BlockFile } from './block-files.ts';
import { openPage, PAGE_BYTES, PAGE_PAYLOAD_BYTES, sealPage } from './sealed-page.ts';

export interface PagedMapOptions {
  readonly file: BlockFile;
  /** Four ASCII characters. */
  readonly mark: string;
  readonly bits: number;
  readonly planes: number;
}

/** Pages as they were when they were taken. */
export interface TakenPages {
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

const PAGES_AT_ONCE = 128;
const BLANK = Buffer.alloc(PAGE_BYTES);

/** Reads the maps. A page of which no copy is whole any more has all bits set in all planes. */
export async function loadPagedMap(options: PagedMapOptions): Promise<PagedMap> {
  const map = new PagedMap(options);
  await map.load();
  return map;
}

export class PagedMap {
  readonly planes: readonly Bitmap[];
  /** Pages that could not be read when the map was loaded. */
  damagedPages = 0;
  readonly #file: BlockFile;
  readonly #mark: string;
  readonly #planeBytes: number;
  readonly #sequences: Uint32Array;
  #changed = new Set<number>();

  constructor({ file, mark, bits, planes }: PagedMapOptions) {
    this.#file = file;
    this.#mark = mark;
    this.#planeBytes = Math.floor(PAGE_PAYLOAD_BYTES / planes);
    this.planes = Array.from({ length: planes }, () => new Bitmap(bits));
    this.#sequences = new Uint32Array(Math.ceil(bits / this.bitsPerPage));
  }

  get bitsPerPage(): number {
    return this.#planeBytes * 8;
  }

  /** Pages that differ from what was last taken. */
  get changedPages(): number {
    return this.#changed.size;
  }

  /** Bits [from, to) may have changed in any plane. */
  touch(from: number, to: number): void {
    const first = Math.floor(from / this.bitsPerPage);
    const last = Math.floor((to - 1) / this.bitsPerPage);
    for (let page = first; page <= last; page++) this.#changed.add(page);
  }

  /** The pages that changed since they were last taken, as they are now; null: none. */
  take(): TakenPages | null {
    if (this.#changed.size === 0) return null;
    const pages = new Map([...this.#changed].map(page => [page, this.#encode(page)]));
    this.#changed = new Set();
    return { pages };
  }

  /** Pages that were taken and did not become durable are to be written again. */
  putBack({ pages }: TakenPages): void {
    for (const page of pages.keys()) this.#changed.add(page);
  }

  /** Writes and syncs. One call at a time, in the order the pages were taken. */
  async write(taken: TakenPages): Promise<void> {
    const numbers = [...taken.pages.keys()].sort((a, b) => a - b);
    for (const page of numbers) {
      const sequence = this.#sequences[page]! + 1;
      const sealed = sealPage(this.#mark, { sequence, payload: taken.pages.get(page)! });
      await this.#file.write(sealed, (2 * page + (sequence % 2)) * PAGE_BYTES);
    }
    await this.#file.sync();
    for (const page of numbers) this.#sequences[page]!++;
  }

  /** Everything that changed becomes durable. */
  async save(): Promise<void> {
    const taken = this.take();
    if (taken === null) return;
    try {
      await this.write(taken);
    } catch (error) {
      this.putBack(taken);
      throw error;
    }
  }

  async load(): Promise<void> {
    // A process that died may have left pages that are written and not durable; what is read here counts from now on.
    await this.#file.sync();
    const { size } = await this.#file.look();
    const pages = Math.min(this.#sequences.length, Math.ceil(size / (2 * PAGE_BYTES)));
    const buffer = Buffer.alloc(Math.min(PAGES_AT_ONCE, pages) * 2 * PAGE_BYTES);
    for (let first = 0; first < pages; first += PAGES_AT_ONCE) {
      const count = Math.min(PAGES_AT_ONCE, pages - first);
      const there = Math.min(count * 2 * PAGE_BYTES, size - first * 2 * PAGE_BYTES);
      buffer.fill(0);
      await this.#file.read(buffer.subarray(0, there), first * 2 * PAGE_BYTES);
      for (let index = 0; index < count; index++) {
        const at = index * 2 * PAGE_BYTES;
        this.#decode(first + index, buffer.subarray(at, at + 2 * PAGE_BYTES));
      }
    }
    for (const plane of this.planes) plane.recount();
  }

  #encode(page: number): Uint8Array {
    const payload = new Uint8Array(this.#planeBytes * this.planes.length);
    const from = page * this.#planeBytes;
    this.planes.forEach((plane, index) => {
      payload.set(plane.bytes.subarray(from, from + this.#planeBytes), index * this.#planeBytes);
    });
    return payload;
  }

  #decode(page: number, copies: Buffer): void {
    const halves = [copies.subarray(0, PAGE_BYTES), copies.subarray(PAGE_BYTES)];
    if (halves.every(isBlank)) return;
    const whole = halves.map(half => openPage(this.#mark, half)).filter(half => half !== null);
    const newest = whole.sort((a, b) => b.sequence - a.sequence)[0];
    if (newest !== undefined) {
      this.#sequences[page] = newest.sequence;
      this.#setBytes(page, (plane, from, to) =>
        newest.payload.subarray(plane * this.#planeBytes, plane * this.#planeBytes + (to - from)),
      );
    } else if (!halves.some(isBlank)) {
      this.damagedPages++;
      this.#setBytes(page, (_plane, from, to) => new Uint8Array(to - from).fill(0xff));
      this.#changed.add(page);
    }
  }

  #setBytes(page: number, bytesOf: (plane: number, from: number, to: number) => Uint8Array): void {
    this.planes.forEach((plane, index) => {
      const from = page * this.#planeBytes;
      const to = Math.min(from + this.#planeBytes, plane.bytes.length);
      plane.bytes.set(bytesOf(index, from, to), from);
      // The file may tell of bits beyond the end: it was made for a larger map.
      const beyond = plane.bytes.length * 8 - plane.bits;
      if (to === plane.bytes.length && beyond > 0) plane.bytes[to - 1]! &= 0xff >> beyond;
    });
  }
}

function isBlank(page: Buffer): boolean {
  return page.equals(BLANK);
}

/** Bytes of the file of a map. */
export function pagedMapBytes(bits: number, planes: number): number {
  return Math.ceil(bits / (Math.floor(PAGE_PAYLOAD_BYTES / planes) * 8)) * 2 * PAGE_BYTES;
}
