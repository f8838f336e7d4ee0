/** What can be done about replicas: targets, members, capabilities, and what is kept of dissolved pairs. */
import { toDatetime } from '../admin/records/column.ts';
import type { ReplicaTargetRecord } from '../admin/records/replica-capability.ts';
import type { ReplicaQueriesBackend } from '../admin/replica-queries.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { type MethodOutcome, refusedOutcome } from '../mirror/method-outcome.ts';
import { availableTargets } from '../mirror/pair-creation.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import {
  REPLICATION_TYPES,
  type ReplicationType,
  supportedCopyStates,
  supportedOperations,
  supportedWaitStates,
  syncTypeOf,
} from '../model/replica-capabilities.ts';
import { COPY_STATES, nameOf, numberOf, REPLICA_OPERATIONS, SYNC_TYPES } from '../model/replica-values.ts';
import type { TargetsAsked, TargetsListed } from '../peer/link.ts';
import { answer } from './replica-records.ts';
import type { VolumePartners } from './volume-partners.ts';
import type { Volumes } from './volumes.ts';

export interface ReplicaQueriesParts {
  readonly member: string;
  readonly volumes: Pick<Volumes, 'pairs' | 'shelf' | 'elements' | 'replicas'>;
  readonly partners: VolumePartners;
}

export function createReplicaQueries({ member, volumes, partners }: ReplicaQueriesParts): ReplicaQueriesBackend {
  const { pairs, shelf, elements, replicas } = volumes;

  /** What there is at a partner only the partner knows: each is asked now. */
  async function targetsAt(partner: string, asked: TargetsAsked): Promise<readonly ReplicaTargetRecord[]> {
    const made = { TargetElement: `${partner}:${asked.name}`, RequiresForce: false };
    try {
      const link = partners.linkTo(partner);
      if (link === null) return [];
      const { targets, nameFree } = await link.listTargets(asked, AbortSignal.timeout(LIMITS.callTimeoutMs));
      const there = targets.map(target => thereAt(partner, asked, target));
      return nameFree ? [...there, { ...made, SizeInBytes: asked.sizeBytes, Exists: false, StatusReason: '' }] : there;
    } catch (error) {
      const StatusReason = `${partner} was not asked: ${reasonOf(error)}`;
      return [{ ...made, SizeInBytes: null, Exists: null, StatusReason }];
    }
  }

  return {
    replicaTargets: async ({ source, syncType }) => {
      const type = nameOf(SYNC_TYPES, syncType);
      if (type === undefined) return { ...wrong(`${syncType} is no SyncType; they are 6, 7 and 8`), targets: [] };
      if (!shelf.has(source)) {
        const known = shelf.list().map(({ name }) => name);
        const sentence = `there is no volume “${source}” here; there are ${known.join(', ') || 'none'}`;
        return { ...wrong(sentence, 'unknown_synchronization'), targets: [] };
      }
      // A snapshot’s target is made with it.
      if (type === 'Snapshot') return { ...FOUND, targets: [] };
      const asked = { name: source, sizeBytes: elements.volume(source).size };
      const fit = type === 'Clone' ? availableTargets(volumes, asked.sizeBytes) : [];
      const here = fit.filter(({ name }) => name !== source).map(target => thereAt(member, asked, target));
      const away = await Promise.all(partners.list().map(({ name }) => targetsAt(name, asked)));
      return { ...FOUND, targets: [...here, ...away.flat()] };
    },

    peerSystems: async ({ reachableOnly }) => {
      const systems = await Promise.all(
        partners.list().map(async ({ name, address }) => {
          const problem = await partners.ask(name, AbortSignal.timeout(LIMITS.callTimeoutMs)).then(
            () => null,
            (error: unknown) => messageOf(error),
          );
          const shared = pairs.list().filter(({ record: { source, target } }) => {
            return source.member === name || target.member === name;
          });
          const Replicas = shared.length;
          return { Name: name, Address: address, Replicas, Reachable: problem === null, StatusReason: problem ?? '' };
        }),
      );
      return { systems: systems.filter(({ Reachable }) => Reachable || !reachableOnly) };
    },

    replicationTypes: async () => ({
      types: TYPES.map(type => ({
        ReplicationType: type,
        Name: REPLICATION_TYPES[type],
        SyncType: numberOf(SYNC_TYPES, syncTypeOf(type)),
      })),
    }),

    supportedOperations: async ({ replicationType, copyState }) => {
      const type = typeOf(replicationType);
      if (type === null) return { ...noType(replicationType), operations: [] };
      const state = copyState === undefined ? null : nameOf(COPY_STATES, copyState);
      if (state === undefined) return { ...wrong(`${copyState} is no CopyState; they are 2 to 17`), operations: [] };
      const scope = { kind: 'volume', syncType: syncTypeOf(type), group: false } as const;
      const operations = supportedOperations(scope, state).map(each => ({
        Operation: numberOf(REPLICA_OPERATIONS, each.operation),
        ServiceControlling: each.serviceControlling,
        RequiresForce: each.requiresForce,
        UpdatesSynchronizedPath: each.updatesSynchronizedPath,
      }));
      return { ...FOUND, operations };
    },

    supportedCopyStates: async ({ replicationType, operation }) => {
      const type = typeOf(replicationType);
      if (type === null) return { ...noType(replicationType), states: [] };
      const wanted = operation === undefined ? null : nameOf(REPLICA_OPERATIONS, operation);
      if (wanted === undefined) return { ...noOperation(operation), states: [] };
      const states = supportedCopyStates(syncTypeOf(type), wanted).map(({ state, hostAccessible }) => ({
        CopyState: numberOf(COPY_STATES, state),
        HostAccessible: hostAccessible,
      }));
      return { ...FOUND, states };
    },

    supportedWaitStates: async ({ operation }) => {
      const wanted = operation === undefined ? null : nameOf(REPLICA_OPERATIONS, operation);
      if (wanted === undefined) return { ...noOperation(operation), states: [] };
      const states = supportedWaitStates(wanted).map(state => ({ CopyState: numberOf(COPY_STATES, state) }));
      return { ...FOUND, states };
    },

    replicaAspects: async () => ({
      aspects: replicas.aspects().map(({ id, removedAt, aspect }) => ({
        InstanceID: id,
        SourceElement: aspect.source,
        TargetElement: aspect.target,
        SyncType: numberOf(SYNC_TYPES, aspect.syncType),
        WhenPointInTime: aspect.pointInTime === null ? null : toDatetime(aspect.pointInTime),
        WhenDissolved: toDatetime(removedAt),
      })),
    }),
  };
}

