/** An association as CIM_StorageSynchronized: its 24 properties, derived in one place. [volumes.md §4] */
import type { Association, StorageElement } from './association.ts';
import { dutiesOf, isReadOnly } from './association-duties.ts';
import {
  COPY_METHODOLOGIES,
  COPY_PRIORITIES,
  COPY_RECOVERY_MODES,
  COPY_STATES,
  COPY_TYPES,
  type CopyMethodology,
  type CopyState,
  type CopyType,
  ELEMENT_CHOICES,
  type ElementChoice,
  MODES,
  numberOf,
  PROGRESS_STATUSES,
  type ProgressStatus,
  REPLICA_TYPES,
  SYNC_STATES,
  SYNC_TYPES,
  type SyncState,
} from './replica-values.ts';

/** What is true at this moment and is not kept. */
export interface ProgressFacts {
  /** Bytes that differ or may differ, of all bytes; null: nobody counts them. */
  readonly dirtyBytes: number | null;
  readonly totalBytes: number;
  /** The flow stands still for a while: the link is away for less than the grace period, the schedule is closed, the disk is busy. */
  readonly paused: boolean;
  /** Of folders, whose roles are configured; left out: who is read-only follows from the state. */
  readonly readOnly?: ElementChoice | null;
}

/** Datetimes are milliseconds since the Unix epoch; null where there is none, 0 where it is not known. */
export interface StorageSynchronized {
  readonly WhenSynced: number | null;
  readonly SyncMaintained: boolean;
  readonly CopyState: number;
  readonly Mode: number | null;
  readonly PercentSynced: number | null;
  readonly ProgressStatus: number;
  readonly RequestedCopyState: number;
  readonly SyncType: number;
  readonly WhenActivated: number | null;
  readonly WhenDeactivated: number | null;
  readonly WhenEstablished: number | null;
  readonly WhenSuspended: number | null;
  readonly WhenSynchronized: number | null;
  readonly CopyRecoveryMode: number;
  readonly FailedCopyStopsHostIO: boolean;
  readonly SystemElement: string;
  readonly SyncedElement: string;
  readonly CopyType: number;
  readonly ReplicaType: number;
  readonly SyncState: number;
  readonly CopyPriority: number;
  readonly CopyMethodology: number;
  readonly UndiscoveredElement: number | null;
  readonly ReadOnly: number | null;
}

export function storageSynchronized(association: Association, facts: ProgressFacts): StorageSynchronized {
  const { when, syncType } = association;
  const maintained = syncType === 'Mirror' && association.copyState === 'Synchronized';
  return {
    WhenSynced: when.pointInTime,
    SyncMaintained: maintained,
    CopyState: numberOf(COPY_STATES, association.copyState),
    Mode: association.mode === null ? null : numberOf(MODES, association.mode),
    PercentSynced: percentSynced(association, facts),
    ProgressStatus: numberOf(PROGRESS_STATUSES, progressStatus(association, facts.paused)),
    RequestedCopyState: numberOf(COPY_STATES, association.requestedCopyState),
    SyncType: numberOf(SYNC_TYPES, syncType),
    WhenActivated: when.activated,
    WhenDeactivated: when.deactivated,
    WhenEstablished: when.established,
    WhenSuspended: when.suspended,
    WhenSynchronized: when.synchronized,
    CopyRecoveryMode: numberOf(COPY_RECOVERY_MODES, association.recoveryMode),
    FailedCopyStopsHostIO: association.failedCopyStopsHostIO,
    SystemElement: elementPath(association.source),
    SyncedElement: elementPath(association.target),
    CopyType: numberOf(COPY_TYPES, copyType(association)),
    ReplicaType: numberOf(REPLICA_TYPES, syncType === 'Snapshot' ? 'After Delta' : 'Full Copy'),
    SyncState: numberOf(SYNC_STATES, syncState(association)),
    CopyPriority: numberOf(COPY_PRIORITIES, association.copyPriority),
    CopyMethodology: numberOf(COPY_METHODOLOGIES, copyMethodology(association)),
    UndiscoveredElement: association.undiscovered === null ? null : numberOf(ELEMENT_CHOICES, association.undiscovered),
    ReadOnly: choiceNumber(facts.readOnly === undefined ? readOnly(association) : facts.readOnly),
  };
}

/** The two keys of the record; they change places when the roles are reversed. */
export function elementPath({ member, name }: StorageElement): string {
  return `${member}:${name}`;
}

/** Where nothing better is known of a pair that does not go on; null: it does, or waits for an order. */
export function brokenReason({ copyState, brokenBy, source, target, here }: Association): string | null {
  const partner = here === 'target' ? source.member : target.member;
  if (copyState === 'Partitioned' || (copyState === 'Broken' && brokenBy === 'link'))
    return `${partner} is out of reach`;
  if (copyState !== 'Broken') return null;
  return brokenBy === 'space' ? 'there was no space' : `its ${brokenBy ?? 'source'} failed`;
}

