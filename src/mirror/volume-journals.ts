/** The epoch journals of this member's volumes: one for each, however many pairs a volume has part in. */
import type { BlockFiles } from '../block/block-files.ts';
import { type EpochJournal, openEpochJournal } from '../block/epoch-journal.ts';
import type { SharedMark } from '../block/epoch-record.ts';
import type { Volume } from '../block/volume.ts';

export class VolumeJournals {
  readonly #files: BlockFiles;
  readonly #decided: (mark: SharedMark) => boolean;
  readonly #open = new Map<Volume, { readonly journal: Promise<EpochJournal>; users: number }>();

  /** `decided`: whether a shared epoch was to be carried out. */
  constructor(files: BlockFiles, decided: (mark: SharedMark) => boolean) {
    this.#files = files;
    this.#decided = decided;
  }

  /** Opened by the first who uses it, which carries out what a crash left; closed by the last who leaves it. */
  async use(volume: Volume): Promise<EpochJournal> {
    const { directory } = volume;
    const there = this.#open.get(volume) ?? {
      journal: openEpochJournal({ files: this.#files, directory, device: volume, decided: this.#decided }),
      users: 0,
    };
    this.#open.set(volume, there);
    there.users++;
    return await there.journal.catch(async error => {
      await this.leave(volume);
      throw error;
    });
  }

  async leave(volume: Volume): Promise<void> {
    const there = this.#open.get(volume);
    if (there === undefined || --there.users > 0) return;
    this.#open.delete(volume);
    const journal = await there.journal.catch(() => null);
    await journal?.close();
  }
}
