/**
 * A replicated folder of an inbound connection as an association: the partner's folder is the source, the one here the target.
 * Its CopyState follows from the folder, the connection, and the last operation that was ordered. [volumes.md §3.1]
 */
import { type Association, type AssociationTimes, createAssociation, type StorageElement } from './association.ts';
import type { ConnectionState } from './connection-state.ts';
import type { ElementSide } from './replica-operations.ts';
import type { CopyState, ElementChoice, ProgressStatus } from './replica-values.ts';

/** States that an operation leads to and that last until another one leads out of them. */
export type OrderedFolderState = Extract<CopyState, 'Suspended' | 'Fractured' | 'Split' | 'Inactive' | 'Aborted'>;

export interface FolderPairFacts {
  /** What was ordered last and still holds; null: it replicates. */
  readonly ordered: OrderedFolderState | null;
  /** Something was changed here since it was fractured or split. */
  readonly changedSince: boolean;
  /** In group.yaml and on this member. */
  readonly enabled: boolean;
  readonly connection: ConnectionState;
  /** The schedule lets something through now. */
  readonly scheduleOpen: boolean;
  /** The connection has been down for less than the grace period. */
  readonly briefly: boolean;
  readonly folder: 'normal' | 'first-sync-waiting' | 'first-sync' | 'halted' | 'stale';
  /** Updates that the partner has and we have not; null: it has not said. */
  readonly backlogUpdates: number | null;
  /** An ordered operation that copies is under way. */
  readonly restoring: boolean;
}

export interface FolderCondition {
  readonly copyState: CopyState;
  /** Null: what rests has none of its own. */
  readonly activity: ProgressStatus | null;
  /** The flow stands still for a while. */
  readonly paused: boolean;
}

export function conditionOfFolder(facts: FolderPairFacts): FolderCondition {
  const { ordered, folder, connection, backlogUpdates } = facts;
  // What must not replicate shows before anything that was ordered.
  if (folder === 'stale') return resting('Invalid');
  if (folder === 'halted') return resting('Broken');
  if (ordered !== null) return resting(facts.changedSince && PARTED.has(ordered) ? 'Skewed' : ordered);
  if (!facts.enabled) return resting('Inactive');
  const away = connection !== 'online' && facts.scheduleOpen;
  if (away && !facts.briefly) return resting('Partitioned');
  const paused = away || !facts.scheduleOpen;
  if (folder === 'first-sync-waiting') return { copyState: 'Initialized', activity: null, paused };
  if (folder === 'first-sync') return { copyState: 'Unsynchronized', activity: 'Synchronizing', paused };
  if (facts.restoring) return { copyState: 'Unsynchronized', activity: 'Restoring', paused };
  // Not to know is not to be in step: the partner says so as soon as it is asked.
  if (backlogUpdates === 0) return { copyState: 'Synchronized', activity: null, paused };
  return { copyState: 'Unsynchronized', activity: 'Resyncing', paused };
}

const PARTED: ReadonlySet<OrderedFolderState> = new Set(['Fractured', 'Split']);

function resting(copyState: CopyState): FolderCondition {
  return { copyState, activity: null, paused: false };
}

/** What is kept of the pair beside what the folder and the connection keep themselves. */
export interface FolderPair {
  readonly id: string;
  readonly source: StorageElement;
  readonly target: StorageElement;
  readonly requestedCopyState: CopyState;
  /** Which side the last copy that was ordered went into. */
  readonly lastInto: ElementSide;
  readonly when: AssociationTimes;
}

/** The association, so that the same table judges operations on it and the same record shows it. */
export function folderAssociation(pair: FolderPair, condition: FolderCondition): Association {
  const { copyState, activity } = condition;
  const { requestedCopyState, when, lastInto, ...given } = pair;
  const into = activity === 'Restoring' ? 'source' : 'target';
  return {
    ...createAssociation({ ...given, kind: 'folder', syncType: 'Mirror', here: 'target' }, when.established),
    copyState,
    requestedCopyState: requestedCopyState === copyState ? 'Not Applicable' : requestedCopyState,
    brokenBy: copyState === 'Broken' ? 'target' : null,
    // Every file is whole at every moment, so neither side is ever half copied.
    targetData: copyState === 'Synchronized' ? 'UpToDate' : 'Consistent',
    targetWritten: copyState === 'Skewed',
    seeded: activity !== 'Synchronizing' && copyState !== 'Initialized',
    lastInto,
    work:
      activity === null
        ? null
        : {
            operation: null,
            activity,
            phase: 'copy',
            into,
            now: 'Unsynchronized',
            arrival: 'Synchronized',
            displaced: null,
          },
    when,
  };
}

/** ReadOnly of a folder goes by its roles alone: both sides may be written unless a member is read-only. */
export function folderReadOnly(readOnly: { readonly source: boolean; readonly target: boolean }): ElementChoice | null {
  if (readOnly.source) return readOnly.target ? 'Both' : 'SystemElement';
  return readOnly.target ? 'SyncedElement' : null;
}
