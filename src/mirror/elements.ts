/** The storage elements of this member, volumes and snapshots, as pairs deal with them: found, served, taken away, measured. */
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { BlockDevice } from '../block/device.ts';
import type { Exports } from '../block/nbd/exports.ts';
import type { Volume } from '../block/volume.ts';
import type { HostLoad } from '../model/copy-plan.ts';
import { type LoadLooks, lookAtLoad } from '../model/host-load.ts';
import { type ElementRules, servedDevice } from './element-rules.ts';
import type { VolumeShelf } from './volume-shelf.ts';

export interface ElementsParts {
  readonly shelf: VolumeShelf;
  readonly exports: Exports;
  readonly rules: ElementRules & {
    /** The snapshot that a name stands for which is no volume's. */
    snapshotNamed(name: string): { readonly volume: string; readonly uuid: string } | null;
  };
  /** As `HostLoad.idle`; left out: nothing else is to be done. */
  readonly idle?: () => number;
  readonly clock: Clock;
  readonly log: Log;
}

export class Elements {
  readonly #parts: ElementsParts;
  readonly #looks = new Map<string, LoadLooks>();

  constructor(parts: ElementsParts) {
    this.#parts = parts;
  }

  /** NOT_FOUND, REFUSED where it cannot be used. */
  volume(name: string): Volume {
    return this.#parts.shelf.usable(name);
  }

  /** A volume or a served snapshot has this name. */
  isTaken(name: string): boolean {
    return this.#parts.shelf.has(name) || this.#parts.exports.record(name) !== undefined;
  }

  /** Serves the element as the rules are now; whoever loses by that is sent away when it settles. */
  async settle(name: string): Promise<void> {
    const { shelf, exports, rules } = this.#parts;
    if (shelf.has(name)) return await shelf.settle(name);
    const device = this.#snapshot(name);
    const served = exports.record(name);
    const access = rules.access(name);
    if (device === null || access === 'closed') {
      if (served !== undefined) await exports.remove(name);
      return;
    }
    const readOnly = access === 'read-only';
    const spec = {
      device: servedDevice(device, () => rules.beforeWrite(name)),
      readOnly,
      description: `snapshot ${name}`,
    };
    if (served === undefined) exports.add({ name, ...spec });
    else if (served.readOnly !== readOnly) await exports.change(name, spec);
  }

  /** `settle` without waiting for it. */
  refresh(name: string): void {
    this.settle(name).catch(error => {
      this.#parts.log.warn({ element: name, reason: messageOf(error) }, 'an element is not served as it should be');
    });
  }

  /** Its clients have to connect again. */
  async sendAway(name: string): Promise<void> {
    if (this.#parts.exports.record(name) !== undefined) await this.#parts.exports.change(name, {});
  }

  /** Nobody is served from a snapshot any more. */
  async withdraw(name: string): Promise<void> {
    const { shelf, exports } = this.#parts;
    if (!shelf.has(name) && exports.record(name) !== undefined) await exports.remove(name);
  }

  /** Where a volume of this name lies. */
  directoryFor(name: string): string {
    return this.#parts.shelf.directoryFor(name);
  }

  /** A volume was put where `directoryFor` says. */
  takeIn(name: string): Promise<void> {
    return this.#parts.shelf.takeIn(name);
  }

  /** Clients that may write. */
  writers(name: string): number {
    return this.#parts.exports.record(name)?.clients.filter(client => client.writer).length ?? 0;
  }

  /** What clients have done with it of late. */
  load(name: string): HostLoad {
    const { clients = [], movedBytes = 0 } = this.#parts.exports.record(name) ?? {};
    const now = { atMs: this.#parts.clock.now(), bytes: movedBytes };
    const { looks, bytesPerSecond } = lookAtLoad(this.#looks.get(name) ?? null, now);
    this.#looks.set(name, looks);
    const waiting = clients.reduce((sum, client) => sum + client.onTheWay, 0);
    return { bytesPerSecond, waiting, idle: this.#parts.idle?.() ?? 1 };
  }

  /** Null: there is none of this name, or its volume cannot be used. */
  #snapshot(name: string): BlockDevice | null {
    const place = this.#parts.rules.snapshotNamed(name);
    if (place === null || !this.#parts.shelf.has(place.volume)) return null;
    return this.#parts.shelf.get(place.volume).volume?.snapshot(place.uuid) ?? null;
  }
}
