/** The numbers of DFS Replication's enumerations and their names. */
import { RETURN_CODES } from '../../model/replica-values.ts';

export const CONNECTION_STATES = { 0: 'Connecting', 1: 'Online', 2: 'Offline', 3: 'In Error' } as const;

export const SESSION_STATES = {
  0: 'Initialized',
  1: 'Connecting',
  2: 'In Progress',
  3: 'Completed',
  4: 'In Sync',
  5: 'Interrupted',
  6: 'In Error',
} as const;

export const INITIATION_REASONS = { 0: 'Schedule', 1: 'Forced', 2: 'Paused', 3: 'ForcedUntilSync' } as const;

export const FOLDER_STATES = {
  0: 'Uninitialized',
  1: 'Initialized',
  2: 'Initial Sync',
  3: 'Auto Recovery',
  4: 'Normal',
  5: 'In Error',
} as const;

export const SERVICE_STATES = { 0: 'Starting', 1: 'Running', 2: 'Degraded', 3: 'Shutting Down' } as const;

export const MEMBER_STATES = { 0: 'Initialized', 1: 'Shutting Down', 2: 'In Error' } as const;

export const FILE_SYSTEM_STATES = { 0: 'Initialized', 1: 'Shutting Down', 2: 'In Error', 3: 'Auto Recovery' } as const;

export const UPDATE_STATES = { 1: 'Scheduled', 2: 'Running', 3: 'Downloading', 4: 'Wait', 5: 'Blocked' } as const;

export const CONFLICT_TYPES = {
  1: 'Name Conflict',
  2: 'Remote Update/Local Update',
  3: 'Remote Update/Local Delete',
  4: 'Local Delete/Remote Update',
  5: 'Remote File Delete',
  6: 'Remote File Does Not Exist At Initial Sync',
  7: 'Unrecorded Content',
} as const;

/** [CIM_StorageExtent.Access] */
export const VOLUME_ACCESS = { 0: 'Unknown', 1: 'Readable', 2: 'Writeable', 3: 'Read/Write Supported' } as const;

/** Of the methods of CIM_ReplicationService, and of CIM_ConcreteJob.RequestStateChange. */
export const METHOD_RETURN_VALUES = {
  ...RETURN_CODES,
  4097: 'Invalid State Transition',
  4098: 'Use of Timeout Parameter Not Supported',
  4099: 'Busy',
} as const;
