import { type Columns, choice, count, datetime, type Noun, type RecordOf, text } from './column.ts';
import { MEMBER_STATES } from './names.ts';

const columns = {
  MemberGuid: text('GUID of this member.', { derived: 'identity/member.json, compared with group.yaml' }),
  MemberName: text('Name of this member.', { heading: 'MEMBER', derived: 'member.yaml' }),
  ReplicationGroupGuid: text('GUID of the replication group.', { derived: 'group.yaml' }),
  ReplicationGroupName: text('Name of the replication group.', { heading: 'GROUP', derived: 'group.yaml' }),
  State: choice(MEMBER_STATES, 'State of the member in its group.', {
    heading: 'STATE',
    derived: 'Shutting Down from the order to stop on; In Error while the newest group.yaml is refused',
  }),
  StateReason: text('Why it is in that state; empty if all is well.', { heading: 'WHY' }),
  LastConfigChangeTime: datetime('Since when the configuration in force is in force.', {
    heading: 'CONFIGURED AT',
    derived: 'start of the daemon, or the last reading at SIGHUP that found something new',
  }),
  LastErrorCode: count('Number of the last error; 0: none.', {
    derived: '13 (ERROR_INVALID_DATA) for a refused group.yaml',
  }),
  LastErrorMessageId: count('Number of the event that belongs to it; 0: none.', {
    derived: '6002 for a refused group.yaml',
  }),
} satisfies Columns;

export const localMemberNoun = {
  title: 'Member',
  about: 'This member of its replication group (LocalMemberInfo).',
  columns,
} satisfies Noun;
export type LocalMemberRecord = RecordOf<typeof columns>;
