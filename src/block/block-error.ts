/** What the operating system says of a volume's files, as errors that say what to do. */
import { errnoOf } from '../base/errno.ts';
import { messageOf, TandemError } from '../base/errors.ts';

/** `what` begins the sentence: “volume disk1 cannot be written”. */
export function toBlockError(error: unknown, what: string): Error {
  if (error instanceof TandemError) return error;
  const code = errnoOf(error);
  switch (code) {
    // A bug is not a matter of the disk.
    case '':
      return error instanceof Error ? error : new Error(String(error));
    case 'ENOSPC':
    case 'EDQUOT':
      return new TandemError('BLOCK_FULL', `${what}: there is no space; make some`, { code }, error);
    case 'EROFS':
    case 'EPERM':
    case 'EACCES':
      return new TandemError(
        'BLOCK_READ_ONLY',
        `${what}: it may not be written here; see to its permissions`,
        { code },
        error,
      );
    case 'EBUSY':
      return new TandemError('BLOCK_LOCKED', `${what}: another program has it open; stop that first`, { code }, error);
    default:
      return new TandemError('BLOCK_IO', `${what}: ${messageOf(error)}; look at the disk`, { code }, error);
  }
}

/** Runs `work`; what the operating system says against it becomes an error of ours. */
export async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toBlockError(error, what);
  }
}
