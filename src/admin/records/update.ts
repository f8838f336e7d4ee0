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
  UpdateGuid: text('Identity of the update while it is in progress.', {
    derived: 'inbound from the version, the same whoever sends it; outbound from the version and the connection',
  }),
  Uid: text('UID of the file, {DatabaseGUID}-v<number>.', { derived: 'the update' }),
  GVsn: text('The version on its way.', { derived: 'the update' }),
  ParentUid: text('UID of its directory.', { derived: 'the update' }),
  UpdateState: choice(UPDATE_STATES, 'What is being done with the update.', {
    heading: 'STATE',
    derived:
      'Scheduled: received and queued; Running: content is here, waits for its turn or is being installed; Downloading: content is on its way; Wait: for staging space, a full disk, or another try; Blocked: for another update, such as its directory. Outbound, as far as it is known here: Scheduled: the partner has asked for it and waits; Downloading: its content is being sent',
  }),
  Since: datetime('Since when it is in that state.', { heading: 'SINCE', derived: 'receipt of the update' }),
  FileName: text('Name of the file.'),
  FullPathName: path('Path below the folder’s root, as far as it is known.', {
    heading: 'FILE',
    derived: 'records and updates of its directories',
  }),
  ReplicatedFolderGuid: text('GUID of the folder.', { derived: 'group.yaml' }),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER', derived: 'group.yaml' }),
  ConnectionGuid: text('GUID of the connection it comes or goes over.', {
    derived: 'the session that brought it; the partner’s call',
  }),
  PartnerName: text('The partner it comes from or goes to.', {
    heading: 'PARTNER',
    derived: 'the session that brought it; the partner’s call',
  }),
  Inbound: flag('True: it comes here. False: a partner has asked for it and is being sent it.', {
    heading: 'INBOUND',
    derived: 'what of it the partner does with it shows at the partner',
  }),
  SizeInBytes: count('Bytes of content.', { unit: 'bytes', heading: 'SIZE', derived: 'the update' }),
  BytesReceived: count('Bytes of content that are here already; outbound, that were sent.', {
    unit: 'bytes',
    derived: 'content in staging; the stream of contents',
  }),
  RetryTime: nullable(
    datetime('When a failed update is tried again.', {
      derived: '1 s after the first failure, twice as long each time, 300 s at most',
    }),
  ),
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
