/** The Unix socket of the admin API: reachable for the daemon's own user only. */
import { chmod, lstat, mkdtemp, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';

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

/**
 * Lets `bind` listen on a name nobody else can reach, then moves the socket, mode 0600, to `path`; a stale socket there
 * is replaced. HOME_LOCKED if a daemon answers there, REFUSED if something else is in the way or the directory is not safe.
 */
export async function placeSocket(path: string, bind: (temporaryPath: string) => Promise<void>): Promise<void> {
  if (Buffer.byteLength(path) > LIMITS.socketPathBytes) {
    throw new TandemError(
      'INVALID_ARGUMENT',
      `the path ${path} is too long for a Unix socket (${LIMITS.socketPathBytes} bytes); set adminSocket in member.yaml to a shorter one`,
    );
  }
  await checkDirectory(dirname(path));
  const found = await probeSocket(path);
  if (found === 'answers') throw new TandemError('HOME_LOCKED', `another daemon answers on ${path}; stop it first`);
  if (found === 'not-a-socket')
    throw new TandemError('REFUSED', `${path} is not a socket; move it away or set adminSocket in member.yaml`);
  if (found === 'forbidden')
    throw new TandemError('REFUSED', `${path} belongs to another user; remove it or set adminSocket in member.yaml`);
  const directory = await mkdtemp(join(dirname(path), '.'));
  const temporary = join(directory, 's');
  try {
    await bind(temporary);
    await chmod(temporary, 0o600);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error instanceof TandemError
      ? error
      : new TandemError('REFUSED', `cannot listen on ${path}: ${messageOf(error)}`, {}, error);
  } finally {
    await rmdir(directory).catch(() => {});
  }
}

async function checkDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => null);
  if (found === null || !found.isDirectory()) {
    throw new TandemError(
      'REFUSED',
      `the directory ${directory} for the admin socket does not exist; make it, or set adminSocket in member.yaml`,
    );
  }
  const sticky = (found.mode & 0o1000) !== 0;
  if ((found.mode & 0o022) !== 0 && !sticky) {
    throw new TandemError(
      'REFUSED',
      `others may write to ${directory} and could replace the admin socket; run: chmod go-w ${directory}`,
    );
  }
}
