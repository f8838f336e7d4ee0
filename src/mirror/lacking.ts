/**
 * What the partner lacks, in three parts that make up the dirty map: what is still to be copied, what is on its way, and what has
 * arrived and is not durable there. Only the first is remembered apart from the map: a write to what is to be copied is not sent.
 */
import type { DirtyMapFile, WriteOnTheWay } from '../block/dirty-map-file.ts';
import { type ByteRange, createDirtyMap, type DirtyMap } from '../model/dirty-map.ts';

export class Lacking {
  readonly #map: DirtyMapFile;
  /** Null: nothing is to be copied. */
  #left: DirtyMap | null = null;

  constructor(map: DirtyMapFile) {
    this.#map = map;
  }

  /** What is still to be copied. */
  get left(): DirtyMap | null {
    return this.#left;
  }

  /** From now on everything that is dirty is to be copied; what was on its way counts as lost. */
  beginCopy(): DirtyMap {
    this.#map.lostAll();
    this.#left = this.#empty();
    this.#left.merge(this.#map.dirty);
    return this.#left;
  }

  endCopy(): void {
    this.#left = null;
  }

  /** Whether a part of the range is still to be copied: then all of it is. */
  isLeft(offset: number, length: number): boolean {
    return this.#left?.isDirty({ offset, length }) === true;
  }

  /** Bytes of the range that are still to be copied. */
  leftWithin({ offset, length }: ByteRange): number {
    if (this.#left === null) return 0;
    return stretches(this.#left, offset, offset + length).reduce((sum, range) => sum + range.length, 0);
  }

  /** The partner is to get the range by a copy. */
  mark(offset: number, length: number): void {
    if (length === 0) return;
    this.#map.mark(offset, length);
    this.#left ??= this.#empty();
    this.#left.mark({ offset, length });
  }

  begin(offset: number, length: number): WriteOnTheWay {
    return this.#map.begin(offset, length);
  }

  /** It is durable there. What was marked meanwhile stays dirty. */
  durable(way: WriteOnTheWay, { offset, length }: ByteRange): void {
    this.#map.arrived(way);
    if (this.#left === null) return;
    for (const range of stretches(this.#left, offset, offset + length)) this.#map.mark(range.offset, range.length);
  }

  /** Takes what is left of [from, to) out of the copy's hands, as on its way. */
  take(from: number, to: number): { readonly range: ByteRange; readonly way: WriteOnTheWay }[] {
    if (this.#left === null) return [];
    return stretches(this.#left, from, to).map(range => {
      const { offset, length } = range;
      this.#left!.clear(range);
      // Dirty for no other reason than that it is on its way, from here on.
      this.#map.clear(offset, length);
      return { range, way: this.#map.begin(offset, length) };
    });
  }

  #empty(): DirtyMap {
    return createDirtyMap({ sizeBytes: this.#map.size, granuleBytes: this.#map.dirty.granuleBytes });
  }
}

/** Dirty stretches of [from, to), in whole granules but for the end. */
function stretches(map: DirtyMap, from: number, to: number): ByteRange[] {
  const found: ByteRange[] = [];
  for (let at = from; at < to; ) {
    const next = map.nextDirty(at, Number.MAX_SAFE_INTEGER);
    if (next === null || next.offset >= to) break;
    const granule = map.granuleBytes;
    const end = Math.min(map.sizeBytes, Math.ceil(to / granule) * granule, next.offset + next.length);
    found.push({ offset: next.offset, length: end - next.offset });
    at = end;
  }
  return found;
}
