/**
 * One barrier for the transitions of several pairs: each pair takes the steps of its own plan, when the others are as far as they
 * have to be. What is decided of them is durable in one write. Before that a pair that fails takes all others along; after it none.
 */
import type { Volume } from '../block/volume.ts';
import { nextGroupTurn } from '../model/replica-group.ts';
import type { TransitionStep } from '../model/transition-plan.ts';
import type { BookChange, ReplicaBook } from './replica-book.ts';
import { SharedWrite } from './shared-write.ts';
import { holdVolume, type VolumeHold } from './volume-hold.ts';

/** What one pair has to do with the others of its group. */
export interface PairTurns {
  /** Resolves when it is the pair’s turn. Rejects when the group was given up. */
  before(): Promise<void>;
  /** Of the step whose turn it is. */
  write(change: BookChange): Promise<void>;
  /** The step is done. */
  after(): void;
  /** The pair is not held twice, however many pairs of the group have the volume. */
  hold(volume: Volume): VolumeHold;
  /** It takes no more steps: what came between it and the next one, if anything did. */
  end(failure: unknown): void;
  /** Nothing was decided, and nothing will be. */
  readonly givenUp: boolean;
}

interface Progress {
  readonly steps: readonly TransitionStep[];
  done: number;
  go: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null;
  shared: SharedWrite | null;
}

export class GroupTurns {
  readonly #book: ReplicaBook;
  readonly #pairs: readonly Progress[];
  readonly #holds = new Map<Volume, { readonly hold: VolumeHold; users: number }>();
  #shared: { readonly step: TransitionStep; readonly write: SharedWrite } | null = null;
  #decided = false;
  #failure: { readonly error: unknown } | null = null;

  constructor(book: ReplicaBook, plans: readonly (readonly TransitionStep[])[]) {
    this.#book = book;
    this.#pairs = plans.map(steps => ({ steps, done: 0, go: null, shared: null }));
  }

  /** Of the pair with this place in the plans. */
  of(index: number): PairTurns {
    const pair = this.#pairs[index]!;
    const group = this;
    return {
      before: () =>
        new Promise((resolve, reject) => {
          if (this.#failure !== null) return reject(this.#failure.error);
          pair.go = { resolve, reject };
          this.#look();
        }),
      write: change => (pair.shared === null ? this.#book.commit(change) : pair.shared.commit(index, change)),
      after: () => {
        pair.shared?.leaveOut(index);
        pair.shared = null;
        pair.done++;
        this.#look();
      },
      hold: volume => this.#hold(volume),
      end: failure => this.#end(index, failure),
      get givenUp() {
        return group.#failure !== null;
      },
    };
  }

  #look(): void {
    const turn = nextGroupTurn(this.#pairs);
    if (turn.kind === 'done') return;
    if (turn.kind === 'together' && this.#shared?.step !== turn.step) {
      const { step } = turn;
      const write = new SharedWrite(turn.pairs, change => {
        if (step === 'decide') this.#decided = true;
        return this.#book.commit(change);
      });
      this.#shared = { step, write };
    }
    for (const index of turn.pairs) {
      const pair = this.#pairs[index]!;
      if (pair.go === null) continue;
      pair.shared = turn.kind === 'together' ? this.#shared!.write : null;
      const { resolve } = pair.go;
      pair.go = null;
      resolve();
    }
  }

  #end(index: number, error: unknown): void {
    const pair = this.#pairs[index]!;
    const early = pair.done < pair.steps.length;
    pair.done = pair.steps.length;
    if (early && !this.#decided) {
      this.#failure ??= { error };
      this.#shared?.write.fail(error);
      for (const other of this.#pairs) {
        other.go?.reject(error);
        other.go = null;
      }
      return;
    }
    pair.shared?.leaveOut(index);
    this.#shared?.write.leaveOut(index);
    this.#look();
  }

  #hold(volume: Volume): VolumeHold {
    const there = this.#holds.get(volume) ?? { hold: holdVolume(volume), users: 0 };
    this.#holds.set(volume, there);
    there.users++;
    let released = false;
    return {
      held: there.hold.held,
      release: () => {
        if (released) return;
        released = true;
        if (--there.users > 0) return;
        this.#holds.delete(volume);
        there.hold.release();
      },
    };
  }
}
