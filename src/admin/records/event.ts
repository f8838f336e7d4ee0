import { type Columns, count, datetime, type Noun, type RecordOf, text } from './column.ts';

const columns = {
  Sequence: count('Position in the member’s journal.'),
  Time: datetime('When it happened.', { heading: 'TIME' }),
  Severity: text('information, warning or error.', { heading: 'SEVERITY' }),
  EventId: count('Number of the event.', { heading: 'ID' }),
  EventName: text('Name of the event.', { heading: 'EVENT' }),
  Message: text('What happened, in words.', { heading: 'MESSAGE' }),
  Fields: text('What it is about, as a JSON object.'),
} satisfies Columns;

export const eventNoun = { title: 'Event', about: 'A numbered event of the member’s journal.', columns } satisfies Noun;
export type EventRecord = RecordOf<typeof columns>;

const attentionColumns = {
  Subject: text('The folder, connection or file concerned.', { heading: 'WHAT' }),
  Problem: text('What is wrong, in words.', { heading: 'PROBLEM' }),
  Command: text('The command that helps, or shows more.', { heading: 'COMMAND' }),
} satisfies Columns;

export const attentionNoun = {
  title: 'Needs a hand',
  about: 'Something that waits for an administrator.',
  columns: attentionColumns,
} satisfies Noun;
export type AttentionRecord = RecordOf<typeof attentionColumns>;
