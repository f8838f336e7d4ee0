import { type Columns, choice, count, datetime, type Noun, path, type RecordOf, text } from './column.ts';
import { SERVICE_STATES } from './names.ts';

const columns = {
  Identifier: text('GUID of the member whose daemon this is.'),
  ProviderVersion: text('Version of Tandem.', { heading: 'VERSION' }),
  ServiceStartTime: datetime('When the daemon started.'),
  LastDsPollTime: datetime('When the configuration was last read, successfully or not.'),
  State: choice(SERVICE_STATES, 'State of the daemon.', { heading: 'STATE' }),
  StateReason: text('Why it is in that state; empty if there is nothing to say.'),
  LastErrorCode: count('Number of the last error; 0: none.'),
  LastErrorMessageId: count('Number of the event that belongs to it; 0: none.'),
  MemberGuid: text('GUID of this member.'),
  MemberName: text('Name of this member.', { heading: 'MEMBER' }),
  ReplicationGroupGuid: text('GUID of the replication group.'),
  ReplicationGroupName: text('Name of the replication group.', { heading: 'GROUP' }),
  DatabaseGuid: text('GUID of the member’s database: the originator in version vectors.'),
  Listen: text('Where the member listens for its partners.', { heading: 'LISTENS ON' }),
  Home: path('The member’s home.'),
  ConfigDigest: text('SHA-256 of what group.yaml means; equal on members that agree.'),
  ProcessId: count('The daemon’s process.'),
} satisfies Columns;

export const serviceNoun = { title: 'Service', about: 'The daemon of this member.', columns } satisfies Noun;
export type ServiceRecord = RecordOf<typeof columns>;
