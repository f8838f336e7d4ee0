/** Groups of pairs: made, changed, and ordered as one. [volumes.md §2.2, §3.1] */
import { LIMITS } from '../base/limits.ts';
import { TaskLine } from '../base/task-line.ts';
import { judgeOperation } from '../model/operation-judge.ts';
import type { GroupUnderOrder } from '../model/operation-order.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import { addPairs, conditionOf, type GroupCondition, type ReplicaGroup, removePairs } from '../model/replica-group.ts';
import { nameOf, SYNC_TYPES, type SyncType } from '../model/replica-values.ts';
import { failedOutcome, type MethodOutcome, refusedOutcome } from './method-outcome.ts';
import type { Pair } from './pair.ts';
import { type PairOrder, type PairOrders, problemOfSettings } from './pair-orders.ts';
import type { PairSet } from './pair-set.ts';
import type { ReplicaBook } from './replica-book.ts';

export interface ReplicaGroupsParts {
  readonly book: ReplicaBook;
  readonly pairs: PairSet;
  readonly orders: PairOrders;
  readonly uuid: () => string;
  /** The pairs of a group or its consistency are others. Must only enqueue. */
  readonly changed: (group: ReplicaGroup) => void;
}

export interface GroupWish {
  readonly name: string;
  readonly syncType: number;
  /** Ids. */
  readonly pairs: readonly string[];
  readonly deleteOnEmptyElement: boolean;
  /** 2 No Consistency, 3 Sequentially Consistent; left out: 2. */
  readonly consistency?: number | undefined;
}

export class ReplicaGroups {
  readonly #parts: ReplicaGroupsParts;
  readonly #line = new TaskLine();

  constructor(parts: ReplicaGroupsParts) {
    this.#parts = parts;
  }

