/**
 * Where the bytes of a volume or snapshot are: a file as large as the device, and a map that knows for each cluster of 64 KiB
 * whether it holds anything. A cluster that is not allocated reads as zeroes whatever the file has there: trimming is a
 * change of the map.
 *
 * Three planes. *allocated*: reads come from the file. *touched*: the file may hold something there, so a cluster that is to be
 * allocated again is cleared first. *present*: this store knows the cluster; where it does not, a snapshot looks at its source.
 * After `commit` the file is durable, and only then the map that tells of it: after a power failure there is never a hole
 * where there was durable data, nor old data where there was a durable hole.
 */
import { errnoOf } from '../base/errno.ts';
import type { Bitmap } from '../model/bitmap.ts';
import type { BlockFile } from './block-files.ts';
import type { Extent } from './device.ts';
import { GroupCommit } from './group-commit.ts';
import { loadPagedMap, type PagedMap, pagedMapBytes } from './paged-map.ts';

export const CLUSTER_BYTES = 64 * 1024;
export const MAP_MARK = 'TMAP';
const PLANES = 3;
const ZEROES = Buffer.alloc(1024 * 1024);

export interface ClusterStoreOptions {
  readonly data: BlockFile;
  readonly map: BlockFile;
  /** Bytes. */
  readonly size: number;
  /** Whether everything that was written last time was committed. If not, the file may hold things the map knows nothing of. */
  readonly clean: boolean;
}

export async function openClusterStore(options: ClusterStoreOptions): Promise<ClusterStore> {
  const bits = Math.ceil(options.size / CLUSTER_BYTES);
  const map = await loadPagedMap({ file: options.map, mark: MAP_MARK, bits, planes: PLANES });
  return new ClusterStore(options, map);
}

export class ClusterStore {
  readonly size: number;
  readonly clusters: number;
  readonly allocated: Bitmap;
  readonly touched: Bitmap;
  readonly present: Bitmap;
  readonly map: PagedMap;
  readonly #data: BlockFile;
  readonly #commits = new GroupCommit(() => this.#commit());
  /** Clusters that are being cleared before they are allocated again. */
  readonly #clearing = new Map<number, Promise<void>>();
  /** Writes under way to parts of clusters in which nothing is left of former times, by cluster. */
  readonly #filling = new Map<number, number>();
  /** After a sync that failed nobody knows what is on the disk: nothing may be called durable any more. */
  #failure: unknown = null;

  constructor({ data, size, clean }: ClusterStoreOptions, map: PagedMap) {
    this.size = size;
    this.#data = data;
    this.map = map;
    this.clusters = map.planes[0]!.bits;
    [this.allocated, this.touched, this.present] = map.planes as [Bitmap, Bitmap, Bitmap];
    if (!clean && this.clusters > 0) {
      this.touched.set(0, this.clusters);
      this.map.touch(0, this.clusters);
    }
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    const first = Math.floor(offset / CLUSTER_BYTES);
    const end = Math.ceil((offset + into.length) / CLUSTER_BYTES);
    if (this.allocated.allSet(first, end)) return this.#data.read(into, offset);
    return this.#readRuns(offset, into, this.allocated.runs(first, end));
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    const first = Math.floor(offset / CLUSTER_BYTES);
    const end = Math.ceil((offset + data.length) / CLUSTER_BYTES);
    if (this.allocated.allSet(first, end)) return this.#data.write(data, offset);
    return this.#allocate(first, end, offset, data.length, () => this.#data.write(data, offset));
  }

  /** Zeroes that keep their space. */
  zero(offset: number, length: number): Promise<void> {
    const first = Math.floor(offset / CLUSTER_BYTES);
    const end = Math.ceil((offset + length) / CLUSTER_BYTES);
    return this.#allocate(first, end, offset, length, () => this.#writeZeroes(offset, length));
  }

  async trim(offset: number, length: number): Promise<void> {
    const end = offset + length;
    const first = Math.ceil(offset / CLUSTER_BYTES);
    // The last cluster may be cut off by the end of the device.
    const last = end === this.size ? this.clusters : Math.floor(end / CLUSTER_BYTES);
    if (first < last) {
      this.allocated.clear(first, last);
      this.map.touch(first, last);
    }
    // What is left at both edges is a part of a cluster. A hole stays one.
    for (const [from, to] of edges(offset, end, first, last)) {
      if (this.allocated.get(Math.floor(from / CLUSTER_BYTES))) await this.#writeZeroes(from, to - from);
    }
  }

  /** Runs of data and holes from `offset` on, together `length`. */
  *extents(offset: number, length: number): Generator<Extent> {
    const end = offset + length;
    const last = Math.ceil(end / CLUSTER_BYTES);
    for (const run of this.allocated.runs(Math.floor(offset / CLUSTER_BYTES), last)) {
      const from = Math.max(offset, run.from * CLUSTER_BYTES);
      const to = Math.min(end, run.to * CLUSTER_BYTES);
      yield { length: to - from, hole: !run.set };
    }
  }

  /** Clusters [first, end) are known to this store from now on, with what it has for them. */
  know(first: number, end: number): void {
    this.present.set(first, end);
    this.map.touch(first, end);
  }

  /** Everything whose call settled before becomes durable. */
  commit(): Promise<void> {
    return this.#commits.run();
  }

