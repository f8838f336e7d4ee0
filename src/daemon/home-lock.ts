/**
 * One daemon a home. The database has a lock of its own that the kernel releases with the process; this one says who
 * has it, before anything is opened.
 */
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TandemError } from '../base/errors.ts';

export interface HomeLock {
  release(): Promise<void>;
}

/** HOME_LOCKED if a living process has it. */
export async function lockHome(home: string): Promise<HomeLock> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const file = join(home, 'daemon.pid');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = await open(file, 'wx', 0o600);
      await handle.writeFile(`${process.pid} ${await startOf(process.pid)}\n`);
      await handle.close();
      return { release: () => rm(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new TandemError('CONFIG_UNREADABLE', `cannot write ${file}: ${(error as Error).message}`, {}, error);
      }
    }
    const [pid, start] = (await readFile(file, 'utf8').catch(() => '')).trim().split(' ');
    if (pid && (await startOf(Number(pid))) === start && start !== '') {
      throw new TandemError(
        'HOME_LOCKED',
        `a daemon with process number ${pid} runs on ${home} already; stop it first, or use another --home`,
      );
    }
    // Its process is gone: the lock of the database decides if two take over at once.
    await rm(file, { force: true });
  }
  throw new TandemError('HOME_LOCKED', `another daemon is just starting on ${home}`);
}

/** When a process started, in clock ticks since boot: process numbers are used again. '' if there is none. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
