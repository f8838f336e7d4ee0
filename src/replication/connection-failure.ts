/** Why an inbound connection is not there, what is told of it, and how the end of a link shows in errors. */
import { type ErrorCode, TandemError } from '../base/errors.ts';
import type { EventName } from '../base/events.ts';
import type { SessionFailure } from '../store/store.ts';

export interface ConnectionFailure extends SessionFailure {
  readonly message: string;
  readonly since: number;
}

/** Events that say more than that the connection failed. */
export const FURTHER_EVENTS: Partial<Record<ErrorCode, EventName>> = {
  PEER_UNTRUSTED: 'PEER_REFUSED',
  PEER_VIOLATION: 'PEER_VIOLATION',
};

/** The event that belongs to a failure. 5008 is for a partner that cannot be reached, 5002 for a link that broke or was refused. */
export function eventOfFailure({ code, lost }: SessionFailure): EventName {
  switch (code) {
    case 'PEER_UNREACHABLE':
      return lost ? 'CONNECTION_ERROR' : 'CONNECTION_UNREACHABLE';
    case 'PEER_UNRECOGNIZED':
    case 'PEER_DISABLED':
      return 'CONNECTION_UNRECOGNIZED';
    case 'PEER_INCOMPATIBLE':
      return 'CONNECTION_INCOMPATIBLE';
    default:
      return 'CONNECTION_ERROR';
  }
}

export function partnerEnded(partner: string): TandemError {
  return new TandemError('PEER_UNREACHABLE', `${partner} ended the connection`, { code: 'CANCELLED' });
}

/** The partner closed its end in good order: its streams came to their end, or it gave up answering. */
export function hasEnded(error: unknown): boolean {
  return error instanceof TandemError && error.fields.code === 'CANCELLED';
}

export function isCancelled(error: unknown): boolean {
  return error instanceof TandemError && error.code === 'CANCELLED';
}
