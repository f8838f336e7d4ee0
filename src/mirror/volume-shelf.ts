/**
 * The volumes of this member: each in a directory of its own on one shelf, open and exported as long as the daemon runs.
 * One that cannot be used stays on the list with the reason, and is tried again now and then.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { describeUnknown } from '../base/known-names.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { TaskLine } from '../base/task-line.ts';
import type { BlockFiles } from '../block/block-files.ts';
import type { ExportRecord, Exports } from '../block/nbd/exports.ts';
import type { BackingContents } from '../block/store-files.ts';
import { openVolume, type Volume } from '../block/volume.ts';
import { createVolume, deleteVolume } from '../block/volume-making.ts';
import { type ElementRules, servedDevice } from './element-rules.ts';

export interface VolumeShelfParts {
  /** Made if it is not there. */
  readonly directory: string;
  readonly files: BlockFiles;
  readonly exports: Exports;
  /** What the pairs say that volumes belong to. */
  readonly rules: ElementRules;
  /** Told of every volume before it is served, and before it is closed. */
  readonly trackers: { opened(volume: Volume): Promise<void>; closing(volume: Volume): Promise<void> };
  readonly uuid: () => string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly log: Log;
}

export interface VolumeOrder {
  readonly name: string;
  /** Bytes; a multiple of the block size. */
  readonly size: number;
  readonly blockSize?: number | undefined;
  /** Absolute path of a file or block device that holds the data; else it lies with the metadata. */
  readonly backing?: string | undefined;
  /** Needed where the backing is there already. */
  readonly contents?: BackingContents | undefined;
}

export interface ShelvedVolume {
  readonly name: string;
  readonly directory: string;
  /** Null: it cannot be used, for `problem`. */
  readonly volume: Volume | null;
  readonly problem: string | null;
  readonly export: ExportRecord | undefined;
}

interface Place {
  readonly directory: string;
  volume: Volume | null;
  problem: string | null;
}

