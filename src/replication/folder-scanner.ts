/**
 * Decides when to scan what: hints of the watcher, files that have not come to rest, vanished names, the periodic
 * pass. Watches the brakes.
 */
import { Bell } from '../base/bell.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { type BrakeLimits, judgeScan } from '../model/brakes.ts';
import type { Uid } from '../model/version.ts';
import { DueDirectories } from './due-directories.ts';
import type { FolderCore } from './folder-core.ts';
import { LocalChanges } from './local-changes.ts';
import { obstacleOf } from './obstacle-events.ts';
import { rootIsThere } from './root-check.ts';
import { type Brake, commitDrafts, confirmGone, scanPass } from './scan-pass.ts';
import { ScanReports } from './scan-reports.ts';
import { type Draft, deletion } from './scan-step.ts';
import { VanishedNames } from './vanished.ts';

interface Waiter {
  readonly full: boolean;
  readonly resolve: () => void;
}

/** Edits count towards the brake for this long. */
const BRAKE_WINDOW_MS = 10 * 60_000;

export class FolderScanner {
  readonly #core: FolderCore;
  readonly #bell = new Bell();
  /** Of a read-only member. */
  readonly #changes: LocalChanges;
  readonly #due: DueDirectories;
  readonly #brakes: BrakeLimits;
  readonly #vanished: VanishedNames;
  readonly reports: ScanReports;
  #fullAt = 0;
  #waiters: Waiter[] = [];
  #bypassBrakes = false;
  /** Something had moved a directory: everything is looked at once more. */
  #again = false;
  /** Nothing is scanned any more: whoever waits has to look for whoever came in its place. */
  ended = false;
  #order: (() => Promise<void>) | null = null;
  /** Files that were edited since then, each counted once however often it was. */
  #edited = { files: new Set<Uid>(), since: 0 };
  /** Edits that the passes since the last full one have put off, and that one. */
  #putOff = 0;
  lastFullPass: { readonly endedAt: number; readonly tookMs: number } | null = null;

  constructor(core: FolderCore) {
    this.#core = core;
    this.#due = new DueDirectories(core);
    // What is undone anyway needs no brake, but for a root that was emptied: nothing is put onto a bare mount point.
    this.#brakes = core.readOnly ? { deletedShare: 1, changedShare: 1, minimumFiles: 0 } : core.config.brakes;
    this.#vanished = new VanishedNames(core, this.#brakes);
    this.#changes = new LocalChanges(core);
    this.reports = new ScanReports(core);
  }

  /** Something may have changed in this directory. */
  hint(path: string, delayMs = 0): void {
    this.#due.hint(path, this.#core.clock.now() + delayMs);
    this.#bell.ring();
  }

  /** Scans everything; resolves when that is done. */
  full(): Promise<void> {
    this.#fullAt = 0;
    return this.#wait(true);
  }

  /** Looks at these directories now; resolves when that is done. */
  look(paths: readonly string[]): Promise<void> {
    for (const path of paths) this.hint(path);
    return this.#wait(false);
  }

