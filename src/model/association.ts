/**
 * The association of a replicated pair as one member keeps it, durable, and how it begins. Both members keep one; while they
 * cannot reach each other the two may honestly differ. [volumes.md §3.2]
 */
import type { Destination, ElementKind, ElementSide } from './replica-operations.ts';
import type {
  CopyPriority,
  CopyRecoveryMode,
  CopyState,
  ElementChoice,
  Mode,
  ProgressStatus,
  ReplicaOperation,
  SyncType,
} from './replica-values.ts';

/**
 * `UpToDate`: what the clients wrote, all of it. `Consistent`: as it was at one moment. `Inconsistent`: a copy into it has
 * begun and not ended; nothing is ever copied from it.
 */
export type DataCondition = 'UpToDate' | 'Consistent' | 'Inconsistent';

export interface StorageElement {
  readonly member: string;
  /** Name of the volume or folder. */
  readonly name: string;
}

/** What is being done to the association: an operation, or a copy that began by itself. Null: nothing. */
export interface AssociationWork {
  /** Null: by itself. */
  readonly operation: ReplicaOperation | null;
  readonly activity: ProgressStatus;
  /** In `transition` nothing has changed yet and it can still be given up; what is copied in `copy` is never in vain. */
  readonly phase: 'transition' | 'copy';
  /** The element being overwritten; null: none. */
  readonly into: ElementSide | null;
  /** CopyState once it is committed, and at the end. */
  readonly now: Destination;
  readonly arrival: Destination;
  /** The copy it interrupted, to be gone on with if it is given up. */
  readonly displaced: AssociationWork | null;
}

export interface Association {
  /** Stays the same when the roles are reversed, which changes the keys of the record. */
  readonly id: string;
  readonly kind: ElementKind;
  readonly syncType: SyncType;
  /** Null for snapshots and clones. */
  readonly mode: Exclude<Mode, 'Unknown'> | null;
  readonly source: StorageElement;
  readonly target: StorageElement;
  /** Which of the two elements is on this member. */
  readonly here: ElementSide | 'both';
  readonly copyState: CopyState;
  readonly requestedCopyState: CopyState;
  /** Grows with every committed operation; where two members' differ, the greater one holds. */
  readonly revision: number;
  readonly work: AssociationWork | null;
  /** Of a Broken association; null: of another. Only what the link broke mends by itself. */
  readonly brokenBy: 'link' | 'source' | 'target' | 'space' | null;
  readonly sourceData: DataCondition;
  readonly targetData: DataCondition;
  /** The target was written by a client since it was last a copy of the source. */
  readonly targetWritten: boolean;
  /** After a failover: the former source has writes that the one in use never had. */
  readonly diverged: boolean;
  /** Which element the last copy went into: where it did not end, that is what is to be restarted. */
  readonly lastInto: ElementSide;
  /** The first full copy has ended at least once. */
  readonly seeded: boolean;
  /** A snapshot or clone may be written by clients. */
  readonly writableTarget: boolean;
  /** CopyType UnSyncUnAssoc: the association goes when the copy is complete. */
  readonly detachWhenCopied: boolean;
  /** Where the creation stops, so that Activate starts the flow; null: it does not. */
  readonly holdAt: 'Initialized' | 'Inactive' | 'Prepared' | null;
  readonly recoveryMode: Exclude<CopyRecoveryMode, 'Unknown'>;
  readonly failedCopyStopsHostIO: boolean;
  readonly copyPriority: CopyPriority;
  readonly undiscovered: ElementChoice | null;
  /** Id of the group it belongs to; null: none. */
  readonly group: string | null;
  readonly when: AssociationTimes;
}

/** Milliseconds since the Unix epoch; null: it has not happened. */
export interface AssociationTimes {
  readonly established: number;
  readonly activated: number | null;
  readonly deactivated: number | null;
  readonly suspended: number | null;
  /** Since when CopyState is Synchronized, or when it last was. */
  readonly synchronized: number | null;
  /** The moment whose data the target has. */
  readonly pointInTime: number | null;
}

