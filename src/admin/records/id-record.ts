import { type Columns, count, datetime, type Noun, nullable, path, type RecordOf, text } from './column.ts';

const columns = {
  Uid: text('UID of the file: its identity for life.', { heading: 'UID' }),
  Flags: count(
    '1 present, 2 tombstone of a name conflict, 4 visible to partners, 16 to be verified again, 32 deletion pending.',
  ),
  FlagNames: text('The flags in words.', { heading: 'FLAGS' }),
  Attributes: count('Permission bits.'),
  Mode: text('The permission bits as ls shows them.'),
  GVsn: text('The version this member holds.', { heading: 'VERSION' }),
  Usn: count('Always 0: there is no journal of the file system.'),
  ParentUid: text('UID of its directory.'),
  Fid: text('Inode number; empty if the file is not on disk here.'),
  Volume: text('File system of the folder; empty where unknown.'),
  Fence: count('0 loses every conflict, 1 initial sync, 2 initial primary, 3 default, larger: a time in milliseconds.'),
  Clock: count('Logical clock, microseconds since 1970.'),
  CreateTime: datetime('First appearance in the group.'),
  UpdateTime: datetime('When this version was made.'),
  FileHash: text('SHA-256 of the content; empty for everything but files.'),
  FileName: text('Name of the file.'),
  FileKind: text('file, directory or symlink.'),
  FullPathName: path('Path below the folder’s root; the last one known of a tombstone.', { heading: 'FILE' }),
  SizeInBytes: count('Bytes of content.', { unit: 'bytes' }),
  ModifyTime: datetime('Modification time of the file.'),
  SymlinkTarget: text('Where a symlink points; empty for everything else.'),
  Index: count('Always 0.'),
  ReplicatedFolderGuid: text('GUID of the folder.'),
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
