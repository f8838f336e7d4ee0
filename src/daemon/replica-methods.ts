/** What the admin API asks about replicas. */

import { toDatetime } from '../admin/records/column.ts';
import type { JobRecord, ReplicaGroupRecord, ReplicaOutcomeRecord, ReplicaRecord } from '../admin/records/replica.ts';
import type { ReplicasBackend } from '../admin/replicas.ts';
import { TandemError } from '../base/errors.ts';
import { describeUnknown } from '../base/known-names.ts';
import { type MethodOutcome, refusedOutcome } from '../mirror/method-outcome.ts';
import type { Pair } from '../mirror/pair.ts';
import type { PairOrder } from '../mirror/pair-orders.ts';
import type { PairSet } from '../mirror/pair-set.ts';
import type { KeptJob } from '../mirror/replica-book.ts';
import type { Replicas } from '../mirror/replicas.ts';
import { elementPath, storageSynchronized } from '../model/association-record.ts';
import { requestJobState } from '../model/concrete-job.ts';
import { refuse } from '../model/refusal.ts';
import { operationsNow } from '../model/replica-capabilities.ts';
import { CONSISTENCY_STATES, CONSISTENCY_STATUSES, type ReplicaGroup } from '../model/replica-group.ts';
import {
  COPY_PRIORITIES,
  COPY_STATES,
  JOB_REQUESTS,
  JOB_STATES,
  nameOf,
  numberOf,
  PROGRESS_STATUSES,
  REPLICA_OPERATIONS,
  SYNC_TYPES,
} from '../model/replica-values.ts';

export interface ReplicaMethodsParts {
  readonly pairs: PairSet;
  readonly replicas: Replicas;
}

export function createReplicaMethods({ pairs, replicas }: ReplicaMethodsParts): ReplicasBackend {
  const pairNamed = (named: string): Pair => {
    const pair = findPair(pairs, named);
    if (pair !== undefined) return pair;
    const known = pairs.list().map(({ id, record }) => `${id.slice(0, 8)} (${elementPath(record.target)})`);
    throw new TandemError('NOT_FOUND', describeUnknown({ what: 'replica', name: named, known }));
  };
  const jobNamed = (named: string): KeptJob => {
    const all = replicas.jobs.list();
    const found = all.filter(({ job }) => job.id.startsWith(named.toLowerCase()));
    if (found.length === 1) return found[0]!;
    const known = all.map(({ job }) => job.id.slice(0, 8));
    throw new TandemError('NOT_FOUND', describeUnknown({ what: 'job', name: named, known }));
  };
  const groupNamed = (named: string): ReplicaGroup => {
    const group = replicas.groups.find(named);
    if (group !== undefined) return group;
    const known = replicas.groups.list().map(({ name }) => name);
    throw new TandemError('NOT_FOUND', describeUnknown({ what: 'group', name: named, known }));
  };

  return {
    replicas: async () => ({ replicas: pairs.list().map(replicaRecord) }),
    replica: async ({ replica }) => ({ replica: replicaRecord(pairNamed(replica)) }),
    replicaOperations: async ({ replica }) => ({
      operations: operationsNow({ kind: 'pair', pair: replicas.orders.underOrder(pairNamed(replica)) }).map(
        ({ operation, requiresForce }) => ({
          Operation: numberOf(REPLICA_OPERATIONS, operation),
          RequiresForce: requiresForce,
        }),
      ),
    }),
    createReplica: async ({ mode = null, waitForCopyState = null, settings = null, ...order }) =>
      answer(await replicas.create({ ...order, mode, waitForCopyState, settings })),
    modifyReplica: async ({ synchronization, syncPairs, waitForCopyState = null, settings = null, ...order }) => {
      const named = syncPairs.map(pair => findPair(pairs, pair)?.record ?? null);
      const asked: PairOrder = { ...order, waitForCopyState, settings, syncPairs: named };
      const group = replicas.groups.find(synchronization);
      if (group !== undefined) return answer(await replicas.groups.modify(group, asked));
      return answer(await replicas.orders.modify(findPair(pairs, synchronization), asked));
    },
    setReplica: async ({ replica, copyPriority }) => {
      const pair = pairNamed(replica);
      const priority = nameOf(COPY_PRIORITIES, copyPriority);
      if (priority === undefined) {
        return answer(
          refusedOutcome(refuse(5, 'settings', `${copyPriority} is no CopyPriority; they are 0 to 4`), pair.id),
        );
      }
      await pair.adopt({ ...pair.record, copyPriority: priority });
      const sentence = `${elementPath(pair.record.target)} has CopyPriority ${priority}`;
      return answer({ returnCode: 0, sentence, detail: null, synchronization: pair.id, job: null });
    },
    replicaGroups: async () => ({
      groups: replicas.groups.list().map(group => groupRecord(group, replicas)),
    }),
    createReplicaGroup: async ({ pairs: named, ...wish }) => {
      const ids = named.map(pair => pairNamed(pair).id);
      return answer(await replicas.groups.create({ ...wish, pairs: ids }));
    },
    deleteReplicaGroup: async ({ group }) => answer(await replicas.groups.delete(groupNamed(group))),
    jobs: async () => ({ jobs: replicas.jobs.list().map(jobRecord) }),
    job: async ({ job }) => ({ job: jobRecord(jobNamed(job)) }),
    changeJob: async ({ job: named, requestedState }) => {
      const { job, subject } = jobNamed(named);
      const request = nameOf(JOB_REQUESTS, requestedState);
      const told = request === undefined ? null : requestJobState(job, request, false);
      if (told === null || !('job' in told)) {
        const returnCode = told?.returnCode ?? 5;
        return {
          outcome: outcomeRecord(returnCode, JOB_SENTENCES[returnCode], { job: job.id, synchronization: subject }),
        };
      }
      const outcome = await replicas.changeJob(job, subject, request!);
      return {
        outcome: outcomeRecord(outcome.returnCode, outcome.sentence, { job: job.id, synchronization: subject }),
      };
    },
  };
}

