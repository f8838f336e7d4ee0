/** The methods of the admin API that are about replicas. */
import { z } from 'zod';
import { LIMITS } from '../base/limits.ts';
import type { AdminMethod } from './methods.ts';
import { jobNoun, replicaGroupNoun, replicaNoun, replicaOperationNoun, replicaOutcomeNoun } from './records/replica.ts';
import type { ReplicasBackend } from './replicas.ts';

const name = z.string().min(1).max(4096);
const names = z.array(name).max(LIMITS.replicas);
const number = z.int().optional();
const nothing = z.strictObject({});
const replicaQuery = z.strictObject({ replica: name });
const groupQuery = z.strictObject({ group: name });
const jobQuery = z.strictObject({ job: name });
const outcome = { outcome: replicaOutcomeNoun };

export const REPLICA_METHODS = {
  replicas: {
    rpc: 'ListReplicas',
    request: z.strictObject({
      type: number,
      syncType: number,
      mode: number,
      locality: number,
      copyState: number,
    }),
    records: { ...outcome, replicas: replicaNoun },
  },
  replica: { rpc: 'GetReplica', request: replicaQuery, records: { replica: replicaNoun } },
  replicaOperations: {
    rpc: 'ListReplicaOperations',
    request: replicaQuery,
    records: { operations: replicaOperationNoun },
  },
  createReplica: {
    rpc: 'CreateElementReplica',
    request: z.strictObject({
      syncType: z.int(),
      mode: number,
      source: name,
      target: name,
      waitForCopyState: number,
      settings: z.string().max(4096).optional(),
      writable: z.boolean(),
      detachWhenCopied: z.boolean(),
      force: z.boolean(),
    }),
    records: outcome,
  },
  modifyReplica: {
    rpc: 'ModifyReplicaSynchronization',
    request: z.strictObject({
      synchronization: name,
      operation: z.int(),
      force: z.boolean(),
      waitForCopyState: number,
      settings: z.string().max(4096).optional(),
      syncPairs: names,
    }),
    records: outcome,
  },
  modifyReplicas: {
    rpc: 'ModifyListSynchronization',
    request: z.strictObject({
      synchronizations: names,
      operation: z.int(),
      force: z.boolean(),
      waitForCopyState: number,
      settings: z.string().max(4096).optional(),
    }),
    records: { ...outcome, outcomes: replicaOutcomeNoun },
  },
  confirmTargetData: {
    rpc: 'ConfirmTargetData',
    request: replicaQuery.extend({ waitMs: z.int().min(1).max(LIMITS.confirmTargetMs) }),
    records: outcome,
  },
  verifyReplica: {
    rpc: 'VerifyReplica',
    request: replicaQuery.extend({ repair: z.boolean() }),
    records: outcome,
  },
  attachReplica: { rpc: 'AttachReplica', request: replicaQuery, records: outcome },
  setReplica: { rpc: 'SetReplica', request: replicaQuery.extend({ copyPriority: z.int() }), records: outcome },
  replicaGroups: { rpc: 'ListReplicaGroups', request: nothing, records: { groups: replicaGroupNoun } },
  createReplicaGroup: {
    rpc: 'CreateReplicaGroup',
    request: z.strictObject({
      name,
      syncType: z.int(),
      pairs: names,
      deleteOnEmptyElement: z.boolean(),
      consistency: number,
    }),
    records: outcome,
  },
  createGroupReplica: {
    rpc: 'CreateGroupReplica',
    request: z.strictObject({
      name,
      syncType: z.int(),
      mode: number,
      sources: names,
      sourceGroup: name.optional(),
      target: name,
      waitForCopyState: number,
      settings: z.string().max(4096).optional(),
      writable: z.boolean(),
      force: z.boolean(),
      deleteOnEmptyElement: z.boolean(),
      consistency: number,
    }),
    records: outcome,
  },
  deleteReplicaGroup: { rpc: 'DeleteReplicaGroup', request: groupQuery, records: outcome },
  jobs: { rpc: 'ListJobs', request: nothing, records: { jobs: jobNoun } },
  job: { rpc: 'GetJob', request: jobQuery, records: { job: jobNoun } },
  changeJob: { rpc: 'ChangeJob', request: jobQuery.extend({ requestedState: z.int() }), records: outcome },
} as const satisfies Record<keyof ReplicasBackend, AdminMethod>;
