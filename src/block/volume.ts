/**
 * A volume: a block device of a fixed size, kept in a sparse file or on a block device, with its metadata in a directory beside:
 * `superblock`, `map`, `snapshots/`, and `rollback` while the volume is set back to a snapshot.
 */
import { join } from 'node:path';
import { TandemError } from '../base/errors.ts';
import { explained, toBlockError } from './block-error.ts';
import { type BlockFiles, removeIfThere } from './block-files.ts';
import { CLUSTER_BYTES, type ClusterStore } from './cluster-store.ts';
import type { Extent } from './device.ts';
import { type Medium, OrderedDevice } from './ordered-device.ts';
import { noteRollback, readRollback, setBack } from './rollback.ts';
import type { Snapshot } from './snapshot.ts';
import { type NewSnapshot, SnapshotSet } from './snapshot-set.ts';
import { closeStore, clustersOf, openStore, type StoreFiles } from './store-files.ts';
import { assertSize, growStore, shrinkStore } from './store-size.ts';
import { type RangeChange, type WriteGuard, WriteGuards } from './write-guard.ts';

export interface VolumeOpening {
  readonly files: BlockFiles;
  readonly directory: string;
  /** The volume's name, for sentences. */
  readonly name: string;
  /** 'read': nothing is changed, and every write is refused. */
  readonly access?: 'read' | 'write';
  /** BLOCK_IO if another volume is there. */
  readonly uuid?: string;
  /** Takes a backing that is not the one it was for it. */
  readonly adopt?: boolean;
}

/** Opens and claims a volume with its snapshots, and finishes what a crash cut off. */
export async function openVolume(opening: VolumeOpening): Promise<Volume> {
  const { files, directory, name, access = 'write' } = opening;
  const title = `volume ${name}`;
  const adopt = opening.adopt === true;
  const opened = await openStore({ files, directory, title, access, adopt });
  const volume = new Volume(opened, name);
  try {
    const { uuid, snapshot } = opened.superblock.content;
    if (opening.uuid !== undefined && opening.uuid !== uuid) {
      throw new TandemError(
        'BLOCK_IO',
        `${directory} holds the volume ${uuid} instead of ${opening.uuid}; see what is mounted there`,
      );
    }
    if (snapshot !== null) await becomeIndependent(opened, title);
    await explained(`${title} cannot be opened`, () => volume.recover());
    return volume;
  } catch (error) {
    await volume.abandon();
    throw error;
  }
}

/** A snapshot that was moved here is a volume of its own, if it needs its source no more. */
async function becomeIndependent({ superblock, store }: StoreFiles, title: string): Promise<void> {
  if (!store.present.allSet(0, store.clusters)) {
    throw new TandemError(
      'BLOCK_IO',
      `${title} is a snapshot and cannot be used without its volume; put it back where it was`,
    );
  }
  await superblock.change({ snapshot: null });
}

export class Volume extends OrderedDevice {
  readonly blockSize: number;
  readonly uuid: string;
  readonly name: string;
  readonly directory: string;
  protected readonly medium: Medium;
  readonly #opened: StoreFiles;
  readonly #snapshots: SnapshotSet;
  readonly #guards = new WriteGuards();
  #refusal: string | null = null;
  /** Until the volume has been set back to it, it is read in the volume's place. */
  #restoring: Snapshot | null = null;