/** Fits a directory's name, an export's, and a shell. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export class VolumeShelf {
  readonly #parts: VolumeShelfParts;
  readonly #places = new Map<string, Place>();
  /** Volumes come, change and go one after the other. */
  readonly #line = new TaskLine();

  constructor(parts: VolumeShelfParts) {
    this.#parts = parts;
  }

  /** Opens all volumes. One that cannot be opened is told of and keeps no other from it. */
  async open(): Promise<void> {
    const { directory } = this.#parts;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const entries = await readdir(directory, { withFileTypes: true });
    for (const entry of entries) if (entry.isDirectory() && NAME.test(entry.name)) await this.#enter(entry.name);
  }

  /** Tries volumes that cannot be used again, and gives trimmed space back now and then, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    let lastMs = clock.now();
    while (!signal.aborted) {
      await clock.sleep(LIMITS.volumeRetryMs, signal).catch(() => {});
      for (const [name, { volume }] of this.#places) {
        if (volume === null && !signal.aborted) await this.#line.run(() => this.#enter(name));
      }
      if (Math.abs(clock.now() - lastMs) < LIMITS.housekeepingMs) continue;
      lastMs = clock.now();
      await this.#reclaim(signal);
    }
  }

  list(): ShelvedVolume[] {
    return [...this.#places.keys()].sort().map(name => this.get(name));
  }

  /** By name or uuid. NOT_FOUND */
  get(named: string): ShelvedVolume {
    const name = this.#nameOf(named);
    const { directory, volume, problem } = this.#places.get(name)!;
    return { name, directory, volume, problem, export: this.#parts.exports.record(name) };
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** NOT_FOUND; REFUSED where it cannot be used. */
  usable(named: string): Volume {
    const { volume, name, problem } = this.get(named);
    if (volume === null) throw new TandemError('REFUSED', `volume ${name} cannot be used: ${problem}`);
    return volume;
  }

  /** Serves the volume as the rules are now; clients that would do more are sent away when it settles. */
  async settle(name: string): Promise<void> {
    const { exports, rules } = this.#parts;
    const volume = this.#places.get(name)?.volume ?? null;
    const served = exports.record(name);
    const access = rules.access(name);
    if (volume === null || access === 'closed') {
      if (served !== undefined) await exports.remove(name);
      return;
    }
    const readOnly = volume.readOnly || access === 'read-only';
    if (served === undefined) {
      exports.add({
        name,
        device: servedDevice(volume, () => rules.beforeWrite(name)),
        readOnly,
        description: `volume ${name}`,
        contexts: () => rules.contexts(name),
      });
    } else if (served.readOnly !== readOnly) {
      await exports.change(name, { readOnly });
    }
  }

  /** Where a volume of this name lies. */
  directoryFor(name: string): string {
    return join(this.#parts.directory, name);
  }

  /** A volume was put where `directoryFor` says. */
  takeIn(name: string): Promise<void> {
    return this.#line.run(() => this.#enter(name));
  }

  /** Durable and served when it resolves. INVALID_ARGUMENT, REFUSED, BLOCK_LOCKED, BLOCK_FULL. */
  async create(order: VolumeOrder): Promise<ShelvedVolume> {
    const { files, uuid, emit } = this.#parts;
    const { name, size, blockSize, backing, contents } = order;
    if (!NAME.test(name)) {
      throw new TandemError(
        'INVALID_ARGUMENT',
        `“${name}” cannot be a volume’s name; take up to 64 letters, digits, dots, dashes and underscores`,
      );
    }
    return this.#line.run(async () => {
      if (this.#places.has(name)) throw new TandemError('REFUSED', `there is a volume ${name} already`);
      if (this.#parts.exports.record(name) !== undefined) {
        throw new TandemError('REFUSED', `there is a snapshot ${name} already`);
      }
      await createVolume({
        files,
        directory: join(this.#parts.directory, name),
        name,
        uuid: uuid(),
        size,
        ...(blockSize === undefined ? {} : { blockSize }),
        ...(backing === undefined ? {} : { backing }),
        ...(contents === undefined ? {} : { contents }),
      });
      await this.#enter(name);
      emit('VOLUME_CREATED', `volume ${name} was created`, { volume: name, bytes: size });
      return this.get(name);
    });
  }

  /**
   * Clients that are connected know the old size until they connect again. Smaller only with `discard`, and with nobody
   * connected. REFUSED, BLOCK_FULL.
   */
  async resize(named: string, size: number, { discard }: { readonly discard: boolean }): Promise<ShelvedVolume> {
    const name = this.#nameOf(named);
    return this.#line.run(async () => {
      const volume = this.usable(name);
      this.#assertUnbound(name, 'be resized');
      const before = volume.size;
      if (size < before) this.#assertIdle(name, 'be made smaller');
      await volume.resize(size, { discard });
      this.#parts.emit('VOLUME_RESIZED', `volume ${name} has ${size} bytes now, ${before} before`, { volume: name });
      return this.get(name);
    });
  }

  /** With its snapshots; a backing that was given stays. REFUSED while clients are connected, but for `force`. */
  async delete(named: string, { force }: { readonly force: boolean }): Promise<void> {
    const name = this.#nameOf(named);
    const { exports, files, emit } = this.#parts;
    await this.#line.run(async () => {
      this.#assertUnbound(name, 'be deleted');
      if (!force) this.#assertIdle(name, 'be deleted');
      const place = this.#places.get(name);
      if (!place) return;
      if (exports.record(name)) await exports.remove(name);
      await this.#shut(place);
      place.volume = null;
      place.problem = 'it is being deleted';
      await deleteVolume(files, place.directory, name);
      this.#places.delete(name);
      emit('VOLUME_DELETED', `volume ${name} was deleted`, { volume: name });
    });
  }

  /** Everything is durable then. Nobody may be connected any more. */
  async close(): Promise<void> {
    await this.#line.run(async () => {
      for (const [name, place] of this.#places) {
        await this.#shut(place).catch(error => {
          this.#parts.log.error({ error, volume: name }, 'a volume was not closed');
        });
      }
      this.#places.clear();
    });
  }

  async #shut({ volume }: Place): Promise<void> {
    if (volume === null) return;
    try {
      await this.#parts.trackers.closing(volume);
    } finally {
      await volume.close();
    }
  }

  async #enter(name: string): Promise<void> {
    if (this.#places.get(name)?.volume) return await this.settle(name);
    const { directory, files, emit, trackers } = this.#parts;
    const place: Place = this.#places.get(name) ?? { directory: join(directory, name), volume: null, problem: null };
    this.#places.set(name, place);
    try {
      const volume = await openVolume({ files, directory: place.directory, name });
      await trackers.opened(volume).catch(async error => {
        await volume.close();
        throw error;
      });
      place.volume = volume;
      place.problem = null;
      await this.settle(name);
    } catch (error) {
      const problem = messageOf(error);
      if (place.problem !== problem) emit('VOLUME_UNUSABLE', `volume ${name}: ${problem}`, { volume: name });
      place.problem = problem;
    }
  }

  async #reclaim(signal: AbortSignal): Promise<void> {
    for (const [name, { volume }] of this.#places) {
      if (volume === null || volume.readOnly || volume.closed) continue;
      await volume.reclaim(signal).catch(error => {
        this.#parts.log.warn({ error, volume: name }, 'the space of a volume was not given back');
      });
    }
  }

  #assertUnbound(name: string, what: string): void {
    const bond = this.#parts.rules.bond(name);
    if (bond !== null) throw new TandemError('REFUSED', `volume ${name} cannot ${what}: ${bond}`);
  }

  #assertIdle(name: string, what: string): void {
    const clients = this.#parts.exports.record(name)?.clients ?? [];
    if (clients.length === 0) return;
    throw new TandemError(
      'REFUSED',
      `volume ${name} cannot ${what} while ${clients.length} NBD clients are connected; disconnect them first`,
    );
  }

  #nameOf(named: string): string {
    if (this.#places.has(named)) return named;
    for (const [name, { volume }] of this.#places) if (volume?.uuid === named.toLowerCase()) return name;
    const known = [...this.#places.keys()];
    throw new TandemError('NOT_FOUND', describeUnknown({ what: 'volume', name: named, known }));
  }
}
