import { type Columns, choice, count, datetime, type Noun, path, type RecordOf, text } from './column.ts';
import { SERVICE_STATES } from './names.ts';

const columns = {
  Identifier: text('GUID of the member whose daemon this is.', { derived: 'identity/member.json' }),
  ProviderVersion: text('Version of Tandem.', { heading: 'VERSION', derived: 'package.json' }),
  ServiceStartTime: datetime('When the daemon started.', { derived: 'the clock at the start' }),
  LastDsPollTime: datetime('When the configuration was last read, successfully or not.', {
    derived: 'start, or the last SIGHUP',
  }),
  State: choice(SERVICE_STATES, 'State of the daemon.', {
    heading: 'STATE',
    derived:
      'Starting while folders are opened; Degraded while a folder stands still or group.yaml is refused; Shutting Down from the order to stop on',
  }),
  StateReason: text('Why it is in that state; empty if there is nothing to say.'),
  LastErrorCode: count('Number of the last error; 0: none.', {
    derived: '13 for a refused group.yaml, else of the first folder that stands still',
  }),
  LastErrorMessageId: count('Number of the event that belongs to it; 0: none.', {
    derived: '6002 for a refused group.yaml, else of that folder',
  }),
  MemberGuid: text('GUID of this member.', { derived: 'group.yaml' }),
  MemberName: text('Name of this member.', { heading: 'MEMBER', derived: 'member.yaml' }),
  ReplicationGroupGuid: text('GUID of the replication group.', { derived: 'group.yaml' }),
  ReplicationGroupName: text('Name of the replication group.', { heading: 'GROUP', derived: 'group.yaml' }),
  DatabaseGuid: text('GUID of the member’s database: the originator in version vectors.', { derived: 'the database' }),
  Listen: text('Where the member listens for its partners.', { heading: 'LISTENS ON', derived: 'member.yaml' }),
  Home: path('The member’s home.'),
  ConfigDigest: text('SHA-256 of what group.yaml means; equal on members that agree.', {
    derived: 'group.yaml in its canonical form',
  }),
  ProcessId: count('The daemon’s process.', { derived: 'the operating system' }),
} satisfies Columns;

export const serviceNoun = { title: 'Service', about: 'The daemon of this member.', columns } satisfies Noun;
export type ServiceRecord = RecordOf<typeof columns>;
