import { type Columns, count, flag, type Noun, path, type RecordOf, text } from './column.ts';

const columns = {
  Done: flag('True: this is the last report, and what it says is the result. False: it goes on.'),
  Complete: flag('All that the bundle is about has been dealt with: written into it, or taken in from it.'),
  BundlePath: path('The bundle on the daemon’s host.', { heading: 'BUNDLE' }),
  ReplicatedFolderName: text('Name of the folder; empty while it is not known.', { heading: 'FOLDER' }),
  MemberName: text('The member it is for, or that made it; empty while it is not known.', { heading: 'MEMBER' }),
  Updates: count('Updates written, or taken in that were not here.', { heading: 'UPDATES' }),
  ContentBytes: count('Bytes of content written, or taken from the bundle.', { heading: 'CONTENT', unit: 'bytes' }),
  BundleBytes: count('Size of the bundle, as far as it is known.', { heading: 'SIZE', unit: 'bytes' }),
  LeftOut: count('Files that changed while the bundle was made: only their updates are in it.', {
    heading: 'LEFT OUT',
  }),
  AssumedVersions: count('Versions that the bundle builds on and that are not here.'),
  Message: text('How far it is, or the result as a sentence.', { heading: 'MESSAGE' }),
} satisfies Columns;

export const bundleReportNoun = {
  title: 'Bundle report',
  about: 'How far the making or taking in of a bundle is, and what came of it.',
  columns,
} satisfies Noun;
export type BundleReportRecord = RecordOf<typeof columns>;
