/** Updates that are complete but cannot take their places yet, and whom they wait for. */

import type { Uid } from '../model/version.ts';
import { type CircleOrder, circleFrom, orderOfCircle, type Waiting } from '../model/wait-circle.ts';
import type { PendingUpdate, PendingUpdates, Round } from './pending.ts';

export interface Circle extends CircleOrder {
  readonly items: readonly PendingUpdate[];
}

export class WaitingUpdates {
  readonly #pending: PendingUpdates;
  readonly #items = new Set<PendingUpdate>();

  constructor(pending: PendingUpdates) {
    this.#pending = pending;
  }

  add(item: PendingUpdate): void {
    this.#items.add(item);
  }

  delete(item: PendingUpdate): void {
    this.#items.delete(item);
  }

  clear(): void {
    this.#items.clear();
  }

  /** Whoever waits for one of these records, or belongs below one: what stood in the way there may do so no longer. */
  on(uids: readonly Uid[]): PendingUpdate[] {
    if (this.#items.size === 0) return [];
    const woken = new Set(uids);
    return [...this.#items].filter(({ update, wait }) =>
      [update.uid, update.parent, ...(wait?.on ?? [])].some(uid => woken.has(uid)),
    );
  }

  /** Whoever came in this round. */
  inRound(round: Round): PendingUpdate[] {
    return [...this.#items].filter(item => item.round === round);
  }

  /** The updates that wait for one another, if nothing this one waits for can go on. */
  circleFrom(item: PendingUpdate): Circle | null {
    const items = new Map<Uid, PendingUpdate>();
    const members = circleFrom(item.update.uid, uid => {
      const newest = this.#pending.ofUid(uid).every(each => this.#items.has(each)) && this.#pending.newestOf(uid);
      if (!newest) return undefined;
      items.set(uid, newest);
      return waitingOf(newest);
    });
    return members && { ...orderOfCircle(members), items: [...items.values()] };
  }
}

/** Undefined while the round it came in can still bring what it waits for. */
function waitingOf({ update, wait, round }: PendingUpdate): Waiting | undefined {
  return wait && round.closed ? { uid: update.uid, present: update.present, wait } : undefined;
}
