/** ModifyReplicaSynchronization on pairs: judges an order, begins it, and waits for what is done at once. [volumes.md §3.3] */
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Association } from '../model/association.ts';
import { type Judgement, judgeOperation } from '../model/operation-judge.ts';
import type { ElementFacts, PairUnderOrder } from '../model/operation-order.ts';
import { place, type Refusal, refuse } from '../model/refusal.ts';
import type { Arrow } from '../model/replica-operations.ts';
import {
  COPY_STATES,
  type CopyState,
  nameOf,
  REPLICA_OPERATIONS,
  type ReplicaOperation,
  type SyncType,
} from '../model/replica-values.ts';
import {
  misfitOfSettings,
  misfitWithinMember,
  type OrderedMoment,
  type ParsedSettings,
  parseReplicationSettings,
  settingsOf,
} from '../model/replication-settings.ts';
import type { JobBook } from './job-book.ts';
import { failedOutcome, type MethodOutcome, refusedOutcome } from './method-outcome.ts';
import type { Pair } from './pair.ts';

export interface PairOrdersParts {
  readonly jobs: JobBook;
  readonly clock: Clock;
  readonly factsOf: (pair: Pair) => ElementFacts;
  /** Its link is down since a moment ago, and dialled again. */
  readonly isRedialled: (pair: Pair) => boolean;
  /** Begins the transition: with the partner where there is one. A sentence why it did not; null: it has begun. */
  readonly begin: (pair: Pair, order: AcceptedOrder) => Promise<string | null>;
  /** The same for several pairs at one moment, in their order. */
  readonly beginTogether: (ordered: readonly OrderedPair[]) => Promise<readonly (string | null)[]>;
}

export interface OrderedPair {
  readonly pair: Pair;
  readonly order: AcceptedOrder;
}

export interface AcceptedOrder {
  readonly operation: ReplicaOperation;
  readonly arrow: Arrow;
  readonly force: boolean;
  /** The partner is out of reach and is not waited for. */
  readonly alone: boolean;
}

export interface PairOrder {
  readonly operation: number;
  readonly force: boolean;
  readonly waitForCopyState: number | null;
  readonly syncPairs: readonly (Association | null)[];
  /** MOF of CIM_ReplicationSettingData; null: not given. */
  readonly settings: string | null;
}

/** What an order says unless it is said. */
export const BARE_ORDER = { force: false, waitForCopyState: null, syncPairs: [], settings: null } as const;

export interface GroupJudgement {
  readonly operation: ReplicaOperation;
  /** In the order of the pairs. */
  readonly arrows: readonly Arrow[];
  readonly order: PairOrder;
  readonly alone: boolean;
}

interface BegunJob {
  readonly job: string;
  /** Before the order: whatever is carried out has a greater one. */
  readonly revision: number;
}

export class PairOrders {
  readonly #parts: PairOrdersParts;

  constructor(parts: PairOrdersParts) {
    this.#parts = parts;
  }

