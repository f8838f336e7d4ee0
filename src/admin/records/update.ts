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
import { UPDATE_STATES } from './names.ts';

const columns = {
  UpdateGuid: text('Identity of the update while it is in progress.'),
  Uid: text('UID of the file, {DatabaseGUID}-v<number>.'),
  GVsn: text('The version on its way.'),
  ParentUid: text('UID of its directory.'),
  UpdateState: choice(UPDATE_STATES, 'What is being done with the update.', { heading: 'STATE' }),
  Since: datetime('Since when it is in that state.', { heading: 'SINCE' }),
  FileName: text('Name of the file.'),
  FullPathName: path('Path below the folder’s root, as far as it is known.', { heading: 'FILE' }),
  ReplicatedFolderGuid: text('GUID of the folder.'),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
  ConnectionGuid: text('GUID of the connection it comes over.'),
  PartnerName: text('The partner it comes from.', { heading: 'PARTNER' }),
  Inbound: flag('True: it comes here.'),
  SizeInBytes: count('Bytes of content.', { unit: 'bytes', heading: 'SIZE' }),
  BytesReceived: count('Bytes of content that are here already.', { unit: 'bytes' }),
  RetryTime: nullable(datetime('When a failed update is tried again.')),
  Reason: text('What it waits for, in words; empty while it moves.', { heading: 'WAITS FOR' }),
} satisfies Columns;

export const updateNoun = {
  title: 'Update',
  about: 'An update that is queued, moving or waiting (IdUpdateInfo).',
  columns,
} satisfies Noun;
export type UpdateRecord = RecordOf<typeof columns>;

const backlogColumns = {
  FullPathName: path('Path below the folder’s root.', { heading: 'FILE' }),
  FileName: text('Name of the file.'),
  Uid: text('UID of the file.'),
  GVsn: text('The version the receiver lacks.'),
  Present: flag('False for a deletion.', { heading: 'PRESENT' }),
  SizeInBytes: count('Bytes of content.', { unit: 'bytes', heading: 'SIZE' }),
  UpdateTime: datetime('When that version was made.', { heading: 'CHANGED' }),
} satisfies Columns;

export const backlogNoun = {
  title: 'Backlog',
  about: 'A version that one member has and another one lacks.',
  columns: backlogColumns,
} satisfies Noun;
export type BacklogRecord = RecordOf<typeof backlogColumns>;
