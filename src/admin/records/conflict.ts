import { type Columns, choice, count, datetime, type Noun, path, type RecordOf, text } from './column.ts';
import { CONFLICT_TYPES } from './names.ts';

const columns = {
  Id: text('Names the preserved item in commands.', { heading: 'ID', derived: 'name of the item’s directory' }),
  Area: text('conflicts, or pre-existing for what the first synchronisation set aside.', { heading: 'AREA' }),
  GVsn: text('The version that was preserved; empty for content nobody had recorded.', {
    derived: 'the item’s manifest',
  }),
  Uid: text('UID of the file; empty for content nobody had recorded.', { derived: 'the item’s manifest' }),
  FileName: text('Name of the item in its area.', { derived: 'the item’s manifest' }),
  FileKind: text('file, directory, symlink or other.', { heading: 'KIND' }),
  FileAttributes: count('Permission bits of the item.', { derived: 'the file system' }),
  ConflictFileCount: count('Files in it.', { heading: 'FILES', derived: 'the item’s manifest' }),
  ConflictSizeInBytes: count('Bytes in it.', { unit: 'bytes', heading: 'SIZE', derived: 'the item’s manifest' }),
  ConflictTime: datetime('When it was preserved.', { heading: 'WHEN', derived: 'the item’s manifest' }),
  ConflictPath: path('Where it was, below the folder’s root.', { heading: 'WAS AT', derived: 'the item’s manifest' }),
  ConflictType: choice(CONFLICT_TYPES, 'Why it was preserved.', {
    heading: 'TYPE',
    derived: 'the item’s manifest; 7 is Tandem’s own: content that no record knew of, or whose manifest was lost',
  }),
  Reason: text('The same in words.'),
  PreservedPath: path('Where it is now on this host.'),
  ReplicatedFolderGuid: text('GUID of the folder.', { derived: 'group.yaml' }),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  ReplicationGroupGuid: text('GUID of the replication group.', { derived: 'group.yaml' }),
  MemberGuid: text('GUID of this member.', { derived: 'group.yaml' }),
  PartnerGuid: text('GUID of the partner whose update took the place; empty where there was none.', {
    derived: 'the item’s manifest and group.yaml',
  }),
  PartnerName: text('Its name.', { heading: 'PARTNER' }),
} satisfies Columns;

export const conflictNoun = {
  title: 'Conflict',
  about: 'Content that was preserved when an update took its place (ConflictInfo).',
  columns,
} satisfies Noun;
export type ConflictRecord = RecordOf<typeof columns>;
