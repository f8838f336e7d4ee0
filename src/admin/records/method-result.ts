import { type Columns, choice, type Noun, type RecordOf, text } from './column.ts';

/** MONITOR_STATUS, and the numbers of Windows and of DFS Replication’s protocol for what it has no number for. [dfsr.md §1.2, §4.3] */
export const RETURN_VALUES = {
  0: 'SUCCESS',
  1: 'GENERIC_DB_ERROR',
  2: 'IDRECORD_NOT_FOUND',
  3: 'VOLUME_NOT_FOUND',
  4: 'ACCESS_DENIED',
  5: 'GENERIC_ERROR',
  13: 'ERROR_INVALID_DATA',
  87: 'ERROR_INVALID_PARAMETER',
  1168: 'ERROR_NOT_FOUND',
  1722: 'RPC_S_SERVER_UNAVAILABLE',
  1726: 'RPC_S_CALL_FAILED',
  9026: 'FRS_ERROR_CONNECTION_INVALID',
  9050: 'FRS_ERROR_INCOMPATIBLE_VERSION',
  9051: 'FRS_ERROR_CONTENTSET_NOT_READY',
} as const;

const columns = {
  ReturnValue: choice(RETURN_VALUES, 'What became of the order; 0: it is carried out.'),
  Message: text('The same as a sentence, with what to do if it failed.'),
  ErrorCode: text('The code of the error, as in ERRORS.md; empty if there is none.'),
} satisfies Columns;

export const methodResultNoun = {
  title: 'Method result',
  about:
    'What a method of DfsrConnectionInfo answers: CheckConnectivity, ForceReplication, ForceFolderReplication, ForceDownload.',
  columns,
} satisfies Noun;
export type MethodResult = RecordOf<typeof columns>;
