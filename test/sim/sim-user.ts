/** What the users of one member do to their files: at random, with the habits of people, editors and scripts. */

import type { Ledger } from './ledger.ts';
import type { MemoryUser, SnapshotEntry } from './memory-user.ts';
import { SIM_ROOT, type SimMember } from './sim-member.ts';
import type { SimRandom } from './sim-random.ts';

export interface SimUserOptions {
  readonly member: SimMember;
  readonly ledger: Ledger;
  readonly random: SimRandom;
  readonly note: (line: string) => void;
  /** Chance that the watcher does not see an edit. */
  readonly hintLoss: number;
  /** Whether they give files a second name. */
  readonly hardLinks: boolean;
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'ä', 'a b', 'Ab', 'x\ny'] as const;
const LARGE_BYTES = 90_000;

export class SimUser {
  readonly #member: SimMember;
  readonly #ledger: Ledger;
  readonly #random: SimRandom;
  readonly #files: MemoryUser;
  readonly #options: SimUserOptions;
  #temporary = 0;
  readonly #moved: { readonly from: string; readonly to: string }[] = [];

  constructor(options: SimUserOptions) {
    this.#options = options;
    this.#member = options.member;
    this.#ledger = options.ledger;
    this.#random = options.random;
    this.#files = options.member.files.user;
  }

