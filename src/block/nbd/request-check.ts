/** Whether a request may be carried out; if not, which error the protocol's document wants for it. */
import { ERRORS, TandemError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { COMMAND, COMMAND_FLAG, type ErrorName } from './numbers.ts';
import type { Request } from './request-codec.ts';

export interface Refusal {
  readonly error: ErrorName;
  /** A sentence for people. */
  readonly text: string;
}

/** What the client was told of its export. */
export interface Terms {
  /** Bytes. */
  readonly size: number;
  readonly readOnly: boolean;
  readonly structured: boolean;
  /** Contexts selected. */
  readonly contexts: number;
}

/** Flags a command may carry beside FUA, which every command may. FAST_ZERO is offered nowhere. */
const FLAGS_BY_COMMAND: ReadonlyMap<number, number> = new Map([
  [COMMAND.read, COMMAND_FLAG.df],
  [COMMAND.write, 0],
  [COMMAND.flush, 0],
  [COMMAND.trim, 0],
  [COMMAND.writeZeroes, COMMAND_FLAG.noHole],
  [COMMAND.blockStatus, COMMAND_FLAG.reqOne],
]);

/** Null: it may. Not for DISC, which has no reply. */
export function refusalOf(request: Request, terms: Terms): Refusal | null {
  const { command, length } = request;
  const flags = FLAGS_BY_COMMAND.get(command);
  if (flags === undefined) return invalid(`command ${command} is not known here`);
  const unknown = request.flags & ~(flags | COMMAND_FLAG.fua);
  if (unknown !== 0) return invalid(`flags ${unknown.toString(16)} are not for command ${command}`);
  if (request.flags & COMMAND_FLAG.df && !terms.structured) return invalid('DF needs structured replies');
  if (command === COMMAND.flush) return request.offset === 0 && length === 0 ? null : invalid('FLUSH takes no range');
  const writes = command === COMMAND.write || command === COMMAND.trim || command === COMMAND.writeZeroes;
  if (writes && terms.readOnly) return { error: 'EPERM', text: 'the export is read-only' };
  if (request.offset + length > terms.size) return beyondEnd(command);
  if (command === COMMAND.blockStatus) {
    if (terms.contexts === 0) return invalid('no metadata context was selected');
    if (length === 0) return invalid('no blocks are asked for');
  }
  const payload = command === COMMAND.read || command === COMMAND.write;
  if (payload && length > LIMITS.nbdPayloadBytes) {
    const text = `at most ${LIMITS.nbdPayloadBytes} bytes can be read or written at once`;
    return { error: command === COMMAND.read && terms.structured ? 'EOVERFLOW' : 'EINVAL', text };
  }
  return null;
}

/** The answer to a request that the device failed. */
export function refusalFor(thrown: unknown): Refusal {
  if (!(thrown instanceof TandemError)) return { error: 'EIO', text: ERRORS.INTERNAL.meaning };
  const text = shortened(thrown.message);
  switch (thrown.code) {
    case 'BLOCK_RANGE':
      return { error: 'EINVAL', text };
    case 'BLOCK_READ_ONLY':
      return { error: 'EPERM', text };
    case 'BLOCK_FULL':
    case 'DISK_FULL':
      return { error: 'ENOSPC', text };
    case 'CANCELLED':
      return { error: 'ESHUTDOWN', text };
    default:
      return { error: 'EIO', text };
  }
}

function beyondEnd(command: number): Refusal {
  const error = command === COMMAND.write || command === COMMAND.writeZeroes ? 'ENOSPC' : 'EINVAL';
  return { error, text: 'the request reaches beyond the end of the export' };
}

function invalid(text: string): Refusal {
  return { error: 'EINVAL', text };
}

/** As a string of the protocol may be; cut at a character. */
function shortened(text: string): string {
  const bytes = Buffer.from(text.replaceAll('\0', ' '));
  if (bytes.length <= LIMITS.textBytes) return text;
  return new TextDecoder().decode(bytes.subarray(0, LIMITS.textBytes)).replace(/�+$/u, '');
}
