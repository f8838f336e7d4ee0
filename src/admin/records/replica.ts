import { CONSISTENCY_STATES, CONSISTENCY_STATUSES } from '../../model/replica-group.ts';
import {
  COPY_METHODOLOGIES,
  COPY_PRIORITIES,
  COPY_RECOVERY_MODES,
  COPY_STATES,
  COPY_TYPES,
  ELEMENT_CHOICES,
  JOB_STATES,
  MODES,
  PROGRESS_STATUSES,
  REPLICA_OPERATIONS,
  REPLICA_TYPES,
  SYNC_STATES,
  SYNC_TYPES,
} from '../../model/replica-values.ts';
import { type Columns, choice, count, datetime, flag, type Noun, nullable, type RecordOf, text } from './column.ts';
import { METHOD_RETURN_VALUES } from './names.ts';

const columns = {
  InstanceID: text('Identity of the pair; it stays when the roles are reversed.', {
    derived: 'Given when the pair is made; of a folder, from the GUIDs of the connection and the folder.',
    heading: 'PAIR',
  }),
  SystemElement: text('The source, as member:name.', {
    derived: 'Changes places with SyncedElement by Reverse Roles.',
    heading: 'SOURCE',
  }),
  SyncedElement: text('The target, as member:name.', { derived: 'Of a folder, this member’s.', heading: 'TARGET' }),
  SyncType: choice(SYNC_TYPES, 'What the target is of the source.', {
    derived: 'As it was made; a replicated folder is a Mirror.',
    heading: 'TYPE',
  }),
  Mode: nullable(
    choice(MODES, 'When a write is answered; null: not a mirror.', {
      derived: 'As it was made, or by Reset To Sync and Reset To Async; of a folder always Asynchronous.',
      heading: 'MODE',
    }),
  ),
  CopyState: choice(COPY_STATES, 'State of the pair.', {
    derived:
      'Kept, durable; changes by operations and what happens to link and disks. Of a folder, from the folder, the connection and the last order.',
    heading: 'STATE',
  }),
  ProgressStatus: choice(PROGRESS_STATUSES, 'What is being done.', {
    derived:
      'What is under way; at rest, what CopyState asks for next. Pending while the flow stands still for a while.',
    heading: 'PROGRESS',
  }),
  PercentSynced: nullable(
    count('How much of the target is the same; 100 in Synchronized only. Null: nobody counts it.', {
      derived: '100·(1 − OutOfSyncBytes/size), rounded down.',
      heading: '%',
    }),
  ),
  RequestedCopyState: choice(COPY_STATES, 'Where an operation is to lead; Not Applicable once it is there.', {
    derived: 'Set when an operation is accepted; stays where it failed.',
  }),
  SyncState: choice(SYNC_STATES, 'CopyState and ProgressStatus in older words.', {
    derived: 'What is under way first, then by CopyState.',
  }),
  SyncMaintained: flag('What is written to the source reaches the target.', {
    derived: 'A mirror that is Synchronized.',
  }),
  CopyType: choice(COPY_TYPES, 'How the target follows.', {
    derived: 'Sync or Async by Mode; snapshots and clones UnSyncAssoc; with --detach UnSyncUnAssoc.',
  }),
  ReplicaType: choice(REPLICA_TYPES, 'What the target holds.', {
    derived: 'After Delta for snapshots; Full Copy otherwise.',
  }),
  CopyMethodology: choice(COPY_METHODOLOGIES, 'How it is copied.', {
    derived: 'Mirror: Full Copy, and Delta-Update once it was whole; snapshot Copy-On-Write; clone Snap-And-Clone.',
  }),
  CopyPriority: choice(
    COPY_PRIORITIES,
    'What a copy, or an asynchronous target, gets beside busy clients; “tandem replica set” changes it.',
    {
      derived: 'Kept by each member for itself.',
    },
  ),
  CopyRecoveryMode: choice(COPY_RECOVERY_MODES, 'Whether it goes on by itself when the link is back.', {
    derived: 'From the settings of the order; kept at the source.',
  }),
  FailedCopyStopsHostIO: flag('Writes wait, then fail, while they cannot reach a synchronous target.', {
    derived: 'From the settings of the order; kept at the source.',
  }),
  ReadOnly: nullable(
    choice(ELEMENT_CHOICES, 'Which element clients cannot write to; null: neither.', {
      derived: 'What the state allows clients; of a folder, whether a member is read-only in group.yaml.',
    }),
  ),
  UndiscoveredElement: nullable(
    choice(ELEMENT_CHOICES, 'Which element is not there; null: both are.', {
      derived: 'Found out when the pair is opened.',
    }),
  ),
  WhenEstablished: nullable(datetime('When the pair was made.')),
  WhenActivated: nullable(datetime('When its flow was last started.')),
  WhenDeactivated: nullable(datetime('When it was last deactivated.')),
  WhenSuspended: nullable(datetime('When it was last suspended.')),
  WhenSynchronized: nullable(datetime('Since when it is Synchronized, or when it last became so.')),
  WhenSynced: nullable(datetime('The moment of the source that the target shows.')),
  StatusReason: text('Why it does not go on; empty if nothing is known.'),
  OutOfSyncBytes: nullable(
    count('Bytes that differ or may differ.', {
      unit: 'bytes',
      derived: 'What the target was not sent yet, and what a verification found and nobody copied since.',
    }),
  ),
  LagBytes: count('Asynchronous: bytes on their way.', { unit: 'bytes' }),
  LagSeconds: count('Asynchronous: age of the oldest write that the target may lack.', { unit: 'seconds' }),
  ReplicationGroup: nullable(text('Identity of the group it belongs to; null: none.')),
  WhenVerified: nullable(
    datetime('When its last verification ended; null: it has not, or there was none.', {
      derived: 'At the source; the target is told.',
    }),
  ),
  Verification: text('Running, Completed, Cancelled, or Failed and why; empty: it was never verified.'),
  VerifiedBytes: nullable(count('Bytes that the last verification has compared.', { unit: 'bytes' })),
  VerifyDifferentBytes: nullable(
    count('Bytes that it found to differ.', { unit: 'bytes', derived: 'In blocks of 4 KiB.' }),
  ),
  VerifyRepairedBytes: nullable(count('Those of them that it copied to the target.', { unit: 'bytes' })),
  VerifyRanges: text('Where the target differs and was not copied since: offset+length, in bytes.', {
    derived: 'At most 64; where there are more, those that lie nearest are told as one.',
  }),
} satisfies Columns;

