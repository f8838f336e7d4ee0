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
  ReplicatedFolderGuid: text('GUID of the folder.', { derived: 'group.yaml' }),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER', derived: 'group.yaml' }),
  ReplicationGroupGuid: text('GUID of the replication group.', { derived: 'group.yaml' }),
  ReplicationGroupName: text('Name of the replication group.', { derived: 'group.yaml' }),
  MemberGuid: text('GUID of this member.', { derived: 'group.yaml' }),
  MemberName: text('Name of this member.', { derived: 'member.yaml' }),
  State: choice(FOLDER_STATES, 'State of the folder on this member.', {
    heading: 'STATE',
    derived:
      'Uninitialized until it is opened; Initialized while it is looked at for the first time; Initial Sync until a member that has the content has brought it; Auto Recovery while lost records are rebuilt; In Error while it is halted',
  }),
  StateReason: text('Why it is in that state, in words; empty if all is well.'),
  FileCount: count('Files in the folder.', { heading: 'FILES', derived: 'the records' }),
  DirectoryCount: count('Directories in the folder.', { derived: 'the records' }),
  SymlinkCount: count('Symlinks in the folder.', { derived: 'the records' }),
  SizeInBytes: count('Sum of the files’ sizes.', { unit: 'bytes', heading: 'SIZE', derived: 'the records' }),
  TombstoneCount: count('Deletions that are remembered.', { derived: 'the records' }),
  UpdatesPending: count('Updates of partners that are not dealt with yet.', {
    heading: 'PENDING',
    derived: 'under way, and put off',
  }),
  PendingBytes: count('Bytes of content those updates still need.', {
    unit: 'bytes',
    derived: 'sizes less what is staged or received; all of those put off',
  }),
  RootPath: path('Root directory of the folder on this member.', { heading: 'ROOT', derived: 'group.yaml' }),
  IsPrimary: flag('True where this member’s content wins the first synchronisation.', { derived: 'group.yaml' }),
  LastConflictCleanupTime: datetime('When the conflict area was last cleaned up.', {
    derived: 'when something last went to keep within conflictQuota; 9999-01-01: never',
  }),
  LastTombstoneCleanupTime: datetime('When old tombstones were last forgotten.', {
    derived: '9999-01-01: none were forgotten yet',
  }),
  CurrentStageSizeInMb: count('Space used in staging, in MiB.', { derived: 'StageSizeInBytes, rounded up' }),
  CurrentConflictSizeInMb: count('Space used by preserved items, in MiB.', {
    derived: 'ConflictSizeInBytes, rounded up',
  }),
  StageSizeInBytes: count('Space used in staging.', {
    unit: 'bytes',
    derived: 'files in .tandem/staging, looked at every five seconds at most',
  }),
  ConflictSizeInBytes: count('Space used by preserved items.', {
    unit: 'bytes',
    derived: 'items in .tandem/conflicts and .tandem/pre-existing, looked at every five seconds at most',
  }),
  ConflictCount: count('Preserved items.', { heading: 'CONFLICTS', derived: 'as ConflictSizeInBytes' }),
  LastErrorCode: count('Number of the last error; 0: none.', {
    derived:
      'of a halt: 3 no root, 5 not writable, 9024 another root, 9061 away for too long, the event’s number for a brake; 112 disk full',
  }),
  LastErrorMessageId: count('Number of the event that belongs to it; 0: none.', {
    derived: '6404, 6406, 4012, 20002 to 20004, 4502',
  }),
  LastScanTime: datetime('When the whole folder was last compared with the disk.', {
    derived: 'end of the last full scan since the start',
  }),
  HaltReason: nullable(
    text('Name of the brake or fault that halts the folder; null if it runs.', {
      derived: 'the folder’s own state in the database',
    }),
  ),
  HaltDetail: nullable(text('What was found, with the numbers.')),
  HaltCommand: nullable(text('The command that helps.')),
  HaltTime: nullable(
    datetime('Since when the folder is halted.', { derived: 'the folder’s own state in the database' }),
  ),
  HaltDeletedFiles: nullable(count('Deletions that are held.')),
  HaltChangedFiles: nullable(count('Changes that are held.')),
  HaltTotalFiles: nullable(count('Files the folder had before.')),
  ReadOnly: flag('True where this member only receives: local changes are undone.', { derived: 'group.yaml' }),
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
  ReadOnly: flag('True for a member that only receives.', { heading: 'READ-ONLY' }),
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
