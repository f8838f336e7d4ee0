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
  /** GetReplicationRelationships; a filter that is none is told by `outcome`. */
  replicas(filter: ReplicaFilter): Promise<OutcomeAnswer & { readonly replicas: readonly ReplicaRecord[] }>;
  replica(query: ReplicaQuery): Promise<{ readonly replica: ReplicaRecord }>;
  /** GetSupportedOperations of a pair as it is now. */
  replicaOperations(query: ReplicaQuery): Promise<{ readonly operations: readonly ReplicaOperationRecord[] }>;
  /** CreateElementReplica */
  createReplica(order: ReplicaCreation): Promise<OutcomeAnswer>;
  /** ModifyReplicaSynchronization */
  modifyReplica(order: ReplicaOrder): Promise<OutcomeAnswer>;
  /** ModifyListSynchronization: all of them or, where one is refused, none; with OnGroupOrListError = 2, those that can. */
  modifyReplicas(
    order: ReplicaListOrder,
  ): Promise<OutcomeAnswer & { readonly outcomes: readonly ReplicaOutcomeRecord[] }>;
  /** ConfirmTargetData: answers when the target durably holds what was written to the source until now, or with 3. */
  confirmTargetData(query: ReplicaQuery & { readonly waitMs: number }): Promise<OutcomeAnswer>;
  /** Compares all bytes of a mirror, and copies what differs if `repair`; answers soon, or with a job. */
  verifyReplica(order: ReplicaQuery & { readonly repair: boolean }): Promise<OutcomeAnswer>;
  /** A replicated folder that was detached is a pair again; it is named by its id or the beginning of it. NOT_FOUND */
  attachReplica(query: ReplicaQuery): Promise<OutcomeAnswer>;
  /** CopyPriority is what a client may write of a pair. */
  setReplica(order: ReplicaQuery & { readonly copyPriority: number }): Promise<OutcomeAnswer>;
  replicaGroups(): Promise<{ readonly groups: readonly ReplicaGroupRecord[] }>;
  /** CreateGroup */
  createReplicaGroup(order: GroupCreation): Promise<OutcomeAnswer>;
  /** CreateGroupReplica: a pair for each source, all of them in a group of this name. */
  createGroupReplica(order: GroupReplicaCreation): Promise<OutcomeAnswer>;
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

export interface ReplicaFilter {
  /** 2 storage, 3 groups: those have records of their own, so none are listed. */
  readonly type?: number | undefined;
  readonly syncType?: number | undefined;
  readonly mode?: number | undefined;
  /** 2 both elements here, 3 one of them at a partner. */
  readonly locality?: number | undefined;
  readonly copyState?: number | undefined;
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

export type ReplicaListOrder = Omit<ReplicaOrder, 'synchronization' | 'syncPairs'> & {
  readonly synchronizations: readonly string[];
};

export type GroupReplicaCreation = Omit<ReplicaCreation, 'source' | 'target' | 'detachWhenCopied'> & {
  readonly name: string;
  /** Volumes of this member; empty: those of `sourceGroup`. */
  readonly sources: readonly string[];
  /** A group whose sources are meant. */
  readonly sourceGroup?: string | undefined;
  /** With `*` for the name of the source. */
  readonly target: string;
  readonly deleteOnEmptyElement: boolean;
  /** 2 No Consistency, 3 Sequentially Consistent; else 2. */
  readonly consistency?: number | undefined;
};

export interface GroupCreation {
  readonly name: string;
  readonly syncType: number;
  readonly pairs: readonly string[];
  readonly deleteOnEmptyElement: boolean;
  /** 2 No Consistency, 3 Sequentially Consistent; else 2. */
  readonly consistency?: number | undefined;
}
