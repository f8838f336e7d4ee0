import {
  type Columns,
  choice,
  count,
  datetime,
  flag,
  type Noun,
  nullable,
  path,
  type RecordOf,
  text,
} from './column.ts';
import { FOLDER_STATES } from './names.ts';

const columns = {
  ReplicatedFolderGuid: text('GUID of the folder.'),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  ReplicationGroupGuid: text('GUID of the replication group.'),
  ReplicationGroupName: text('Name of the replication group.'),
  MemberGuid: text('GUID of this member.'),
  MemberName: text('Name of this member.'),
  State: choice(FOLDER_STATES, 'State of the folder on this member.', { heading: 'STATE' }),
  StateReason: text('Why it is in that state, in words; empty if all is well.'),
  FileCount: count('Files in the folder.', { heading: 'FILES' }),
  DirectoryCount: count('Directories in the folder.'),
  SymlinkCount: count('Symlinks in the folder.'),
  SizeInBytes: count('Sum of the files’ sizes.', { unit: 'bytes', heading: 'SIZE' }),
  TombstoneCount: count('Deletions that are remembered.'),
  UpdatesPending: count('Updates of partners that are not dealt with yet.', { heading: 'PENDING' }),
  PendingBytes: count('Bytes of content those updates still need.', { unit: 'bytes' }),
  RootPath: path('Root directory of the folder on this member.', { heading: 'ROOT' }),
  IsPrimary: flag('True where this member’s content wins the first synchronisation.'),
  LastConflictCleanupTime: datetime('When the conflict area was last cleaned up.'),
  LastTombstoneCleanupTime: datetime('When old tombstones were last forgotten.'),
  CurrentStageSizeInMb: count('Space used in staging, in MiB.'),
  CurrentConflictSizeInMb: count('Space used by preserved items, in MiB.'),
  StageSizeInBytes: count('Space used in staging.', { unit: 'bytes' }),
  ConflictSizeInBytes: count('Space used by preserved items.', { unit: 'bytes' }),
  ConflictCount: count('Preserved items.', { heading: 'CONFLICTS' }),
  LastErrorCode: count('Number of the last error; 0: none.'),
  LastErrorMessageId: count('Number of the event that belongs to it; 0: none.'),
  LastScanTime: datetime('When the whole folder was last compared with the disk.'),
  HaltReason: nullable(text('Name of the brake or fault that halts the folder; null if it runs.')),
  HaltDetail: nullable(text('What was found, with the numbers.')),
  HaltCommand: nullable(text('The command that helps.')),
  HaltTime: nullable(datetime('Since when the folder is halted.')),
  HaltDeletedFiles: nullable(count('Deletions that are held.')),
  HaltChangedFiles: nullable(count('Changes that are held.')),
  HaltTotalFiles: nullable(count('Files the folder had before.')),
} satisfies Columns;

export const folderNoun = {
  title: 'Replicated folder',
  about: 'A replicated folder as this member has it (ReplicatedFolderInfo and more).',
  columns,
} satisfies Noun;
export type FolderRecord = RecordOf<typeof columns>;

const memberColumns = {
  MemberName: text('Name of the member.', { heading: 'MEMBER' }),
  MemberGuid: text('GUID of the member.'),
  RootPath: path('Root directory there.', { heading: 'ROOT' }),
  IsPrimary: flag('True for the primary member.', { heading: 'PRIMARY' }),
  IsLocal: flag('True for this member.', { heading: 'HERE' }),
} satisfies Columns;

export const folderMemberNoun = {
  title: 'Member of a folder',
  about: 'Where a folder lies on each of its members.',
  columns: memberColumns,
} satisfies Noun;
export type FolderMemberRecord = RecordOf<typeof memberColumns>;

const vectorColumns = {
  DatabaseGuid: text('The database the versions come from.', { heading: 'DATABASE' }),
  MemberName: nullable(text('The member that has this database, where known.', { heading: 'MEMBER' })),
  Low: count('Numbers above this one,', { heading: 'ABOVE' }),
  High: count('up to and with this one, are dealt with here.', { heading: 'UP TO' }),
} satisfies Columns;

export const vectorNoun = {
  title: 'Version vector',
  about: 'One interval of a folder’s version vector.',
  columns: vectorColumns,
} satisfies Noun;
export type VectorRecord = RecordOf<typeof vectorColumns>;
