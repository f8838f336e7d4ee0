/** Associations as JSON: in the database, and between members. What comes from outside is believed in its form only after this. */
import { z } from 'zod';
import { LIMITS } from '../base/limits.ts';
import type { Association, AssociationWork } from '../model/association.ts';
import type { GenerationSide, Generations } from '../model/generations.ts';
import {
  COPY_PRIORITIES,
  COPY_STATES,
  ELEMENT_CHOICES,
  namesIn,
  PROGRESS_STATUSES,
  REPLICA_OPERATIONS,
  SYNC_TYPES,
} from '../model/replica-values.ts';
import type { TransitionIntent } from '../model/transition-plan.ts';
import type { Verification } from '../model/verification.ts';

const text = z.string().max(255);
const side = z.enum(['source', 'target']);
const copyState = z.enum(namesIn(COPY_STATES));
const condition = z.enum(['UpToDate', 'Consistent', 'Inconsistent']);
const moment = z.int().nullable();
const element = z.strictObject({ member: text, name: text });
const destination = z.union([copyState, z.literal('removed')]);

const workShape = {
  operation: z.enum(namesIn(REPLICA_OPERATIONS)).nullable(),
  activity: z.enum(namesIn(PROGRESS_STATUSES)),
  phase: z.enum(['transition', 'copy']),
  into: side.nullable(),
  now: destination,
  arrival: destination,
};
/** A copy that was interrupted interrupted nothing itself. */
const displaced = z.strictObject({ ...workShape, displaced: z.null() });
const work: z.ZodType<AssociationWork> = z.strictObject({ ...workShape, displaced: displaced.nullable() });

export const ASSOCIATION: z.ZodType<Association> = z.strictObject({
  id: z.guid(),
  kind: z.enum(['volume', 'folder']),
  syncType: z.enum(namesIn(SYNC_TYPES)),
  mode: z.enum(['Synchronous', 'Asynchronous']).nullable(),
  source: element,
  target: element,
  here: z.enum(['source', 'target', 'both']),
  copyState,
  requestedCopyState: copyState,
  revision: z.int().min(1),
  work: work.nullable(),
  brokenBy: z.enum(['link', 'source', 'target', 'space']).nullable(),
  sourceData: condition,
  targetData: condition,
  targetWritten: z.boolean(),
  diverged: z.boolean(),
  lastInto: side,
  seeded: z.boolean(),
  writableTarget: z.boolean(),
  detachWhenCopied: z.boolean(),
  holdAt: z.enum(['Initialized', 'Inactive', 'Prepared']).nullable(),
  recoveryMode: z.enum(['Automatic', 'Manual']),
  failedCopyStopsHostIO: z.boolean(),
  copyPriority: z.enum(namesIn(COPY_PRIORITIES)),
  undiscovered: z.enum(namesIn(ELEMENT_CHOICES)).nullable(),
  group: z.string().max(255).nullable(),
  when: z.strictObject({
    established: z.int(),
    activated: moment,
    deactivated: moment,
    suspended: moment,
    synchronized: moment,
    pointInTime: moment,
  }),
});

export const GENERATIONS: z.ZodType<Generations> = z.strictObject({
  current: z.guid().nullable(),
  base: z.guid().nullable(),
  history: z.array(z.guid()).max(LIMITS.generationHistory),
});

export const GENERATION_SIDE: z.ZodType<GenerationSide> = z.strictObject({
  generations: GENERATIONS,
  condition,
  inUse: z.boolean(),
  ahead: z.boolean(),
  interrupted: z.boolean(),
});

export const TRANSITION_INTENT: z.ZodType<TransitionIntent> = z.strictObject({
  id: z.guid(),
  operation: z.enum(namesIn(REPLICA_OPERATIONS)),
  part: z.enum(['decider', 'follower']),
  decided: z.boolean(),
  holds: z.boolean(),
});

const bytes = z.int().min(0);
export const VERIFICATION: z.ZodType<Verification> = z.strictObject({
  id: z.guid(),
  member: text,
  state: z.enum(['running', 'done', 'cancelled', 'failed']),
  repair: z.boolean(),
  startedAt: z.int(),
  endedAt: moment,
  sizeBytes: bytes,
  comparedBytes: bytes,
  differentBytes: bytes,
  repairedBytes: bytes,
  ranges: z.array(z.strictObject({ offset: bytes, length: bytes })).max(LIMITS.verifyRanges),
  reason: z.string().max(LIMITS.textBytes).nullable(),
});
