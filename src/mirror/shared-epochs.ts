/**
 * The targets of a consistent group, on their member: what their sources wrote between two moments of the whole group is carried out in
 * all of them or in none. Each has its part durable in its journal first; then it is decided in one durable write.
 */
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import { TaskLine } from '../base/task-line.ts';
import type { SharedMark } from '../block/epoch-record.ts';
import type { SharedEpoch } from '../model/mirror-message.ts';
import type { ReplicaBook } from './replica-book.ts';

/** Called once: whether the epoch is carried out. */
type Outcome = (decided: boolean) => void;

interface Round {
  readonly parts: readonly string[];
  readonly here: Map<string, Outcome>;
}

interface Run {
  decided: number;
  readonly rounds: Map<number, Round>;
}

export class SharedEpochs {
  readonly #book: ReplicaBook;
  readonly #clock: Clock;
  readonly #runs = new Map<string, Run>();
  readonly #line = new TaskLine();

  constructor({ book, clock }: { readonly book: ReplicaBook; readonly clock: Clock }) {
    this.#book = book;
    this.#clock = clock;
  }

  isDecided({ run, number }: SharedMark): boolean {
    return number <= (this.#book.runs.get(run)?.decided ?? 0);
  }

  /** The pair’s part is durable. Whether it is carried out: when all parts are durable, after all earlier ones. STORE_FAILED */
  join(pair: string, { run: name, number, parts }: SharedEpoch): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const run = this.#runs.get(name) ?? { decided: this.#book.runs.get(name)?.decided ?? 0, rounds: new Map() };
      this.#runs.set(name, run);
      const round: Round = run.rounds.get(number) ?? { parts, here: new Map() };
      run.rounds.set(number, round);
      round.here.set(pair, resolve);
      void this.#line.run(() => this.#decide(name, run)).catch(reject);
    });
  }

  /** Nothing of the pair’s comes any more: what is not decided never is. Settles when what is being decided is. */
  leave(pair: string): Promise<void> {
    return this.#line.run(async () => {
      for (const [name, run] of this.#runs) {
        for (const { here } of run.rounds.values()) {
          here.get(pair)?.(false);
          here.delete(pair);
        }
        if ([...run.rounds.values()].every(({ here }) => here.size === 0)) this.#runs.delete(name);
      }
    });
  }

  async #decide(name: string, run: Run): Promise<void> {
    for (;;) {
      const number = run.decided + 1;
      const round = run.rounds.get(number);
      if (round === undefined || !round.parts.every(part => round.here.has(part))) return;
      const begunAt = this.#book.runs.get(name)?.begunAt ?? this.#clock.now();
      await this.#book.commit({ runs: { ...this.#old(name), [name]: { decided: number, begunAt } } });
      run.decided = number;
      run.rounds.delete(number);
      for (const outcome of round.here.values()) outcome(true);
    }
  }

  /** Those that are long over. */
  #old(name: string): Readonly<Record<string, null>> {
    const { runs } = this.#book;
    if (runs.has(name) || runs.size < LIMITS.keptRuns) return {};
    const byAge = [...runs].sort(([, a], [, b]) => a.begunAt - b.begunAt);
    return Object.fromEntries(byAge.slice(0, runs.size - LIMITS.keptRuns + 1).map(([old]) => [old, null]));
  }
}
