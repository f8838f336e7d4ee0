/**
 * The numbers that records carry for errors. DFS Replication publishes no value for its DFSR_E_ codes, so the nearest
 * number of its protocol or of Windows stands for each failure; docs of the records give them to administrators.
 * [dfsr.md §4.1, §4.3]
 */
import { EVENTS, type EventName } from '../base/events.ts';
import type { ObstacleKind } from '../model/obstacles.ts';
import { eventOfFailure } from '../replication/connection-failure.ts';
import type { HaltReason } from '../replication/folder-core.ts';
import type { SessionFailure } from '../store/store.ts';

export interface ErrorNumbers {
  readonly LastErrorCode: number;
  readonly LastErrorMessageId: number;
}

export const NO_ERROR: ErrorNumbers = { LastErrorCode: 0, LastErrorMessageId: 0 };

/** The configuration in use is the former one: ERROR_INVALID_DATA. */
export const CONFIG_REFUSED: ErrorNumbers = numbers(13, 'CONFIG_INVALID');

/** Of a connection that failed. */
export function numbersOfFailure(failure: SessionFailure): ErrorNumbers {
  return numbers(codeOfFailure(failure), eventOfFailure(failure));
}

function codeOfFailure({ code, lost }: SessionFailure): number {
  switch (code) {
    case 'PEER_UNREACHABLE': // RPC_S_CALL_FAILED, RPC_S_SERVER_UNAVAILABLE
      return lost ? 1726 : 1722;
    case 'PEER_UNRECOGNIZED':
    case 'PEER_DISABLED': // FRS_ERROR_CONNECTION_INVALID
      return 9026;
    case 'PEER_INCOMPATIBLE': // FRS_ERROR_INCOMPATIBLE_VERSION
      return 9050;
    case 'PEER_UNTRUSTED': // ERROR_ACCESS_DENIED
      return 5;
    case 'PEER_VIOLATION': // ERROR_INVALID_DATA
      return 13;
    case 'FOLDER_NOT_READY': // FRS_ERROR_CONTENTSET_NOT_READY
      return 9051;
    case 'INTERNAL': // ERROR_INTERNAL_ERROR
      return 1359;
    default: // RPC_S_CALL_FAILED
      return 1726;
  }
}

/** Of a folder that is halted. Brakes are Tandem's own: their event's number stands for both. */
export function numbersOfHalt(reason: HaltReason): ErrorNumbers {
  switch (reason) {
    case 'root-missing': // ERROR_PATH_NOT_FOUND
      return numbers(3, 'ROOT_INVALID');
    case 'root-unwritable': // ERROR_ACCESS_DENIED
      return numbers(5, 'ROOT_INVALID');
    case 'marker-missing':
    case 'marker-foreign':
    case 'file-system-changed': // FRS_ERROR_FILE_INFORMATION_IS_STALE
      return numbers(9024, 'ROOT_STALE');
    case 'away-too-long': // “The replicated folder has been offline for too long.”
      return numbers(9061, 'FOLDER_STALE');
    case 'root-emptied':
      return numbers(EVENTS.BRAKE_EMPTIED.number, 'BRAKE_EMPTIED');
    case 'mass-deletion':
      return numbers(EVENTS.BRAKE_DELETIONS.number, 'BRAKE_DELETIONS');
    case 'mass-change':
      return numbers(EVENTS.BRAKE_CHANGES.number, 'BRAKE_CHANGES');
  }
}

/** Of what a folder waits for to pass. */
export function numbersOfObstacle(kind: ObstacleKind): ErrorNumbers {
  switch (kind) {
    case 'disk-full': // ERROR_DISK_FULL
      return numbers(112, 'DISK_FULL');
    case 'staging-inaccessible': // ERROR_PATH_NOT_FOUND
      return numbers(3, 'STAGING_INACCESSIBLE');
    case 'stopped': // ERROR_IO_DEVICE
      return numbers(1117, 'FOLDER_STOPPED');
  }
}

function numbers(code: number, event: EventName): ErrorNumbers {
  return { LastErrorCode: code, LastErrorMessageId: EVENTS[event].number };
}
