import { type Columns, choice, count, datetime, flag, type Noun, nullable, type RecordOf, text } from './column.ts';
import { CONNECTION_STATES } from './names.ts';

/** The 20 properties of DfsrConnectionInfo, why the connection is in its state, and where the partner is. */
const columns = {
  Caption: text('A short description.', { derived: 'direction and partner' }),
  Description: text('A description.', { derived: 'direction, partner and member' }),
  InstallDate: nullable(
    datetime('When the connection came up for the first time since the daemon started; null if it never did.', {
      derived: 'inbound: the first answer to a greeting; outbound: the first greeting',
    }),
  ),
  Name: text('The label of the connection: sender → receiver.', { heading: 'CONNECTION', derived: 'group.yaml' }),
  Status: text(
    'Status in the words of CIM: OK, Degraded, Error, Unknown, Pred Fail, Starting, Stopping, Service, Stressed, NonRecover, No Contact, Lost Comm.',
    {
      heading: 'STATUS',
      derived:
        'OK: online; Degraded: online, but the partner’s group.yaml differs; Starting: the member starts, or the first call; No Contact: calls fail and none ever succeeded; Lost Comm: it was online before; Error: it gave up after multiple retries; Service: disabled, or closed by its schedule or an order; Stopping: the member stops',
    },
  ),
  ConnectionGuid: text('GUID of the connection.', {
    derived: 'group.yaml, or made from the group and the two members',
  }),
  MemberGuid: text('GUID of this member.', { derived: 'group.yaml' }),
  MemberName: text('Name of this member.', { derived: 'member.yaml' }),
  PartnerGuid: text('GUID of the partner.', { derived: 'group.yaml' }),
  PartnerName: text('Name of the partner.', { heading: 'PARTNER', derived: 'group.yaml' }),
  ReplicationGroupGuid: text('GUID of the replication group.', { derived: 'group.yaml' }),
  ReplicationGroupName: text('Name of the replication group.', { derived: 'group.yaml' }),
  Inbound: flag('True: data come from the partner. False: they go to it.', {
    heading: 'INBOUND',
    derived:
      'an inbound connection exists as long as it is configured; an outbound one from the partner’s call until nothing is heard for outboundIdle',
  }),
  State: choice(CONNECTION_STATES, 'State of the connection.', {
    heading: 'STATE',
    derived:
      'Connecting while the partner is called (outbound: awaited), Online while the link is up, In Error after four failures in a row, each further call Connecting; Offline: not in use',
  }),
  LastSyncTime: datetime('Last attempt to synchronise; inbound only; 9999-01-01: none since the daemon started.', {
    derived: 'the last call, or start of a session, whichever is later',
  }),
  LastSyncDuration: count('Duration of the last successful session; inbound only.', {
    unit: 'seconds',
    derived: 'start to end of the session of LastSuccessfulSyncTime, rounded; 0: none',
  }),
  LastSuccessfulSyncTime: datetime(
    'End of the last successful session; inbound only; 9999-01-01: none since the daemon started.',
    { heading: 'IN SYNC AT', derived: 'end of the last session in state In Sync' },
  ),
  NextSyncTime: datetime('Next scheduled session; inbound only; 9999-01-01: none.', {
    derived: 'the next call, while one is waited for; else when the schedule opens the connection next',
  }),
  LastErrorCode: count('Number of the last error; 0: none, or it is mended.', {
    derived:
      'inbound only: 1722 the partner cannot be reached, 1726 the link broke, 9026 it does not know connection or group, 9050 it speaks another protocol, 5 the keys do not match, 13 it broke the protocol, 9051 its folder is not ready, 1359 a bug',
  }),
  LastErrorMessageId: count('Number of the event that belongs to it; 0: none.', {
    derived: '5008 with 1722, 5012 with 9026, 5102 with 9050, 5002 with all others',
  }),
  StateReason: text('Why the connection is in its state, in words; empty if all is well.', { heading: 'WHY' }),
  PartnerAddress: text('Where the partner is called; of an outbound connection, whence it last called.', {
    derived: 'group.yaml; the socket of the partner’s call',
  }),
} satisfies Columns;

export const connectionNoun = {
  title: 'Connection',
  about: 'An inbound or outbound connection of this member (DfsrConnectionInfo).',
  columns,
} satisfies Noun;
export type ConnectionRecord = RecordOf<typeof columns>;
