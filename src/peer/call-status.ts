/**
 * Errors across the wire. The answering side sends the code of the error in the trailer `tandem-code` beside the gRPC
 * status; the calling side takes it only from a short list: a failure of the partner's own must not make this member
 * act as if it were its own.
 */
import { Metadata, status } from '@grpc/grpc-js';
import { type ErrorCode, messageOf, TandemError } from '../base/errors.ts';

export const CODE_TRAILER = 'tandem-code';
const MESSAGE_CHARACTERS = 500;

/** Codes that mean the same on both sides, each with the gRPC status for readers that know nothing of Tandem. */
const SHARED_CODES: Partial<Record<ErrorCode, status>> = {
  PEER_UNTRUSTED: status.UNAUTHENTICATED,
  PEER_UNRECOGNIZED: status.NOT_FOUND,
  PEER_DISABLED: status.FAILED_PRECONDITION,
  PEER_INCOMPATIBLE: status.FAILED_PRECONDITION,
  PEER_VIOLATION: status.INVALID_ARGUMENT,
  FOLDER_NOT_READY: status.FAILED_PRECONDITION,
  NOT_FOUND: status.NOT_FOUND,
  REFUSED: status.FAILED_PRECONDITION,
};

export interface CallStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** What the answering side sends for anything that was thrown. */
export function statusOf(error: unknown): CallStatus {
  const metadata = new Metadata();
  const code: ErrorCode = error instanceof TandemError ? error.code : 'INTERNAL';
  metadata.set(CODE_TRAILER, code);
  return { code: SHARED_CODES[code] ?? ownFailure(code), details: printable(messageOf(error)), metadata };
}

function ownFailure(code: ErrorCode): status {
  return code === 'INTERNAL' ? status.INTERNAL : status.UNAVAILABLE;
}

/** What went wrong with a call, when nothing else is known than its status. */
export function errorFromStatus(
  partner: string,
  failure: { code?: status; details?: string; metadata?: Metadata },
): TandemError {
  const said = printable(failure.details ?? '');
  const fields = { partner, status: failure.code };
  const sent = failure.metadata?.get(CODE_TRAILER)[0]?.toString();
  if (sent !== undefined) {
    const shared = Object.keys(SHARED_CODES).find(code => code === sent) as ErrorCode | undefined;
    if (shared === 'PEER_VIOLATION') {
      return new TandemError(shared, `${partner} refused what this member sent: ${said}`, fields);
    }
    if (shared !== undefined) return new TandemError(shared, `${partner}: ${said}`, fields);
    return new TandemError('PEER_UNREACHABLE', `${partner} could not answer: ${said}`, {
      ...fields,
      code: printable(sent),
    });
  }
  switch (failure.code) {
    case status.CANCELLED:
      return new TandemError('PEER_UNREACHABLE', `${partner} ended the call; it is tried again`, fields);
    case status.DEADLINE_EXCEEDED:
      return new TandemError('PEER_UNREACHABLE', `${partner} did not answer in time; it is tried again`, fields);
    case status.RESOURCE_EXHAUSTED:
      return new TandemError(
        'PEER_VIOLATION',
        `a message between this member and ${partner} is over the limit: ${said}`,
        fields,
      );
    case status.UNIMPLEMENTED:
      return new TandemError(
        'PEER_INCOMPATIBLE',
        `${partner} does not know this call (${said}); bring both members to the same version of Tandem`,
        fields,
      );
    case status.UNAUTHENTICATED:
      return new TandemError('PEER_UNTRUSTED', `${partner}: ${said}`, fields);
    default:
      return new TandemError('PEER_UNREACHABLE', `the link to ${partner} broke: ${said}`, fields);
  }
}

/** Short, on one line, without control characters or halves of characters: it goes into headers and logs. */
function printable(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '�')
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, MESSAGE_CHARACTERS)
    .replace(/\p{Surrogate}/gu, '');
}