  list(): readonly ReplicaGroup[] {
    return [...this.#parts.book.groups.values()];
  }

  /** By id or name. */
  find(named: string): ReplicaGroup | undefined {
    return this.list().find(({ id, name }) => id === named || name === named);
  }

  condition(group: ReplicaGroup): GroupCondition {
    return conditionOf(
      group,
      this.#pairsOf(group).map(pair => pair.record),
    );
  }

  /** CreateGroup */
  async create({ name, syncType, pairs, deleteOnEmptyElement, consistency }: GroupWish): Promise<MethodOutcome> {
    const { book, uuid } = this.#parts;
    const type = nameOf(SYNC_TYPES, syncType);
    if (type === undefined) {
      return refusedOutcome(refuse(5, 'settings', `${syncType} is no SyncType; they are 6, 7 and 8`), null);
    }
    const problem = problemOfConsistency(consistency, type);
    if (problem !== null) return refusedOutcome(problem, null);
    if (this.find(name) !== undefined)
      return refusedOutcome(refuse(5, 'settings', `there is a group ${name} already`), null);
    if (book.groups.size >= LIMITS.replicaGroups)
      return failedOutcome(`there are ${LIMITS.replicaGroups} groups already`, null);
    const group: ReplicaGroup = {
      id: uuid(),
      name,
      syncType: type,
      consistency: 'off',
      deleteOnEmptyElement,
      pairs: [],
    };
    const judged = pairs.length === 0 ? null : this.#judge(group, orderOf(ADD, pairs, this.#parts.pairs));
    if (judged?.verdict === 'refused') return refusedOutcome(judged, null);
    const filled = await this.#keep(group, () => addPairs(group, pairs));
    if (filled === null || consistency !== SEQUENTIAL) return outcome(group, `group ${name} has ${pairs.length} pairs`);
    return await this.modify(filled, orderOf(ACTIVATE, [], this.#parts.pairs));
  }

  /** DeleteGroup; its pairs stay. */
  async delete(group: ReplicaGroup): Promise<MethodOutcome> {
    await this.#keep(group, () => null);
    return { ...outcome(group, `group ${group.name} is deleted; its pairs stay`), synchronization: null };
  }

  /** ModifyReplicaSynchronization on the group: all pairs or none. */
  async modify(group: ReplicaGroup, order: PairOrder): Promise<MethodOutcome> {
    const { orders } = this.#parts;
    const judgement = await orders.judgeInReach(this.#pairsOf(group), () => this.#judge(group, order));
    if (judgement.verdict === 'refused') return refusedOutcome(judgement, group.id);
    const { operation } = judgement;
    if (judgement.verdict === 'no-effect') return outcome(group, `group ${group.name}: it is so already`);
    const ids = order.syncPairs.flatMap(pair => (pair === null ? [] : [pair.id]));
    switch (operation) {
      case 'AddSyncPair':
        await this.#keep(group, now => addPairs(now, ids));
        return outcome(group, `group ${group.name} has ${group.pairs.length + ids.length} pairs`);
      case 'RemoveSyncPair': {
        const left = await this.#keep(group, now => removePairs(now, ids));
        return outcome(
          group,
          left === null
            ? `group ${group.name} went with its last pair`
            : `group ${group.name} has ${left.pairs.length} pairs`,
        );
      }
      case 'Activate Consistency':
        await this.#keep(group, now => ({ ...now, consistency: 'activating' }));
        return outcome(group, `group ${group.name}: its targets are of one moment as soon as all pairs are in step`);
      case 'Deactivate Consistency':
        await this.#keep(group, now => ({ ...now, consistency: 'off' }));
        return outcome(group, `group ${group.name}: each of its volumes goes by itself`);
      default: {
        const pairs = this.#pairsOf(group);
        const all = await orders.modifyAll(pairs, {
          operation,
          arrows: judgement.arrows,
          order,
          alone: judgement.alone,
        });
        return { ...all, synchronization: group.id };
      }
    }
  }

  /** Pairs that are gone have no place in a group. */
  async forgetRemoved(): Promise<void> {
    for (const group of this.list()) {
      if (group.pairs.every(id => this.#parts.pairs.get(id) !== undefined)) continue;
      await this.#keep(group, now => {
        const gone = now.pairs.filter(id => this.#parts.pairs.get(id) === undefined);
        return gone.length === 0 ? now : removePairs(now, gone);
      });
    }
  }

  #judge(group: ReplicaGroup, order: PairOrder) {
    const { id, syncType, consistency } = group;
    const pairs = this.#pairsOf(group).map(pair => this.#parts.orders.underOrder(pair));
    const subject: GroupUnderOrder = { id, syncType, consistency: consistency !== 'off', pairs };
    const records = pairs.map(({ association }) => association);
    const settingsProblem = problemOfSettings(order, records, syncType);
    return judgeOperation({ ...order, settingsProblem }, { kind: 'group', group: subject });
  }

  /** With the place that each of its pairs knows of; `change` gets it as it is then. Null: the group is deleted. */
  #keep(group: ReplicaGroup, change: (now: ReplicaGroup) => ReplicaGroup | null): Promise<ReplicaGroup | null> {
    const { book, pairs } = this.#parts;
    return this.#line.run(async () => {
      const before = book.groups.get(group.id) ?? group;
      const after = change(before);
      await book.commit({ groups: { [before.id]: after } });
      for (const id of new Set([...before.pairs, ...(after?.pairs ?? [])])) {
        const pair = pairs.get(id);
        const place = after?.pairs.includes(id) === true ? after.id : null;
        if (pair && pair.record.group !== place) await pair.set({ group: place });
      }
      this.#parts.changed(after ?? { ...before, consistency: 'off' });
      return after;
    });
  }

  #pairsOf({ pairs }: ReplicaGroup): readonly Pair[] {
    return pairs.flatMap(id => this.#parts.pairs.get(id) ?? []);
  }
}

const ADD = 5;
const ACTIVATE = 3;
/** Consistency of CreateGroupReplica. */
const SEQUENTIAL = 3;

/** Why a group of this kind cannot have it; null: it can. */
export function problemOfConsistency(consistency: number | undefined, syncType: SyncType): Refusal | null {
  if (consistency === undefined || consistency === 2) return null;
  if (consistency !== SEQUENTIAL) {
    return refuse(5, 'settings', `${consistency} is no Consistency; 2 is none, 3 sequentially consistent`);
  }
  if (syncType === 'Mirror') return null;
  return refuse(
    1,
    'not_supported',
    `a group of ${syncType.toLowerCase()}s is of one moment when that is ordered, not between`,
  );
}

function orderOf(operation: number, ids: readonly string[], pairs: PairSet): PairOrder {
  const syncPairs = ids.map(id => pairs.get(id)?.record ?? null);
  return { operation, force: false, waitForCopyState: null, syncPairs, settings: null };
}

function outcome(group: ReplicaGroup, sentence: string): MethodOutcome {
  return { returnCode: 0, sentence, detail: null, synchronization: group.id, job: null };
}
