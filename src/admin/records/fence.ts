import { type Columns, choice, count, flag, type Noun, path, type RecordOf, text } from './column.ts';

/** The modes of the method Fence. [dfsr.md §3.5] */
export const FENCE_MODE_NAMES = {
  0: 'Unfence',
  1: 'Initial Sync',
  2: 'Initial Primary',
  3: 'Default',
  4: 'Fence',
} as const;

const columns = {
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  FullPathName: path('What is fenced, below the folder’s root; empty: the whole folder.', { heading: 'PATH' }),
  Recursive: flag('True where everything below is fenced too.'),
  Mode: choice(FENCE_MODE_NAMES, 'The mode that was ordered.', { heading: 'MODE' }),
  Fence: count('The fence the records get: for mode 4 a time in milliseconds, else the mode.', { heading: 'FENCE' }),
  Stage: text('scanning: this host is being looked at; counted: nothing is changed, as ordered; fencing; done.', {
    heading: 'STAGE',
  }),
  FileCount: count('Files that get it.', { heading: 'FILES' }),
  DirectoryCount: count('Directories that get it.', { heading: 'DIRECTORIES' }),
  SymlinkCount: count('Symlinks that get it.', { heading: 'SYMLINKS' }),
  TombstoneCount: count('Deletions that get it.', { heading: 'DELETIONS' }),
} satisfies Columns;

export const fenceNoun = {
  title: 'Fence',
  about: 'What an order to fence a folder or a part of it chooses, and how far it has come.',
  columns,
} satisfies Noun;
export type FenceRecord = RecordOf<typeof columns>;
