/** The same tests on the real file system and on the one in memory: a world is a root to work in and a user who edits it. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { loadXxh64 } from '../../../src/base/xxh64.ts';
import type {
  Disk,
  DividedDisk,
  Found,
  Known,
  Marker,
  Operation,
  Outcome,
  PreserveOrder,
  ScanAnswer,
  ScanRequest,
  StageItem,
} from '../../../src/disk/disk.ts';
import { type FileSystem, using } from '../../../src/disk/file-system.ts';
import { createLocalDisk } from '../../../src/disk/local-disk.ts';
import { createNodeFileSystem } from '../../../src/disk/node-file-system.ts';
import { removeTree } from '../../../src/disk/subtree.ts';
import { compileFilter } from '../../../src/model/filters.ts';
import type { Stat } from '../../../src/model/update.ts';
import { MemoryFileSystem } from '../../sim/memory-file-system.ts';

export interface World {
  readonly files: FileSystem;
  /** Absolute. */
  readonly root: string;
  readonly user: User;
  /** Milliseconds. */
  now(): number;
  pause(ms: number): void;
  close(): void;
}

export interface User {
  write(path: string, content: string | Uint8Array): void;
  append(path: string, content: string): void;
  read(path: string): string;
  makeDirectory(path: string): void;
  rename(from: string, to: string): void;
  link(from: string, to: string): void;
  symlink(path: string, target: string): void;
  remove(path: string): void;
  exists(path: string): boolean;
  ino(path: string): bigint;
}

export const WORLDS: readonly { readonly name: string; readonly make: () => World }[] = [
  { name: 'the real file system', make: makeRealWorld },
  { name: 'the file system in memory', make: () => makeMemoryWorld().world },
];

const scratch = fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

function makeRealWorld(): World {
  const base = fs.mkdtempSync(join(scratch, 'tandem-disk-'));
  const root = join(base, 'root');
  fs.mkdirSync(root);
  const at = (path: string): string => join(root, path);
  return {
    files: createNodeFileSystem(),
    root,
    now: Date.now,
    pause: ms => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
    // Not with `rm`: some tests make paths that are too long for it.
    close: () => using(createNodeFileSystem().openRoot(dirname(base)), parent => removeTree(parent, basename(base))),
    user: {
      write(path, content) {
        fs.mkdirSync(dirname(at(path)), { recursive: true });
        fs.writeFileSync(at(path), content);
      },
      append: (path, content) => fs.appendFileSync(at(path), content),
      read: path => fs.readFileSync(at(path), 'latin1'),
      makeDirectory: path => void fs.mkdirSync(at(path), { recursive: true }),
      rename: (from, to) => fs.renameSync(at(from), at(to)),
      link: (from, to) => fs.linkSync(at(from), at(to)),
      symlink: (path, target) => fs.symlinkSync(target, at(path)),
      remove: path => fs.rmSync(at(path), { recursive: true, force: true }),
      exists: path => fs.lstatSync(at(path), { throwIfNoEntry: false }) !== undefined,
      ino: path => fs.lstatSync(at(path), { bigint: true }).ino,
    },
  };
}

export function makeMemoryWorld(options: { quotaBytes?: number; durableEdits?: boolean } = {}): {
  world: World;
  memory: MemoryFileSystem;
  tick(ms: number): void;
} {
  let ms = 1_800_000_000_000;
  const memory = new MemoryFileSystem({ clock: () => BigInt(ms) * 1_000_000n, ...options });
  const { user } = memory;
  const root = '/srv/docs';
  user.makeDirectory(root);
  const at = (path: string): string => `${root}/${path}`;
  const world: World = {
    files: memory,
    root,
    now: () => ms,
    pause: () => {},
    close: () => {},
    user: {
      write: (path, content) => user.writeFile(at(path), content),
      append: (path, content) => user.append(at(path), content),
      read: path => user.readFile(at(path)).toString('latin1'),
      makeDirectory: path => user.makeDirectory(at(path)),
      rename: (from, to) => user.rename(at(from), at(to)),
      link: (from, to) => user.link(at(from), at(to)),
      symlink: (path, target) => user.symlink(at(path), target),
      remove: path => user.remove(at(path)),
      exists: path => user.exists(at(path)),
      ino: path => user.look(at(path)).ino,
    },
  };
  const tick = (by: number): void => {
    ms += by;
  };
  return { world, memory, tick };
}

export const MARKER: Marker = {
  folder: 'folder-1',
  member: 'alpha',
  database: 'd'.repeat(32),
  reservedVsn: 100,
  generation: 1,
};

const xxh64 = await loadXxh64();

export function makeDisk(world: World, filters = { files: ['*.tmp'], directories: ['node_modules'] }): DividedDisk {
  return createLocalDisk({
    files: world.files,
    root: world.root,
    filter: compileFilter(filters),
    xxh64,
    now: world.now,
    pause: world.pause,
    giveWay: () => new Promise(resolve => setImmediate(resolve)),
  });
}

export const sha = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
export const MTIME = 1_600_000_000_123_456_000n;

export function order(path: string, always = false): PreserveOrder {
  const gvsn = `${'a'.repeat(32)}.0000000000000f`;
  const who = { uid: 'u', gvsn, member: 'alpha', partner: 'beta', time: 5 };
  return { always, area: 'conflicts', manifest: { ...who, path, conflictType: 1, reason: 'lost' } };
}

export function item(stagingId: string, text: string | Uint8Array): StageItem {
  const data = Buffer.from(text);
  return { stagingId, data, size: data.length, hash: sha(data), mode: 0o640, mtimeNs: MTIME };
}

/** Stages the text; the operation that installs it. */
export async function installOperation(
  disk: Disk,
  path: string,
  text: string,
  expect: Stat | null,
  always = false,
): Promise<Install> {
  const staged = item(`s${sha(path + text).slice(0, 20)}`, text);
  const [answer] = await disk.stageWhole([staged]);
  if (answer?.kind !== 'staged') throw new Error(answer?.detail);
  const { stagingId, size, hash, mtimeNs } = staged;
  return {
    kind: 'install',
    path,
    expect,
    staged: { stagingId, ino: answer.ino, mode: answer.mode, size, hash, mtimeNs },
    preserve: order(path, always),
  };
}

export type Install = Operation & { kind: 'install' };

export async function applyOne(disk: Disk, operation: Operation): Promise<Outcome> {
  return (await disk.apply([operation]))[0]!;
}

export function statOf(outcome: Outcome): Stat {
  if (outcome.kind === 'done' && outcome.stat !== null) return outcome.stat;
  throw new Error(`not done: ${outcome.kind === 'done' ? 'nothing there' : outcome.detail}`);
}

export const request = (path: string, known: readonly Known[] = []): ScanRequest => ({
  path,
  known,
  hashUpToBytes: 1 << 20,
  quietMs: 0,
});

export async function scanOne(
  disk: Disk,
  path: string,
  known: readonly Known[] = [],
): Promise<ScanAnswer & { kind: 'listed' }> {
  const [answer] = await disk.scan([request(path, known)]);
  if (answer?.kind !== 'listed') throw new Error(`${answer?.kind}`);
  return answer;
}

export const asKnown = (found: readonly Found[]): Known[] => found.map(({ name, stat }) => ({ name, stat }));

export function listAside(world: World): string[] {
  return using(world.files.openRoot(`${world.root}/.tandem/aside`), directory => directory.list().map(String));
}