  /** Has an order carried out before anything else is scanned, as soon as the folder is active. */
  first<T>(order: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#order = async () => {
        this.#vanished.clear();
        await order().then(resolve, reject);
        this.#fullAt = 0;
      };
      this.#bell.ring();
    });
  }

  /** Something that changed up to this moment has not come to rest, or is gone and may still turn up elsewhere. */
  isUnsettled(until: number): boolean {
    return this.#due.anyRestlessSince(until) || this.#vanished.anySince(until);
  }

  /** The folder was released. */
  wake(): void {
    this.#bell.ring();
  }

  /** Lets the next full pass through whatever the brakes say. */
  bypassBrakes(): void {
    this.#bypassBrakes = true;
    this.#fullAt = 0;
    this.#bell.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#rest(signal);
      if (signal.aborted) return;
      if (!this.#core.active) {
        resolveAll(this.#takeWaiters(() => true));
        await this.#bell.heard(signal);
        continue;
      }
      try {
        const order = this.#order;
        this.#order = null;
        if (order) await order();
        else {
          const full = this.#core.clock.now() >= this.#fullAt;
          const waiters = this.#takeWaiters(waiter => full || !waiter.full);
          // Also when the pass fails: whoever waits has to go on, and will see.
          await (full ? this.#fullPass(signal) : this.#hintedPass(signal)).finally(() => resolveAll(waiters));
        }
        this.#core.obstacles.pass(this);
      } catch (error) {
        await this.#failed(error, signal);
      }
    }
    this.ended = true;
    resolveAll(this.#takeWaiters(() => true));
  }

  /** Sleeps until something is due. */
  async #rest(signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.#core.clock.now();
      this.#forgetFuture(now);
      const next = Math.min(this.#fullAt, this.#due.nextAt(), this.#vanished.ripe(now).nextAt);
      if (next <= now || signal.aborted || this.#order) return;
      const cancel = this.#core.clock.after(next - now, () => this.#bell.ring());
      await this.#bell.heard(signal);
      cancel();
      if (!this.#core.active) return;
    }
  }

  /** The clock was set back: what was to be done soon must not wait until it has caught up. */
  #forgetFuture(now: number): void {
    if (this.#fullAt > now + this.#core.config.rescanMs) this.#fullAt = now;
    this.#due.forgetFuture(now);
    this.#vanished.forgetFuture(now);
  }

  async #fullPass(signal: AbortSignal): Promise<void> {
    const core = this.#core;
    const startedAt = core.clock.now();
    const first = !core.memory.initialScanDone;
    const before = this.#due.clear();
    const bypass = this.#bypassBrakes;
    const result = await scanPass(
      core,
      {
        directories: [{ uid: core.root, path: '' }],
        deep: true,
        firstScan: first,
        impatient: false,
        knownEdits: this.#putOff,
        decided: bypass,
      },
      this.#brake(bypass),
      signal,
    );
    this.#putOff = result.putOff;
    await this.#vanished.missed(result.gone, core.clock.now(), bypass);
    await this.#undo();
    await this.#confirm(bypass);
    if (signal.aborted || !core.active) return;
    this.#bypassBrakes = false;
    if (first) {
      const phase = core.memory.phase === 'initialized' ? 'normal' : core.memory.phase;
      await core.line.run(() => core.commit({ memory: { initialScanDone: true, phase } }));
    }
    // One that was ordered while this one ran has seen nothing of it yet.
    const ordered = this.#waiters.some(waiter => waiter.full);
    this.#fullAt = ordered || this.#again ? 0 : core.clock.now() + core.config.rescanMs;
    this.#again = false;
    this.#due.restless(result.hot, startedAt, before);
    this.reports.passed('all', result);
    this.lastFullPass = { endedAt: core.clock.now(), tookMs: core.clock.now() - startedAt };
  }

  async #hintedPass(signal: AbortSignal): Promise<void> {
    const core = this.#core;
    const now = core.clock.now();
    const { directories, hints } = await this.#due.take(now);
    const looked = new Set<Uid>();
    const isPatient = (uid: Uid): boolean => now - directories.get(uid)!.since <= core.config.quietLimitMs;
    const all = [...directories.values()];
    for (const impatient of [false, true]) {
      const these = all.filter(({ uid }) => isPatient(uid) !== impatient);
      if (these.length === 0) continue;
      const uids = these.map(({ uid }) => uid);
      if (impatient) this.reports.outOfPatience(uids);
      const result = await scanPass(
        core,
        {
          directories: these,
          deep: false,
          firstScan: !core.memory.initialScanDone,
          impatient,
          knownEdits: 0,
          decided: false,
        },
        this.#brake(false),
        signal,
      );
      await this.#vanished.missed(result.gone, now, false);
      if (result.putOff > 0) this.#fullAt = core.clock.now() + core.config.quietMs;
      this.#putOff = Math.max(this.#putOff, result.putOff);
      this.#due.restless(result.hot, now, directories);
      this.#due.missing(result.missing);
      this.reports.passed(uids, result);
      for (const uid of result.looked) looked.add(uid);
    }
    await this.#due.hintAgain(hints, looked);
    await this.#undo();
    await this.#confirm(false);
  }

  async #undo(): Promise<void> {
    const { directories, later, everything } = await this.#changes.undo();
    for (const path of directories) this.hint(path);
    for (const path of later) this.hint(path, LIMITS.undoRetryMs);
    if (everything) this.#again = true;
  }

  /** Tombstones for what has been gone long enough to be neither moving nor half-way through an editor’s save. */
  async #confirm(bypass: boolean): Promise<void> {
    const core = this.#core;
    const { ripe } = this.#vanished.ripe(core.clock.now());
    if (ripe.length === 0) return;
    await core.line.run(async () => {
      if (!core.active || !(await rootIsThere(core))) return;
      const records = await confirmGone(core, ripe);
      const deleted = records.filter(record => record.kind !== 'directory' && !record.provisional).length;
      if (!bypass) {
        const probe = deleted === 0 ? null : await core.disk.probe();
        const rootEmpty = probe?.kind === 'directory' && probe.empty;
        const total = core.store.counts.files;
        const held = judgeScan({ folderFiles: total, deleted, changed: 0, rootEmpty }, this.#brakes);
        if (held) {
          await core.halt(held.reason, `${held.sentence} ${orders(core.config.name)}`, { deleted, changed: 0, total });
          return;
        }
      }
      await (core.readOnly ? this.#changes.restore(records) : commitDrafts(core, records.map(deletion)));
    });
    this.#vanished.forget(ripe);
  }

  #brake(bypass: boolean): Brake {
    return async (drafts: readonly Draft[]) => {
      const core = this.#core;
      if (!(await rootIsThere(core))) return null;
      if (core.readOnly) return this.#changes.sort(drafts);
      const edited = drafts.flatMap(({ effect, before }) => (effect === 'edited' && before ? [before.uid] : []));
      if (bypass || edited.length === 0 || this.#brakes.changedShare >= 1) return drafts;
      const now = core.clock.now();
      if (now - this.#edited.since > BRAKE_WINDOW_MS) this.#edited = { files: new Set(), since: now };
      for (const uid of edited) this.#edited.files.add(uid);
      const finding = {
        folderFiles: core.store.counts.files,
        deleted: 0,
        changed: this.#edited.files.size,
        rootEmpty: false,
      };
      const held = judgeScan(finding, this.#brakes);
      if (!held) return drafts;
      this.#edited = { files: new Set(), since: now };
      await core.halt(held.reason, `${held.sentence} ${orders(core.config.name)}`, {
        deleted: 0,
        changed: finding.changed,
        total: finding.folderFiles,
      });
      return null;
    };
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const core = this.#core;
    const code = error instanceof TandemError ? error.code : 'INTERNAL';
    // What was to be looked at has been taken off the lists: everything is looked at, for whoever waits for it.
    this.#fullAt = 0;
    if (code === 'CANCELLED') return;
    if (code === 'ROOT_MISSING' || code === 'MARKER_MISSING' || code === 'FILE_SYSTEM_CHANGED') {
      await core.line.run(() => rootIsThere(core));
      return;
    }
    if (!(error instanceof TandemError) || error.reaction === 'stop-member') throw error;
    core.log.warn({ err: error }, 'scan failed, trying again');
    core.obstructed(this, obstacleOf(error), error.message);
    await core.clock.sleep(LIMITS.diskFullRetryMs, signal).catch(() => {});
  }

  #wait(full: boolean): Promise<void> {
    if (this.ended) return Promise.resolve();
    return new Promise(resolve => {
      this.#waiters.push({ full, resolve });
      this.#bell.ring();
    });
  }

  #takeWaiters(which: (waiter: Waiter) => boolean): Waiter[] {
    const taken = this.#waiters.filter(which);
    this.#waiters = this.#waiters.filter(waiter => !which(waiter));
    return taken;
  }
}

function orders(folder: string): string {
  return `Publish it with “tandem folder release ${folder} --accept”, or have the partners’ content back with “--refuse”.`;
}

function resolveAll(waiters: readonly Waiter[]): void {
  for (const { resolve } of waiters) resolve();
}
