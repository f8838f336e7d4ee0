/**
 * What this member keeps of its replicas, durable: pairs with their generations and intents, groups, jobs, and what was
 * removed and the partner has not heard of. In memory as well; a change counts when it is durable.
 */
import { z } from 'zod';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Association } from '../model/association.ts';
import type { Job } from '../model/concrete-job.ts';
import type { Generations } from '../model/generations.ts';
import type { ReplicaGroup } from '../model/replica-group.ts';
import type { Destination } from '../model/replica-operations.ts';
import { COPY_STATES, JOB_STATES, namesIn, REPLICA_OPERATIONS, SYNC_TYPES } from '../model/replica-values.ts';
import type { TransitionIntent } from '../model/transition-plan.ts';
import type { Verification } from '../model/verification.ts';
import { ASSOCIATION, GENERATIONS, VERIFICATION } from '../peer/association-json.ts';
import type { DurableTable } from '../store/store.ts';

export interface KeptPair {
  readonly record: Association;
  readonly generations: Generations;
  readonly intent: KeptIntent | null;
  /** The snapshot that is the target, or from which a clone is being copied; null: there is none. */
  readonly snapshot: string | null;
  /** How far the target may be behind before an event tells of it, seconds; null: nobody is told. */
  readonly desiredRpoSeconds: number | null;
  /** The last one of the mirror, as far as it is durable; null: there was none. */
  readonly verification: Verification | null;
  /** Why a Broken pair is, for people; null: nothing is known, or it is not Broken. */
  readonly trouble: string | null;
}

/** With what a decided transition makes of the pair, until the partner has it. */
export interface KeptIntent extends TransitionIntent {
  /** Null: it is removed. Undefined: not decided. */
  readonly decision?: { readonly record: Association | null; readonly generations: Generations } | undefined;
}

export interface KeptJob {
  readonly job: Job;
  /** Id of the pair or group it works on. */
  readonly subject: string;
  /** CopyState that it is to end with; of a verification, no other. */
  readonly arrival: Destination | 'verified';
}

/** A pair that is over here; its partner is told when it asks. */
export interface RemovedPair {
  /** ms since the epoch */
  readonly removedAt: number;
  readonly partner: string | null;
  /** CIM_SettingsDefineState of a dissolved pair: what the target was of the source. Null: it was detached. */
  readonly aspect: ReplicaAspect | null;
}

export interface ReplicaAspect {
  readonly source: string;
  readonly target: string;
  readonly syncType: Association['syncType'];
  /** ms since the epoch; null: never in step. */
  readonly pointInTime: number | null;
  readonly generations: Generations;
}

/** How far the shared epochs of a group’s targets are carried out. */
export interface KeptRun {
  /** Number of the last one that is, or will be whatever happens. */
  readonly decided: number;
  /** ms since the epoch */
  readonly begunAt: number;
}

/** Null takes an entry away. */
export interface BookChange {
  readonly pairs?: Readonly<Record<string, KeptPair | null>>;
  readonly groups?: Readonly<Record<string, ReplicaGroup | null>>;
  readonly jobs?: Readonly<Record<string, KeptJob | null>>;
  readonly removed?: Readonly<Record<string, RemovedPair | null>>;
  readonly runs?: Readonly<Record<string, KeptRun | null>>;
}

export interface ReplicaBook {
  readonly pairs: ReadonlyMap<string, KeptPair>;
  readonly groups: ReadonlyMap<string, ReplicaGroup>;
  readonly jobs: ReadonlyMap<string, KeptJob>;
  readonly removed: ReadonlyMap<string, RemovedPair>;
  readonly runs: ReadonlyMap<string, KeptRun>;
  /** Durable, all of it at once, when it settles; seen in the maps from then on. STORE_FAILED */
  commit(change: BookChange): Promise<void>;
}

const intent = z.strictObject({
  id: z.string(),
  operation: z.enum(namesIn(REPLICA_OPERATIONS)),
  part: z.enum(['decider', 'follower']),
  decided: z.boolean(),
  holds: z.boolean(),
  decision: z.strictObject({ record: ASSOCIATION.nullable(), generations: GENERATIONS }).optional(),
});
const moment = z.int().nullable();
const SHELVES = {
  pairs: z.strictObject({
    record: ASSOCIATION,
    generations: GENERATIONS,
    intent: intent.nullable(),
    snapshot: z.guid().nullable(),
    desiredRpoSeconds: z.int().nullable(),
    verification: VERIFICATION.nullable().default(null),
    trouble: z.string().nullable().default(null),
  }),
  groups: z.strictObject({
    id: z.string(),
    name: z.string(),
    syncType: z.enum(namesIn(SYNC_TYPES)),
    consistency: z.enum(['off', 'activating', 'on']),
    deleteOnEmptyElement: z.boolean(),
    pairs: z.array(z.string()),
  }),
  jobs: z.strictObject({
    job: z.strictObject({
      id: z.string(),
      about: z.string(),
      state: z.enum(namesIn(JOB_STATES)),
      percentComplete: z.number(),
      errorCode: z.int(),
      errorDescription: z.string(),
      startedAt: z.int(),
      endedAt: moment,
      cancellable: z.boolean(),
    }),
    subject: z.string(),
    arrival: z.union([z.enum(namesIn(COPY_STATES)), z.literal('removed'), z.literal('verified')]),
  }),
  removed: z.strictObject({
    removedAt: z.int(),
    partner: z.string().nullable(),
    aspect: z
      .strictObject({
        source: z.string(),
        target: z.string(),
        syncType: z.enum(namesIn(SYNC_TYPES)),
        pointInTime: moment,
        generations: GENERATIONS,
      })
      .nullable(),
  }),
  runs: z.strictObject({ decided: z.int(), begunAt: z.int() }),
} as const;
type Shelf = keyof typeof SHELVES;

/** STORE_FAILED where an entry is not what was written. */
export async function openReplicaBook(table: DurableTable): Promise<ReplicaBook> {
  const pairs = new Map<string, KeptPair>();
  const groups = new Map<string, ReplicaGroup>();
  const jobs = new Map<string, KeptJob>();
  const removed = new Map<string, RemovedPair>();
  const runs = new Map<string, KeptRun>();
  const shelves: Readonly<Record<Shelf, Map<string, unknown>>> = { pairs, groups, jobs, removed, runs };
  for (const [key, value] of await table.read()) {
    const [shelf, id] = placeOf(key);
    try {
      shelves[shelf].set(id, SHELVES[shelf].parse(value));
    } catch (error) {
      throw new TandemError(
        'STORE_FAILED',
        `the entry ${key} of the replicas cannot be understood: ${messageOf(error)}`,
      );
    }
  }
  return {
    pairs,
    groups,
    jobs,
    removed,
    runs,
    commit: async change => {
      const entries = Object.entries(change).flatMap(([shelf, values]) =>
        Object.entries(values as Readonly<Record<string, unknown>>).map(
          ([id, value]) => ({ shelf: shelf as Shelf, id, value }) as const,
        ),
      );
      await table.write(new Map(entries.map(({ shelf, id, value }) => [`${shelf}/${id}`, value])));
      for (const { shelf, id, value } of entries) {
        if (value === null) shelves[shelf].delete(id);
        else shelves[shelf].set(id, value);
      }
    },
  };
}

function placeOf(key: string): readonly [Shelf, string] {
  const at = key.indexOf('/');
  const shelf = key.slice(0, at);
  if (!Object.hasOwn(SHELVES, shelf)) throw new TandemError('STORE_FAILED', `“${key}” is no entry of the replicas`);
  return [shelf as Shelf, key.slice(at + 1)];
}