export function progressStatus({ copyState, work }: Association, paused: boolean): ProgressStatus {
  if (work !== null) return work.phase === 'copy' && paused ? 'Pending' : work.activity;
  if (paused && (copyState === 'Synchronized' || copyState === 'Unsynchronized')) return 'Pending';
  return AT_REST[copyState];
}

const AT_REST: Readonly<Record<CopyState, ProgressStatus>> = {
  Initialized: 'Initializing',
  Unsynchronized: 'Pending',
  Synchronized: 'Completed',
  Broken: 'Dormant',
  Fractured: 'Requires resync',
  Split: 'Requires resync',
  Inactive: 'Requires activate',
  Suspended: 'Dormant',
  Failedover: 'Requires resync',
  Prepared: 'Requires activate',
  Aborted: 'Completed',
  Skewed: 'Requires resync',
  Mixed: 'Mixed',
  'Not Applicable': 'Not Applicable',
  Partitioned: 'Unknown',
  Invalid: 'Unknown',
};

/** What is under way shows first. */
export function syncState({ copyState, syncType, work }: Association): SyncState {
  const shown = work === null ? undefined : BY_ACTIVITY[work.activity];
  if (shown !== undefined) return shown;
  if (syncType !== 'Mirror') {
    if (copyState === 'Unsynchronized') return 'Copy In Progress';
    if (copyState === 'Synchronized') return syncType === 'Snapshot' ? 'Idle' : 'Frozen';
    if (copyState === 'Skewed') return 'Idle';
  }
  return BY_COPY_STATE[copyState];
}

const BY_ACTIVITY: Readonly<Partial<Record<ProgressStatus, SyncState>>> = {
  Fracturing: 'Fracture In Progress',
  Splitting: 'Fracture In Progress',
  Suspending: 'QuiesceInProgress',
  'Failing over': 'QuiesceInProgress',
  Aborting: 'QuiesceInProgress',
  Detaching: 'QuiesceInProgress',
  Restoring: 'Restore In Progresss',
  'Failing back': 'Restore In Progresss',
  Preparing: 'PrepareInProgress',
};

const BY_COPY_STATE: Readonly<Record<CopyState, SyncState>> = {
  Initialized: 'Initialized',
  Unsynchronized: 'ResyncInProgress',
  Synchronized: 'Synchronized',
  Broken: 'Broken',
  Fractured: 'Fractured',
  Split: 'Fractured',
  Inactive: 'Quiesced',
  Suspended: 'Quiesced',
  Failedover: 'Fractured',
  Prepared: 'Prepared',
  Aborted: 'Fractured',
  Skewed: 'Fractured',
  Mixed: 'ResyncInProgress',
  'Not Applicable': 'Idle',
  Partitioned: 'Broken',
  Invalid: 'Broken',
};

/** 100 in Synchronized and only there: what is left is never rounded away. */
export function percentSynced(
  { copyState, syncType, work }: Pick<Association, 'copyState' | 'syncType' | 'work'>,
  { dirtyBytes, totalBytes }: Pick<ProgressFacts, 'dirtyBytes' | 'totalBytes'>,
): number | null {
  if (copyState === 'Synchronized' && work?.phase !== 'copy') return 100;
  if (dirtyBytes === null || totalBytes === 0 || syncType === 'Snapshot') return null;
  const done = Math.floor((100 * (totalBytes - dirtyBytes)) / totalBytes);
  return Math.min(99, Math.max(0, done));
}

function copyType({ syncType, mode, detachWhenCopied }: Association): CopyType {
  if (syncType === 'Mirror') return mode === 'Synchronous' ? 'Sync' : 'Async';
  return syncType === 'Clone' && detachWhenCopied ? 'UnSyncUnAssoc' : 'UnSyncAssoc';
}

/** A clone's source stays writable while it is copied, which takes a snapshot of it. */
function copyMethodology({ syncType, seeded }: Association): CopyMethodology {
  if (syncType === 'Snapshot') return 'Copy-On-Write';
  if (syncType === 'Clone') return 'Snap-And-Clone';
  return seeded ? 'Delta-Update' : 'Full Copy';
}

function readOnly(association: Association): ElementChoice | null {
  const { source, target } = dutiesOf(association);
  if (isReadOnly(source)) return isReadOnly(target) ? 'Both' : 'SystemElement';
  return isReadOnly(target) ? 'SyncedElement' : null;
}

function choiceNumber(choice: ElementChoice | null): number | null {
  return choice === null ? null : numberOf(ELEMENT_CHOICES, choice);
}