  constructor(opened: StoreFiles, name: string) {
    super();
    const { content } = opened.superblock;
    this.blockSize = content.blockSize;
    this.uuid = content.uuid;
    this.name = name;
    this.directory = opened.directory;
    this.#opened = opened;
    this.#snapshots = new SnapshotSet({
      files: opened.files,
      directory: opened.directory,
      sourceUuid: this.uuid,
      sourceStore: () => this.#store,
      access: opened.writable ? 'write' : 'read',
    });
    this.medium = {
      read: (offset, into) =>
        this.#restoring === null ? this.#store.read(offset, into) : this.#restoring.read(offset, into),
      write: (offset, data) =>
        this.#guarded(offset, data.length, { kind: 'write', data }, () => this.#store.write(offset, data)),
      zero: (offset, length) => this.#guarded(offset, length, { kind: 'zero' }, () => this.#store.zero(offset, length)),
      trim: (offset, length) => this.#guarded(offset, length, { kind: 'trim' }, () => this.#store.trim(offset, length)),
      commit: () => this.#guards.commit(() => this.#store.commit()),
      extents: (offset, length) => this.#extents(offset, length),
    };
  }

  get size(): number {
    return this.#opened.superblock.content.size;
  }

  get title(): string {
    return `volume ${this.name}`;
  }

  get readOnly(): boolean {
    return !this.#opened.writable;
  }

  /** Bytes its content takes. */
  get allocatedBytes(): number {
    return Math.min(this.#store.allocated.count * CLUSTER_BYTES, this.size);
  }

  get role(): string {
    return this.#opened.superblock.content.role;
  }

  get generations(): string {
    return this.#opened.superblock.content.generations;
  }

  /** Durable when it settles, both of them at once. */
  setIdentity(change: { readonly role?: string; readonly generations?: string }): Promise<void> {
    return explained(`${this.title} cannot be changed`, () => this.#opened.superblock.change(change));
  }

  /** From the next write on; the returned function takes it away again. */
  addGuard(guard: WriteGuard): () => void {
    return this.#guards.add(guard);
  }

  /** As `flush`, on the disks of this volume alone: the guards are not asked. */
  async flushHere(): Promise<void> {
    this.assertUsable();
    await explained(`${this.title} cannot be made durable`, () => this.#store.commit());
  }

  /** Resolves when every write that was called before has settled. */
  drain(): Promise<void> {
    return this.alone(async () => {});
  }

  /** Writes wait while `work` runs; those called before have settled. A moment of several volumes is had by nesting. */
  hold<T>(work: () => Promise<T>): Promise<T> {
    return this.alone(work);
  }

  /** As `hold`, for a part of the volume: what is read inside stays true until `work` is over. */
  holdRange<T>(offset: number, length: number, work: () => Promise<T>): Promise<T> {
    return this.within(offset, offset + length, work);
  }

  get snapshots(): readonly Snapshot[] {
    return this.#snapshots.list;
  }

  /** Undefined: it has none of this uuid. */
  snapshot(uuid: string): Snapshot | undefined {
    return this.#snapshots.find(uuid);
  }

  /** Shows what was written by all writes called before; durable when it settles. */
  createSnapshot(wanted: NewSnapshot): Promise<Snapshot> {
    return this.alone(() => this.takeSnapshot(wanted));
  }

  /** As `createSnapshot`, inside `hold`. */
  takeSnapshot(wanted: NewSnapshot): Promise<Snapshot> {
    this.assertUsable();
    this.assertWritable();
    return explained(`${this.title} has no snapshot taken`, async () => {
      await this.#store.commit();
      return await this.#snapshots.create(wanted, this);
    });
  }

  async deleteSnapshot(uuid: string): Promise<void> {
    this.#assertNotRestoring();
    await explained(`snapshot ${uuid} cannot be deleted`, () => this.#snapshots.delete(uuid));
  }

  /**
   * Makes a snapshot a volume of its own in `directory`, which must be on the same file system and not be there. The snapshot's
   * device is closed. Can be called again where it was cut off.
   */
  async releaseSnapshot(
    uuid: string,
    options: {
      readonly directory: string;
      readonly signal: AbortSignal;
      readonly progress: (doneBytes: number) => void;
    },
  ): Promise<void> {
    this.#assertNotRestoring();
    const snapshot = this.#snapshots.get(uuid);
    await explained(`${snapshot.title} cannot be made independent`, async () => {
      await snapshot.hydrate(options.signal, options.progress);
      await this.alone(() => this.#snapshots.release(uuid));
      const { files } = this.#opened;
      await files.rename(snapshot.files.directory, options.directory);
      await files.syncDirectory(join(options.directory, '..'));
      await files.syncDirectory(join(this.directory, 'snapshots'));
    });
  }

  /**
   * Sets the volume back to what the snapshot shows; a crash in between is finished at the next opening. Other snapshots keep
   * their own moments. Meanwhile reads see the snapshot, and writes are refused.
   */
  async rollback(uuid: string): Promise<void> {
    const snapshot = this.#snapshots.get(uuid);
    this.assertUsable();
    if (snapshot.size !== this.size) {
      throw new TandemError(
        'REFUSED',
        `${this.title} has ${this.size} bytes and the snapshot ${snapshot.size}; resize the volume first`,
      );
    }
    if (snapshot.state.broken !== null) {
      throw new TandemError('REFUSED', `${snapshot.title} is broken: ${snapshot.state.broken}`);
    }
    await explained(`${this.title} cannot be set back`, () =>
      this.alone(async () => {
        await noteRollback(this.#opened.files, this.directory, uuid);
        await this.#finishRollback(snapshot);
      }),
    );
  }

  /** Gives trimmed space back to the file system, where it can. Bytes given back. Writes wait for each piece. */
  async reclaim(signal: AbortSignal): Promise<number> {
    this.assertUsable();
    this.assertWritable();
    let bytes = 0;
    for (let first = 0; first < this.#store.clusters && !signal.aborted; ) {
      const step = Math.min(first + 4096, this.#store.clusters);
      const given = this.#store.hasStale(first, step)
        ? await this.alone(async () => (this.closed ? null : await this.#store.reclaim(first, step)))
        : 0;
      if (given === null) break;
      bytes += given;
      first = step;
    }
    return bytes;
  }

  /**
   * Grows, or shrinks if `discard`: what lies beyond the new end is lost then, but for snapshots. Those who have the volume
   * open see the new size at once. REFUSED while somebody guards the writes: what they keep is of the old size.
   */
  async resize(size: number, { discard = false }: { readonly discard?: boolean } = {}): Promise<void> {
    assertSize(size, this.blockSize);
    if (size < this.size && !discard) {
      throw new TandemError(
        'REFUSED',
        `${this.title} has ${this.size} bytes; making it smaller loses what lies beyond the new end; “tandem volume resize --discard” does it all the same`,
      );
    }
    this.assertWritable();
    if (this.#guards.size > 0) {
      throw new TandemError(
        'REFUSED',
        `the changes of ${this.title} are tracked for a replica; end or suspend that before resizing`,
      );
    }
    await explained(`${this.title} cannot be resized`, () =>
      this.alone(async () => {
        if (size > this.size) return await growStore(this.#opened, size, this.title);
        const { first, end } = clustersOf(size, this.size - size);
        await this.#snapshots.keepBeforeChange(first, end);
        await shrinkStore(this.#opened, size);
      }),
    );
  }

  /** Everything becomes durable; nobody can use the volume or its snapshots any more. */
  async close(): Promise<void> {
    if (this.closed) return;
    await this.shut();
    try {
      await this.#snapshots.close();
    } finally {
      await closeStore(this.#opened).catch(error => {
        throw toBlockError(error, `${this.title} cannot be closed`);
      });
    }
  }

  /** For `openVolume`: snapshots, and what a crash cut off. */
  async recover(): Promise<void> {
    await this.#snapshots.open();
    const uuid = await readRollback(this.#opened.files, this.directory);
    if (uuid === null) return;
    const snapshot = this.#snapshots.get(uuid);
    this.#restoring = snapshot;
    if (this.#opened.writable) await this.#finishRollback(snapshot);
  }

  /** For `openVolume`: lets go of everything without a claim that it was well. */
  async abandon(): Promise<void> {
    await this.shut();
    for (const { files } of this.#snapshots.list) await letGo(files);
    await letGo(this.#opened);
  }

  /** Until the returned function is called, writes are refused for this reason, also those that wait for the volume just now. */
  refuseWrites(reason: string): () => void {
    this.#refusal = reason;
    return () => {
      this.#refusal = null;
    };
  }

  protected assertWritable(): void {
    if (this.#refusal !== null) throw new TandemError('BLOCK_READ_ONLY', `${this.title}: ${this.#refusal}`);
    if (!this.#opened.writable) throw new TandemError('BLOCK_READ_ONLY', `${this.title} is open for reading only`);
    this.#assertNotRestoring();
  }

  get #store(): ClusterStore {
    return this.#opened.store;
  }

  #assertNotRestoring(): void {
    if (this.#restoring === null) return;
    const { uuid } = this.#restoring;
    throw new TandemError(
      'BLOCK_READ_ONLY',
      `${this.title} is being set back to snapshot ${uuid}; wait, or open it again if that failed`,
    );
  }

  #extents(offset: number, length: number): Iterable<Extent> {
    // While it is set back, nothing is said of holes: all of it may have data.
    return this.#restoring === null ? this.#store.extents(offset, length) : [{ length, hole: false }];
  }

  #guarded(offset: number, length: number, change: RangeChange, carryOut: () => Promise<void>): Promise<void> {
    return this.#guards.around(offset, length, change, async () => {
      const { first, end } = clustersOf(offset, length);
      const kept = this.#snapshots.keepBeforeChange(first, end);
      if (kept !== null) await kept;
      await carryOut();
    });
  }

  async #finishRollback(snapshot: Snapshot): Promise<void> {
    this.#restoring = snapshot;
    await snapshot.frozen(() =>
      setBack({
        from: snapshot.files.store,
        to: this.#store,
        keepBeforeChange: (first, end) => this.#snapshots.keepBeforeChange(first, end),
      }),
    );
    const { files } = this.#opened;
    await removeIfThere(files, join(this.directory, 'rollback'));
    await files.syncDirectory(this.directory);
    this.#restoring = null;
  }
}

async function letGo({ superblock, map, data }: StoreFiles): Promise<void> {
  await superblock.close();
  await map.close();
  await data.close();
}
