/**
 * Knows, after whatever crash, what of a volume partners may lack: a dirty map for each of them, and the activity log. A write to an
 * extent that is not hot waits until a record that names it is durable; writes that wait at the same time share a record. An
 * extent cools down when its writes are durable here and the dirty maps' copies tell of them. After a crash whatever was hot
 * is dirty for everybody.
 */
import { join } from 'node:path';
import { assert, TandemError } from '../base/errors.ts';
import { type ActivityLogFile, EXTENT_BYTES, MOST_HOT_EXTENTS, openActivityLog } from './activity-log-file.ts';
import { type BlockFiles, openIfThere, openOrCreate, removeIfThere } from './block-files.ts';
import { type DirtyMapFile, openDirtyMap } from './dirty-map-file.ts';
import type { Volume } from './volume.ts';
import type { WriteGuard } from './write-guard.ts';

export interface TrackerOptions {
  readonly files: BlockFiles;
  readonly volume: Volume;
  /** Partners whose maps are kept; a new one begins with everything dirty. At most 64 characters of a-z, 0-9 and '-'. */
  readonly peers: readonly string[];
  /** Bytes of a bit; 4096 if left out. The same for the life of a map. */
  readonly granularity?: number;
  /** 1000 if left out: after a crash up to 4000 MiB are compared again. */
  readonly hotExtents?: number;
}

interface Waiting {
  readonly first: number;
  readonly last: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const PREFIX = 'dirty-';

/** Opens the maps and the log of a volume, takes in what a crash left, and watches every write from then on. */
export async function trackWrites(options: TrackerOptions): Promise<WriteTracker> {
  const { files, volume, granularity = 4096, hotExtents = 1000 } = options;
  assert(hotExtents >= 16 && hotExtents <= MOST_HOT_EXTENTS, 'a write fits the hot extents, and these a record');
  const file = await openOrCreate(files, join(volume.directory, 'activity-log'));
  const { log, hot } = await openActivityLog(file);
  const tracker = new WriteTracker(files, volume, log, { granularity, hotExtents });
  const names = (await files.list(volume.directory)).filter(name => name.startsWith(PREFIX));
  for (const name of names) {
    if (!options.peers.includes(name.slice(PREFIX.length))) await removeIfThere(files, join(volume.directory, name));
  }
  for (const peer of options.peers) {
    const map = await tracker.openPeer(peer);
    // Without any record nothing is known: the log was lost, or never there.
    if (hot === null) map.mark(0, volume.size);
    else for (const extent of hot) markExtent(map, extent);
    await map.save();
  }
  await log.write([]);
  await files.syncDirectory(volume.directory);
  tracker.start();
  return tracker;
}

export class WriteTracker implements WriteGuard {
  readonly #files: BlockFiles;
  readonly #volume: Volume;
  readonly #log: ActivityLogFile;
  readonly #granularity: number;
  readonly #capacity: number;
  readonly #maps = new Map<string, DirtyMapFile>();
  /** Writes under way by hot extent; the one that was used longest ago first. */
  readonly #hot = new Map<number, number>();
  #newest = -1;
  #waiting: Waiting[] = [];
  #running = false;
  #stop: (() => void) | null = null;

  constructor(
    files: BlockFiles,
    volume: Volume,
    log: ActivityLogFile,
    { granularity, hotExtents }: { readonly granularity: number; readonly hotExtents: number },
  ) {
    this.#files = files;
    this.#volume = volume;
    this.#log = log;
    this.#granularity = granularity;
    this.#capacity = hotExtents;
  }

  has(name: string): boolean {
    return this.#maps.has(name);
  }

  /** NOT_FOUND */
  peer(name: string): DirtyMapFile {
    const map = this.#maps.get(name);
    if (map === undefined) throw new TandemError('NOT_FOUND', `no changes are tracked for ${name}`);
    return map;
  }

  /** From now on; everything is dirty at first. Durable when it settles. */
  async addPeer(name: string): Promise<DirtyMapFile> {
    if (this.#maps.has(name)) throw new TandemError('REFUSED', `changes are tracked for ${name} already`);
    return await this.#volume.hold(() => this.openPeer(name));
  }

  async removePeer(name: string): Promise<void> {
    const map = this.peer(name);
    // No save of the maps is under way while nobody writes.
    await this.#volume.hold(async () => {
      this.#maps.delete(name);
      await map.close();
      await removeIfThere(this.#files, join(this.#volume.directory, PREFIX + name));
      await this.#files.syncDirectory(this.#volume.directory);
    });
  }

