import { type Columns, choice, count, datetime, type Noun, path, type RecordOf, text } from './column.ts';
import { CONFLICT_TYPES } from './names.ts';

const columns = {
  Id: text('Names the preserved item in commands.', { heading: 'ID' }),
  Area: text('conflicts, or pre-existing for what the first synchronisation set aside.', { heading: 'AREA' }),
  GVsn: text('The version that was preserved; empty for content nobody had recorded.'),
  Uid: text('UID of the file; empty for content nobody had recorded.'),
  FileName: text('Name of the item in its area.'),
  FileKind: text('file, directory, symlink or other.', { heading: 'KIND' }),
  ConflictFileCount: count('Files in it.', { heading: 'FILES' }),
  ConflictSizeInBytes: count('Bytes in it.', { unit: 'bytes', heading: 'SIZE' }),
  ConflictTime: datetime('When it was preserved.', { heading: 'WHEN' }),
  ConflictPath: path('Where it was, below the folder’s root.', { heading: 'WAS AT' }),
  ConflictType: choice(CONFLICT_TYPES, 'Why it was preserved.', { heading: 'TYPE' }),
  Reason: text('The same in words.'),
  PreservedPath: path('Where it is now on this host.'),
  ReplicatedFolderGuid: text('GUID of the folder.'),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  ReplicationGroupGuid: text('GUID of the replication group.'),
  MemberGuid: text('GUID of this member.'),
  PartnerGuid: text('GUID of the partner whose update took the place; empty where there was none.'),
  PartnerName: text('Its name.', { heading: 'PARTNER' }),
} satisfies Columns;

export const conflictNoun = {
  title: 'Conflict',
  about: 'Content that was preserved when an update took its place (ConflictInfo).',
  columns,
} satisfies Noun;
export type ConflictRecord = RecordOf<typeof columns>;
