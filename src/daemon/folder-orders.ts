/** ModifyReplicaSynchronization on replicated folders: judged by the same table as volumes, carried out by this member alone. */
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { JobBook, JobSubject } from '../mirror/job-book.ts';
import { failedOutcome, type MethodOutcome, refusedOutcome } from '../mirror/method-outcome.ts';
import type { PairOrder } from '../mirror/pair-orders.ts';
import type { Association } from '../model/association.ts';
import { type Judgement, judgeOperation } from '../model/operation-judge.ts';
import { place, refuse } from '../model/refusal.ts';
import type { Arrow } from '../model/replica-operations.ts';
import { COPY_STATES, nameOf, type ReplicaOperation } from '../model/replica-values.ts';
import { parseReplicationSettings } from '../model/replication-settings.ts';
import type { FolderPairs, ListedPair } from './folder-pairs.ts';

export interface FolderOrdersParts {
  readonly folders: FolderPairs;
  readonly jobs: JobBook;
  readonly clock: Clock;
}

export interface FolderOrders {
  judge(pair: ListedPair, order: PairOrder): Judgement;
  modify(pair: ListedPair, order: PairOrder): Promise<MethodOutcome>;
  /** Takes a detached pair up again. NOT_FOUND if there is none of this id. */
  attach(id: string): Promise<MethodOutcome>;
  /** Brings the jobs of folders to their end, until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

interface Begun {
  readonly association: Association;
  readonly operation: ReplicaOperation;
  readonly arrow: Arrow;
  readonly force: boolean;
  readonly job: string;
}

export function createFolderOrders({ folders, jobs, clock }: FolderOrdersParts): FolderOrders {
  const present = (id: string) => folders.list().find(({ association }) => association.id === id);

  function judge({ association, facts }: ListedPair, order: PairOrder): Judgement {
    const parsed = order.settings === null ? { settings: {} } : parseReplicationSettings(order.settings);
    const settingsProblem = 'problem' in parsed ? parsed.problem : null;
    const judgement = judgeOperation({ ...order, settingsProblem }, { kind: 'pair', pair: { association, facts } });
    if (judgement.verdict === 'refused' || settingsProblem !== null || 'problem' in parsed) return judgement;
    const [given] = Object.keys(parsed.settings);
    if (given === undefined) return judgement;
    const sentence = `${place(association)} is a replicated folder: its bandwidth, schedule and roles are set in group.yaml`;
    return refuse(5, 'settings', sentence);
  }

  /** What takes longer than an answer may goes on as its job. */
  async function answer(begun: Begun, wait: number | null): Promise<MethodOutcome> {
    const { association, operation, arrow, job } = begun;
    const { id } = association;
    const carried = carryOut(begun);
    const enough = new AbortController();
    const late = clock.sleep(LIMITS.replicaAnswerMs, enough.signal).then(
      () => UNDER_WAY,
      () => UNDER_WAY,
    );
    const first = await Promise.race([carried, late]);
    enough.abort();
    if (typeof first === 'symbol') {
      void carried.then(problem => jobs.tell(id, problem === null ? ENDED : failure(problem)).catch(() => {}));
      const sentence = `${operation} of ${place(association)} is under way; see “tandem job show ${job}”`;
      return { returnCode: 4096, sentence, detail: null, synchronization: id, job };
    }
    if (first !== null) {
      await jobs.forget(job);
      return failedOutcome(`${place(association)}: ${first}`, id);
    }
    if (arrow.arrival === 'removed') {
      await jobs.forget(job);
      const sentence = `${place(association)} is a pair no more; “tandem replica attach ${id}” takes it up again`;
      return { returnCode: 0, sentence, detail: null, synchronization: null, job: null };
    }
    const waitFor = wait === null ? null : nameOf(COPY_STATES, wait);
    const there = () => {
      const now = present(id)?.association;
      return now === undefined || hasArrived(now) || now.copyState === waitFor;
    };
    if (waitFor !== null && !(await within(LIMITS.waitForCopyStateMs, there))) {
      const sentence = `${place(association)} is not ${waitFor} yet; the job goes on`;
      return { returnCode: 3, sentence, detail: null, synchronization: id, job };
    }
    const now = present(id)?.association;
    const where = now === undefined ? 'gone from group.yaml' : now.copyState;
    const sentence = `${place(association)} is ${where}`;
    if (now === undefined || hasArrived(now)) {
      await jobs.forget(job);
      return { returnCode: 0, sentence, detail: null, synchronization: id, job: null };
    }
    const onItsWay = `${sentence} and on its way to ${arrow.arrival}; see “tandem job show ${job}”`;
    return { returnCode: 4096, sentence: onItsWay, detail: null, synchronization: id, job };
  }

  /** A sentence why it was not carried out; null: it was. */
  async function carryOut({ association, operation, arrow, force }: Begun): Promise<string | null> {
    try {
      await folders.perform(association.id, operation, arrow, { force });
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  async function within(ms: number, wanted: () => boolean): Promise<boolean> {
    const end = clock.now() + ms;
    while (!wanted()) {
      if (clock.now() >= end) return false;
      await clock.sleep(LIMITS.orderLookMs);
    }
    return true;
  }

  return {
    judge,

    modify: async (pair, order) => {
      const { association } = pair;
      const judgement = judge(pair, order);
      if (judgement.verdict === 'refused') return refusedOutcome(judgement, association.id);
      const { operation } = judgement;
      if (judgement.verdict === 'no-effect') {
        const sentence = `${place(association)}: ${operation} changes nothing, it is so already`;
        return { returnCode: 0, sentence, detail: null, synchronization: association.id, job: null };
      }
      const arrow = judgement.arrows[0]!;
      const job = await jobs.start({ what: operation, pair: subjectOf(pair), arrival: arrow.arrival });
      const begun: Begun = { association, operation, arrow, force: order.force, job: job.id };
      return await answer(begun, order.waitForCopyState);
    },

    attach: async id => {
      const pair = folders.detached().find(each => each.id === id);
      if (pair === undefined) throw new TandemError('NOT_FOUND', `no detached pair has the id “${id}”`);
      await folders.attach(id);
      const sentence = `folder ${pair.folder} is had from ${pair.partner} again`;
      return { returnCode: 0, sentence, detail: null, synchronization: id, job: null };
    },

    run: async signal => {
      while (!signal.aborted) {
        await clock.sleep(LIMITS.replicaWatchMs, signal).catch(() => {});
        if (signal.aborted || !jobs.list().some(({ job }) => job.endedAt === null)) continue;
        for (const pair of folders.list()) if (pair.facts.heldBy === null) jobs.follow(subjectOf(pair));
        for (const { id } of folders.detached()) await jobs.tell(id, ENDED).catch(() => {});
      }
    },
  };
}

const UNDER_WAY = Symbol('under way');
const ENDED = { type: 'completed' } as const;

function failure(errorDescription: string) {
  return { type: 'failed', errorCode: 4, errorDescription } as const;
}

function hasArrived({ requestedCopyState }: Association): boolean {
  return requestedCopyState === 'Not Applicable';
}

function subjectOf({ association, progress }: ListedPair): JobSubject {
  const { dirtyBytes, totalBytes, paused } = progress;
  return {
    id: association.id,
    record: association,
    removed: false,
    progress: { dirtyBytes, totalBytes, paused, lagBytes: 0, lagMs: 0 },
    verification: null,
    reason: null,
  };
}
