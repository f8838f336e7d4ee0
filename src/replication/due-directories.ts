/** Which directories are to be looked at, and when: those that were hinted at, and those with files that have not come to rest. */
import type { Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import { parentOf } from './paths.ts';
import type { ScanDirectory } from './scan-step.ts';

/** Milliseconds since the Unix epoch. */
interface Due {
  readonly since: number;
  readonly due: number;
}

type Hint = readonly [path: string, due: Due];

export class DueDirectories {
  readonly #core: FolderCore;
  /** By path: when, and since when there have been hints. */
  readonly #hinted = new Map<string, Due>();
  /** To be looked at again, where they were, and since when they have been restless. They may move meanwhile. */
  readonly #restless = new Map<Uid, Due & { readonly path: string }>();
  /** That were not there when they were looked for, and are looked for once more. */
  readonly #missing = new Set<Uid>();

  constructor(core: FolderCore) {
    this.#core = core;
  }

  /** Something may have changed in this directory; it is to be looked at at `due`. */
  hint(path: string, due: number): void {
    const known = this.#hinted.get(path);
    if (!known || known.due > due) this.#hinted.set(path, { since: known?.since ?? due, due });
  }

  /** These were seen to have files that have not come to rest. `before`: what was known when the pass began at `now`. */
  restless(hot: readonly ScanDirectory[], now: number, before: ReadonlyMap<Uid, Due>): void {
    const { quietMs } = this.#core.config;
    const ended = this.#core.clock.now();
    for (const { uid, path } of hot) {
      const known = before.get(uid);
      // What was looked at before its time keeps it, but for a moment in which others join it.
      const due = known && known.due > now ? Math.max(known.due, ended + quietMs / 4) : ended + quietMs;
      this.#restless.set(uid, { path, since: known?.since ?? now, due });
    }
  }

  /** These were not where they were looked for: one that was only away for a moment is met there a little later. */
  missing(directories: readonly ScanDirectory[]): void {
    const { clock, config } = this.#core;
    for (const { uid, path } of directories) {
      if (this.#missing.delete(uid)) continue;
      this.#missing.add(uid);
      this.hint(path, clock.now() + config.quietMs);
    }
  }

  anyRestlessSince(until: number): boolean {
    return [...this.#restless.values()].some(({ since }) => since <= until);
  }

  /** Infinity: nothing is. */
  nextAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { due } of this.#hinted.values()) next = Math.min(next, due);
    for (const { due } of this.#restless.values()) next = Math.min(next, due);
    return next;
  }

  /** The clock was set back: what was to be done soon must not wait until it has caught up. */
  forgetFuture(now: number): void {
    const { quietMs, quietLimitMs } = this.#core.config;
    const last = now + Math.max(quietMs, quietLimitMs);
    for (const [path, { due }] of this.#hinted) if (due > last) this.#hinted.set(path, { since: now, due: now });
    for (const [uid, entry] of this.#restless)
      if (entry.due > last) this.#restless.set(uid, { ...entry, since: now, due: now });
  }

  /** Everything is looked at. Answers what was restless. */
  clear(): ReadonlyMap<Uid, Due> {
    const before = new Map(this.#restless);
    this.#hinted.clear();
    this.#restless.clear();
    this.#missing.clear();
    return before;
  }

  /**
   * What is due, as the nearest directories that are known: a new one is found by looking at the one above. Once one
   * comes to rest, those that are about to are looked at with it: many edits must not be published a few at a time.
   */
  async take(now: number): Promise<{ directories: Map<Uid, ScanDirectory & Due>; hints: readonly Hint[] }> {
    const { paths, config } = this.#core;
    const rests = [...this.#restless.values()].some(({ due }) => due <= now);
    const until = rests ? now + config.quietMs : now;
    const directories = new Map<Uid, ScanDirectory & Due>();
    const add = (uid: Uid, path: string, { since, due }: Due): void => {
      const earlier = directories.get(uid) ?? this.#restless.get(uid);
      this.#restless.delete(uid);
      directories.set(uid, { uid, path, since: Math.min(since, earlier?.since ?? since), due });
    };
    const hints: Hint[] = takeDue(this.#hinted, until);
    for (const [uid, entry] of takeDue(this.#restless, until)) {
      const path = await paths.ofDirectory(uid);
      if (path !== undefined) add(uid, path, entry);
      // It may have become one with another of this name, and what was in it is there still.
      else hints.push([entry.path, entry]);
    }
    for (let [path, entry] of hints) {
      let uid = await paths.directoryAt(path);
      for (; uid === undefined; uid = await paths.directoryAt(path)) path = parentOf(path);
      add(uid, path, entry);
    }
    return { directories, hints };
  }

  /**
   * A hint may come while an update has brought a directory to that path, or exchanged the one there, and that is not
   * recorded yet. It is by now: if the pass was elsewhere, what was hinted at has still to be looked at.
   */
  async hintAgain(hints: readonly Hint[], looked: ReadonlySet<Uid>): Promise<void> {
    const { paths, clock } = this.#core;
    for (const [path] of hints) {
      const uid = await paths.directoryAt(path);
      if (uid === undefined || looked.has(uid) || (await paths.ofDirectory(uid)) !== path) continue;
      this.hint(path, clock.now());
    }
  }
}

function takeDue<Key, Entry extends Due>(all: Map<Key, Entry>, now: number): [Key, Entry][] {
  const due = [...all].filter(([, entry]) => entry.due <= now);
  for (const [key] of due) all.delete(key);
  return due;
}
