import type { RecordOf } from './column.ts';
import { type Columns, datetime, type Noun, text } from './column.ts';

const columns = {
  Kind: text(
    'What holds it: reserved, filter, unsupported, unreadable, halted, disk-full, staging-inaccessible, stopped, pending, put-off, first-sync, not-quiet, missing-here, undone, read-only, not-serving, partner-lacks, partner-ahead, partner-unknown, preserved-copy.',
    { heading: 'WHAT' },
  ),
  MemberName: text('The member concerned; empty for this one.'),
  Reason: text('Why, in words.', { heading: 'WHY' }),
  Since: datetime('Since when.', { heading: 'SINCE' }),
  Next: text('What happens next, and the command that helps.', { heading: 'NEXT' }),
  NextTime: datetime('When that happens, if it is known.', { heading: 'AT' }),
} satisfies Columns;

export const whyNoun = {
  title: 'Why',
  about: 'One of the things that hold a file back, here or elsewhere; the gravest first.',
  columns,
} satisfies Noun;
export type WhyRecord = RecordOf<typeof columns>;
