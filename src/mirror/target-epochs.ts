/** A target's epochs on their way into its journal and from there to the device. At most two are under way. */
import { TandemError } from '../base/errors.ts';
import type { EpochJournal, StagedEpoch } from '../block/epoch-journal.ts';
import type { SharedEpoch } from '../model/mirror-message.ts';

/** Whether a part of a shared epoch is carried out, once it is durable here. As `SharedEpochs`, for one pair. */
export interface SharedParts {
  join(shared: SharedEpoch): Promise<boolean>;
  /** Nothing more comes: what is not decided never is. */
  leave(): Promise<void>;
}

export class TargetEpochs {
  readonly #journal: EpochJournal;
  readonly #shared: SharedParts | null;
  #staged: StagedEpoch | null = null;
  /** Durable and not yet applied, the oldest first. */
  #applying: Promise<void>[] = [];
  #left = false;

  constructor(journal: EpochJournal, shared: SharedParts | null) {
    this.#journal = journal;
    this.#shared = shared;
  }

  /** Something is durable and not yet applied. */
  get pending(): boolean {
    return this.#applying.length > 0;
  }

  /** The epochs of a stream count by themselves; the journal's go on for the life of the volume. */
  async stage(packed: Uint8Array): Promise<void> {
    while (this.#staged === null && this.#applying.length > 1) await this.#applying[0];
    this.#staged ??= this.#journal.begin(this.#journal.newest + 1);
    await this.#staged.add(packed);
  }

  /** The epoch is durable in the journal; the promise inside settles when it is applied. CANCELLED, if it is not to be. */
  async end(shared: SharedEpoch | null): Promise<{ readonly applied: Promise<void> }> {
    const staged = this.#staged!;
    let applied: Promise<void>;
    if (shared === null || this.#shared === null) {
      // Nothing overtakes what is still to be decided.
      await this.applied();
      ({ applied } = await staged.commit());
    } else {
      await staged.prepare(shared);
      applied = this.#join(this.#shared, staged, shared);
    }
    this.#staged = null;
    this.#applying.push(applied);
    const done = (): void => {
      this.#applying = this.#applying.filter(other => other !== applied);
    };
    applied.then(done, done);
    return { applied };
  }

  /** Resolves when everything that is durable is applied. */
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

  /** What waits for other volumes is given up. */
  async leave(): Promise<void> {
    this.#left = true;
    await this.#shared?.leave();
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#applying);
    // Where the disk does not let it, the next copy does it first.
    await this.abandon().catch(() => {});
  }

  async #join(parts: SharedParts, staged: StagedEpoch, shared: SharedEpoch): Promise<void> {
    if (!this.#left && (await parts.join(shared))) return await staged.goOn().applied;
    await staged.abandon();
    throw new TandemError('CANCELLED', 'the epoch is not complete in all volumes of its group');
  }
}
