import { type Columns, count, datetime, type Noun, nullable, path, type RecordOf, text } from './column.ts';

const columns = {
  TestId: text('Identity of the test.', { heading: 'TEST' }),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  FileName: path('The test file, in the folder’s root.'),
  FromMember: text('The member that wrote it.', { heading: 'FROM' }),
  ToMember: text('The member that was to have it.', { heading: 'TO' }),
  State: text('arrived; late: not within the time of the test; unknown: nothing is known here of that member.', {
    heading: 'STATE',
  }),
  StartTime: datetime('When the file was recorded at the writer.', { heading: 'SENT' }),
  ArrivalTime: datetime('When it was known here that the member has it.'),
  LatencyInMilliseconds: nullable(count('From the one to the other.', { heading: 'MS' })),
  Reason: text('Why it is late or unknown.', { heading: 'REASON' }),
} satisfies Columns;

export const propagationNoun = {
  title: 'Propagation',
  about: 'When one member had the file of a propagation test.',
  columns,
} satisfies Noun;
export type PropagationRecord = RecordOf<typeof columns>;
