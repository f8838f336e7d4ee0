import { type Columns, count, datetime, flag, type Noun, nullable, type RecordOf, text } from './column.ts';

const columns = {
  MemberName: text('Name of the member.', { heading: 'MEMBER' }),
  MemberGuid: text('GUID of the member.'),
  Address: text('Where it listens, by group.yaml.', { heading: 'ADDRESS' }),
  IsLocal: flag('True for this member.', { heading: 'HERE' }),
  SoftwareVersion: nullable(text('What runs there; null: not heard since the start.', { heading: 'RUNS' })),
  ConfigDigest: nullable(text('Digest of the group.yaml in force there; null: not heard since the start.')),
  ConfigDiffers: nullable(flag('True where that is not the one in force here.', { heading: 'CONFIG DIFFERS' })),
  ClockAheadInMilliseconds: nullable(count('How far its clock was off ours when it was connected, either way.')),
  LastContactTime: datetime('When it was last connected.', { heading: 'LAST CONTACT' }),
} satisfies Columns;

export const groupMemberNoun = {
  title: 'Member of the group',
  about: 'A member of the replication group, as far as this one knows of it.',
  columns,
} satisfies Noun;
export type GroupMemberRecord = RecordOf<typeof columns>;
