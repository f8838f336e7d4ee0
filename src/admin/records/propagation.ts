import { type Columns, count, datetime, type Noun, nullable, path, type RecordOf, text } from './column.ts';

const columns = {
  TestId: text('Identity of the test.', { heading: 'TEST' }),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  FileName: path('The test file, in the folder’s root.'),
  Measure: text(
    'arrival: the whole way from the writer to a member, as it is known at the writer. edge: one connection, as its receiver measured it.',
    {
      heading: 'MEASURE',
      derived:
        'edge: every member answers the test with a small file, and notes when and from whom it got each of them; of several files over one connection the fastest counts. The sender’s time is translated by the difference of the clocks that both told each other on connecting: true to within the time of one message, and to what the clocks have drifted since',
    },
  ),
  FromMember: text('The member that wrote it, or the sender of the connection.', { heading: 'FROM' }),
  ToMember: text('The member that was to have it.', { heading: 'TO' }),
  State: text(
    'arrived; late: not within the time of the test; unknown: nothing is known here of that member or connection.',
    {
      heading: 'STATE',
    },
  ),
  StartTime: datetime('When the file was recorded at the writer.', { heading: 'SENT' }),
  ArrivalTime: datetime(
    'When it was known here that the member has it; of an edge, when it was there, by the clock there.',
  ),
  LatencyInMilliseconds: nullable(
    count('From the one to the other, the rest that files take before they are told of not included.', {
      heading: 'MS',
    }),
  ),
  Reason: text('Why it is late or unknown.', { heading: 'REASON' }),
} satisfies Columns;

export const propagationNoun = {
  title: 'Propagation',
  about: 'What a propagation test measured: the way to one member, or one connection.',
  columns,
} satisfies Noun;
export type PropagationRecord = RecordOf<typeof columns>;
