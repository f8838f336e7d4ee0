/**
 * The part of the admin API that asks what can be done about replicas. Wrong parameters are told by the return code and sentence of
 * `outcome`; the list is empty then.
 */
import type {
  PeerSystemRecord,
  ReplicaAspectRecord,
  ReplicaTargetRecord,
  ReplicationTypeRecord,
  SupportedCopyStateRecord,
  SupportedOperationRecord,
  SupportedWaitRecord,
} from './records/replica-capability.ts';
import type { OutcomeAnswer } from './replicas.ts';

export interface ReplicaQueriesBackend {
  /** GetAvailableTargetElements */
  replicaTargets(query: TargetQuery): Promise<OutcomeAnswer & { readonly targets: readonly ReplicaTargetRecord[] }>;
  /** GetPeerSystems: each is asked now. */
  peerSystems(query: { readonly reachableOnly: boolean }): Promise<{ readonly systems: readonly PeerSystemRecord[] }>;
  /** SupportedReplicationTypes */
  replicationTypes(): Promise<{ readonly types: readonly ReplicationTypeRecord[] }>;
  /** GetSupportedOperations */
  supportedOperations(
    query: CapabilityQuery & { readonly copyState?: number | undefined },
  ): Promise<OutcomeAnswer & { readonly operations: readonly SupportedOperationRecord[] }>;
  /** GetSupportedCopyStates */
  supportedCopyStates(
    query: CapabilityQuery & { readonly operation?: number | undefined },
  ): Promise<OutcomeAnswer & { readonly states: readonly SupportedCopyStateRecord[] }>;
  /** GetSupportedWaitForCopyStates; without an operation, of what creates. */
  supportedWaitStates(query: {
    readonly operation?: number | undefined;
  }): Promise<OutcomeAnswer & { readonly states: readonly SupportedWaitRecord[] }>;
  /** GetSynchronizationAspects of dissolved pairs. */
  replicaAspects(): Promise<{ readonly aspects: readonly ReplicaAspectRecord[] }>;
}

export interface TargetQuery {
  /** A volume of this member. */
  readonly source: string;
  /** 6 Mirror, 7 Snapshot, 8 Clone */
  readonly syncType: number;
}

export interface CapabilityQuery {
  /** Of ReplicationType: 4, 5, 6, 11. */
  readonly replicationType: number;
}
