import { SYNC_RESULTS } from '../../model/replica-sync.ts';
import { OPERATION_TYPES } from '../../model/sync-order.ts';
import { type Columns, choice, count, datetime, flag, type Noun, nullable, type RecordOf, text } from './column.ts';

const FOLDER_COLUMNS = {
  ReplicatedFolderGuid: text('GUID of the folder.'),
  ReplicatedFolderName: text('Name of the folder.', { heading: 'FOLDER' }),
} satisfies Columns;

const reportColumns = {
  SerialNumber: nullable(count('Number of the request in the queue; null if it was refused.')),
  Absorbed: flag('An equal request waited already and does the work.'),
  Done: flag('True: this is the last report, and ReturnValue is the result. False: it goes on.'),
  ReturnValue: choice(SYNC_RESULTS, 'The result; 0 while it goes on, and where an asynchronous request was accepted.'),
  Message: text('How far it is, or the result as a sentence.'),
  ErrorCode: text('The code of the error, as in ERRORS.md; empty if there is none.'),
  MissingVersions: nullable(count('Versions that are still to come; null where that is not known.')),
} satisfies Columns;

export const syncReportNoun = {
  title: 'Synchronisation report',
  about: 'What ReplicaSync tells its caller (DsReplicaSync).',
  columns: reportColumns,
} satisfies Noun;
export type SyncReportRecord = RecordOf<typeof reportColumns>;

const operationColumns = {
  SerialNumber: count('Number of the request; grows with each.', { heading: 'SERIAL' }),
  TimeEnqueued: datetime('When it was ordered.', { heading: 'ORDERED' }),
  Priority: count('The higher one has its turn first.', { heading: 'PRIORITY' }),
  OperationType: choice(OPERATION_TYPES, 'What is to be done.', { heading: 'TYPE' }),
  Options: count('Sum of the options’ values.'),
  OptionNames: text('Names of the options.', { heading: 'OPTIONS' }),
  ...FOLDER_COLUMNS,
  SourceGuid: text('GUID of the source; empty: all of them.'),
  SourceName: text('Name of the source.', { heading: 'SOURCE' }),
  OperationStartTime: nullable(datetime('Since when it has its turn; null: it waits.', { heading: 'BEGAN' })),
  Preemptions: count('How often it gave way to a more urgent request.'),
  Progress: text('How far it is, or what it waits for.', { heading: 'PROGRESS' }),
} satisfies Columns;

export const syncOperationNoun = {
  title: 'Queued synchronisation',
  about: 'A request of ReplicaSync that waits or has its turn (DS_REPL_OP).',
  columns: operationColumns,
} satisfies Noun;
export type SyncOperationRecord = RecordOf<typeof operationColumns>;

const sourceColumns = {
  ...FOLDER_COLUMNS,
  SourceGuid: text('GUID of the member the folder comes from.'),
  SourceName: text('Its name.', { heading: 'SOURCE' }),
  ConnectionGuid: text('GUID of the inbound connection.'),
  Enabled: flag('The connection is enabled in group.yaml.'),
  IsOpen: flag('The schedule and orders let the folder replicate now.', { heading: 'OPEN' }),
  IsNotified: flag('The source tells this member of changes at once: its reference is there.', { heading: 'NOTIFIED' }),
  SourceDatabaseGuid: text('The database whose version is below; empty while the source was not heard.'),
  LastVersionSynced: count('Number of the newest version made there that is here; 0: none.', {
    heading: 'VERSION',
  }),
  MissingVersions: nullable(
    count('Versions that the source has and this member lacks; null while the source was not heard.', {
      heading: 'MISSING',
    }),
  ),
  LastSyncAttempt: datetime('Last attempt; 9999-01-01: none.', { heading: 'LAST ATTEMPT' }),
  LastSyncSuccess: datetime('When the folder last had all that the source has; 9999-01-01: never.', {
    heading: 'LAST SUCCESS',
  }),
  LastSyncResult: choice(SYNC_RESULTS, 'Result of the last attempt.', { heading: 'RESULT' }),
  NumConsecutiveSyncFailures: count('Failures since the last success.', { heading: 'FAILURES' }),
  LastSyncMessage: text('The result as a sentence.'),
} satisfies Columns;

export const replicaSourceNoun = {
  title: 'Replica source',
  about: 'A member that a folder is replicated from (DS_REPL_NEIGHBOR, what “repadmin /showrepl” shows).',
  columns: sourceColumns,
} satisfies Noun;
export type ReplicaSourceRecord = RecordOf<typeof sourceColumns>;
