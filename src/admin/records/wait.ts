import { type Columns, count, flag, type Noun, type RecordOf, text } from './column.ts';

const columns = {
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  MemberName: text('The member that is waited for.', { heading: 'MEMBER' }),
  Stage: text('scanning: this host is being looked at; waiting; arrived.', { heading: 'STAGE' }),
  Arrived: flag('True once the member has everything.'),
  MissingVersions: count('Versions the member has not told of yet.', { heading: 'MISSING' }),
  ElapsedSeconds: count('Time since the wait began.', { unit: 'seconds', heading: 'ELAPSED' }),
  Reason: text('What is waited for, in words.', { heading: 'REASON' }),
} satisfies Columns;

export const waitNoun = {
  title: 'Wait',
  about: 'How far a wait has come for a member to have what was written here.',
  columns,
} satisfies Noun;
export type WaitRecord = RecordOf<typeof columns>;
