/** All replicas of this member at work: their drivers, jobs, events, and the methods of the replication service. */
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { BlockFiles } from '../block/block-files.ts';
import type { Association } from '../model/association.ts';
import { type Job, stepJob } from '../model/concrete-job.ts';
import type { ElementFacts } from '../model/operation-order.ts';
import { place } from '../model/refusal.ts';
import { type JobRequest, numberOf, REPLICA_OPERATIONS } from '../model/replica-values.ts';
import type { Elements } from './elements.ts';
import { JobBook } from './job-book.ts';
import { driveLocalPair } from './local-pair.ts';
import { type MethodOutcome, refusedOutcome } from './method-outcome.ts';
import type { Pair } from './pair.ts';
import { type PairCreation, planPair } from './pair-creation.ts';
import { type AcceptedOrder, type PairOrder, PairOrders } from './pair-orders.ts';
import type { PairSet } from './pair-set.ts';
import type { ReplicaBook } from './replica-book.ts';
import { ReplicaGroups } from './replica-groups.ts';
import type { VolumeShelf } from './volume-shelf.ts';

export interface ReplicasParts {
  readonly member: string;
  readonly members: () => readonly string[];
  readonly book: ReplicaBook;
  readonly pairs: PairSet;
  readonly elements: Elements;
  readonly shelf: VolumeShelf;
  readonly files: BlockFiles;
  readonly uuid: () => string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly log: Log;
}

export class Replicas {
  readonly jobs: JobBook;
  readonly orders: PairOrders;
  readonly groups: ReplicaGroups;
  readonly #parts: ReplicasParts;
  readonly #end = new AbortController();
  readonly #driven = new Map<string, Promise<void>>();

