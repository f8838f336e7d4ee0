/** Orders to several pairs at one moment. A member passes one such moment after the other: two of them cannot wait for each other's volumes. */
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import { TaskLine } from '../base/task-line.ts';
import type { Volume } from '../block/volume.ts';
import type { TransitionStep } from '../model/transition-plan.ts';
import { GroupTurns } from './group-turns.ts';
import type { MirrorPair } from './mirror-pair.ts';
import type { Pair } from './pair.ts';
import type { AcceptedOrder, OrderedPair } from './pair-orders.ts';
import type { ReplicaBook } from './replica-book.ts';
import { SnapshotMoment } from './snapshot-moment.ts';

export interface GroupMomentsParts {
  readonly book: ReplicaBook;
  /** Undefined: both elements are here. */
  readonly mirrorOf: (pair: Pair) => MirrorPair | undefined;
  /** As `PairOrders`’. */
  readonly begin: (pair: Pair, order: AcceptedOrder) => Promise<string | null>;
  /** As `holdAtBoundary`. */
  readonly hold: (volume: Volume, work: () => Promise<void>) => Promise<void>;
  readonly clock: Clock;
}

export class GroupMoments {
  /** Of pairs that are being snapshot together, by id. */
  readonly snapshots = new Map<string, SnapshotMoment>();
  readonly #parts: GroupMomentsParts;
  readonly #line = new TaskLine();

  constructor(parts: GroupMomentsParts) {
    this.#parts = parts;
  }

  /** For each pair a sentence why it did not begin; null: it has begun, or ended. */
  async begin(ordered: readonly OrderedPair[]): Promise<readonly (string | null)[]> {
    const mirrors = ordered.flatMap(({ pair }) => this.#parts.mirrorOf(pair) ?? []);
    const [{ pair, order }] = ordered as [OrderedPair];
    const takes = order.operation === 'Activate' || order.operation === 'Resync Replica';
    if (pair.record.syncType !== 'Mirror' && takes) return await this.#takeSnapshots(ordered);
    if (mirrors.length === ordered.length) return await this.#beginMirrors(ordered, mirrors);
    return await this.#beginEach(ordered);
  }

  async #beginMirrors(ordered: readonly OrderedPair[], mirrors: readonly MirrorPair[]) {
    const plans = mirrors.map((mirror, index) => mirror.planFor(ordered[index]!.order));
    if (plans.includes('partner') && !SWITCHES.has(ordered[0]!.order.operation)) {
      return ordered.map(() => heldElsewhere(mirrors[0]!));
    }
    const steps = plans.filter((plan): plan is readonly TransitionStep[] => typeof plan !== 'string');
    // What is copied first, or switched from the other side, has no client who could write in between.
    if (steps.length < mirrors.length) return await this.#beginEach(ordered);
    const turns = new GroupTurns(this.#parts.book, steps);
    return await this.#line.run(() =>
      Promise.all(mirrors.map((mirror, index) => mirror.begin(ordered[index]!.order, turns.of(index)))),
    );
  }

  /** Of snapshots, and of clones to copy from. */
  async #takeSnapshots(ordered: readonly OrderedPair[]): Promise<readonly (string | null)[]> {
    const { hold, clock, mirrorOf } = this.#parts;
    for (const { pair } of ordered) {
      const mirror = mirrorOf(pair);
      if (mirror?.here === 'target') return ordered.map(() => heldElsewhere(mirror));
    }
    const ids = ordered.map(({ pair }) => pair.id);
    return await this.#line.run(async () => {
      const moment = new SnapshotMoment(ids, { hold, now: () => clock.now() });
      for (const id of ids) this.snapshots.set(id, moment);
      const begin = async ({ pair, order }: OrderedPair): Promise<string | null> => {
        const problem = await this.#parts.begin(pair, order).catch(messageOf);
        // A clone on another member has passed it, or never will; pairs of one member go on beside this.
        if (problem !== null || mirrorOf(pair) !== undefined) {
          moment.leave(pair.id, new TandemError('REFUSED', problem ?? 'a pair of the group went without it'));
          this.snapshots.delete(pair.id);
        }
        return problem;
      };
      const problems = await Promise.all(ordered.map(begin));
      await moment.over;
      return problems;
    });
  }

  #beginEach(ordered: readonly OrderedPair[]): Promise<readonly (string | null)[]> {
    return Promise.all(ordered.map(({ pair, order }) => this.#parts.begin(pair, order)));
  }
}

function heldElsewhere({ partner }: MirrorPair): string {
  return `${partner} holds the moment of all its pairs: give the order to a group there`;
}

/** Whatever was answered to a client is on both members before anybody may write on the other one. */
const SWITCHES: ReadonlySet<string> = new Set(['Failover', 'Failback', 'Reverse Roles']);
