/**
 * Consistent groups at their sources: while all pairs of such a group are in step, what is written to its volumes reaches the targets in one
 * order. Epochs of all volumes end in one moment, and once one pair loses its partner none of the others goes on.
 *
 * A moment is one turn of the event loop: a write that depends on another one is called after that one was answered.
 */
import type { SharedEpoch } from '../model/mirror-message.ts';

/** One pair's flow while it is in step. Calls settle at once. */
export interface GroupSeat {
  /** Ends its open epoch, of which the partner is told by `tell`; null: nothing was written. */
  closeEpoch(): number | null;
  /** `shared` null: it stands alone. */
  tell(epoch: number, shared: SharedEpoch | null): void;
  /** Nothing more reaches the partner by this flow. */
  breakOff(): void;
  /** From now on the partner gets what it lacks by a copy. */
  overflow(): void;
  /** Settles when everything that was written before is carried out at the partner. */
  drain(): Promise<void>;
}

/** Why a flow is not in step any more. */
export type SeatEnd = 'lost' | 'overflow' | 'order';

/** As `StandingGroups`, for one pair. */
export interface FlowGroups {
  enter(seat: GroupSeat): void;
  leave(seat: GroupSeat, end: SeatEnd): void;
  closed(epoch: number): boolean;
}

export interface StandingGroup {
  readonly id: string;
  readonly pairs: readonly string[];
}

export interface StandingGroupsParts {
  /** The group of a pair whose consistency is not off; null: none. */
  readonly groupOf: (pair: string) => StandingGroup | null;
  /** The targets are of one moment from now on, or not any more. Must only enqueue. */
  readonly consistent: (group: string, consistent: boolean) => void;
  readonly uuid: () => string;
}

interface Run {
  readonly id: string;
  readonly pairs: readonly string[];
  number: number;
}

export class StandingGroups {
  readonly #parts: StandingGroupsParts;
  readonly #seats = new Map<string, GroupSeat>();
  /** By the group. */
  readonly #runs = new Map<string, Run>();

  constructor(parts: StandingGroupsParts) {
    this.#parts = parts;
  }

  /** Its flow is in step. */
  enter(pair: string, seat: GroupSeat): void {
    this.#seats.set(pair, seat);
    const group = this.#parts.groupOf(pair);
    if (group !== null) this.look(group);
  }

  /** Nothing more is sent by its flow. */
  leave(pair: string, seat: GroupSeat, end: SeatEnd): void {
    if (this.#seats.get(pair) !== seat) return;
    this.#seats.delete(pair);
    const group = this.#parts.groupOf(pair);
    const run = group === null ? undefined : this.#runs.get(group.id);
    if (group === null || run === undefined) return;
    this.#runs.delete(group.id);
    if (end === 'order') {
      this.#parts.consistent(group.id, false);
      return;
    }
    const others = run.pairs.flatMap(other => this.#seats.get(other) ?? []);
    for (const other of run.pairs) this.#seats.delete(other);
    for (const other of others) {
      if (end === 'overflow') other.overflow();
      else other.breakOff();
    }
    // What they lack is copied, to one after the other.
    if (end === 'overflow') this.#parts.consistent(group.id, false);
  }

  /** The pair’s epoch has ended by itself; true: the partner is told here. */
  closed(pair: string, epoch: number): boolean {
    const group = this.#parts.groupOf(pair);
    const run = group === null ? undefined : this.#runs.get(group.id);
    if (run === undefined || !run.pairs.includes(pair)) return false;
    const ended = run.pairs.flatMap(other => {
      const number = other === pair ? epoch : (this.#seats.get(other)?.closeEpoch() ?? null);
      return number === null ? [] : [{ other, number }];
    });
    const shared: SharedEpoch = { run: run.id, number: ++run.number, parts: ended.map(({ other }) => other) };
    for (const { other, number } of ended) this.#seats.get(other)!.tell(number, shared);
    return true;
  }

  /** The group, its pairs or its consistency have changed. */
  look({ id, pairs }: StandingGroup): void {
    const run = this.#runs.get(id);
    if (run !== undefined && sameMembers(run.pairs, pairs)) return;
    // What is open now is not of the new run.
    this.end(id);
    const seats = pairs.flatMap(pair => this.#seats.get(pair) ?? []);
    this.#parts.consistent(id, false);
    if (pairs.length === 0 || seats.length < pairs.length) return;
    for (const pair of pairs) {
      const seat = this.#seats.get(pair)!;
      const epoch = seat.closeEpoch();
      if (epoch !== null) seat.tell(epoch, null);
    }
    const begun: Run = { id: this.#parts.uuid(), pairs, number: 0 };
    this.#runs.set(id, begun);
    const drained = Promise.all(seats.map(seat => seat.drain()));
    drained.then(
      () => {
        if (this.#runs.get(id) === begun) this.#parts.consistent(id, true);
      },
      // The flow has ended: the next run begins when all are back.
      () => {},
    );
  }

  /** From now on each volume goes by itself. */
  end(group: string): void {
    this.#runs.delete(group);
  }
}

function sameMembers(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every(one => others.includes(one));
}