  constructor(parts: ReplicasParts) {
    this.#parts = parts;
    this.jobs = new JobBook(parts);
    this.orders = new PairOrders({
      jobs: this.jobs,
      clock: parts.clock,
      factsOf: pair => this.#factsOf(pair),
      begin: (pair, order) => this.#begin(pair, order),
    });
    this.groups = new ReplicaGroups({ ...parts, orders: this.orders });
    parts.pairs.onChange((pair, before, after) => this.#changed(pair, before, after));
  }

  /** Everything goes on where it was. */
  async start(): Promise<void> {
    const { pairs, elements } = this.#parts;
    for (const pair of pairs.list()) {
      for (const side of ['source', 'target'] as const) await elements.settle(pair.record[side].name).catch(() => {});
      this.#drive(pair);
    }
  }

  /** Looks at what nobody tells of, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, pairs } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(LIMITS.replicaWatchMs, signal).catch(() => {});
      for (const pair of pairs.list()) await this.#watch(pair);
    }
  }

  /** Nothing is copied any more when it settles. */
  async close(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#driven.values());
    await this.jobs.settled();
  }

  /** CreateElementReplica */
  async create(wanted: PairCreation): Promise<MethodOutcome> {
    const { pairs, shelf, emit } = this.#parts;
    const planned = planPair(this.#parts, wanted);
    if ('verdict' in planned) return refusedOutcome(planned, null);
    const { kept, makesTarget, sizeBytes, waitFor, arrival } = planned;
    const { record } = kept;
    if (makesTarget)
      await shelf.create({
        name: record.target.name,
        size: sizeBytes,
        blockSize: shelf.usable(record.source.name).blockSize,
      });
    const pair = await pairs.add(kept);
    emit('REPLICA_CREATED', `${place(record)} is a ${record.syncType.toLowerCase()} now`, { replica: record.id });
    this.#drive(pair);
    return await this.orders.follow(pair, 'Create', arrival, waitFor);
  }

  /** ModifyReplicaSynchronization on a pair. */
  modify(id: string, order: PairOrder): Promise<MethodOutcome> {
    return this.orders.modify(this.#parts.pairs.get(id), order);
  }

  /** RequestStateChange, which has been found possible. A copy is given up as by Abort; otherwise by Suspend, and goes on as by Resume. */
  async changeJob(
    job: Job,
    subject: string,
    request: JobRequest,
  ): Promise<{ readonly returnCode: number; readonly sentence: string }> {
    const operation = request === 'Start' ? 'Resume' : request === 'Suspend' ? 'Suspend' : 'Abort';
    const outcome = await this.modify(subject, {
      operation: numberOf(REPLICA_OPERATIONS, operation),
      force: false,
      waitForCopyState: null,
      syncPairs: [],
      settings: null,
    });
    const ended = stepJob(
      this.jobs.get(job.id)?.job ?? job,
      { type: request === 'Kill' ? 'killed' : 'terminated' },
      this.#parts.clock.now(),
    );
    const begun = outcome.returnCode === 0 || outcome.returnCode === 4096;
    if (begun && operation === 'Abort' && ended !== null) await this.jobs.replace(ended);
    return begun ? outcome : { returnCode: 4099, sentence: outcome.sentence };
  }

  #factsOf({ record }: Pair): ElementFacts {
    const { elements, pairs } = this.#parts;
    const writersOf = (side: 'source' | 'target'): boolean => {
      const { member, name } = record[side];
      return member === this.#parts.member && elements.writers(name) > 0;
    };
    return {
      peerReachable: true,
      writers: { source: writersOf('source'), target: writersOf('target') },
      sourceAhead: false,
      heldBy: null,
      targetHasDependents: pairs
        .of(record.target.name)
        .some(({ pair, side }) => pair.id !== record.id && side === 'source'),
    };
  }

  async #begin(pair: Pair, { operation, arrow }: AcceptedOrder): Promise<string | null> {
    const step = await pair.step({ type: 'operation-accepted', operation, arrow });
    return step === null ? 'another order came first; look at the pair and give yours again' : null;
  }

  #drive(pair: Pair): void {
    const { clock, log } = this.#parts;
    const again = async (): Promise<void> => {
      while (!this.#end.signal.aborted && !pair.removed) {
        try {
          await driveLocalPair(pair, this.#parts, this.#end.signal);
        } catch (error) {
          log.error({ error, replica: pair.id }, 'a replica stands still for a while');
          pair.trouble = messageOf(error);
          await clock.sleep(LIMITS.volumeRetryMs, this.#end.signal).catch(() => {});
        }
      }
    };
    const driven = again().finally(() => this.#driven.delete(pair.id));
    this.#driven.set(pair.id, driven);
  }

  #changed(pair: Pair, before: Association | null, after: Association | null): void {
    const { elements, emit } = this.#parts;
    for (const side of ['source', 'target'] as const) elements.refresh(pair.record[side].name);
    this.jobs.follow(pair);
    if (after === null) {
      emit('REPLICA_REMOVED', `${place(pair.record)} is a pair no more`, { replica: pair.id });
    } else if (before !== null && before.copyState !== after.copyState) {
      const what = `${place(after)}: ${before.copyState} → ${after.copyState}`;
      const event =
        after.copyState === 'Broken' || after.copyState === 'Partitioned'
          ? 'REPLICA_BROKEN'
          : after.copyState === 'Invalid'
            ? 'REPLICA_INVALID'
            : 'REPLICA_CHANGED';
      emit(event, pair.trouble === null || event === 'REPLICA_CHANGED' ? what : `${what}: ${pair.trouble}`, {
        replica: pair.id,
      });
    }
  }

  /** A snapshot without room is Broken, its source is not. */
  async #watch(pair: Pair): Promise<void> {
    const { record, kept } = pair;
    if (record.syncType !== 'Snapshot' || kept.snapshot === null || record.copyState === 'Broken') return;
    try {
      const snapshot = this.#parts.elements
        .volume(record.source.name)
        .snapshots.find(({ uuid }) => uuid === kept.snapshot);
      const broken = snapshot?.state.broken ?? null;
      if (broken === null) return;
      pair.trouble = broken;
      await pair.step({ type: 'space-exhausted' });
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
    }
  }
}