function thereAt(
  member: string,
  { sizeBytes }: TargetsAsked,
  { name, requiresForce }: TargetsListed['targets'][number],
): ReplicaTargetRecord {
  return {
    TargetElement: `${member}:${name}`,
    SizeInBytes: sizeBytes,
    Exists: true,
    RequiresForce: requiresForce,
    StatusReason: '',
  };
}

/** What is asked once is not tried again. */
function reasonOf(error: unknown): string {
  if (!(error instanceof TandemError)) return messageOf(error);
  if (error.code === 'PEER_INCOMPATIBLE') return 'its version of Tandem does not tell what can be a target';
  return error.code === 'CANCELLED' ? 'it did not answer in time' : error.message;
}

const TYPES = Object.keys(REPLICATION_TYPES).map(Number) as ReplicationType[];

function typeOf(number: number): ReplicationType | null {
  return TYPES.find(type => type === number) ?? null;
}

function noType(number: number) {
  return wrong(`${number} is no ReplicationType that Tandem has; they are ${TYPES.join(', ')}`);
}

function noOperation(number: number | undefined) {
  return wrong(`${number} is not an operation; they are 2 to 23`, 'unknown_operation');
}

function wrong(sentence: string, detail: Refusal['detail'] = 'settings') {
  return answer(refusedOutcome(refuse(5, detail, sentence), null));
}

const DONE: MethodOutcome = { returnCode: 0, sentence: '', detail: null, synchronization: null, job: null };
export const FOUND = answer(DONE);
