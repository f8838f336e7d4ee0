/** What the admin API asks about replicas: of volumes and of replicated folders alike. */

import type { ReplicasBackend } from '../admin/replicas.ts';
import { TandemError } from '../base/errors.ts';
import { describeUnknown } from '../base/known-names.ts';
import { type MethodOutcome, refusedOutcome } from '../mirror/method-outcome.ts';
import type { PairOrder } from '../mirror/pair-orders.ts';
import type { PairSet } from '../mirror/pair-set.ts';
import type { KeptJob } from '../mirror/replica-book.ts';
import type { Replicas } from '../mirror/replicas.ts';
import { elementPath } from '../model/association-record.ts';
import { requestJobState } from '../model/concrete-job.ts';
import type { Judgement } from '../model/operation-judge.ts';
import { refuse } from '../model/refusal.ts';
import { operationsNow } from '../model/replica-capabilities.ts';
import type { ReplicaGroup } from '../model/replica-group.ts';
import { COPY_PRIORITIES, JOB_REQUESTS, nameOf, numberOf, REPLICA_OPERATIONS } from '../model/replica-values.ts';
import type { FolderOrders } from './folder-orders.ts';
import type { FolderPairs } from './folder-pairs.ts';
import { modifyList } from './list-orders.ts';
import { passes, problemOfFilter } from './replica-filter.ts';
import { associationOf, createReplicaNames, idOf, type NamedReplica } from './replica-names.ts';
import { FOUND } from './replica-queries.ts';
import { answer, groupRecord, jobRecord, outcomeRecord, replicaRecord } from './replica-records.ts';

export interface ReplicaMethodsParts {
  readonly pairs: PairSet;
  readonly replicas: Replicas;
  readonly folders: FolderPairs;
  readonly folderOrders: FolderOrders;
}