export const replicaNoun = {
  title: 'Replica',
  about: 'A pair of storage elements (CIM_StorageSynchronized).',
  columns,
} satisfies Noun;
export type ReplicaRecord = RecordOf<typeof columns>;

const operationColumns = {
  Operation: choice(REPLICA_OPERATIONS, 'Can be ordered now.', { heading: 'OPERATION' }),
  RequiresForce: flag('Only with --force.', { heading: 'FORCE' }),
} satisfies Columns;

export const replicaOperationNoun = {
  title: 'Replica operation',
  about: 'What can be ordered of a pair in its present state (GetSupportedOperations).',
  columns: operationColumns,
} satisfies Noun;
export type ReplicaOperationRecord = RecordOf<typeof operationColumns>;

const outcomeColumns = {
  ReturnValue: choice(METHOD_RETURN_VALUES, 'The method’s return code.'),
  Message: text('What was done, what goes on, or what to do.'),
  Detail: nullable(text('Why it was refused, as one word; null: it was not.')),
  Synchronization: nullable(text('The pair or group; null: there is none.')),
  Job: nullable(text('The job that goes on; null: nothing does.')),
  SettingsState: nullable(text('Of Dissolve: the aspect that is kept of the pair; null: none is.')),
} satisfies Columns;

export const replicaOutcomeNoun = {
  title: 'Replication method',
  about: 'What a method of the replication service answered.',
  columns: outcomeColumns,
} satisfies Noun;
export type ReplicaOutcomeRecord = RecordOf<typeof outcomeColumns>;

const jobColumns = {
  InstanceID: text('Identity of the job.', { heading: 'JOB' }),
  Name: text('What it does, on what.', { heading: 'WORK' }),
  JobState: choice(JOB_STATES, 'State of the job.', { heading: 'STATE' }),
  PercentComplete: count('How far it is.', { heading: '%' }),
  ErrorCode: count('Return code of what went wrong; 0: nothing did.'),
  ErrorDescription: text('What went wrong; empty if nothing did.', { heading: 'ERROR' }),
  StartTime: datetime('When it began.', { heading: 'SINCE' }),
  EndTime: nullable(datetime('When it ended; null: it has not.')),
  Cancellable: flag('“tandem job cancel” gives it up without harm.'),
} satisfies Columns;

export const jobNoun = {
  title: 'Job',
  about: 'An operation that goes on after it was answered (CIM_ConcreteJob).',
  columns: jobColumns,
} satisfies Noun;
export type JobRecord = RecordOf<typeof jobColumns>;

const groupColumns = {
  InstanceID: text('Identity of the group.', { heading: 'GROUP' }),
  ElementName: text('Its name.', { heading: 'NAME' }),
  SyncType: choice(SYNC_TYPES, 'What its pairs are.', { heading: 'TYPE' }),
  Pairs: count('How many pairs it has.', { heading: 'PAIRS' }),
  Members: text('Its pairs, in their order.'),
  CopyState: choice(COPY_STATES, 'What all pairs share; Mixed where they differ.', { heading: 'STATE' }),
  ProgressStatus: choice(PROGRESS_STATUSES, 'What all pairs share.', { heading: 'PROGRESS' }),
  ConsistencyState: choice(CONSISTENCY_STATES, 'Whether the targets are of one moment.', { heading: 'CONSISTENCY' }),
  ConsistencyStatus: choice(CONSISTENCY_STATUSES, 'What becomes of that.'),
  DeleteOnEmptyElement: flag('It goes with its last pair.'),
} satisfies Columns;

export const replicaGroupNoun = {
  title: 'Replica group',
  about: 'Pairs that are ordered together, at one moment (CIM_ReplicationGroup, CIM_GroupSynchronized).',
  columns: groupColumns,
} satisfies Noun;
export type ReplicaGroupRecord = RecordOf<typeof groupColumns>;
