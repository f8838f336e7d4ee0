/** One replicated folder on this member: its loops, started and stopped together, and the orders an administrator gives. */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Preserved } from '../disk/disk.ts';
import { Fencing } from './fencing.ts';
import { finishFirstSync, isInFirstSync } from './first-sync.ts';
import { FolderCore } from './folder-core.ts';
import { openFolder, openIfPossible } from './folder-opening.ts';
import type { ContentHolder, FolderParts } from './folder-parts.ts';
import { FolderScanner } from './folder-scanner.ts';
import { runHousekeeping } from './housekeeping.ts';
import { contentHolder } from './local-content.ts';
import { parentOf } from './paths.ts';
import { startOver } from './staleness.ts';
import { undoHeldChanges } from './undo-changes.ts';
import { UpdateFlow } from './update-flow.ts';

const BUSY_UPDATES = 64;
const BUSY_HINT_DELAY_MS = 1000;

export class Folder {
  readonly core: FolderCore;
  readonly scanner: FolderScanner;
  readonly flow: UpdateFlow;
  readonly fencing: Fencing;
  readonly holder: ContentHolder;
  /** A partner is connected and everything of it is here. */
  hears: () => boolean = () => false;
  readonly #stop = new AbortController();
  #loops: Promise<void>[] = [];
  /** Resolves once the folder is open, or stopped. */
  #opening: Promise<void> = Promise.resolve();

  constructor(parts: FolderParts) {
    this.core = new FolderCore(parts);
    this.scanner = new FolderScanner(this.core);
    this.flow = new UpdateFlow(this.core);
    this.fencing = new Fencing(this.core);
    this.fencing.retry = () => this.flow.retry();
    this.holder = contentHolder(this.core);
    this.flow.rescan = paths => this.scanner.look(paths);
    this.core.onHalted = () => this.flow.drop();
  }

  /** Looks at the root and starts the loops. `fail` is told of an error that must stop the member. */
  async start(fail: (error: unknown) => void): Promise<void> {
    const { signal } = this.#stop;
    const supervise = (loop: Promise<void>): Promise<void> =>
      loop.catch(error => {
        if (!signal.aborted) fail(error);
      });
    if (!(await openIfPossible(this.core))) this.#opening = supervise(this.#openLater(signal));
    const { core, flow, scanner } = this;
    const loops = [
      scanner.run(signal),
      flow.run(signal),
      flow.runRetries(signal),
      this.fencing.run(signal),
      runHousekeeping(core, () => this.hears(), signal),
    ];
    this.#loops = [this.#opening, ...loops.map(supervise)];
  }

