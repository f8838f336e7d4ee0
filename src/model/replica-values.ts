/**
 * The numbers of CIM_StorageSynchronized and of ModifyReplicaSynchronization, with their names as the pages have them.
 * Inside Tandem the names are used; the numbers are for records, the wire and the disk.
 */
import { assert } from '../base/errors.ts';

export const COPY_STATES = {
  2: 'Initialized',
  3: 'Unsynchronized',
  4: 'Synchronized',
  5: 'Broken',
  6: 'Fractured',
  7: 'Split',
  8: 'Inactive',
  9: 'Suspended',
  10: 'Failedover',
  11: 'Prepared',
  12: 'Aborted',
  13: 'Skewed',
  14: 'Mixed',
  15: 'Not Applicable',
  16: 'Partitioned',
  17: 'Invalid',
} as const;
export type CopyState = NameIn<typeof COPY_STATES>;

export const PROGRESS_STATUSES = {
  0: 'Unknown',
  2: 'Completed',
  3: 'Dormant',
  4: 'Initializing',
  5: 'Preparing',
  6: 'Synchronizing',
  7: 'Resyncing',
  8: 'Restoring',
  9: 'Fracturing',
  10: 'Splitting',
  11: 'Failing over',
  12: 'Failing back',
  13: 'Aborting',
  14: 'Mixed',
  15: 'Not Applicable',
  16: 'Suspending',
  17: 'Requires fracture',
  18: 'Requires resync',
  19: 'Requires activate',
  20: 'Pending',
  21: 'Detaching',
} as const;
export type ProgressStatus = NameIn<typeof PROGRESS_STATUSES>;

/** The third s is the page's own. */
export const SYNC_STATES = {
  2: 'Initialized',
  3: 'PrepareInProgress',
  4: 'Prepared',
  5: 'ResyncInProgress',
  6: 'Synchronized',
  7: 'Fracture In Progress',
  8: 'QuiesceInProgress',
  9: 'Quiesced',
  10: 'Restore In Progresss',
  11: 'Idle',
  12: 'Broken',
  13: 'Fractured',
  14: 'Frozen',
  15: 'Copy In Progress',
} as const;
export type SyncState = NameIn<typeof SYNC_STATES>;

export const SYNC_TYPES = { 6: 'Mirror', 7: 'Snapshot', 8: 'Clone' } as const;
export type SyncType = NameIn<typeof SYNC_TYPES>;

export const MODES = { 0: 'Unknown', 2: 'Synchronous', 3: 'Asynchronous' } as const;
export type Mode = NameIn<typeof MODES>;

export const COPY_TYPES = { 2: 'Async', 3: 'Sync', 4: 'UnSyncAssoc', 5: 'UnSyncUnAssoc' } as const;
export type CopyType = NameIn<typeof COPY_TYPES>;

export const REPLICA_TYPES = {
  0: 'Not Specified',
  2: 'Full Copy',
  3: 'Before Delta',
  4: 'After Delta',
  5: 'Log',
} as const;
export type ReplicaType = NameIn<typeof REPLICA_TYPES>;

export const COPY_METHODOLOGIES = {
  0: 'Not Specified',
  1: 'Other',
  2: 'Implementation decides',
  3: 'Full Copy',
  4: 'Incremental-Copy',
  5: 'Differential-Copy',
  6: 'Copy-On-Write',
  7: 'Copy-On-Access',
  8: 'Delta-Update',
  9: 'Snap-And-Clone',
} as const;
export type CopyMethodology = NameIn<typeof COPY_METHODOLOGIES>;

/** The only property a client may write. */
export const COPY_PRIORITIES = { 0: 'Not Managed', 1: 'Low', 2: 'Same', 3: 'High', 4: 'Urgent' } as const;
export type CopyPriority = NameIn<typeof COPY_PRIORITIES>;

export const COPY_RECOVERY_MODES = { 0: 'Unknown', 2: 'Automatic', 3: 'Manual' } as const;
export type CopyRecoveryMode = NameIn<typeof COPY_RECOVERY_MODES>;

/** Of ReadOnly and of UndiscoveredElement. */
export const ELEMENT_CHOICES = { 2: 'SystemElement', 3: 'SyncedElement', 4: 'Both' } as const;
export type ElementChoice = NameIn<typeof ELEMENT_CHOICES>;

export const REPLICA_OPERATIONS = {
  2: 'Abort',
  3: 'Activate Consistency',
  4: 'Activate',
  5: 'AddSyncPair',
  6: 'Deactivate Consistency',
  7: 'Deactivate',
  8: 'Detach',
  9: 'Dissolve',
  10: 'Failover',
  11: 'Failback',
  12: 'Fracture',
  13: 'RemoveSyncPair',
  14: 'Resync Replica',
  15: 'Restore from Replica',
  16: 'Resume',
  17: 'Reset To Sync',
  18: 'Reset To Async',
  19: 'Return To ResourcePool',
  20: 'Reverse Roles',
  21: 'Split',
  22: 'Suspend',
  23: 'Unprepare',
} as const;
export type ReplicaOperation = NameIn<typeof REPLICA_OPERATIONS>;

/** Of ModifyReplicaSynchronization and the other methods of the replication service. */
export const RETURN_CODES = {
  0: 'Completed with No Error',
  1: 'Not Supported',
  2: 'Unspecified Error',
  3: 'Timeout',
  4: 'Failed',
  5: 'Invalid Parameter',
  6: 'In Use',
  4096: 'Method Parameters Checked - Job Started',
} as const;
export type ReturnCode = keyof typeof RETURN_CODES;

/** CIM_ConcreteJob.JobState. [volumes.md §2.4] */
export const JOB_STATES = {
  2: 'New',
  3: 'Starting',
  4: 'Running',
  5: 'Suspended',
  6: 'Shutting Down',
  7: 'Completed',
  8: 'Terminated',
  9: 'Killed',
  10: 'Exception',
  11: 'Service',
  12: 'Query Pending',
} as const;
export type JobState = NameIn<typeof JOB_STATES>;

/** CIM_ConcreteJob.RequestStateChange: what may be asked for, and its answers. [volumes.md §2.4] */
export const JOB_REQUESTS = { 2: 'Start', 3: 'Suspend', 4: 'Terminate', 5: 'Kill', 6: 'Service' } as const;
export type JobRequest = NameIn<typeof JOB_REQUESTS>;

type NameTable = Readonly<Record<number, string>>;
type NameIn<T extends NameTable> = T[keyof T & number];

/** The number of a name in its table. */
export function numberOf<T extends NameTable>(table: T, name: NameIn<T>): keyof T & number {
  const found = Object.keys(table).find(number => table[Number(number)] === name);
  assert(found !== undefined, `${name} is in its table`);
  return Number(found) as keyof T & number;
}

/** The name of a number that came from outside; undefined where the table has none. */
export function nameOf<T extends NameTable>(table: T, number: number): NameIn<T> | undefined {
  return Object.hasOwn(table, number) ? (table[number] as NameIn<T>) : undefined;
}

/** All names of a table, by rising number. */
export function namesIn<T extends NameTable>(table: T): readonly NameIn<T>[] {
  return Object.values(table) as NameIn<T>[];
}
