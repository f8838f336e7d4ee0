/**
 * A snapshot: what a volume held at one moment. Its own store has the clusters that were changed since, in the volume or here; all
 * others are read from the volume. Before the volume changes a cluster for the first time, what was there is durable
 * here: first the data, then the map that tells of it.
 */
import { join } from 'node:path';
import { messageOf, TandemError } from '../base/errors.ts';
import { removeIfThere } from './block-files.ts';
import { CLUSTER_BYTES, type ClusterStore } from './cluster-store.ts';
import type { Extent } from './device.ts';
import { type Medium, OrderedDevice } from './ordered-device.ts';
import { closeStore, clustersOf, type StoreFiles } from './store-files.ts';
import type { SuperblockContent } from './superblock.ts';

/** Clusters that are copied at once. */
const CLUSTERS_AT_ONCE = 16;

export interface SnapshotState {
  readonly uuid: string;
  /** uuid of the volume */
  readonly source: string;
  readonly takenMs: number;
  readonly writable: boolean;
  /** Bytes its own clusters take, and may take. */
  readonly usedBytes: number;
  readonly quotaBytes: number | null;
  /** Why it cannot be used any more; null while it can. */
  readonly broken: string | null;
}

export class Snapshot extends OrderedDevice {
  readonly size: number;
  readonly blockSize: number;
  readonly uuid: string;
  readonly files: StoreFiles;
  protected readonly medium: Medium;
  readonly #sourceStore: () => ClusterStore;
  /** Clusters that are being copied, until that is durable. */
  readonly #keeping = new Map<number, Promise<void>>();
  /** Clusters of these that take space. */
  #reserved = 0;
  #broken: string | null;
  /** Whether the disk knows that it is broken. */
  #noted: boolean;
  #breaking: Promise<void> | null = null;

  constructor(files: StoreFiles, sourceStore: () => ClusterStore) {
    super();
    const { content } = files.superblock;
    this.files = files;
    this.size = content.size;
    this.blockSize = content.blockSize;
    this.uuid = content.uuid;
    this.#sourceStore = sourceStore;
    this.#noted = content.snapshot!.broken !== null;
    this.#broken =
      content.snapshot!.broken ??
      (files.store.map.damagedPages > 0 ? 'its map is damaged; delete it and take another one' : null);
    this.medium = {
      read: (offset, into) => this.#read(offset, into),
      write: (offset, data) => this.#changeOwn(offset, data.length, () => this.#store.write(offset, data)),
      zero: (offset, length) => this.#changeOwn(offset, length, () => this.#store.zero(offset, length)),
      trim: (offset, length) => this.#changeOwn(offset, length, () => this.#store.trim(offset, length)),
      commit: () => this.#store.commit(),
      extents: (offset, length) => this.#extents(offset, length),
    };
  }

  get title(): string {
    return `snapshot ${this.uuid}`;
  }

  get state(): SnapshotState {
    const { source, takenMs, writable, quotaBytes } = this.#own;
    const usedBytes = this.#store.allocated.count * CLUSTER_BYTES;
    return { uuid: this.uuid, source, takenMs, writable, usedBytes, quotaBytes, broken: this.#broken };
  }

  /** Whether nothing is read from the source any more. */
  get complete(): boolean {
    return this.#store.present.allSet(0, this.#store.clusters);
  }

  /**
   * What the clusters [first, end) held at the snapshot's moment is durable here when it settles, or the snapshot is broken,
   * and that is durable. null: it is so already. Called before the source changes them; rejects where neither can be had.
   */
  keepBeforeChange(first: number, end: number): Promise<void> | null {
    if (this.#broken !== null) return this.#noted ? null : this.breakFor(this.#broken);
    const kept = this.#keep(first, end, this.#own.quotaBytes);
    return kept === null ? null : kept.catch(error => this.breakFor(error));
  }

  /** Copies everything that is still read from the source, so that it is needed no more. BLOCK_FULL, CANCELLED. */
  async hydrate(signal: AbortSignal, progress: (doneBytes: number) => void): Promise<void> {
    for (let first = 0; first < this.#store.clusters; first += CLUSTERS_AT_ONCE) {
      if (signal.aborted) throw new TandemError('CANCELLED', `${this.title} is not complete; go on with it later`);
      this.assertUsable();
      await this.#keep(first, first + CLUSTERS_AT_ONCE, null);
      progress(Math.min((first + CLUSTERS_AT_ONCE) * CLUSTER_BYTES, this.size));
    }
  }

  /** Runs `work` while nobody writes here. */
  frozen<T>(work: () => Promise<T>): Promise<T> {
    return this.alone(work);
  }

  async close(): Promise<void> {
    await this.shut();
    await Promise.allSettled(this.#keeping.values());
    await this.#breaking;
    await closeStore(this.files);
  }

  /** Durable when it settles, and what it kept has been given back to the file system where that can be done. */
  breakFor(error: unknown): Promise<void> {
    this.#broken ??= `${messageOf(error)}; delete it and take another one`;
    this.#breaking ??= this.#noteBroken(this.#broken).finally(() => {
      this.#breaking = null;
    });
    return this.#breaking;
  }

  protected override assertUsable(): void {
    super.assertUsable();
    if (this.#broken !== null) throw new TandemError('BLOCK_IO', `${this.title} is broken: ${this.#broken}`);
  }

  protected assertWritable(): void {
    if (!this.#own.writable) {
      throw new TandemError('BLOCK_READ_ONLY', `${this.title} is read-only; take a writable one to change it`);
    }
  }

  get #store(): ClusterStore {
    return this.files.store;
  }

  get #own(): NonNullable<SuperblockContent['snapshot']> {
    return this.files.superblock.content.snapshot!;
  }