  underOrder(pair: Pair): PairUnderOrder {
    return { association: pair.record, facts: this.#parts.factsOf(pair) };
  }

  /** What would become of the order; nothing is changed. `pair` undefined: the order names none that is here. */
  judge(pair: Pair | undefined, order: PairOrder): Judgement {
    const settingsProblem = problemOfSettings(order, pair === undefined ? [] : [pair.record]);
    const subject = pair ? ({ kind: 'pair', pair: this.underOrder(pair) } as const) : null;
    const judgement = judgeOperation({ ...order, settingsProblem }, subject);
    return judgement.verdict === 'refused' || pair === undefined
      ? judgement
      : (refuseSettingsAt(pair, order.settings) ?? judgement);
  }

  /** What `judge` says; a partner that may be back in a moment, as after a start of the daemon, is waited for. */
  async judgeInReach(pairs: readonly Pair[], judge: () => Judgement): Promise<Judgement> {
    const judgement = judge();
    if (judgement.verdict !== 'refused' || judgement.detail !== 'peer_unreachable') return judgement;
    await Promise.all(pairs.map(pair => untilMet(pair, () => this.#parts.isRedialled(pair))));
    return judge();
  }

  async modify(pair: Pair | undefined, order: PairOrder): Promise<MethodOutcome> {
    const judgement = await this.judgeInReach(pair ? [pair] : [], () => this.judge(pair, order));
    if (judgement.verdict === 'refused') return refusedOutcome(judgement, pair?.id ?? null);
    const { operation } = judgement;
    if (judgement.verdict === 'no-effect') {
      await applySettings(pair!, order.settings);
      return done(pair!, `${place(pair!.record)}: ${operation} changes nothing, it is so already`);
    }
    const arrow = judgement.arrows[0]!;
    const accepted: AcceptedOrder = { operation, arrow, force: order.force, alone: judgement.alone };
    return await this.#carryOut(pair!, accepted, order);
  }

  /** The same operation on all pairs of a group, each of which may begin it. */
  async modifyAll(pairs: readonly Pair[], judged: GroupJudgement): Promise<MethodOutcome> {
    const { operation, arrows, order, alone } = judged;
    const ordered = pairs.map((pair, index) => ({
      pair,
      order: { operation, arrow: arrows[index]!, force: order.force, alone },
    }));
    const jobs = await Promise.all(ordered.map(one => this.#startJob(one)));
    const problems = await this.#parts.beginTogether(ordered);
    const outcomes = await Promise.all(
      ordered.map((one, index) => this.#follow(one, jobs[index]!, problems[index] ?? null, order)),
    );
    const failed = outcomes.find(({ returnCode }) => returnCode !== 0 && returnCode !== 4096);
    const running = outcomes.find(({ returnCode }) => returnCode === 4096);
    return failed ?? running ?? { ...outcomes[0]!, sentence: `${operation}: all ${pairs.length} pairs are there` };
  }

  /** Follows a pair that was just created to where it is to be. */
  async follow(pair: Pair, what: string, arrival: CopyState, waitFor: CopyState | null): Promise<MethodOutcome> {
    const job = await this.#parts.jobs.start({ what, pair, arrival });
    const rests = (): boolean =>
      pair.removed || pair.record.copyState !== 'Initialized' || pair.record.holdAt === 'Initialized';
    await pair.within(LIMITS.replicaAnswerMs, rests);
    return await this.#answer(pair, { what, arrival, job: job.id, waitFor, revision: null });
  }

  async #carryOut(pair: Pair, order: AcceptedOrder, asked: PairOrder): Promise<MethodOutcome> {
    const begun = await this.#startJob({ pair, order });
    // The partner may be gone before it has answered.
    const problem = await this.#parts.begin(pair, order).catch(messageOf);
    return await this.#follow({ pair, order }, begun, problem, asked);
  }

  async #startJob({ pair, order: { operation, arrow } }: OrderedPair): Promise<BegunJob> {
    pair.trouble = null;
    const { revision } = pair.record;
    const { id } = await this.#parts.jobs.start({ what: operation, pair, arrival: arrow.arrival });
    return { job: id, revision };
  }

  async #follow(
    { pair, order: { operation, arrow } }: OrderedPair,
    begun: BegunJob,
    problem: string | null,
    asked: PairOrder,
  ): Promise<MethodOutcome> {
    if (problem !== null) {
      await this.#parts.jobs.forget(begun.job);
      return failedOutcome(`${place(pair.record)}: ${problem}`, pair.id);
    }
    await applySettings(pair, asked.settings);
    const wait = asked.waitForCopyState;
    const rests = (): boolean => pair.removed || pair.record.work?.phase !== 'transition';
    await pair.within(LIMITS.replicaAnswerMs, rests);
    const waitFor = wait === null ? null : (nameOf(COPY_STATES, wait) ?? null);
    return await this.#answer(pair, { what: operation, arrival: arrow.arrival, waitFor, ...begun });
  }

  async #answer(
    pair: Pair,
    {
      what,
      arrival,
      job,
      waitFor,
      revision,
    }: {
      what: string;
      arrival: CopyState | 'removed';
      job: string;
      waitFor: CopyState | null;
      /** Before the order: whatever is carried out has a greater one. Null: nothing was ordered. */
      revision: number | null;
    },
  ): Promise<MethodOutcome> {
    const over = (): boolean => pair.removed || pair.record.work === null;
    if (waitFor !== null && !pair.removed) {
      const there = (): boolean => over() || pair.record.copyState === waitFor;
      if (!(await pair.within(LIMITS.waitForCopyStateMs, there))) {
        const sentence = `${place(pair.record)} is not ${waitFor} yet; the job goes on`;
        return { returnCode: 3, sentence, detail: null, synchronization: pair.id, job };
      }
    }
    if (arrival === 'removed' && pair.removed) {
      await this.#ended(pair, job);
      const settingsState = what === 'Dissolve' ? pair.id : null;
      return { ...done(pair, `${place(pair.record)} is a pair no more`), synchronization: null, settingsState };
    }
    const { copyState } = pair.record;
    const elsewhere =
      copyState !== 'Initialized' && copyState !== arrival && !(waitFor !== null && copyState === waitFor);
    if (over() && (elsewhere || pair.record.revision === revision)) {
      const why = pair.trouble ?? pair.reason ?? `it is ${copyState}`;
      this.#parts.jobs.follow(pair);
      return failedOutcome(`${what} failed: ${why}`, pair.id);
    }
    if (over() && copyState === arrival) {
      await this.#ended(pair, job);
      return done(pair, `${place(pair.record)} is ${copyState}`);
    }
    const sentence = `${place(pair.record)} is ${copyState} and on its way to ${arrival}; see “tandem job show ${job}”`;
    return { returnCode: 4096, sentence, detail: null, synchronization: pair.id, job };
  }

  /** What was done before the answer needs no job. */
  async #ended(pair: Pair, job: string): Promise<void> {
    this.#parts.jobs.follow(pair);
    await this.#parts.jobs.forget(job);
  }
}

function done(pair: Pair, sentence: string): MethodOutcome {
  return { returnCode: 0, sentence, detail: null, synchronization: pair.id, job: null };
}

/** What is wrong with the settings of an order on these pairs, which are of one kind; null: nothing. */
export function problemOfSettings(
  { settings, operation }: Pick<PairOrder, 'settings' | 'operation'>,
  records: readonly Association[],
  syncType: SyncType | null = records[0]?.syncType ?? null,
): string | null {
  const parsed = parsedOf(settings);
  if ('problem' in parsed) return parsed.problem;
  if (syncType === null) return null;
  const ordered: OrderedMoment = {
    operation: nameOf(REPLICA_OPERATIONS, operation),
    states: records.map(({ copyState }) => copyState),
  };
  const within = records.some(({ here }) => here === 'both');
  return misfitOfSettings(parsed.settings, syncType, ordered) ?? (within ? misfitWithinMember(parsed.settings) : null);
}

/** How a pair behaves without its link is kept at its source. */
function refuseSettingsAt({ record }: Pair, settings: string | null): Refusal | null {
  const parsed = parsedOf(settings);
  if (record.here !== 'target' || 'problem' in parsed) return null;
  const { recoveryMode, failedCopyStopsHostIO, desiredRpoSeconds } = parsed.settings;
  if (recoveryMode === undefined && failedCopyStopsHostIO === undefined && desiredRpoSeconds === undefined) return null;
  const sentence = `CopyRecoveryMode, FailedCopyStopsHostIO and DesiredRPO are kept at the source: give the order on ${record.source.member}`;
  return refuse(4, 'illegal_state', sentence);
}

/** Of an order that was found in order. */
async function applySettings(pair: Pair, settings: string | null): Promise<void> {
  const parsed = parsedOf(settings);
  if ('problem' in parsed || Object.keys(parsed.settings).length === 0) return;
  const { desiredRpoSeconds } = parsed.settings;
  await pair.set(settingsOf(parsed.settings), desiredRpoSeconds === undefined ? {} : { desiredRpoSeconds });
}

function parsedOf(settings: string | null): ParsedSettings {
  return settings === null ? { settings: {} } : parseReplicationSettings(settings);
}

/** When the link is there or is not dialled again for now, or it takes too long. */
export async function untilMet(pair: Pair, isRedialled: () => boolean): Promise<void> {
  await pair.within(LIMITS.replicaAnswerMs, () => pair.removed || !isRedialled());
}