  get hotExtents(): readonly number[] {
    return [...this.#hot.keys()];
  }

  before(offset: number, length: number): Promise<void> | null {
    for (const map of this.#maps.values()) if (!map.following) map.mark(offset, length);
    const first = Math.floor(offset / EXTENT_BYTES);
    const last = Math.floor((offset + length - 1) / EXTENT_BYTES);
    if (last - first < this.#capacity && this.#isHot(first, last)) {
      this.#use(first, last);
      return null;
    }
    if (last - first >= this.#capacity / 2) {
      return Promise.reject(
        new TandemError(
          'INVALID_ARGUMENT',
          `a write or trim of ${length} bytes at once is too large while changes are tracked; divide it`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ first, last, resolve, reject });
      this.#ring();
    });
  }

  after(offset: number, length: number): null {
    const first = Math.floor(offset / EXTENT_BYTES);
    const last = Math.floor((offset + length - 1) / EXTENT_BYTES);
    for (let extent = first; extent <= last; extent++) this.#hot.set(extent, this.#hot.get(extent)! - 1);
    if (this.#waiting.length > 0) this.#ring();
    return null;
  }

  /** The maps' copies tell everything; nothing is hot. Writes wait meanwhile, and are not tracked after. */
  async close(): Promise<void> {
    try {
      await this.#volume.hold(async () => {
        this.#stop?.();
        await this.#volume.flushHere();
        for (const map of this.#maps.values()) await map.save();
        await this.#log.write([]);
      });
    } finally {
      for (const map of this.#maps.values()) await map.close();
      await this.#log.close();
    }
  }

  /** For `trackWrites`. */
  start(): void {
    this.#stop = this.#volume.addGuard(this);
  }

  /** For `trackWrites`. */
  async openPeer(name: string): Promise<DirtyMapFile> {
    if (!/^[a-z0-9-]{1,64}$/.test(name)) throw new TandemError('INVALID_ARGUMENT', `“${name}” cannot name a dirty map`);
    const { size, directory } = this.#volume;
    const granularity = this.#granularity;
    const path = join(directory, PREFIX + name);
    const there = await openIfThere(this.#files, path, 'write');
    if (there !== null) return this.#keep(name, await openDirtyMap({ file: there, size, granularity }));
    // An empty map would say that the partner has everything: a new one gets its name when it says the contrary.
    const unfinished = join(directory, `new-${PREFIX}${name}`);
    await removeIfThere(this.#files, unfinished);
    const map = await openDirtyMap({ file: await this.#files.open(unfinished, 'create'), size, granularity });
    map.mark(0, size);
    await map.save();
    await this.#files.rename(unfinished, path);
    await this.#files.syncDirectory(directory);
    return this.#keep(name, map);
  }

  #keep(name: string, map: DirtyMapFile): DirtyMapFile {
    this.#maps.set(name, map);
    return map;
  }

  #isHot(first: number, last: number): boolean {
    for (let extent = first; extent <= last; extent++) if (!this.#hot.has(extent)) return false;
    return true;
  }

  #use(first: number, last: number): void {
    for (let extent = first; extent <= last; extent++) {
      const writes = this.#hot.get(extent) ?? 0;
      if (extent !== this.#newest) this.#hot.delete(extent);
      this.#hot.set(extent, writes + 1);
      this.#newest = extent;
    }
  }

  #ring(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#heat();
  }

  /** Round by round, until nobody waits or nothing can cool down. */
  async #heat(): Promise<void> {
    // Those who come in the same turn share a record.
    await null;
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#takeBatch();
        if (batch.length === 0) return;
        await this.#heatBatch(batch);
      }
    } finally {
      // In the very turn in which it was seen that there is nothing to do: who comes in a later one is not overlooked.
      this.#running = false;
    }
  }

  async #heatBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const wanted = new Set(batch.flatMap(({ first, last }) => span(first, last)));
      await this.#coolFor(wanted);
      await this.#log.write(new Set([...this.#hot.keys(), ...wanted]));
      for (const { first, last, resolve } of batch) {
        this.#use(first, last);
        resolve();
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** Those from the front whose extents fit beside what is being written to. */
  #takeBatch(): Waiting[] {
    const busy = new Set([...this.#hot].filter(([, writes]) => writes > 0).map(([extent]) => extent));
    let count = 0;
    for (const { first, last } of this.#waiting) {
      for (let extent = first; extent <= last; extent++) busy.add(extent);
      if (busy.size > this.#capacity) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** Makes room among the hot extents; a good deal at once, because it costs several syncs. */
  async #coolFor(wanted: ReadonlySet<number>): Promise<void> {
    const added = [...wanted].filter(extent => !this.#hot.has(extent)).length;
    const surplus = this.#hot.size + added - this.#capacity;
    if (surplus <= 0) return;
    let left = Math.max(surplus, Math.floor(this.#capacity / 8));
    for (const [extent, writes] of this.#hot) {
      if (left === 0) break;
      if (writes > 0 || wanted.has(extent)) continue;
      // From here on a write to it waits for a new record.
      this.#hot.delete(extent);
      left--;
    }
    await this.#volume.flushHere();
    for (const map of this.#maps.values()) await map.save();
  }
}

function span(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function markExtent(map: DirtyMapFile, extent: number): void {
  const offset = extent * EXTENT_BYTES;
  if (offset < map.size) map.mark(offset, Math.min(EXTENT_BYTES, map.size - offset));
}