  async #openLater(signal: AbortSignal): Promise<void> {
    const { core } = this;
    do {
      await core.clock.sleep(LIMITS.diskFullRetryMs, signal).catch(() => {});
    } while (!signal.aborted && !(await openIfPossible(core)));
    this.scanner.wake();
    core.announce();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await this.core.line.idle();
  }

  /** The watcher saw a change in a directory. Much of what it sees while updates come in is their installation. */
  hint(directory: string): void {
    this.scanner.hint(directory, this.core.pending.size > BUSY_UPDATES ? BUSY_HINT_DELAY_MS : 0);
  }

  /** A folder that no partner feeds ends its first synchronisation by itself. */
  async finishAlone(): Promise<void> {
    const { core, scanner } = this;
    const { signal } = this.#stop;
    const { bell, stop } = core.listen();
    try {
      await this.#opening;
      while (!signal.aborted) {
        while (!core.active && !signal.aborted) await bell.heard(signal);
        await scanner.full();
        // Not after a pass that failed, nor while the folder stands still: what was not seen would be left out.
        if (signal.aborted || !core.active || !core.memory.initialScanDone || scanner.lastFullPass === null) continue;
        try {
          await finishFirstSync(core);
          if (!isInFirstSync(core)) return;
        } catch (error) {
          if (!(error instanceof TandemError) || error.reaction === 'stop-member') throw error;
          core.log.warn({ err: error }, 'a first synchronisation could not be ended, trying again');
          await core.clock.sleep(LIMITS.diskFullRetryMs, signal).catch(() => {});
        }
      }
    } finally {
      stop();
    }
  }

  /** `accept` publishes what is held, `refuse` has the partners' content back, `retry` looks whether the cause is gone. */
  async release(decision: 'accept' | 'refuse' | 'retry'): Promise<string> {
    const { core } = this;
    const { halt } = core.memory;
    if (!halt) throw new TandemError('REFUSED', `folder ${core.config.name} is not halted`);
    const held = halt.reason === 'root-emptied' || halt.reason === 'mass-deletion' || halt.reason === 'mass-change';
    if (held && decision === 'retry') {
      throw new TandemError('REFUSED', `${halt.sentence} Say --accept or --refuse.`);
    }
    if (held && core.readOnly && decision === 'accept') {
      throw new TandemError(
        'REFUSED',
        `folder ${core.config.name} is read-only here: nothing is published. Say --refuse.`,
      );
    }
    if (halt.reason === 'away-too-long') {
      if (decision === 'retry') throw new TandemError('REFUSED', halt.sentence);
      await startOver(core, decision === 'refuse' ? 'initial-sync' : 'auto-recovery');
    }
    const undoing =
      held && decision === 'refuse' && !core.readOnly
        ? this.scanner.first(() => undoHeldChanges(core, this.#stop.signal))
        : null;
    await openFolder(core, true);
    core.announce();
    if (core.memory.halt) throw new TandemError('REFUSED', core.memory.halt.sentence);
    this.scanner.wake();
    if (undoing) {
      const undone = await undoing;
      this.flow.retry();
      core.emit('FOLDER_RELEASED', `folder ${core.config.name} was released; ${undone} held changes are undone`, {
        decision,
        undone,
      });
      return `${undone} held changes are being undone from the partners’ content`;
    }
    core.emit('FOLDER_RELEASED', `folder ${core.config.name} was released (${decision})`, { decision });
    if (held) this.scanner.bypassBrakes();
    void this.scanner.full();
    return 'released';
  }

  async conflicts(): Promise<Preserved[]> {
    return [...(await this.core.disk.preserved('conflicts')), ...(await this.core.disk.preserved('pre-existing'))];
  }

  async restoreConflict(
    id: string,
    { to, copy }: { readonly to: string | null; readonly copy: boolean },
  ): Promise<string> {
    const item = await this.#conflict(id);
    const target = to ?? item.path;
    const answer = await this.core.line.run(() => this.core.disk.restorePreserved(item.area, id, target, copy));
    if (answer === 'occupied')
      throw new TandemError('REFUSED', `“${target}” exists; say another place with --to PATH, or move it away first`);
    if (answer === 'missing') throw new TandemError('NOT_FOUND', `the preserved item ${id} is gone`);
    this.core.emit('ITEM_RESTORED', `“${item.path}” was restored to “${target}”`, { id, path: target });
    this.scanner.hint(parentOf(target));
    return target;
  }

  async deleteConflict(id: string): Promise<void> {
    const item = await this.#conflict(id);
    await this.core.line.run(() => this.core.disk.deletePreserved(item.area, id));
    this.core.emit('ITEM_DELETED', `the preserved “${item.path}” was deleted by order`, { id, path: item.path });
  }

  /** Why the folder is in its state, in one sentence. */
  async reason(): Promise<string> {
    const { core } = this;
    if (core.memory.halt) return core.memory.halt.sentence;
    const [obstacle] = core.obstacles.standing;
    if (obstacle) return obstacle.sentence;
    switch (core.memory.phase) {
      case 'initial-sync':
        return core.memory.initialScanDone
          ? `first synchronisation: waits for ${core.config.primary ? `${core.config.primary} or ` : ''}a member that has finished it`
          : 'looking at what is here before the first synchronisation';
      case 'auto-recovery':
        return 'its records were lost; comparing what is here with the partners';
      case 'uninitialized':
        return 'not opened yet';
      default:
        return core.memory.initialScanDone ? '' : 'looking at the folder for the first time';
    }
  }

  async #conflict(id: string): Promise<Preserved> {
    const item = (await this.conflicts()).find(entry => entry.id === id);
    if (!item)
      throw new TandemError(
        'NOT_FOUND',
        `there is no preserved item ${id} in folder ${this.core.config.name}; see: tandem conflict list`,
      );
    return item;
  }
}