const JOB_SENTENCES = {
  5: 'the requested state is none; 2 is Start, 3 Suspend, 4 Terminate, 5 Kill',
  4097: 'the job is in no state for that; see “tandem job show”',
  4098: 'a timeout is not supported',
  4099: 'what the job does just now cannot be given up; try again when it copies',
} as const;

/** By id, the beginning of it, or target. */
function findPair(pairs: PairSet, named: string): Pair | undefined {
  const exact = pairs.get(named.toLowerCase());
  if (exact !== undefined) return exact;
  const byTarget = pairs
    .list()
    .filter(({ record }) => record.target.name === named || elementPath(record.target) === named);
  const found =
    byTarget.length > 0
      ? byTarget
      : pairs.list().filter(({ id }) => named.length >= 4 && id.startsWith(named.toLowerCase()));
  return found.length === 1 ? found[0] : undefined;
}

function replicaRecord(pair: Pair): ReplicaRecord {
  const { record, progress, trouble } = pair;
  const { WhenSynced, WhenActivated, WhenDeactivated, WhenEstablished, WhenSuspended, WhenSynchronized, ...others } =
    storageSynchronized(record, progress);
  const when = (ms: number | null): string | null => (ms === null ? null : toDatetime(ms));
  return {
    InstanceID: pair.id,
    ...others,
    WhenSynced: when(WhenSynced),
    WhenActivated: when(WhenActivated),
    WhenDeactivated: when(WhenDeactivated),
    WhenEstablished: when(WhenEstablished),
    WhenSuspended: when(WhenSuspended),
    WhenSynchronized: when(WhenSynchronized),
    StatusReason: trouble ?? '',
    OutOfSyncBytes: progress.dirtyBytes,
    LagBytes: progress.lagBytes,
    LagSeconds: Math.round(progress.lagMs / 1000),
    ReplicationGroup: record.group,
  };
}

function jobRecord({ job }: KeptJob): JobRecord {
  return {
    InstanceID: job.id,
    Name: job.about,
    JobState: numberOf(JOB_STATES, job.state),
    PercentComplete: job.percentComplete,
    ErrorCode: job.errorCode,
    ErrorDescription: job.errorDescription,
    StartTime: toDatetime(job.startedAt),
    EndTime: job.endedAt === null ? null : toDatetime(job.endedAt),
    Cancellable: job.cancellable,
  };
}

function groupRecord(group: ReplicaGroup, { groups }: Replicas): ReplicaGroupRecord {
  const { copyState, progressStatus, consistencyState, consistencyStatus } = groups.condition(group);
  return {
    InstanceID: group.id,
    ElementName: group.name,
    SyncType: numberOf(SYNC_TYPES, group.syncType),
    Pairs: group.pairs.length,
    Members: group.pairs.join(' '),
    CopyState: numberOf(COPY_STATES, copyState),
    ProgressStatus: numberOf(PROGRESS_STATUSES, progressStatus),
    ConsistencyState: numberOf(CONSISTENCY_STATES, consistencyState),
    ConsistencyStatus: numberOf(CONSISTENCY_STATUSES, consistencyStatus),
    DeleteOnEmptyElement: group.deleteOnEmptyElement,
  };
}

function answer(outcome: MethodOutcome): { readonly outcome: ReplicaOutcomeRecord } {
  const { returnCode, sentence, detail, synchronization, job } = outcome;
  return { outcome: { ...outcomeRecord(returnCode, sentence, { job, synchronization }), Detail: detail } };
}

function outcomeRecord(
  returnCode: number,
  sentence: string,
  { job, synchronization }: { readonly job: string | null; readonly synchronization: string | null },
): ReplicaOutcomeRecord {
  return { ReturnValue: returnCode, Message: sentence, Detail: null, Synchronization: synchronization, Job: job };
}
