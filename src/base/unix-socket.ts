/** Unix sockets that only the daemon's own user can reach. */
import { chmod, lstat, mkdtemp, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { type ErrorCode, messageOf, TandemError } from './errors.ts';
import { LIMITS } from './limits.ts';

export type SocketProbe = 'answers' | 'stale' | 'missing' | 'forbidden' | 'not-a-socket';

/** Whether anybody listens on the socket. */
export async function probeSocket(path: string): Promise<SocketProbe> {
  const entry = await lstat(path).catch(() => null);
  if (entry !== null && !entry.isSocket() && !entry.isSymbolicLink()) return 'not-a-socket';
  return new Promise(resolve => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('answers');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve(entry === null ? 'missing' : 'stale');
      else
        resolve(
          error.code === 'EACCES' || error.code === 'EPERM'
            ? 'forbidden'
            : error.code === 'ENOTSOCK'
              ? 'not-a-socket'
              : 'stale',
        );
    });
  });
}

export interface SocketPlace {
  readonly path: string;
  /** For people: what the socket is, such as “the admin socket”, and where its path is set. */
  readonly what: string;
  readonly setting: string;
  /** When somebody answers there already. */
  readonly taken: { readonly code: ErrorCode; readonly message: string };
}

/**
 * Lets `bind` listen on a name nobody else can reach, then moves the socket, mode 0600, to its path; a stale socket there
 * is replaced. The code of `taken` if somebody answers there, INVALID_ARGUMENT if the path is too long, REFUSED if
 * something else is in the way or the directory is not safe. What it returns removes the socket, unless another took its place.
 */
export async function placeSocket(
  { path, what, setting, taken }: SocketPlace,
  bind: (temporaryPath: string) => Promise<void>,
): Promise<() => Promise<void>> {
  if (Buffer.byteLength(path) > LIMITS.socketPathBytes) {
    throw new TandemError(
      'INVALID_ARGUMENT',
      `the path ${path} is too long for a Unix socket (${LIMITS.socketPathBytes} bytes); set ${setting} to a shorter one`,
    );
  }
  await checkDirectory(dirname(path), what, setting);
  const found = await probeSocket(path);
  if (found === 'answers') throw new TandemError(taken.code, taken.message);
  if (found === 'not-a-socket')
    throw new TandemError('REFUSED', `${path} is not a socket; move it away or set ${setting}`);
  if (found === 'forbidden')
    throw new TandemError('REFUSED', `${path} belongs to another user; remove it or set ${setting}`);
  // Not join, which would take the dot away: the directory would stand beside this one, where we may not write.
  const directory = await mkdtemp(`${dirname(path)}/.`);
  const temporary = join(directory, 's');
  try {
    await bind(temporary);
    await chmod(temporary, 0o600);
    await rename(temporary, path);
    const own = await lstat(path);
    return async () => {
      const present = await lstat(path).catch(() => null);
      if (present?.ino === own.ino) await unlink(path).catch(() => {});
    };
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error instanceof TandemError
      ? error
      : new TandemError('REFUSED', `cannot listen on ${path}: ${messageOf(error)}`, {}, error);
  } finally {
    await rmdir(directory).catch(() => {});
  }
}

async function checkDirectory(directory: string, what: string, setting: string): Promise<void> {
  const found = await stat(directory).catch(() => null);
  if (found === null || !found.isDirectory()) {
    throw new TandemError(
      'REFUSED',
      `the directory ${directory} for ${what} does not exist; make it, or set ${setting}`,
    );
  }
  const sticky = (found.mode & 0o1000) !== 0;
  if ((found.mode & 0o022) !== 0 && !sticky) {
    throw new TandemError(
      'REFUSED',
      `others may write to ${directory} and could replace ${what}; run: chmod go-w ${directory}`,
    );
  }
}
