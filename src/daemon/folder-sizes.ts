/**
 * Sizes that are found by looking into `.tandem/`. They are looked up anew only every few seconds, and an answer never
 * waits long for a disk that does not: it gets what was known last.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { PRIVATE_DIRECTORY } from '../model/name-rules.ts';
import type { Folder } from '../replication/folder.ts';

export interface FolderSizes {
  readonly stagedBytes: number;
  readonly conflicts: number;
  readonly conflictBytes: number;
}

export interface FolderSizesBook {
  of(folder: Folder): Promise<FolderSizes>;
  /** The next answer is to be looked up. */
  forget(folder: Folder): void;
}

interface Entry {
  sizes: FolderSizes;
  staleAt: number;
  lookup: Promise<void> | null;
}

const KEPT_MS = 5000;
const WAIT_MS = 1000;
const NOTHING: FolderSizes = { stagedBytes: 0, conflicts: 0, conflictBytes: 0 };
const LOOKS_AT_ONCE = 64;

export function createFolderSizesBook(
  clock: Clock,
  stagedBytes: (root: string) => Promise<number> = bytesInStaging,
): FolderSizesBook {
  const entryByFolder = new WeakMap<Folder, Entry>();

  async function look(folder: Folder, entry: Entry): Promise<void> {
    // Whatever cannot be looked at now keeps its former value: a halted folder says why by itself.
    const [staged, items] = await Promise.all([
      stagedBytes(folder.core.rootPath).catch(() => entry.sizes.stagedBytes),
      folder.conflicts().catch(() => null),
    ]);
    const preserved = items && {
      conflicts: items.length,
      conflictBytes: items.reduce((sum, item) => sum + item.size, 0),
    };
    entry.sizes = { ...entry.sizes, stagedBytes: staged, ...preserved };
    entry.lookup = null;
  }

  return {
    async of(folder) {
      let entry = entryByFolder.get(folder);
      if (!entry) {
        entry = { sizes: NOTHING, staleAt: 0, lookup: null };
        entryByFolder.set(folder, entry);
      }
      if (entry.lookup === null && clock.now() >= entry.staleAt) {
        entry.staleAt = clock.now() + KEPT_MS;
        entry.lookup = look(folder, entry);
      }
      if (entry.lookup !== null) await atMost(clock, WAIT_MS, entry.lookup);
      return entry.sizes;
    },
    forget(folder) {
      const entry = entryByFolder.get(folder);
      if (entry) entry.staleAt = 0;
    },
  };
}

async function atMost(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  let cancel = () => {};
  const timeUp = new Promise<void>(resolve => {
    cancel = clock.after(ms, resolve);
  });
  await Promise.race([work, timeUp]);
  cancel();
}

async function bytesInStaging(root: string): Promise<number> {
  const directory = join(root, PRIVATE_DIRECTORY, 'staging');
  const names = await readdir(directory);
  let bytes = 0;
  for (let from = 0; from < names.length; from += LOOKS_AT_ONCE) {
    const looks = names.slice(from, from + LOOKS_AT_ONCE).map(name =>
      lstat(join(directory, name)).then(
        stat => stat.size,
        () => 0, // installed meanwhile
      ),
    );
    for (const size of await Promise.all(looks)) bytes += size;
  }
  return bytes;
}
