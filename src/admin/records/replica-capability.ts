/** What can be done about replicas, and with whom. */
import { SERVICES_CONTROLLING } from '../../model/replica-capabilities.ts';
import { COPY_STATES, REPLICA_OPERATIONS, SYNC_TYPES } from '../../model/replica-values.ts';
import { type Columns, choice, count, datetime, flag, type Noun, nullable, type RecordOf, text } from './column.ts';

const targetColumns = {
  TargetElement: text('The candidate, as member:name.', { heading: 'TARGET' }),
  SizeInBytes: nullable(count('Its size; null: only its member knows.', { unit: 'bytes', heading: 'SIZE' })),
  Exists: nullable(flag('It is there; otherwise it is made. Null: only its member knows.', { heading: 'EXISTS' })),
  RequiresForce: flag('It holds data or has a client, so only with --force.', { heading: 'FORCE' }),
  StatusReason: text('Why its member could not be asked; empty if it was.', { heading: 'REASON' }),
} satisfies Columns;

export const replicaTargetNoun = {
  title: 'Replica target',
  about: 'What can become the target of a volume (GetAvailableTargetElements).',
  columns: targetColumns,
} satisfies Noun;
export type ReplicaTargetRecord = RecordOf<typeof targetColumns>;

const peerColumns = {
  Name: text('Name of the member.', { heading: 'MEMBER' }),
  Address: text('Where it listens.', { heading: 'ADDRESS' }),
  Replicas: count('Pairs that this member has with it.', { heading: 'PAIRS' }),
  Reachable: flag('It answered just now.', { heading: 'REACHABLE' }),
  StatusReason: text('Why it did not; empty if it did.', { heading: 'REASON' }),
} satisfies Columns;

export const peerSystemNoun = {
  title: 'Peer system',
  about: 'A member that volumes of this one can be mirrored to (GetPeerSystems).',
  columns: peerColumns,
} satisfies Noun;
export type PeerSystemRecord = RecordOf<typeof peerColumns>;

const typeColumns = {
  ReplicationType: count('Number of the type.', { heading: 'TYPE' }),
  Name: text('Its name.', { heading: 'NAME' }),
  SyncType: choice(SYNC_TYPES, 'What the target is of the source.', { heading: 'SYNCTYPE' }),
} satisfies Columns;

export const replicationTypeNoun = {
  title: 'Replication type',
  about: 'A kind of replication that Tandem has (SupportedReplicationTypes).',
  columns: typeColumns,
} satisfies Noun;
export type ReplicationTypeRecord = RecordOf<typeof typeColumns>;

const operationColumns = {
  Operation: choice(REPLICA_OPERATIONS, 'What can be ordered.', { heading: 'OPERATION' }),
  ServiceControlling: choice(SERVICES_CONTROLLING, 'On which member.', { heading: 'WHERE' }),
  RequiresForce: text('always, sometimes or never.', { heading: 'FORCE' }),
  UpdatesSynchronizedPath: flag('Source and target change places in the record.'),
} satisfies Columns;

export const supportedOperationNoun = {
  title: 'Supported operation',
  about: 'What can be ordered of replicas of a type (GetSupportedOperations).',
  columns: operationColumns,
} satisfies Noun;
export type SupportedOperationRecord = RecordOf<typeof operationColumns>;

const stateColumns = {
  CopyState: choice(COPY_STATES, 'The state.', { heading: 'STATE' }),
  HostAccessible: flag('Clients can use the target.', { heading: 'ACCESSIBLE' }),
} satisfies Columns;

export const supportedCopyStateNoun = {
  title: 'Supported CopyState',
  about: 'A state that replicas of a type can have, or in which an operation can be ordered (GetSupportedCopyStates).',
  columns: stateColumns,
} satisfies Noun;
export type SupportedCopyStateRecord = RecordOf<typeof stateColumns>;

const waitColumns = {
  CopyState: choice(COPY_STATES, 'What WaitForCopyState may be.', { heading: 'STATE' }),
} satisfies Columns;

export const supportedWaitNoun = {
  title: 'Supported WaitForCopyState',
  about: 'A state that can be waited for (GetSupportedWaitForCopyStates).',
  columns: waitColumns,
} satisfies Noun;
export type SupportedWaitRecord = RecordOf<typeof waitColumns>;

const aspectColumns = {
  InstanceID: text('Identity, which the dissolved pair had.', { heading: 'ASPECT' }),
  SourceElement: text('The source, as member:name.', { heading: 'SOURCE' }),
  TargetElement: text('What was the target, as member:name.', { heading: 'TARGET' }),
  SyncType: choice(SYNC_TYPES, 'What the target was of the source.', { heading: 'TYPE' }),
  WhenPointInTime: nullable(
    datetime('The moment of the source that the target has; null: never in step.', { heading: 'MOMENT' }),
  ),
  WhenDissolved: datetime('When the pair was dissolved.', { heading: 'DISSOLVED' }),
} satisfies Columns;

export const replicaAspectNoun = {
  title: 'Replica aspect',
  about: 'What is kept of a dissolved pair (CIM_SettingsDefineState, CIM_SynchronizationAspect).',
  columns: aspectColumns,
} satisfies Noun;
export type ReplicaAspectRecord = RecordOf<typeof aspectColumns>;
