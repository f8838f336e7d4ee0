/** How many entries each list of each message may have: the numbers of the limits table by field number of peer.proto. */
import { LIMITS } from '../base/limits.ts';
import type { FieldGuard, MessageGuard } from './message-guard.ts';

const DATABASE_PAIRS = 2 * LIMITS.updatesPerBatch * LIMITS.ancestryEntries;

function list(name: string, entries: number, inside?: MessageGuard): FieldGuard {
  return inside === undefined ? { name, entries } : { name, entries, inside };
}

function numbers(name: string, entries: number): FieldGuard {
  return { name, entries, packed: true };
}

const vector: MessageGuard = new Map([
  [2, numbers('interval_counts', LIMITS.vectorDatabases)],
  [3, numbers('steps', 2 * LIMITS.vectorIntervals)],
]);

const wanted: MessageGuard = new Map([
  [2, list('folders', LIMITS.foldersPerConnection)],
  [3, numbers('ids', LIMITS.contentRequestsOnTheWay)],
  [4, numbers('folder_indexes', LIMITS.contentRequestsOnTheWay)],
  [5, numbers('uid_databases', LIMITS.contentRequestsOnTheWay)],
  [6, numbers('uid_numbers', LIMITS.contentRequestsOnTheWay)],
  [7, numbers('gvsn_databases', LIMITS.contentRequestsOnTheWay)],
  [8, numbers('gvsn_numbers', LIMITS.contentRequestsOnTheWay)],
]);

const recipe: MessageGuard = new Map([[1, numbers('lengths', LIMITS.recipeChunks)]]);

export const GREETING_BOUNDS = {
  hello: new Map([
    [2, list('capabilities', LIMITS.capabilities)],
    [9, list('folders', LIMITS.foldersPerConnection)],
  ]),
  welcome: new Map([
    [2, list('capabilities', LIMITS.capabilities)],
    [7, list('folders', LIMITS.foldersPerConnection)],
  ]),
  watch: new Map([[2, list('folders', LIMITS.foldersPerConnection)]]),
  vectorEvent: new Map([[4, list('vector', 1, vector)]]),
  records: new Map([
    [2, numbers('uid_databases', LIMITS.recordsPerBatch)],
    [3, numbers('uid_numbers', LIMITS.recordsPerBatch)],
    [4, numbers('gvsn_databases', LIMITS.recordsPerBatch)],
    [5, numbers('gvsn_numbers', LIMITS.recordsPerBatch)],
  ]),
} as const satisfies Record<string, MessageGuard>;

export const UPDATE_BOUNDS = {
  request: new Map([[3, list('have', 1, vector)]]),
  answer: new Map([
    [1, list('vector', 1, vector)],
    [
      2,
      list(
        'batch',
        1,
        new Map([
          [
            2,
            list(
              'updates',
              LIMITS.updatesPerBatch,
              new Map([
                [11, numbers('merged_into', 2 * LIMITS.updatesPerBatch)],
                [21, numbers('ancestry', DATABASE_PAIRS)],
              ]),
            ),
          ],
        ]),
      ),
    ],
  ]),
  cancel: new Map([[4, list('cancellations', LIMITS.updatesPerBatch)]]),
} as const satisfies Record<string, MessageGuard>;

export const CONTENT_BOUNDS = {
  request: new Map([
    [3, list('whole', 1, wanted)],
    [4, list('outline', 1, wanted)],
    [
      5,
      list(
        'chunks',
        1,
        new Map([
          [1, list('file', 1, wanted)],
          [2, numbers('groups', LIMITS.rangesPerRequest)],
        ]),
      ),
    ],
    [
      6,
      list(
        'ranges',
        1,
        new Map([
          [1, list('file', 1, wanted)],
          [2, numbers('offsets', LIMITS.rangesPerRequest)],
          [3, numbers('lengths', LIMITS.rangesPerRequest)],
        ]),
      ),
    ],
    [7, list('abandon', 1, new Map([[1, numbers('ids', LIMITS.contentRequestsOnTheWay)]]))],
  ]),
  answers: new Map([
    [1, numbers('ids', LIMITS.contentPieces)],
    [2, numbers('offsets', LIMITS.contentPieces)],
    [3, numbers('lasts', LIMITS.contentPieces)],
    [4, list('pieces', LIMITS.contentPieces)],
    [
      5,
      list(
        'outlines',
        LIMITS.contentPieces,
        new Map([
          [2, numbers('chunk_counts', LIMITS.recipeChunks)],
          [3, numbers('byte_counts', LIMITS.recipeChunks)],
          [5, list('recipe', LIMITS.contentPieces, recipe)],
        ]),
      ),
    ],
    [6, list('chunks', LIMITS.contentPieces, new Map([[3, list('recipe', LIMITS.contentPieces, recipe)]]))],
    [7, list('failures', LIMITS.contentPieces)],
  ]),
} as const satisfies Record<string, MessageGuard>;

export const MIRROR_BOUNDS = {
  targets: new Map([[1, list('targets', LIMITS.targetsTold)]]),
  packet: new Map([
    [
      2,
      list(
        'messages',
        LIMITS.mirrorPacketMessages,
        new Map([
          [8, list('arrived', LIMITS.mirrorPacketMessages, new Map([[1, numbers('arrived.seqs', LIMITS.mirrorSeqs)]]))],
          [11, list('dirty', LIMITS.mirrorPacketMessages, new Map([[3, numbers('dirty.runs', LIMITS.mirrorRuns)]]))],
          [13, digests('digests')],
          [
            14,
            list(
              'differing',
              LIMITS.mirrorPacketMessages,
              new Map([
                [2, numbers('differing.offsets', LIMITS.mirrorRanges)],
                [3, numbers('differing.lengths', LIMITS.mirrorRanges)],
              ]),
            ),
          ],
          [27, digests('compare')],
        ]),
      ),
    ],
  ]),
} as const satisfies Record<string, MessageGuard>;

function digests(name: string): FieldGuard {
  const columns = new Map([
    [2, numbers(`${name}.offsets`, LIMITS.mirrorDigests)],
    [3, numbers(`${name}.lengths`, LIMITS.mirrorDigests)],
    [4, list(`${name}.sha256s`, LIMITS.mirrorDigests)],
    [5, list(`${name}.blocks`, LIMITS.mirrorDigests)],
  ]);
  return list(name, LIMITS.mirrorPacketMessages, columns);
}
