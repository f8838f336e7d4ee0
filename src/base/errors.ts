/**
 * The one error class of Tandem and the closed table of its codes.
 *
 * Three kinds of trouble are kept apart: a bug of ours (`assert`), an operational failure (`TandemError`), and an
 * answer such as "conflict" or "stale", which is a value and never an error.
 */

/** What the part that catches an error does with it. */
export type Reaction = 'retry-later' | 'halt-folder' | 'refuse-peer' | 'stop-member' | 'tell-caller';

interface ErrorEntry {
  readonly reaction: Reaction;
  /** Exit code of the CLI when a command fails for this reason. */
  readonly exitCode: number;
  readonly meaning: string;
}

/** Every error code there is. Documented in docs/ERRORS.md, which is generated from this table. */
export const ERRORS = {
  CONFIG_INVALID: {
    reaction: 'stop-member',
    exitCode: 3,
    meaning: 'A configuration file has an unknown key, a wrong type or a value that contradicts another.',
  },
  CONFIG_UNREADABLE: {
    reaction: 'stop-member',
    exitCode: 3,
    meaning: 'A configuration file or the member’s identity is missing or cannot be read.',
  },
  HOME_EXISTS: {
    reaction: 'tell-caller',
    exitCode: 3,
    meaning: 'The directory given to “tandem init” already holds a member.',
  },
  HOME_LOCKED: { reaction: 'stop-member', exitCode: 4, meaning: 'Another daemon runs on this home.' },
  ADDRESS_IN_USE: {
    reaction: 'stop-member',
    exitCode: 4,
    meaning: 'Another program listens on the address the member is told to listen on.',
  },
  DAEMON_UNREACHABLE: { reaction: 'tell-caller', exitCode: 5, meaning: 'No daemon answers on the admin socket.' },
  NOT_FOUND: {
    reaction: 'tell-caller',
    exitCode: 6,
    meaning: 'The folder, member, connection, record or conflict named in a command does not exist.',
  },
  INVALID_ARGUMENT: {
    reaction: 'tell-caller',
    exitCode: 2,
    meaning: 'A command’s argument has a wrong form or is out of range.',
  },
  REFUSED: { reaction: 'tell-caller', exitCode: 7, meaning: 'The order cannot be carried out in the present state.' },
  PEER_UNREACHABLE: {
    reaction: 'retry-later',
    exitCode: 8,
    meaning: 'The partner’s host or daemon cannot be reached, or the link broke.',
  },
  PEER_UNTRUSTED: {
    reaction: 'refuse-peer',
    exitCode: 8,
    meaning: 'Whoever is at the other end does not hold the key pinned in group.yaml.',
  },
  PEER_UNRECOGNIZED: {
    reaction: 'retry-later',
    exitCode: 8,
    meaning: 'The partner does not know this connection, member or group.',
  },
  PEER_DISABLED: {
    reaction: 'retry-later',
    exitCode: 7,
    meaning: 'The partner’s own group.yaml has the connection disabled.',
  },
  PEER_INCOMPATIBLE: {
    reaction: 'retry-later',
    exitCode: 8,
    meaning: 'The partner speaks another major version of the protocol.',
  },
  PEER_VIOLATION: {
    reaction: 'refuse-peer',
    exitCode: 8,
    meaning: 'The partner sent something the protocol or the limits table forbids.',
  },
  FOLDER_NOT_READY: {
    reaction: 'retry-later',
    exitCode: 7,
    meaning: 'The partner’s folder is in its first synchronisation, halted, or not replicated there.',
  },
  BUNDLE_DAMAGED: {
    reaction: 'tell-caller',
    exitCode: 8,
    meaning: 'A bundle is cut off, changed on its way, or no bundle at all.',
  },
  BUNDLE_EXPIRED: {
    reaction: 'tell-caller',
    exitCode: 7,
    meaning: 'A bundle is older than deletions are remembered; what it holds may have been deleted since.',
  },
  CONTENT_CHANGED: {
    reaction: 'retry-later',
    exitCode: 8,
    meaning: 'The file changed at the source after its update was announced; a newer update follows.',
  },
  CONTENT_CORRUPT: { reaction: 'retry-later', exitCode: 8, meaning: 'Received content does not match its SHA-256.' },
  ROOT_MISSING: {
    reaction: 'halt-folder',
    exitCode: 9,
    meaning: 'The root of the replicated folder is not there or is not a directory.',
  },
  ROOT_UNWRITABLE: {
    reaction: 'halt-folder',
    exitCode: 9,
    meaning: 'The root of the replicated folder cannot be written.',
  },
  MARKER_MISSING: {
    reaction: 'halt-folder',
    exitCode: 9,
    meaning: 'The marker in .tandem/ is gone or belongs to another folder.',
  },
  FILE_SYSTEM_CHANGED: {
    reaction: 'halt-folder',
    exitCode: 9,
    meaning: 'The root is on another file system than before.',
  },
  DISK_FULL: {
    reaction: 'retry-later',
    exitCode: 9,
    meaning: 'The file system of the replicated folder, or the staging quota, is full.',
  },
  STAGING_INACCESSIBLE: {
    reaction: 'retry-later',
    exitCode: 9,
    meaning: 'The directory .tandem/staging of a replicated folder is gone, is no directory, or may not be used.',
  },
  DISK_FAILED: { reaction: 'retry-later', exitCode: 9, meaning: 'The operating system refused a file operation.' },
  BLOCK_RANGE: {
    reaction: 'tell-caller',
    exitCode: 2,
    meaning: 'A request to a volume reaches beyond its end.',
  },
  BLOCK_READ_ONLY: {
    reaction: 'tell-caller',
    exitCode: 7,
    meaning:
      'The volume may not be written in its present role: it is the target of a replica, or its backing is read-only.',
  },
  BLOCK_FULL: {
    reaction: 'retry-later',
    exitCode: 9,
    meaning: 'There is no space for what is written to a volume.',
  },
  BLOCK_IO: {
    reaction: 'tell-caller',
    exitCode: 10,
    meaning: 'The backing of a volume cannot be read or written, or is not the one it was.',
  },
  BLOCK_LOCKED: {
    reaction: 'tell-caller',
    exitCode: 4,
    meaning: 'A volume or its backing is in use: by another process, a mount, or an order that is not over.',
  },
  STORE_FAILED: {
    reaction: 'stop-member',
    exitCode: 10,
    meaning: 'The member’s database cannot be opened, read or written.',
  },
  TIMED_OUT: {
    reaction: 'tell-caller',
    exitCode: 11,
    meaning: 'The time given to a command was over before what it waited for had happened.',
  },
  CANCELLED: {
    reaction: 'tell-caller',
    exitCode: 1,
    meaning: 'The work was given up because the member stops or the caller went away.',
  },
  INTERNAL: { reaction: 'stop-member', exitCode: 1, meaning: 'A bug in Tandem.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** An operational failure. `message` is a sentence for people that says what to do; `fields` are for logs. */
export class TandemError extends Error {
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, fields: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TandemError';
    this.code = code;
    this.fields = fields;
  }

  get reaction(): Reaction {
    return ERRORS[this.code].reaction;
  }
}

/** Insists on what only a bug of ours could break. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new TandemError('INTERNAL', `assertion failed: ${message}`);
}

/** Marks the end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new TandemError('INTERNAL', `unexpected value ${String(value)}`);
}

/** The sentence to show for anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