type Given = Pick<Association, 'id' | 'syncType' | 'source' | 'target' | 'here'>;
type Chosen = Partial<
  Pick<
    Association,
    | 'kind'
    | 'mode'
    | 'writableTarget'
    | 'detachWhenCopied'
    | 'holdAt'
    | 'recoveryMode'
    | 'failedCopyStopsHostIO'
    | 'copyPriority'
    | 'undiscovered'
  >
>;

/** Everything that is to be known has been checked. Initialized; the first copy begins with `initialized`. */
export function createAssociation(given: Given & Chosen, now: number): Association {
  const { syncType } = given;
  return {
    kind: 'volume',
    mode: syncType === 'Mirror' ? 'Asynchronous' : null,
    copyState: 'Initialized',
    requestedCopyState: given.holdAt ?? 'Synchronized',
    revision: 1,
    work: null,
    brokenBy: null,
    sourceData: 'UpToDate',
    targetData: syncType === 'Snapshot' ? 'Consistent' : 'Inconsistent',
    targetWritten: false,
    diverged: false,
    lastInto: 'target',
    seeded: false,
    writableTarget: false,
    detachWhenCopied: false,
    holdAt: null,
    recoveryMode: 'Automatic',
    failedCopyStopsHostIO: false,
    copyPriority: 'Same',
    undiscovered: null,
    group: null,
    when: {
      established: now,
      activated: null,
      deactivated: null,
      suspended: null,
      synchronized: null,
      pointInTime: null,
    },
    ...given,
  };
}

/** Nothing else may be asked for while one of these goes on, but to abort a copy among them. [volumes.md §3.2] */
const EXCLUSIVE: ReadonlySet<ProgressStatus> = new Set([
  'Restoring',
  'Fracturing',
  'Splitting',
  'Failing over',
  'Failing back',
  'Aborting',
  'Suspending',
  'Detaching',
]);
const ABORTABLE: ReadonlySet<ProgressStatus> = new Set(['Restoring', 'Failing back']);

/** Why the association takes no other order now; null: it does. */
export function exclusiveActivity(association: Association, operation: ReplicaOperation): ProgressStatus | null {
  const { work } = association;
  if (work === null) return null;
  // The way from one state to another is never interrupted, whatever its name is.
  if (work.phase === 'transition') return work.activity;
  if (!EXCLUSIVE.has(work.activity)) return null;
  return operation === 'Abort' && ABORTABLE.has(work.activity) ? null : work.activity;
}

/** A restore that was cut off and waits for Resume: one that had ended has reached what was requested. */
export function awaitsRestore({ copyState, lastInto, requestedCopyState }: Association): boolean {
  return copyState === 'Suspended' && lastInto === 'source' && requestedCopyState === 'Synchronized';
}

export function isHere(association: Association, side: ElementSide): boolean {
  return association.here === 'both' || association.here === side;
}

/** A copy of everything that differs, from the other element into this one. */
export function startCopy(
  association: Association,
  { operation, into }: { readonly operation: ReplicaOperation | null; readonly into: ElementSide },
): Association {
  const first = !association.seeded && into === 'target';
  return {
    ...association,
    copyState: 'Unsynchronized',
    brokenBy: null,
    lastInto: into,
    work: {
      operation,
      activity: into === 'source' ? 'Restoring' : first ? 'Synchronizing' : 'Resyncing',
      phase: 'copy',
      into,
      now: 'Unsynchronized',
      arrival: 'Synchronized',
      displaced: null,
    },
  };
}

/** What a copy is when its source may go on without it. */
export function lessThanUpToDate(condition: DataCondition): DataCondition {
  return condition === 'UpToDate' ? 'Consistent' : condition;
}

/**
 * What the partner's record makes of ours: each member keeps which group the pair is in here and what a copy gets beside its own
 * clients; how the pair behaves without its link is kept at the source.
 */
export function withOwnSettings(theirs: Association, ours: Association): Association {
  const { group, copyPriority, recoveryMode, failedCopyStopsHostIO } = ours;
  const own = { ...theirs, group, copyPriority };
  return ours.here === 'source' ? { ...own, recoveryMode, failedCopyStopsHostIO } : own;
}
