import { type Columns, choice, count, datetime, flag, type Noun, type RecordOf, text } from './column.ts';
import { INITIATION_REASONS, SESSION_STATES } from './names.ts';

/** The 23 properties of MSFT_DfsrSyncInfo; then the folder, and why the session is in its state. */
const columns = {
  SyncGuid: text('GUID of the session.', {
    derived: 'drawn when it begins; every attempt after an end is a new session',
  }),
  ConnectionGuid: text('GUID of its connection.', { derived: 'group.yaml' }),
  MemberGuid: text('GUID of this member.', { derived: 'group.yaml' }),
  MemberName: text('Name of this member.', { derived: 'member.yaml' }),
  PartnerGuid: text('GUID of the partner.', { derived: 'group.yaml' }),
  PartnerName: text('Name of the partner.', { heading: 'PARTNER', derived: 'group.yaml' }),
  ReplicationGroupGuid: text('GUID of the replication group.', { derived: 'group.yaml' }),
  ReplicationGroupName: text('Name of the replication group.', { derived: 'group.yaml' }),
  Inbound: flag('True: updates come from the partner. False: they go to it.', { heading: 'INBOUND' }),
  State: choice(SESSION_STATES, 'State of the session.', {
    heading: 'STATE',
    derived:
      'Initialized for as long as an order to stop lasts; Connecting while the partner is called, In Progress while linked, In Sync when everything the partner has is here; In Error when the connection gave up; Interrupted by a force or a changed configuration; Completed when it ended for another reason. The partner’s being in sync is not known to the sender: an outbound session is In Progress or Connecting until it is Completed',
  }),
  InitiationReason: choice(INITIATION_REASONS, 'Why the session was started; inbound only.', {
    heading: 'REASON',
    derived: 'Schedule unless an order began it; Paused: an order to stop, which is a session of its own until it ends',
  }),
  StartTime: datetime('Start of the session.', {
    heading: 'STARTED',
    derived: 'the call, or the news of something to bring',
  }),
  EndTime: datetime('End of the session; 1601-01-01 while it runs.', { heading: 'ENDED' }),
  UpdatesTransferred: count('Updates transferred since its start.', {
    heading: 'UPDATES',
    derived: 'inbound: updates dealt with here; outbound: updates told to the partner',
  }),
  BytesTransferred: count('Bytes transferred since its start.', {
    unit: 'bytes',
    heading: 'BYTES',
    derived: 'bytes of files’ content that crossed the link: what is found on this host does not',
  }),
  UpdatesNotTransferred: count('Updates queued for transfer in this session.', {
    heading: 'QUEUED',
    derived:
      'inbound: told by the partner and being fetched, installed, or waiting for that; outbound: asked for and not told yet. Of a session that ended: what was left',
  }),
  UpdatesToBeTransferred: count('Updates that are to be synchronised with the partner; inbound only.', {
    heading: 'TO COME',
    derived:
      'queued ones, those put off, those that the partner said would follow, and those it has and was not asked for yet, by its own count; only where it cannot be asked now do versions count that newer ones have replaced',
  }),
  ConflictsGenerated: count('Conflicts met in this session; inbound only.', {
    derived:
      'updates that were made without knowledge of what is here, lost or won a name, or found content nobody had recorded',
  }),
  TombstonesGenerated: count('Tombstones met in this session; inbound only.', {
    derived: 'deletions among the updates received',
  }),
  LastErrorCode: count('Number of the last error; 0: none, or it is mended.', {
    derived: 'as of its connection; inbound only',
  }),
  LastErrorMessageId: count('Number of the event that belongs to it; 0: none.', {
    derived: 'as of its connection; inbound only',
  }),
  ForceReplicationEndTime: datetime('End of the force that is in effect; 1601-01-01: none.', {
    derived: 'the order that began the session',
  }),
  ForceReplicationBandwidthlevel: count('Bandwidth level of the force that is in effect.', {
    derived: 'the order that began the session; 0: none',
  }),
  ReplicatedFolderGuid: text('GUID of the folder.', { derived: 'each folder of a connection has sessions of its own' }),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER', derived: 'group.yaml' }),
  StateReason: text('Why the session is in its state, in words; empty if there is nothing to say.', { heading: 'WHY' }),
} satisfies Columns;

export const sessionNoun = {
  title: 'Session',
  about:
    'A synchronisation session of one folder with one partner (MSFT_DfsrSyncInfo): those that run, and of each connection the last 100. Bringing a member up to date takes several: one for each folder, and where one is held up by updates that were put off, another one beside it for what comes later.',
  columns,
} satisfies Noun;
export type SessionRecord = RecordOf<typeof columns>;