  /** One thing a user does. What the file system refuses simply does not happen. */
  act(): void {
    const random = this.#random;
    if (this.#options.hardLinks && random.chance(0.12)) {
      this.attempt('link', () => this.#hardLink(this.#file()));
      return;
    }
    const draw = random.next() * 100;
    if (draw < 18) this.attempt('create', () => this.write(this.#freshPath(), this.#size()));
    else if (draw < 32) this.attempt('write', () => this.write(this.#file(), this.#size()));
    else if (draw < 38) this.attempt('append', () => this.append(this.#file()));
    else if (draw < 44) this.attempt('replace', () => this.replace(this.#file()));
    else if (draw < 48) this.attempt('save', () => this.#saveAsEditor(this.#file()));
    else if (draw < 58) this.attempt('move file', () => this.move(this.#file(), this.#anyPath()));
    else if (draw < 66) this.attempt('move directory', () => this.move(this.#directory(), this.#anyPath()));
    else if (draw < 72) this.attempt('mkdir', () => this.makeDirectory(this.#freshPath()));
    else if (draw < 79) this.attempt('delete', () => this.remove(this.#file()));
    else if (draw < 83) this.attempt('delete tree', () => this.remove(this.#directory()));
    else if (draw < 87) this.attempt('chmod', () => this.chmod(this.#entry()));
    else if (draw < 90) this.attempt('symlink', () => this.symlink(this.#freshPath()));
    else if (draw < 92) this.attempt('retarget', () => this.#retarget());
    else if (draw < 95) this.attempt('swap', () => this.#swap());
    else if (draw < 97) this.attempt('shift', () => this.#shift());
    else if (draw < 98) this.attempt('touch', () => this.#touch(this.#file()));
    else if (draw < 99) this.attempt('empty', () => this.#writeText(this.#freshPath(), ''));
    else this.attempt('twice', () => this.#writeText(this.#freshPath(), `shared ${random.below(3)}`));
  }

  /** So many things with directories, at one instant. */
  moveAbout(actions: number): void {
    for (let i = 0; i < actions; i++) {
      const draw = this.#random.next();
      if (draw < 0.35) this.attempt('mkdir', () => this.makeDirectory(this.#freshPath()));
      else if (draw < 0.7) this.attempt('move directory', () => this.move(this.#directory(), this.#freshPath()));
      else if (draw < 0.8) this.attempt('delete tree', () => this.remove(this.#directory()));
      else this.attempt('create', () => this.write(this.#freshPath(), 0));
    }
  }

  /** One directory goes elsewhere, perhaps in the place of an empty one, or back to where it was; or one is filled. */
  moveToAndFro(): void {
    const draw = this.#random.next();
    const last = this.#moved.at(-1);
    if (last && draw < 0.4) {
      this.#moved.pop();
      this.attempt('move back', () => this.moveDirectory(last.to, last.from));
    } else if (draw < 0.8) {
      this.attempt('move directory', () => {
        const from = this.#directory();
        const to = this.#random.chance(0.4) ? this.#directory() : this.#freshPath();
        if (this.moveDirectory(from, to)) this.#moved.push({ from, to });
      });
    } else if (draw < 0.9) this.attempt('mkdir', () => this.makeDirectory(this.#freshPath()));
    else this.attempt('create', () => this.write(this.#freshPath(), 0));
  }

  /** As the system call does, which replaces an empty directory. False: that cannot be. */
  moveDirectory(from: string, to: string): boolean {
    const replaced = this.#entryAt(to)?.kind ?? 'directory';
    if (this.#entryAt(from)?.kind !== 'directory' || replaced !== 'directory') return false;
    if (from === to || to.startsWith(`${from}/`)) return false;
    this.#rename(from, to);
    return true;
  }

  write(path: string, bytes: number): void {
    this.#writeText(path, this.#ledger.fresh(this.#member.name, bytes));
  }

  #writeText(path: string, text: string): void {
    const before = this.#entryAt(path);
    if (before && before.kind !== 'file') return;
    // Some programs truncate first and write later.
    if (before && this.#random.chance(0.15)) {
      this.#end(before, path);
      const part = text.slice(0, Math.floor(text.length / 2));
      this.#files.writeFile(this.#full(path), part);
      this.#ledger.wrote(part, this.#mark(path));
      this.#touched(path);
      this.#member.options.time.after(this.#random.between(1, 900), () =>
        this.attempt('write on', () => this.#writeOn(path, part, text)),
      );
      return;
    }
    if (before) this.#end(before, path);
    this.#files.writeFile(this.#full(path), text);
    this.#ledger.wrote(text, this.#mark(path));
    this.#note('wrote', path, text);
    this.#touched(path);
  }

  #writeOn(path: string, part: string, text: string): void {
    const now = this.#entryAt(path);
    if (now?.kind !== 'file' || now.content !== part) return;
    this.#end(now, path);
    this.#files.writeFile(this.#full(path), text);
    this.#ledger.wrote(text, this.#mark(path));
    this.#note('wrote on', path, text);
    this.#touched(path);
  }

  append(path: string): void {
    const before = this.#entryAt(path);
    if (before?.kind !== 'file') return;
    const more = this.#ledger.fresh(this.#member.name, 0);
    this.#end(before, path);
    this.#files.append(this.#full(path), more);
    this.#ledger.wrote(before.content + more, this.#mark(path));
    this.#note('appended', path, more);
    this.#touched(path);
  }

  replace(path: string): void {
    const before = this.#entryAt(path);
    if (before?.kind !== 'file') return;
    const text = this.#ledger.fresh(this.#member.name, this.#size());
    const aside = this.#aside(path);
    this.#files.writeFile(this.#full(aside), text);
    this.#end(before, path);
    this.#files.rename(this.#full(aside), this.#full(path));
    this.#ledger.wrote(text, this.#mark(path));
    this.#note('replaced', path, text);
    this.#touched(path);
  }

  /** The old file becomes a backup, the new one takes its name, the backup goes. */
  #saveAsEditor(path: string): void {
    const before = this.#entryAt(path);
    if (before?.kind !== 'file') return;
    const text = this.#ledger.fresh(this.#member.name, this.#size());
    const backup = this.#aside(path);
    this.#files.rename(this.#full(path), this.#full(backup));
    this.#files.writeFile(this.#full(path), text);
    this.#ledger.wrote(text, this.#mark(path));
    this.#note('saved', path, text);
    this.#touched(path);
    this.#member.options.time.after(this.#random.between(0, 300), () =>
      this.attempt('drop backup', () => this.remove(backup)),
    );
  }

  move(from: string, to: string): void {
    const moved = this.#entryAt(from);
    const replaced = this.#entryAt(to);
    if (!moved || from === to || to.startsWith(`${from}/`)) return;
    if (replaced && (replaced.kind === 'directory' || moved.kind === 'directory')) return;
    if (replaced) this.#end(replaced, to);
    this.#rename(from, to);
  }

  #rename(from: string, to: string): void {
    this.#files.rename(this.#full(from), this.#full(to));
    this.#note('moved', from, `to ${to}`);
    this.#touched(from);
    this.#touched(to);
  }

  makeDirectory(path: string): void {
    if (this.#entryAt(path)) return;
    this.#files.makeDirectory(this.#full(path));
    this.#note('made', path, 'directory');
    this.#touched(path);
  }

  remove(path: string): void {
    const entry = this.#entryAt(path);
    if (!entry) return;
    this.#end(entry, path);
    if (entry.kind === 'directory') {
      for (const [below, child] of this.tree()) if (below.startsWith(`${path}/`)) this.#end(child, below);
    }
    this.#files.remove(this.#full(path));
    this.#note('removed', path, entry.kind);
    this.#touched(path);
  }

  chmod(path: string): void {
    const entry = this.#entryAt(path);
    if (!entry || entry.kind === 'symlink') return;
    const mode =
      entry.kind === 'directory'
        ? this.#random.pick([0o755, 0o700, 0o775])
        : this.#random.pick([0o644, 0o600, 0o755, 0o444]);
    this.#files.setMode(this.#full(path), mode);
    this.#note('changed mode of', path, mode.toString(8));
    this.#touched(path);
  }

  symlink(path: string): void {
    if (this.#entryAt(path)) return;
    this.#files.symlink(this.#full(path), `to/${this.#random.below(1000)}`);
    this.#note('linked', path, '');
    this.#touched(path);
  }

  #hardLink(path: string): void {
    const to = this.#freshPath();
    const before = this.#entryAt(path);
    if (before?.kind !== 'file' || this.#entryAt(to)) return;
    this.#files.link(this.#full(path), this.#full(to));
    this.#ledger.wrote(before.content, this.#mark(to));
    this.#note('linked hard', path, `as ${to}`);
    this.#touched(to);
  }

  #retarget(): void {
    const links = [...this.tree()].filter(([, entry]) => entry.kind === 'symlink').map(([path]) => path);
    if (links.length === 0) return;
    const path = this.#random.pick(links);
    this.#files.remove(this.#full(path));
    this.#files.symlink(this.#full(path), `to/${this.#random.below(1000)}`);
    this.#note('linked anew', path, '');
    this.#touched(path);
  }

  #swap(): void {
    const [a, b] = [this.#entry(), this.#entry()];
    if (a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)) return;
    const aside = this.#aside(a);
    this.#files.rename(this.#full(a), this.#full(aside));
    this.#files.rename(this.#full(b), this.#full(a));
    this.#files.rename(this.#full(aside), this.#full(b));
    this.#note('swapped', a, `with ${b}`);
    this.#touched(a);
    this.#touched(b);
  }

  /** As logs are rotated. */
  #shift(): void {
    const files = this.#random.shuffle(this.#files_()).slice(0, 3);
    const last = this.#freshPath();
    if (files.length < 2 || this.#entryAt(last)) return;
    let to = last;
    for (const from of files) {
      this.#files.rename(this.#full(from), this.#full(to));
      this.#touched(from);
      to = from;
    }
    this.#note('shifted', files.join(' '), `to ${last}`);
    this.#touched(last);
  }

  #touch(path: string): void {
    this.#files.setModified(this.#full(path), BigInt(this.#random.below(1_000_000)) * 1_000_123_000n);
    this.#note('touched', path, '');
    this.#touched(path);
  }

  tree(): Map<string, SnapshotEntry> {
    return this.#files.snapshot(SIM_ROOT);
  }

  /** A path that a file or a new directory could have; often one that is taken elsewhere. */
  #freshPath(): string {
    const directory = this.#random.chance(0.35) ? '' : this.#directoryOrRoot();
    return join(directory, this.#random.pick(NAMES));
  }

  #anyPath(): string {
    return this.#random.chance(0.3) ? this.#entry() : this.#freshPath();
  }

  #files_(): string[] {
    return [...this.tree()].filter(([, entry]) => entry.kind === 'file').map(([path]) => path);
  }

  #directories(): string[] {
    return [...this.tree()].filter(([, entry]) => entry.kind === 'directory').map(([path]) => path);
  }

  #file(): string {
    return this.#choose(this.#files_());
  }

  #directory(): string {
    return this.#choose(this.#directories());
  }

  #directoryOrRoot(): string {
    return this.#random.pick(['', ...this.#directories()]);
  }

  #entry(): string {
    return this.#choose([...this.tree().keys()]);
  }

  #choose(paths: readonly string[]): string {
    if (paths.length === 0) throw new Nothing();
    return this.#random.pick(paths);
  }

  #size(): number {
    return this.#random.chance(0.02) ? LARGE_BYTES + this.#random.below(40_000) : 0;
  }

  /** A name that nobody has: a user of another member may have left a backup of the same number here. */
  #aside(path: string): string {
    let aside: string;
    do aside = `${path}~${++this.#temporary}`;
    while (this.#entryAt(aside));
    return aside;
  }

  #full(path: string): string {
    return `${SIM_ROOT}/${path}`;
  }

  #entryAt(path: string): SnapshotEntry | undefined {
    return this.tree().get(path);
  }

  #mark(path: string): { by: string; path: string; at: number } {
    return { by: this.#member.name, path, at: this.#member.options.time.now };
  }

  #end(entry: SnapshotEntry, path: string): void {
    if (entry.kind === 'file') this.#ledger.ended(entry.content, path);
  }

  #note(what: string, path: string, detail: string): void {
    this.#options.note(`user of ${this.#member.name} ${what} ${JSON.stringify(path)} ${detail.slice(0, 40)}`);
  }

  #touched(path: string): void {
    const directory = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    if (this.#random.chance(this.#options.hintLoss)) return;
    this.#member.options.time.after(this.#random.between(0.5, 60), () => this.#member.hint(directory));
  }

  /** What the file system refuses simply does not happen. */
  attempt(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (error instanceof Nothing) return;
      const code = (error as { code?: unknown }).code;
      if (typeof code !== 'string') throw error;
      this.#options.note(`user of ${this.#member.name} could not ${what}: ${code}`);
    }
  }
}

/** There is nothing to choose from. */
class Nothing extends Error {}

function join(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}
