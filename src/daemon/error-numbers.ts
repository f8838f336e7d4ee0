/**
 * The numbers that records carry for errors. DFS Replication publishes no value for its DFSR_E_ codes, so the nearest
 * number of its protocol or of Windows stands for each failure; docs of the records give them to administrators.
 * [dfsr.md §4.1, §4.3]
 */
import type { ErrorCode } from '../base/errors.ts';
import { EVENTS, type EventName } from '../base/events.ts';
import type { HaltReason } from '../replication/folder-core.ts';

export interface ErrorNumbers {
  readonly LastErrorCode: number;
  readonly LastErrorMessageId: number;
}

export const NO_ERROR: ErrorNumbers = { LastErrorCode: 0, LastErrorMessageId: 0 };

/** Of the file system of a folder being full: ERROR_DISK_FULL. */
export const DISK_FULL: ErrorNumbers = numbers(112, 'DISK_FULL');

/** Of a connection that failed. */
export function numbersOfFailure(code: ErrorCode): ErrorNumbers {
  switch (code) {
    case 'PEER_UNREACHABLE': // RPC_S_SERVER_UNAVAILABLE
      return numbers(1722, 'CONNECTION_UNREACHABLE');
    case 'PEER_UNRECOGNIZED': // FRS_ERROR_CONNECTION_INVALID
      return numbers(9026, 'CONNECTION_UNRECOGNIZED');
    case 'PEER_INCOMPATIBLE': // FRS_ERROR_INCOMPATIBLE_VERSION
      return numbers(9050, 'CONNECTION_INCOMPATIBLE');
    case 'PEER_UNTRUSTED': // ERROR_ACCESS_DENIED
      return numbers(5, 'CONNECTION_ERROR');
    case 'PEER_VIOLATION': // ERROR_INVALID_DATA
      return numbers(13, 'CONNECTION_ERROR');
    case 'FOLDER_NOT_READY': // FRS_ERROR_CONTENTSET_NOT_READY
      return numbers(9051, 'CONNECTION_ERROR');
    case 'INTERNAL': // ERROR_INTERNAL_ERROR
      return numbers(1359, 'CONNECTION_ERROR');
    default: // RPC_S_CALL_FAILED
      return numbers(1726, 'CONNECTION_ERROR');
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

function numbers(code: number, event: EventName): ErrorNumbers {
  return { LastErrorCode: code, LastErrorMessageId: EVENTS[event].number };
}
