/** The trackers of this member's volumes: open as long as a volume is, so that no write of a mirrored one goes unnoticed. */
import { TaskLine } from '../base/task-line.ts';
import type { BlockFiles } from '../block/block-files.ts';
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import type { Volume } from '../block/volume.ts';
import { trackWrites, type WriteTracker } from '../block/write-tracker.ts';

export interface VolumeTrackersParts {
  readonly files: BlockFiles;
  /** Names of the maps that tell what of the volume partners may lack. */
  readonly mapsOf: (volume: string) => readonly string[];
}

export class VolumeTrackers {
  readonly #parts: VolumeTrackersParts;
  readonly #open = new Map<string, { readonly volume: Volume; readonly tracker: WriteTracker }>();
  readonly #line = new TaskLine();

  constructor(parts: VolumeTrackersParts) {
    this.#parts = parts;
  }

  /** Before anybody is served from the volume. */
  opened(volume: Volume): Promise<void> {
    return this.#line.run(async () => {
      const peers = this.#parts.mapsOf(volume.name);
      if (peers.length > 0 && !volume.readOnly) await this.#track(volume, peers);
    });
  }

  /** Nobody writes to it any more. */
  closing(volume: Volume): Promise<void> {
    return this.#line.run(async () => {
      const open = this.#open.get(volume.name);
      this.#open.delete(volume.name);
      await open?.tracker.close();
    });
  }

  /** Everything, if nothing was ever tracked under this name. */
  map(volume: Volume, name: string): Promise<DirtyMapFile> {
    return this.#line.run(async () => {
      const open = this.#open.get(volume.name);
      if (open === undefined) return (await this.#track(volume, [name])).peer(name);
      return open.tracker.has(name) ? open.tracker.peer(name) : await open.tracker.addPeer(name);
    });
  }

  forget(volume: string, name: string): Promise<void> {
    return this.#line.run(async () => {
      const open = this.#open.get(volume);
      if (open === undefined || !open.tracker.has(name)) return;
      await open.tracker.removePeer(name);
      if (this.#parts.mapsOf(volume).length > 0) return;
      this.#open.delete(volume);
      await open.tracker.close();
    });
  }

  async #track(volume: Volume, peers: readonly string[]): Promise<WriteTracker> {
    const tracker = await trackWrites({ files: this.#parts.files, volume, peers });
    this.#open.set(volume.name, { volume, tracker });
    return tracker;
  }
}
