/** A real file system on a volume: nbdfuse makes the volume a file, a loop device makes that a disk, and the kernel mounts it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { haveProgram, outliveNothing, run, runWell } from './program.ts';
import { until } from './until.ts';

const PROGRAMS = ['nbdfuse', 'mkfs.ext4', 'fsck.ext4', 'losetup', 'mount', 'fusermount3'] as const;

/** Null: a file system can be mounted here; else what to say when the test is skipped. */
export function whyNoFileSystem(): string | null {
  const missing = PROGRAMS.filter(program => !haveProgram(program));
  if (missing.length > 0) return `not installed: ${missing.join(', ')} (nbdfuse, e2fsprogs, mount, fuse3)`;
  const allowed = process.getuid?.() === 0 && existsSync('/dev/fuse') && spawnSync('losetup', ['-f']).status === 0;
  return allowed ? null : 'FUSE and loop devices are not to be had here';
}

export interface MountedVolume {
  readonly root: string;
  /** Files named `first`, `first + 1`, …, each fsynced before the next one, until it is ended or the file system fails. */
  write(first: number): FileWriter;
  /** However the volume has fared: what cannot be written is given up. */
  leave(): Promise<void>;
}

export interface FileWriter {
  /** The last file whose fsync was answered. */
  readonly synced: number;
  /** Waits until that many more are. */
  more(count: number): Promise<void>;
  end(): Promise<void>;
}

/** Runs in a process of its own: the test must never wait for a file system whose volume is being killed. */
const WRITER = `
  const { closeSync, fsyncSync, openSync, writeSync } = require('node:fs');
  const [, root, first] = process.argv;
  for (let n = Number(first); ; n++) {
    const file = openSync(root + '/' + n, 'w');
    writeSync(file, Buffer.alloc(1 + ((n * 997) % 4000), n % 251));
    fsyncSync(file);
    closeSync(file);
    writeSync(1, n + '\\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
  }`;

/** `directory` must not be there. `make`: with a fresh file system. */
export async function mountVolume(uri: string, directory: string, { make = false } = {}): Promise<MountedVolume> {
  const [fuse, root] = [join(directory, 'fuse'), join(directory, 'root')];
  for (const path of [directory, fuse, root]) mkdirSync(path);
  const undo: (() => Promise<unknown>)[] = [];
  const leave = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  onTestFinished(leave);
  const nbdfuse = spawn('nbdfuse', [fuse, uri], { stdio: 'ignore' });
  outliveNothing(nbdfuse);
  undo.push(async () => {
    await run('fusermount3', ['-u', '-z', fuse]);
    await until('nbdfuse has left', () => nbdfuse.exitCode !== null || nbdfuse.signalCode !== null);
  });
  await until('nbdfuse shows the volume', () => existsSync(join(fuse, 'nbd')), { everyMs: 20 });
  const loop = (await runWell('losetup', ['--show', '-f', join(fuse, 'nbd')])).trim();
  undo.push(() => run('losetup', ['-d', loop]));
  if (make) await runWell('mkfs.ext4', ['-q', '-b', '1024', '-J', 'size=4', '-E', 'lazy_itable_init=0', loop]);
  await runWell('mount', [loop, root]);
  undo.push(() => run('umount', [root]));
  return {
    root,
    write: first => {
      const child = spawn(process.execPath, ['-e', WRITER, root, String(first)], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const writer = followWriter(child, first);
      undo.push(() => writer.end());
      return writer;
    },
    leave,
  };
}

function followWriter(child: ChildProcess, first: number): FileWriter {
  outliveNothing(child);
  let text = '';
  child.stdout!.on('data', data => (text += String(data)));
  const closed = new Promise<void>(resolve => void child.once('close', () => resolve()));
  const synced = (): number =>
    Number(
      text
        .slice(0, text.lastIndexOf('\n') + 1)
        .trim()
        .split('\n')
        .at(-1) || first - 1,
    );
  return {
    get synced() {
      return synced();
    },
    more: async count => {
      const wanted = synced() + count;
      await until(`${count} more files are synced`, () => synced() >= wanted, { everyMs: 10 });
    },
    end: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

/**
 * What a host finds that mounts this copy of a volume after a crash: how many files there are, each whole, none left out. An error
 * where the file system is not sound. The copy is changed.
 */
export async function filesIn(image: string, directory: string): Promise<number> {
  mkdirSync(directory);
  await runWell('mount', ['-o', 'loop', image, directory]);
  let count = 0;
  try {
    while (existsSync(join(directory, String(count + 1))) && isWhole(directory, count + 1)) count++;
  } finally {
    await runWell('umount', [directory]);
  }
  await runWell('fsck.ext4', ['-f', '-n', image]);
  return count;
}

function isWhole(directory: string, n: number): boolean {
  const content = readFileSync(join(directory, String(n)));
  return content.equals(Buffer.alloc(1 + ((n * 997) % 4000), n % 251));
}
