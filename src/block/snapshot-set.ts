/** The snapshots of one volume, each in a directory of its own below `snapshots/`, named by its uuid. */
import { join } from 'node:path';
import { errnoOf } from '../base/errno.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { BlockFiles } from './block-files.ts';
import type { ClusterStore } from './cluster-store.ts';
import { Snapshot } from './snapshot.ts';
import { createStore, holdsStore, openStore, removeStore } from './store-files.ts';
import { SUPERBLOCK_FORMAT } from './superblock.ts';

export interface NewSnapshot {
  /** 36 characters, not used before. */
  readonly uuid: string;
  /** ms since the epoch */
  readonly takenMs: number;
  readonly writable?: boolean;
  /** Bytes that clusters changed since may take; as many as there are if left out. Exhausted, the snapshot breaks. */
  readonly quotaBytes?: number;
}

export interface SnapshotSetOptions {
  readonly files: BlockFiles;
  /** The volume's. */
  readonly directory: string;
  readonly sourceUuid: string;
  readonly sourceStore: () => ClusterStore;
  readonly access: 'read' | 'write';
}

export class SnapshotSet {
  readonly #options: SnapshotSetOptions;
  readonly #snapshots = new Map<string, Snapshot>();

  constructor(options: SnapshotSetOptions) {
    this.#options = options;
  }

  get list(): readonly Snapshot[] {
    return [...this.#snapshots.values()];
  }

  find(uuid: string): Snapshot | undefined {
    return this.#snapshots.get(uuid);
  }

  /** NOT_FOUND */
  get(uuid: string): Snapshot {
    const snapshot = this.find(uuid);
    if (snapshot === undefined) throw new TandemError('NOT_FOUND', `the volume has no snapshot ${uuid}; list them`);
    return snapshot;
  }

  /** Opens all there are and removes what is left of those that were being made or deleted. */
  async open(): Promise<void> {
    const { files, sourceStore, access } = this.#options;
    let names: string[];
    try {
      names = await files.list(this.#root);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      return;
    }
    for (const name of names) {
      const directory = join(this.#root, name);
      if (await holdsStore(files, directory)) {
        const opened = await openStore({ files, directory, title: `snapshot ${name}`, access });
        this.#snapshots.set(name, new Snapshot(opened, sourceStore));
      } else if (access === 'write') {
        await removeStore(files, directory);
      }
    }
  }

  /** Nobody may write to the source meanwhile, and what was written to it must be durable. */
  async create({ uuid, takenMs, writable = false, quotaBytes }: NewSnapshot, source: Source): Promise<Snapshot> {
    const { files, sourceUuid, sourceStore } = this.#options;
    if (this.#snapshots.size >= LIMITS.snapshotsPerVolume) {
      throw new TandemError('REFUSED', `a volume has at most ${LIMITS.snapshotsPerVolume} snapshots; delete one first`);
    }
    if (!/^[0-9a-f-]{36}$/.test(uuid)) throw new TandemError('INVALID_ARGUMENT', `“${uuid}” is not a uuid`);
    await this.#makeRoot();
    const directory = join(this.#root, uuid);
    const snapshot = { source: sourceUuid, takenMs, writable, quotaBytes: quotaBytes ?? null, broken: null };
    const content = {
      format: SUPERBLOCK_FORMAT,
      uuid,
      size: source.size,
      blockSize: source.blockSize,
      backing: null,
      backingIdentity: '',
      clean: true,
      role: '',
      generations: source.generations,
      snapshot,
    };
    try {
      await createStore({ files, directory, content });
    } catch (error) {
      // What cannot be removed now is removed when the volume is opened next.
      await removeStore(files, directory).catch(() => {});
      throw error;
    }
    const opened = await openStore({ files, directory, title: `snapshot ${uuid}`, access: 'write' });
    const made = new Snapshot(opened, sourceStore);
    this.#snapshots.set(uuid, made);
    return made;
  }

  /** Its space is free when this settles. */
  async delete(uuid: string): Promise<void> {
    const snapshot = this.get(uuid);
    this.#snapshots.delete(uuid);
    // It is of no use any more, whatever it says at its end.
    await snapshot.close().catch(() => {});
    await removeStore(this.#options.files, snapshot.files.directory);
  }

  /** Nobody may write to the source meanwhile. The snapshot is closed and no longer one of this volume. */
  async release(uuid: string): Promise<Snapshot> {
    const snapshot = this.get(uuid);
    await snapshot.close();
    this.#snapshots.delete(uuid);
    return snapshot;
  }

  /** Before the source's clusters [first, end) change. null: nobody needs what they hold. */
  keepBeforeChange(first: number, end: number): Promise<void> | null {
    if (this.#snapshots.size === 0) return null;
    const waits: Promise<void>[] = [];
    for (const snapshot of this.#snapshots.values()) {
      const wait = snapshot.keepBeforeChange(first, end);
      if (wait !== null) waits.push(wait);
    }
    return waits.length === 0 ? null : Promise.all(waits).then(() => {});
  }

  async close(): Promise<void> {
    for (const snapshot of this.#snapshots.values()) await snapshot.close();
  }

  get #root(): string {
    return join(this.#options.directory, 'snapshots');
  }

  async #makeRoot(): Promise<void> {
    const { files, directory } = this.#options;
    try {
      await files.makeDirectory(this.#root);
      await files.syncDirectory(directory);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}

interface Source {
  readonly size: number;
  readonly blockSize: number;
  readonly generations: string;
}
