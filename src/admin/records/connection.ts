import { type Columns, choice, count, datetime, flag, type Noun, nullable, type RecordOf, text } from './column.ts';
import { CONNECTION_STATES } from './names.ts';

/** The 20 properties of DfsrConnectionInfo, and why the connection is in its state. */
const columns = {
  Caption: text('A short description.'),
  Description: text('A description.'),
  InstallDate: nullable(
    datetime('When the connection came up for the first time since the daemon started; null if it never did.'),
  ),
  Name: text('The label of the connection: sender → receiver.', { heading: 'CONNECTION' }),
  Status: text(
    'Status in the words of CIM: OK, Degraded, Error, Unknown, Pred Fail, Starting, Stopping, Service, Stressed, NonRecover, No Contact, Lost Comm.',
    { heading: 'STATUS' },
  ),
  ConnectionGuid: text('GUID of the connection.'),
  MemberGuid: text('GUID of this member.'),
  MemberName: text('Name of this member.'),
  PartnerGuid: text('GUID of the partner.'),
  PartnerName: text('Name of the partner.', { heading: 'PARTNER' }),
  ReplicationGroupGuid: text('GUID of the replication group.'),
  ReplicationGroupName: text('Name of the replication group.'),
  Inbound: flag('True: data come from the partner. False: they go to it.', { heading: 'INBOUND' }),
  State: choice(CONNECTION_STATES, 'State of the connection.', { heading: 'STATE' }),
  LastSyncTime: datetime('Last attempt to synchronise; inbound only; 9999-01-01: none since the daemon started.'),
  LastSyncDuration: count('Duration of the last successful session; inbound only.', { unit: 'seconds' }),
  LastSuccessfulSyncTime: datetime(
    'End of the last successful session; inbound only; 9999-01-01: none since the daemon started.',
    { heading: 'IN SYNC AT' },
  ),
  NextSyncTime: datetime('Next scheduled session; inbound only; 9999-01-01: none.'),
  LastErrorCode: count('Number of the last error; 0: none.'),
  LastErrorMessageId: count('Number of the event that belongs to it: 5002, 5008, 5012, 5102; 0: none.'),
  StateReason: text('Why the connection is in its state, in words; empty if all is well.', { heading: 'WHY' }),
  PartnerAddress: text('Where the partner is called, or where it calls from.'),
} satisfies Columns;

export const connectionNoun = {
  title: 'Connection',
  about: 'An inbound or outbound connection of this member (DfsrConnectionInfo).',
  columns,
} satisfies Noun;
export type ConnectionRecord = RecordOf<typeof columns>;
