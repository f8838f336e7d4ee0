/** Errors across the admin socket: the code travels beside the message and comes out as the same `TandemError`. */
import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { ERRORS, type ErrorCode, messageOf, TandemError } from '../base/errors.ts';
import { CODE_TRAILER } from '../peer/call-status.ts';

const STATUS_BY_CODE: Partial<Record<ErrorCode, status>> = {
  NOT_FOUND: status.NOT_FOUND,
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  REFUSED: status.FAILED_PRECONDITION,
  CANCELLED: status.CANCELLED,
  INTERNAL: status.INTERNAL,
};

/** Longer texts would not fit into what gRPC sends as headers. */
const MESSAGE_CHARACTERS = 2000;

export function errorToWire(error: unknown): Pick<StatusObject, 'code' | 'details' | 'metadata'> {
  const code = error instanceof TandemError ? error.code : 'INTERNAL';
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, code);
  const text = messageOf(error);
  const details = text.length > MESSAGE_CHARACTERS ? `${text.slice(0, MESSAGE_CHARACTERS)}…` : text;
  return { code: STATUS_BY_CODE[code] ?? status.UNKNOWN, details, metadata };
}

export function errorFromWire(error: unknown, socketPath: string): TandemError {
  if (error instanceof TandemError) return error;
  const { code, details, metadata } = error as Partial<ServiceError>;
  const sent = metadata?.get(CODE_TRAILER)[0];
  if (typeof sent === 'string' && sent in ERRORS) return new TandemError(sent as ErrorCode, details ?? '');
  switch (code) {
    case status.UNAVAILABLE:
      return new TandemError(
        'DAEMON_UNREACHABLE',
        `the daemon at ${socketPath} stopped answering; look at its log, and start it again if it is gone`,
        {},
        error,
      );
    case status.DEADLINE_EXCEEDED:
      return new TandemError(
        'DAEMON_UNREACHABLE',
        `the daemon at ${socketPath} did not answer in time; try again, or look at its log`,
        {},
        error,
      );
    case status.CANCELLED:
      return new TandemError('CANCELLED', 'the call was given up', {}, error);
    case status.UNIMPLEMENTED:
      return new TandemError(
        'REFUSED',
        'the daemon is older than this program and does not know the command; restart the daemon',
        {},
        error,
      );
    default:
      return new TandemError('INTERNAL', messageOf(error), {}, error);
  }
}
