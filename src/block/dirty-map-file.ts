/**
 * What a partner lacks of a volume: a bit for every few KiB, in memory, with a copy on disk. The copy is behind by what the activity
 * log covers. Where nothing better is known, everything is dirty.
 */
import type { Bitmap } from '../model/bitmap.ts';
import { type ByteRange, createDirtyMap, type DirtyMap } from '../model/dirty-map.ts';
import type { BlockFile } from './block-files.ts';
import { GroupCommit } from './group-commit.ts';
import { loadPagedMap, type PagedMap } from './paged-map.ts';

const MARK = 'TDRT';

/** A write on its way to the partner. */
export interface WriteOnTheWay {
  readonly round: number;
  /** Blocks that were clean before: [from, to) after [from, to). */
  readonly counted: readonly (readonly [number, number])[];
}

export async function openDirtyMap(options: {
  readonly file: BlockFile;
  /** Bytes of the volume. */
  readonly size: number;
  /** Bytes of a bit. */
  readonly granularity: number;
}): Promise<DirtyMapFile> {
  const { file, size, granularity } = options;
  const bits = Math.ceil(size / granularity);
  const map = await loadPagedMap({ file, mark: MARK, bits, planes: 1 });
  return new DirtyMapFile(map, options);
}

export class DirtyMapFile {
  /** To be looked at and compared; changes are made here. */
  readonly dirty: DirtyMap;
  /**
   * Whether somebody tells this map of every write by `begin`. If not, whoever tracks the volume's writes marks them here.
   */
  following = false;
  /** Takes whoever follows the writes away, while nobody writes: another one takes over. */
  unfollow: (() => void) | null = null;
  readonly #map: PagedMap;
  readonly #file: BlockFile;
  /** Writes on the way for each block that they made dirty. */
  readonly #onTheWay = new Map<number, number>();
  #round = 0;
  readonly #saves = new GroupCommit(() => this.#map.save());

  constructor(map: PagedMap, { file, size, granularity }: { file: BlockFile; size: number; granularity: number }) {
    this.#map = map;
    this.#file = file;
    this.dirty = createDirtyMap({ sizeBytes: size, granuleBytes: granularity, bitmap: this.#bits });
  }

  get size(): number {
    return this.dirty.sizeBytes;
  }

  get dirtyBytes(): number {
    return this.dirty.dirtyBytes;
  }

  mark(offset: number, length: number): void {
    if (this.dirty.mark({ offset, length })) this.#map.touch(...this.#around(offset, length));
  }

  /** The partner has all of it, durable. Blocks of which the range is only a part stay as they are. */
  clear(offset: number, length: number): void {
    if (this.dirty.clear({ offset, length })) this.#map.touch(...this.#around(offset, length));
  }

  /** A write sets out to the partner: its blocks are dirty until it has arrived. */
  begin(offset: number, length: number): WriteOnTheWay {
    const counted: [number, number][] = [];
    if (length === 0) return { round: this.#round, counted };
    const [from, to] = this.#around(offset, length);
    for (let block = from; block < to; block++) {
      const others = this.#onTheWay.get(block) ?? 0;
      // A block that is dirty for another reason stays so: this write may be only a part of it.
      if (others === 0 && this.#bits.get(block)) continue;
      this.#onTheWay.set(block, others + 1);
      const last = counted.at(-1);
      if (last !== undefined && last[1] === block) last[1] = block + 1;
      else counted.push([block, block + 1]);
    }
    this.#bits.set(from, to);
    this.#map.touch(from, to);
    return { round: this.#round, counted };
  }

  /** It has arrived and is durable there: its blocks are clean, unless other writes to them are on the way. */
  arrived({ round, counted }: WriteOnTheWay): void {
    if (round !== this.#round) return;
    for (const [from, to] of counted) {
      for (let block = from; block < to; block++) {
        const others = this.#onTheWay.get(block)! - 1;
        if (others > 0) {
          this.#onTheWay.set(block, others);
        } else {
          this.#onTheWay.delete(block);
          this.#bits.clear(block, block + 1);
        }
      }
      this.#map.touch(from, to);
    }
  }

  /** All writes on the way are lost, or nobody knows: their blocks stay dirty, whatever is heard of them later. */
  lostAll(): void {
    this.#round++;
    this.#onTheWay.clear();
  }

  isDirty(offset: number, length: number): boolean {
    return this.dirty.isDirty({ offset, length });
  }

  /** The first dirty stretch from `offset` on, of at most `most` bytes; null: none. */
  next(offset: number, most: number): ByteRange | null {
    return this.dirty.nextDirty(offset, most);
  }

  /** The copy on disk tells of everything that was marked before this was called when it settles. */
  save(): Promise<void> {
    return this.#saves.run();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  get #bits(): Bitmap {
    return this.#map.planes[0]!;
  }

  #around(offset: number, length: number): [number, number] {
    return [Math.floor(offset / this.dirty.granuleBytes), Math.ceil((offset + length) / this.dirty.granuleBytes)];
  }
}
