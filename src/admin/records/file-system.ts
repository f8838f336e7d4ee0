import { type Columns, choice, count, datetime, type Noun, path, type RecordOf, text } from './column.ts';
import { FILE_SYSTEM_STATES } from './names.ts';

const columns = {
  VolumeGuid: text('GUID of the file system on this member.', {
    derived: 'from the member’s GUID and the device number',
  }),
  VolumeSerialNumber: count('Device number of the file system.', { derived: 'st_dev of the folders’ roots' }),
  VolumePath: path('Where the file system is mounted.', { heading: 'MOUNTED AT', derived: '/proc/self/mountinfo' }),
  DatabaseGuid: text('GUID of the database: the originator in version vectors.', {
    derived: 'one database a member, so the same for all of its file systems',
  }),
  State: choice(FILE_SYSTEM_STATES, 'State of the file system.', {
    heading: 'STATE',
    derived: 'In Error where it is full or cannot be used; Auto Recovery while a folder’s records are rebuilt',
  }),
  StateReason: text('Why it is in that state; empty if all is well.', { heading: 'WHY' }),
  LastConfigChangeTime: datetime('Since when the configuration in force is in force.'),
  LastErrorCode: count('Number of the last error; 0: none.', { derived: 'of the first of its folders that has one' }),
  LastErrorMessageId: count('Number of the event that belongs to it; 0: none.'),
  Folders: text('Names of the folders that lie on it.', { heading: 'FOLDERS' }),
  TotalBytes: count('Its size.', { unit: 'bytes', heading: 'SIZE', derived: 'statfs' }),
  FreeBytes: count('Space that the daemon may still use.', { unit: 'bytes', heading: 'FREE', derived: 'statfs' }),
} satisfies Columns;

export const fileSystemNoun = {
  title: 'File system',
  about: 'A file system on which folders of this member lie (VolumeInfo).',
  columns,
} satisfies Noun;
export type FileSystemRecord = RecordOf<typeof columns>;