export function createReplicaMethods({ pairs, replicas, folders, folderOrders }: ReplicaMethodsParts): ReplicasBackend {
  const names = createReplicaNames(pairs, folders);
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
  /** Of members of a group: they are volumes. */
  const volumeNamed = (named: string): string => idOf(names.get(named));
  const modify = (named: NamedReplica | undefined, order: PairOrder): Promise<MethodOutcome> =>
    named?.kind === 'folder' ? folderOrders.modify(named.pair, order) : replicas.orders.modify(named?.pair, order);

  const judge = (named: NamedReplica | undefined, order: PairOrder): Judgement =>
    named?.kind === 'folder' ? folderOrders.judge(named.pair, order) : replicas.orders.judge(named?.pair, order);

  return {
    replicas: async filter => {
      const problem = problemOfFilter(filter);
      if (problem !== null) return { ...answer(refusedOutcome(refuse(5, 'settings', problem), null)), replicas: [] };
      const listed = names.list().filter(named => passes(associationOf(named), filter));
      return { ...FOUND, replicas: listed.map(replicaRecord) };
    },
    replica: async ({ replica }) => ({ replica: replicaRecord(names.get(replica)) }),
    replicaOperations: async ({ replica }) => {
      const named = names.get(replica);
      const pair =
        named.kind === 'volume'
          ? replicas.orders.underOrder(named.pair)
          : { association: named.pair.association, facts: named.pair.facts };
      const operations = operationsNow({ kind: 'pair', pair }).map(({ operation, requiresForce }) => ({
        Operation: numberOf(REPLICA_OPERATIONS, operation),
        RequiresForce: requiresForce,
      }));
      return { operations };
    },
    createReplica: async ({ mode = null, waitForCopyState = null, settings = null, ...order }) =>
      answer(await replicas.create({ ...order, mode, waitForCopyState, settings })),
    modifyReplica: async ({ synchronization, syncPairs, waitForCopyState = null, settings = null, ...order }) => {
      const listed = syncPairs.map(pair => {
        const named = names.find(pair);
        return named === undefined ? null : associationOf(named);
      });
      const asked: PairOrder = { ...order, waitForCopyState, settings, syncPairs: listed };
      const group = replicas.groups.find(synchronization);
      if (group !== undefined) return answer(await replicas.groups.modify(group, asked));
      return answer(await modify(names.find(synchronization), asked));
    },
    modifyReplicas: async ({ synchronizations, waitForCopyState = null, settings = null, ...order }) => {
      const asked: PairOrder = { ...order, waitForCopyState, settings, syncPairs: [] };
      const named = synchronizations.map(each => names.find(each));
      const { outcome, outcomes } = await modifyList({ judge, modify }, named, asked);
      return { ...answer(outcome), outcomes: outcomes.map(outcomeRecord) };
    },
    confirmTargetData: async ({ replica, waitMs }) => {
      const { kind, pair } = names.get(replica);
      if (kind === 'volume') return answer(await replicas.confirm(pair, waitMs));
      const { source, target } = pair.association;
      const sentence = `on ${source.member}, “tandem wait --folder ${source.name} --member ${target.member}” waits for a replicated folder`;
      return answer(refusedOutcome(refuse(1, 'not_supported', sentence), pair.association.id));
    },
    verifyReplica: async ({ replica, repair }) => {
      const { kind, pair } = names.get(replica);
      if (kind === 'volume') return answer(await replicas.verifications.begin(pair, repair));
      const { id, source } = pair.association;
      const sentence = `a replicated folder is compared by its records once a week; “tandem sync ${source.name} --from ${source.member} --full” does it now`;
      return answer(refusedOutcome(refuse(1, 'not_supported', sentence), id));
    },
    attachReplica: async ({ replica }) => {
      const all = folders.detached();
      const found = all.filter(({ id }) => id.startsWith(replica.toLowerCase()));
      if (found.length === 1) return answer(await folderOrders.attach(found[0]!.id));
      const known = all.map(({ id, folder, partner }) => `${id} (${folder} from ${partner})`);
      throw new TandemError('NOT_FOUND', describeUnknown({ what: 'detached pair', name: replica, known }));
    },
    setReplica: async ({ replica, copyPriority }) => {
      const { kind, pair } = names.get(replica);
      if (kind === 'folder') {
        const sentence = 'a replicated folder has no CopyPriority: schedule and bandwidth are set in group.yaml';
        return answer(refusedOutcome(refuse(1, 'not_supported', sentence), pair.association.id));
      }
      const priority = nameOf(COPY_PRIORITIES, copyPriority);
      if (priority === undefined) {
        return answer(
          refusedOutcome(refuse(5, 'settings', `${copyPriority} is no CopyPriority; they are 0 to 4`), pair.id),
        );
      }
      await pair.set({ copyPriority: priority });
      const sentence = `${elementPath(pair.record.target)} has CopyPriority ${priority}`;
      return answer({ returnCode: 0, sentence, detail: null, synchronization: pair.id, job: null });
    },
    replicaGroups: async () => ({
      groups: replicas.groups.list().map(group => groupRecord(group, replicas.groups)),
    }),
    createReplicaGroup: async ({ pairs: named, ...wish }) =>
      answer(await replicas.groups.create({ ...wish, pairs: named.map(volumeNamed) })),
    createGroupReplica: async ({ sourceGroup, sources, ...wish }) => {
      const { mode = null, waitForCopyState = null, settings = null } = wish;
      const of = sourceGroup === undefined ? [] : groupNamed(sourceGroup).pairs.flatMap(id => pairs.get(id) ?? []);
      const named = sources.length > 0 ? sources : [...new Set(of.map(({ record }) => elementPath(record.source)))];
      return answer(await replicas.createGroup({ ...wish, sources: named, mode, waitForCopyState, settings }));
    },
    deleteReplicaGroup: async ({ group }) => answer(await replicas.groups.delete(groupNamed(group))),
    jobs: async () => ({ jobs: replicas.jobs.list().map(jobRecord) }),
    job: async ({ job }) => ({ job: jobRecord(jobNamed(job)) }),
    changeJob: async ({ job: named, requestedState }) => {
      const { job, subject } = jobNamed(named);
      const request = nameOf(JOB_REQUESTS, requestedState);
      const told = request === undefined ? null : requestJobState(job, request, false);
      const about = { detail: null, synchronization: subject, job: job.id };
      if (told === null || !('job' in told)) {
        const returnCode = told?.returnCode ?? 5;
        return answer({ returnCode, sentence: JOB_SENTENCES[returnCode], ...about });
      }
      const outcome = await replicas.changeJob(job, request!, order => modify(names.find(subject), order));
      return answer({ ...outcome, ...about });
    },
  };
}

const JOB_SENTENCES = {
  5: 'the requested state is none; 2 is Start, 3 Suspend, 4 Terminate, 5 Kill',
  4097: 'the job is in no state for that; see “tandem job show”',
  4098: 'a timeout is not supported',
  4099: 'what the job does just now cannot be given up; try again when it copies',
} as const;
