/**
 * The part of the admin API that is about replicas: of volumes, and replicated folders of inbound connections. A pair is named by its id, the beginning of it, or its target; a group by its
 * id or name. What a method of the replication service refuses is told by its return code and a sentence, not by an error.
 */
import type {
  JobRecord,
  ReplicaGroupRecord,
  ReplicaOperationRecord,
  ReplicaOutcomeRecord,
  ReplicaRecord,
} from './records/replica.ts';

export interface ReplicasBackend {
  /** GetReplicationRelationships */
  replicas(): Promise<{ readonly replicas: readonly ReplicaRecord[] }>;
  replica(query: ReplicaQuery): Promise<{ readonly replica: ReplicaRecord }>;
  /** GetSupportedOperations of a pair as it is now. */
  replicaOperations(query: ReplicaQuery): Promise<{ readonly operations: readonly ReplicaOperationRecord[] }>;
  /** CreateElementReplica */
  createReplica(order: ReplicaCreation): Promise<OutcomeAnswer>;
  /** ModifyReplicaSynchronization */
  modifyReplica(order: ReplicaOrder): Promise<OutcomeAnswer>;
  /** A replicated folder that was detached is a pair again; it is named by its id or the beginning of it. NOT_FOUND */
  attachReplica(query: ReplicaQuery): Promise<OutcomeAnswer>;
  /** CopyPriority is what a client may write of a pair. */
  setReplica(order: ReplicaQuery & { readonly copyPriority: number }): Promise<OutcomeAnswer>;
  replicaGroups(): Promise<{ readonly groups: readonly ReplicaGroupRecord[] }>;
  /** CreateGroup */
  createReplicaGroup(order: GroupCreation): Promise<OutcomeAnswer>;
  /** DeleteGroup; its pairs stay. */
  deleteReplicaGroup(query: GroupQuery): Promise<OutcomeAnswer>;
  jobs(): Promise<{ readonly jobs: readonly JobRecord[] }>;
  job(query: JobQuery): Promise<{ readonly job: JobRecord }>;
  /** RequestStateChange: 2 Start, 3 Suspend, 4 Terminate, 5 Kill. */
  changeJob(order: JobQuery & { readonly requestedState: number }): Promise<OutcomeAnswer>;
}

export interface ReplicaQuery {
  readonly replica: string;
}

export interface GroupQuery {
  readonly group: string;
}

export interface JobQuery {
  readonly job: string;
}

export interface OutcomeAnswer {
  readonly outcome: ReplicaOutcomeRecord;
}

export interface ReplicaCreation {
  /** 6 Mirror, 7 Snapshot, 8 Clone */
  readonly syncType: number;
  /** 2 Synchronous, 3 Asynchronous; of mirrors. */
  readonly mode?: number | undefined;
  /** `NAME` or `MEMBER:NAME` */
  readonly source: string;
  readonly target: string;
  readonly waitForCopyState?: number | undefined;
  /** CIM_ReplicationSettingData as MOF. */
  readonly settings?: string | undefined;
  readonly writable: boolean;
  readonly detachWhenCopied: boolean;
  readonly force: boolean;
}

export interface ReplicaOrder {
  /** A pair or a group. */
  readonly synchronization: string;
  /** 2 to 23 */
  readonly operation: number;
  readonly force: boolean;
  readonly waitForCopyState?: number | undefined;
  readonly settings?: string | undefined;
  /** Of AddSyncPair and RemoveSyncPair. */
  readonly syncPairs: readonly string[];
}

export interface GroupCreation {
  readonly name: string;
  readonly syncType: number;
  readonly pairs: readonly string[];
  readonly deleteOnEmptyElement: boolean;
}
