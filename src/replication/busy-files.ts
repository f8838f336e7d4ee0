/** Files that one look after the other finds changing. Which of them are to be told of, so that nobody is flooded. */
import type { Uid } from '../model/version.ts';

/** Paths of files that had not come to rest, by their directory. */
export type BusyPaths = ReadonlyMap<Uid, ReadonlySet<string>>;

/** Of one file, again after so long. */
const TOLD_AGAIN_MS = 3_600_000;
const REMEMBERED_FILES = 1000;

export class BusyFiles {
  /** Since when each has been found changing. */
  readonly #since = new Map<Uid, ReadonlyMap<string, number>>();
  readonly #toldAt = new Map<string, number>();

  /** What was found in these directories, or in all of them. */
  found(directories: Iterable<Uid> | 'all', busy: BusyPaths, now: number): void {
    const before = new Map(this.#since);
    if (directories === 'all') this.#since.clear();
    else for (const uid of directories) this.#since.delete(uid);
    for (const [uid, paths] of busy) {
      const known = before.get(uid);
      this.#since.set(uid, new Map([...paths].map(path => [path, known?.get(path) ?? now])));
    }
  }

  /** Those in these directories that have been changing for so long, and were not told of lately. */
  tell(directories: Iterable<Uid>, heldMs: number, now: number): string[] {
    for (const [path, at] of this.#toldAt) if (Math.abs(now - at) >= TOLD_AGAIN_MS) this.#toldAt.delete(path);
    const told: string[] = [];
    for (const uid of directories) {
      for (const [path, since] of this.#since.get(uid) ?? []) {
        if (now - since < heldMs || this.#toldAt.has(path) || this.#toldAt.size >= REMEMBERED_FILES) continue;
        this.#toldAt.set(path, now);
        told.push(path);
      }
    }
    return told;
  }
}
