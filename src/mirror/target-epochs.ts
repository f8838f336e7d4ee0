/** A target's epochs on their way into its journal and from there to the device. At most two are under way. */
import type { EpochJournal, StagedEpoch } from '../block/epoch-journal.ts';

export class TargetEpochs {
  readonly #journal: EpochJournal;
  #staged: StagedEpoch | null = null;
  /** Committed and not yet applied, the oldest first. */
  #applying: Promise<void>[] = [];

  constructor(journal: EpochJournal) {
    this.#journal = journal;
  }

  /** Something is committed and not yet applied. */
  get pending(): boolean {
    return this.#applying.length > 0;
  }

  /** The epochs of a stream count by themselves; the journal's go on for the life of the volume. */
  async stage(packed: Uint8Array): Promise<void> {
    while (this.#staged === null && this.#applying.length > 1) await this.#applying[0];
    this.#staged ??= this.#journal.begin(this.#journal.newest + 1);
    await this.#staged.add(packed);
  }

  /** The epoch is durable in the journal; the promise inside settles when it is applied. */
  async end(): Promise<{ readonly applied: Promise<void> }> {
    const { applied } = await this.#staged!.commit();
    this.#staged = null;
    this.#applying.push(applied);
    const done = (): void => {
      this.#applying = this.#applying.filter(other => other !== applied);
    };
    applied.then(done, done);
    return { applied };
  }

  /** Resolves when everything committed is applied. */
  async applied(): Promise<void> {
    await Promise.all(this.#applying);
  }

  /** What is staged never happened. */
  async abandon(): Promise<void> {
    const staged = this.#staged;
    this.#staged = null;
    await staged?.abandon();
    await this.#journal.clean();
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#applying);
    // Where the disk does not let it, the next copy does it first.
    await this.abandon().catch(() => {});
  }
}
