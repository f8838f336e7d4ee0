/** The epoch journals of this member's volumes: one for each, however many pairs a volume has part in. */
import type { BlockFiles } from '../block/block-files.ts';
import { type EpochJournal, openEpochJournal } from '../block/epoch-journal.ts';
import type { Volume } from '../block/volume.ts';

export class VolumeJournals {
  readonly #files: BlockFiles;
  readonly #open = new Map<Volume, { readonly journal: Promise<EpochJournal>; users: number }>();

  constructor(files: BlockFiles) {
    this.#files = files;
  }

  /** Opened by the first who uses it, which carries out what a crash left; closed by the last who leaves it. */
  async use(volume: Volume): Promise<EpochJournal> {
    const { directory } = volume;
    const there = this.#open.get(volume) ?? {
      journal: openEpochJournal({ files: this.#files, directory, device: volume }),
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
