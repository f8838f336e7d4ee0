/** The methods of the admin API that ask what can be done about replicas. */
import { z } from 'zod';
import type { AdminMethod } from './methods.ts';
import { replicaOutcomeNoun } from './records/replica.ts';
import {
  peerSystemNoun,
  replicaAspectNoun,
  replicaTargetNoun,
  replicationTypeNoun,
  supportedCopyStateNoun,
  supportedOperationNoun,
  supportedWaitNoun,
} from './records/replica-capability.ts';
import type { ReplicaQueriesBackend } from './replica-queries.ts';

const nothing = z.strictObject({});
const capabilityQuery = z.strictObject({ replicationType: z.int() });
const outcome = replicaOutcomeNoun;

export const REPLICA_QUERY_METHODS = {
  replicaTargets: {
    rpc: 'GetAvailableTargetElements',
    request: z.strictObject({ source: z.string().min(1).max(4096), syncType: z.int() }),
    records: { outcome, targets: replicaTargetNoun },
  },
  peerSystems: {
    rpc: 'GetPeerSystems',
    request: z.strictObject({ reachableOnly: z.boolean() }),
    records: { systems: peerSystemNoun },
  },
  replicationTypes: { rpc: 'GetSupportedReplicationTypes', request: nothing, records: { types: replicationTypeNoun } },
  supportedOperations: {
    rpc: 'GetSupportedOperations',
    request: capabilityQuery.extend({ copyState: z.int().optional() }),
    records: { outcome, operations: supportedOperationNoun },
  },
  supportedCopyStates: {
    rpc: 'GetSupportedCopyStates',
    request: capabilityQuery.extend({ operation: z.int().optional() }),
    records: { outcome, states: supportedCopyStateNoun },
  },
  supportedWaitStates: {
    rpc: 'GetSupportedWaitForCopyStates',
    request: z.strictObject({ operation: z.int().optional() }),
    records: { outcome, states: supportedWaitNoun },
  },
  replicaAspects: { rpc: 'ListReplicaAspects', request: nothing, records: { aspects: replicaAspectNoun } },
} as const satisfies Record<keyof ReplicaQueriesBackend, AdminMethod>;
