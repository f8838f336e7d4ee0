import { type Columns, choice, count, datetime, flag, type Noun, type RecordOf, text } from './column.ts';
import { INITIATION_REASONS, SESSION_STATES } from './names.ts';

/** The 23 properties of MSFT_DfsrSyncInfo. */
const columns = {
  SyncGuid: text('GUID of the session.'),
  ConnectionGuid: text('GUID of its connection.'),
  MemberGuid: text('GUID of this member.'),
  MemberName: text('Name of this member.'),
  PartnerGuid: text('GUID of the partner.'),
  PartnerName: text('Name of the partner.', { heading: 'PARTNER' }),
  ReplicationGroupGuid: text('GUID of the replication group.'),
  ReplicationGroupName: text('Name of the replication group.'),
  Inbound: flag('True: updates come from the partner. False: they go to it.', { heading: 'INBOUND' }),
  State: choice(SESSION_STATES, 'State of the session.', { heading: 'STATE' }),
  InitiationReason: choice(INITIATION_REASONS, 'Why the session was started; inbound only.', { heading: 'REASON' }),
  StartTime: datetime('Start of the session.', { heading: 'STARTED' }),
  EndTime: datetime('End of the session; 1601-01-01 while it runs.', { heading: 'ENDED' }),
  UpdatesTransferred: count('Updates transferred since its start.', { heading: 'UPDATES' }),
  BytesTransferred: count('Bytes transferred since its start.', { unit: 'bytes', heading: 'BYTES' }),
  UpdatesNotTransferred: count('Updates queued for transfer in this session.', { heading: 'QUEUED' }),
  UpdatesToBeTransferred: count('Updates that are to be synchronised with the partner; inbound only.', {
    heading: 'TO COME',
  }),
  ConflictsGenerated: count('Conflicts met in this session; inbound only.'),
  TombstonesGenerated: count('Tombstones met in this session; inbound only.'),
  LastErrorCode: count('Number of the last error; 0: none.'),
  LastErrorMessageId: count('Number of the event that belongs to it; 0: none.'),
  ForceReplicationEndTime: datetime('End of the force that is in effect; 1601-01-01: none.'),
  ForceReplicationBandwidthlevel: count('Bandwidth level of the force that is in effect.'),
} satisfies Columns;

export const sessionNoun = {
  title: 'Session',
  about: 'A synchronisation session with one partner (MSFT_DfsrSyncInfo).',
  columns,
} satisfies Noun;
export type SessionRecord = RecordOf<typeof columns>;