  /** Whether a hole in [first, end) may take space in the file. */
  hasStale(first: number, end: number): boolean {
    for (const run of this.allocated.runs(first, end))
      if (!run.set && this.touched.anySet(run.from, run.to)) return true;
    return false;
  }

  /**
   * Gives the space of trimmed clusters back to the file system; nobody may use the store meanwhile. Bytes given back; null:
   * this cannot be done here.
   */
  async reclaim(first: number, end: number): Promise<number | null> {
    // The map must not tell of data that is gone.
    await this.commit();
    let bytes = 0;
    for (const run of [...this.allocated.runs(first, end)]) {
      if (run.set) continue;
      for (const stale of [...this.touched.runs(run.from, run.to)]) {
        if (!stale.set) continue;
        const offset = stale.from * CLUSTER_BYTES;
        const length = Math.min(stale.to * CLUSTER_BYTES, this.size) - offset;
        if (!(await this.#data.giveBack(offset, length))) return null;
        bytes += length;
      }
    }
    await this.#data.sync();
    for (const run of [...this.allocated.runs(first, end)]) if (!run.set) this.touched.clear(run.from, run.to);
    this.map.touch(first, end);
    return bytes;
  }

  /** Clears what follows an old end of the device in its last cluster, if that may hold anything. */
  async zeroTail(offset: number, length: number): Promise<void> {
    if (this.allocated.get(Math.floor(offset / CLUSTER_BYTES))) await this.#writeZeroes(offset, length);
  }

  async #readRuns(
    offset: number,
    into: Uint8Array,
    runs: Iterable<{ from: number; to: number; set: boolean }>,
  ): Promise<void> {
    const end = offset + into.length;
    for (const run of [...runs]) {
      const from = Math.max(offset, run.from * CLUSTER_BYTES);
      const to = Math.min(end, run.to * CLUSTER_BYTES);
      const part = into.subarray(from - offset, to - offset);
      if (run.set) await this.#data.read(part, from);
      else part.fill(0);
    }
  }

  async #allocate(
    first: number,
    end: number,
    offset: number,
    length: number,
    write: () => Promise<void>,
  ): Promise<void> {
    // Of the clusters only the first and the last can be written in part, and shared with other writes.
    const parts = [first, ...(end - 1 > first ? [end - 1] : [])].filter(cluster => {
      const from = cluster * CLUSTER_BYTES;
      return offset > from || Math.min(from + CLUSTER_BYTES, this.size) > offset + length;
    });
    for (const cluster of parts) if (this.#isStale(cluster)) await this.#clear(cluster);
    for (const cluster of parts) this.#filling.set(cluster, (this.#filling.get(cluster) ?? 0) + 1);
    // Set before: a write that fails may have left something.
    this.touched.set(first, end);
    this.map.touch(first, end);
    try {
      await write();
      this.allocated.set(first, end);
      this.map.touch(first, end);
    } finally {
      for (const cluster of parts) {
        const others = this.#filling.get(cluster)! - 1;
        if (others > 0) this.#filling.set(cluster, others);
        else this.#filling.delete(cluster);
      }
    }
  }

  /** Touched by those that fill it just now does not count: clearing it would take away what they write. */
  #isStale(cluster: number): boolean {
    return this.touched.get(cluster) && !this.allocated.get(cluster) && !this.#filling.has(cluster);
  }

  /** Several writes to parts of one cluster clear it together. */
  #clear(cluster: number): Promise<void> {
    let clearing = this.#clearing.get(cluster);
    if (clearing === undefined) {
      const from = cluster * CLUSTER_BYTES;
      clearing = this.#writeZeroes(from, Math.min(CLUSTER_BYTES, this.size - from))
        .then(() => {
          this.allocated.set(cluster, cluster + 1);
          this.map.touch(cluster, cluster + 1);
        })
        .finally(() => this.#clearing.delete(cluster));
      this.#clearing.set(cluster, clearing);
    }
    return clearing;
  }

  async #writeZeroes(offset: number, length: number): Promise<void> {
    for (let done = 0; done < length; done += ZEROES.length) {
      await this.#data.write(ZEROES.subarray(0, Math.min(ZEROES.length, length - done)), offset + done);
    }
  }

  async #commit(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    // Taken before the sync: what becomes allocated during it is not covered by it.
    const taken = this.map.take();
    try {
      await this.#data.sync();
      if (taken !== null) await this.map.write(taken);
    } catch (error) {
      if (taken !== null) this.map.putBack(taken);
      // Where only space was wanting, nothing that was there is in doubt.
      if (errnoOf(error) !== 'ENOSPC' && errnoOf(error) !== 'EDQUOT') this.#failure = error;
      throw error;
    }
  }
}

/** The parts of [from, to) before cluster `first` and from cluster `last` on. */
function edges(from: number, to: number, first: number, last: number): [number, number][] {
  if (first > last) return [[from, to]];
  const parts: [number, number][] = [
    [from, Math.min(to, first * CLUSTER_BYTES)],
    [Math.max(from, last * CLUSTER_BYTES), to],
  ];
  return parts.filter(([start, end]) => start < end);
}

/** Bytes of the map's file for a device of `size` bytes. */
export function mapBytes(size: number): number {
  return pagedMapBytes(Math.ceil(size / CLUSTER_BYTES), PLANES);
}
