/** Scratch space that is gone afterwards, whatever happened: in memory where the machine has that, else in the temporary directory. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Workspace {
  readonly path: string;
  /** Mounts a small file system in memory under this name; null where that is not allowed. */
  mountSmall(name: string, megabytes: number): string | null;
  /** Detaches a file system from under those who use it. */
  unmount(path: string): void;
  remove(): void;
  /** Leaves it behind when this process ends. */
  keep(): void;
}

export function createWorkspace(label: string): Workspace {
  const path = mkdtempSync(join(scratchDirectory(), `tandem-${label}-`));
  const mounts = new Set<string>();
  const unmount = (mounted: string): void => {
    spawnSync('umount', ['--lazy', mounted]);
    mounts.delete(mounted);
  };
  const remove = (): void => {
    process.off('exit', remove);
    for (const mounted of mounts) unmount(mounted);
    if (process.env.TANDEM_E2E_KEEP === '1') process.stderr.write(`kept ${path}\n`);
    else rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', remove);
  return {
    path,
    mountSmall: (name, megabytes) => {
      const at = join(path, name);
      mkdirSync(at, { recursive: true });
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', at]);
      if (mounted.status !== 0) return null;
      mounts.add(at);
      return at;
    },
    unmount,
    remove,
    keep: () => void process.off('exit', remove),
  };
}

function scratchDirectory(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
