import { type Columns, count, datetime, type Noun, nullable, type RecordOf, text } from './column.ts';

const columns = {
  ReplicatedFolderGuid: text('GUID of the folder.'),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  FromMember: text('The member that has it.', { heading: 'FROM' }),
  ToMember: text('The member that lacks it.', { heading: 'TO' }),
  BacklogFileCount: nullable(
    count('Updates that are missing; null: not known. Those not told of yet are counted by their versions.', {
      heading: 'BACKLOG',
    }),
  ),
  BacklogSizeInBytes: nullable(count('Bytes of those that are known one by one.', { unit: 'bytes', heading: 'SIZE' })),
  OldestTime: datetime('When the oldest of those was made.'),
  AgeSeconds: nullable(count('How old that one is.', { unit: 'seconds', heading: 'AGE' })),
  EtaSeconds: nullable(
    count(
      'How long it will last at the rate of the running session; null: nothing moves, or not long enough to tell.',
      {
        unit: 'seconds',
        heading: 'ETA',
      },
    ),
  ),
  Reason: text('Why it is not known, or why it does not move.', { heading: 'REASON' }),
} satisfies Columns;

export const backlogSummaryNoun = {
  title: 'Backlog of a folder',
  about: 'What one member has of a folder and another one lacks, in numbers; one of the two is this member.',
  columns,
} satisfies Noun;
export type BacklogSummaryRecord = RecordOf<typeof columns>;