  async #read(offset: number, into: Uint8Array): Promise<void> {
    const { first, end } = clustersOf(offset, into.length);
    for (const run of [...this.#store.present.runs(first, end)]) {
      const from = Math.max(offset, run.from * CLUSTER_BYTES);
      const to = Math.min(offset + into.length, run.to * CLUSTER_BYTES);
      const part = into.subarray(from - offset, to - offset);
      if (run.set) {
        await this.#store.read(from, part);
        continue;
      }
      await this.#sourceStore().read(from, part);
      // The source changes a cluster only after it is present here: if it is not now, it was not changed while it was read.
      if (this.#store.present.anySet(run.from, run.to)) await this.#read(from, part);
    }
    this.assertUsable();
  }

  *#extents(offset: number, length: number): Generator<Extent> {
    const { first, end } = clustersOf(offset, length);
    for (const run of this.#store.present.runs(first, end)) {
      const from = Math.max(offset, run.from * CLUSTER_BYTES);
      const to = Math.min(offset + length, run.to * CLUSTER_BYTES);
      yield* (run.set ? this.#store : this.#sourceStore()).extents(from, to - from);
    }
  }

  async #changeOwn(offset: number, length: number, change: () => Promise<void>): Promise<void> {
    const { first, end } = clustersOf(offset, length);
    await this.#keep(first, end, this.#own.quotaBytes);
    this.assertUsable();
    await change();
  }

  /** null: all of them are durable here. Several callers copy a cluster once. */
  #keep(first: number, end: number, quotaBytes: number | null): Promise<void> | null {
    const last = Math.min(end, this.#store.clusters);
    if (first >= last || (this.#keeping.size === 0 && this.#store.present.allSet(first, last))) return null;
    const waits = new Set<Promise<void>>();
    for (let from = first; from < last; ) {
      const running = this.#keeping.get(from);
      let to = from + 1;
      if (running !== undefined) {
        waits.add(running);
      } else if (!this.#store.present.get(from)) {
        while (to < last && to - from < CLUSTERS_AT_ONCE && !this.#store.present.get(to) && !this.#keeping.has(to))
          to++;
        waits.add(this.#startKeeping(from, to, quotaBytes));
      }
      from = to;
    }
    return waits.size === 0 ? null : Promise.all(waits).then(() => {});
  }

  #startKeeping(first: number, end: number, quotaBytes: number | null): Promise<void> {
    const offset = first * CLUSTER_BYTES;
    const length = Math.min(end * CLUSTER_BYTES, this.size) - offset;
    const data = [...this.#sourceStore().extents(offset, length)];
    const clusters = data.reduce(
      (sum, extent) => sum + (extent.hole ? 0 : Math.ceil(extent.length / CLUSTER_BYTES)),
      0,
    );
    this.#reserved += clusters;
    const copied = this.#copy(offset, data, quotaBytes)
      .then(() => {
        this.#store.know(first, end);
        return this.#store.commit();
      })
      .finally(() => {
        this.#reserved -= clusters;
        for (let cluster = first; cluster < end; cluster++) this.#keeping.delete(cluster);
      });
    for (let cluster = first; cluster < end; cluster++) this.#keeping.set(cluster, copied);
    return copied;
  }

  async #copy(offset: number, extents: readonly Extent[], quotaBytes: number | null): Promise<void> {
    if (quotaBytes !== null && (this.#store.allocated.count + this.#reserved) * CLUSTER_BYTES > quotaBytes) {
      throw new TandemError('BLOCK_FULL', `${this.title} has used its ${quotaBytes} bytes for what changes`);
    }
    let at = offset;
    for (const { length, hole } of extents) {
      if (!hole) {
        const bytes = Buffer.allocUnsafe(length);
        await this.#sourceStore().read(at, bytes);
        await this.#store.write(at, bytes);
      }
      at += length;
    }
  }

  async #noteBroken(broken: string): Promise<void> {
    try {
      await this.files.superblock.change({ snapshot: { ...this.#own, broken: broken.slice(0, 500) } });
    } catch {
      // Rather no snapshot than a wrong one: without its superblock it is gone after the next start.
      const { files, directory } = this.files;
      await removeIfThere(files, join(directory, 'superblock'));
      await files.syncDirectory(directory);
    }
    this.#noted = true;
    // The source, and its next opening, may need the room. What is written here once more would take it again.
    await Promise.allSettled(this.#keeping.values());
    await this.files.data.giveBack(0, this.size).catch(() => false);
  }
}
