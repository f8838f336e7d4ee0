import { type Columns, count, datetime, type Noun, nullable, path, type RecordOf, text } from './column.ts';

const columns = {
  Uid: text('UID of the file: its identity for life.', { heading: 'UID', derived: 'the first version of the file' }),
  Flags: count(
    '1 present, 2 tombstone of a name conflict, 4 visible to partners, 16 to be verified again, 32 deletion pending.',
    { derived: 'the record' },
  ),
  FlagNames: text('The flags in words.', { heading: 'FLAGS' }),
  Attributes: count('Permission bits.', { derived: 'the record' }),
  Mode: text('The permission bits as ls shows them.'),
  GVsn: text('The version this member holds.', { heading: 'VERSION', derived: 'the record' }),
  Usn: count('Always 0: there is no journal of the file system.', { derived: 'there is none on Linux' }),
  ParentUid: text('UID of its directory.', { derived: 'the record' }),
  Fid: text('Inode number; empty if the file is not on disk here.', {
    derived: 'the inode when the file was last agreed with',
  }),
  Volume: text('File system of the folder; empty where unknown.', {
    derived: 'device of the root when it was claimed',
  }),
  Fence: count(
    '0 loses every conflict, 1 initial sync, 2 initial primary, 3 default, larger: a time in milliseconds.',
    { derived: 'the record' },
  ),
  Clock: count('Logical clock, microseconds since 1970.', {
    derived: 'the hybrid clock: never behind a version it follows',
  }),
  CreateTime: datetime('First appearance in the group.', { derived: 'the record' }),
  UpdateTime: datetime('When this version was made.', { derived: 'Clock' }),
  FileHash: text('SHA-256 of the content; empty for everything but files.', { derived: 'the record' }),
  FileName: text('Name of the file.'),
  FileKind: text('file, directory or symlink.'),
  FullPathName: path('Path below the folder’s root; the last one known of a tombstone.', {
    heading: 'FILE',
    derived: 'the records of its directories',
  }),
  SizeInBytes: count('Bytes of content.', { unit: 'bytes' }),
  ModifyTime: datetime('Modification time of the file.'),
  SymlinkTarget: text('Where a symlink points; empty for everything else.'),
  Index: count('Always 0.', { derived: 'records are not numbered' }),
  ReplicatedFolderGuid: text('GUID of the folder.', { derived: 'group.yaml' }),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  Ancestry: text('The versions that this one was made in knowledge of.'),
  HeldBack: nullable(text('What holds the file back, in words; null if nothing does.', { heading: 'HELD BACK BY' })),
} satisfies Columns;

export const idRecordNoun = {
  title: 'Record',
  about: 'What this member knows of one file (IdRecordInfo).',
  columns,
} satisfies Noun;
export type IdRecord = RecordOf<typeof columns>;
