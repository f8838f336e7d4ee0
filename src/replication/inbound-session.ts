/** One folder over one inbound connection: whenever the partner's vector holds what ours lacks, a round of updates. */
import { Bell } from '../base/bell.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { coversVector, EMPTY_VECTOR, type VersionVector } from '../model/version-vector.ts';
import type { PeerLink, VectorEvent } from '../peer/link.ts';
import { finishFirstSync, mayFinish } from './first-sync.ts';
import type { Folder } from './folder.ts';
import { servesAsSource } from './folder-core.ts';
import type { ContentSource } from './pending.ts';

export interface SessionRecord {
  readonly guid: string;
  readonly startTime: number;
  endTime: number | null;
  state: 'initialized' | 'connecting' | 'in-progress' | 'completed' | 'in-sync' | 'interrupted' | 'in-error';
  updatesTransferred: number;
  bytesTransferred: number;
  tombstones: number;
  /** Conflicts the folder had met since its start when the session began, and those it met until the session's end. */
  readonly conflictsBefore: number;
  conflicts: number | null;
}

const NOT_READY_PAUSE_MS = 1000;

export class InboundSession {
  readonly folder: Folder;
  readonly #partner: { readonly name: string; readonly guid: string };
  readonly #connection: string;
  readonly #bell = new Bell();
  #latest: VectorEvent | null = null;
  record: SessionRecord | null = null;
  history: SessionRecord[] = [];
  lastSuccess: number | null = null;

  constructor(folder: Folder, partner: { readonly name: string; readonly guid: string }, connection: string) {
    this.folder = folder;
    this.#partner = partner;
    this.#connection = connection;
  }

  /** The partner's state and vector, as last heard. */
  get latest(): VectorEvent | null {
    return this.#latest;
  }

  offer(event: VectorEvent): void {
    this.#latest = event;
    const { pending, clock } = this.folder.core;
    pending.hasten(this.#partner.name, clock.now() + LIMITS.backoffFirstMs);
    this.#bell.ring();
  }

  /** Something may be asked for again. */
  poke(): void {
    this.#bell.ring();
  }

  /** What the partner holds and this member does not claim yet. */
  missing(): VersionVector {
    return this.#latest?.vector ?? EMPTY_VECTOR;
  }

  async run(link: PeerLink, source: ContentSource, guid: () => string, connected: AbortSignal): Promise<void> {
    const { core } = this.folder;
    const moved = core.listen();
    const over = new AbortController();
    // One of its own: many folders share a connection, and each waits in several places.
    const signal = AbortSignal.any([connected, over.signal]);
    const forward = this.#forward(moved.bell, signal);
    try {
      while (!signal.aborted) {
        await this.#bell.heard(signal);
        while (!signal.aborted && this.#wantsRound()) await this.#round(link, source, guid, signal);
        if (!signal.aborted) await this.#settle();
      }
    } finally {
      // Also when a call failed by itself: the signal aborts only after this has ended.
      over.abort();
      moved.stop();
      await forward;
      this.#latest = null;
      this.#end('interrupted');
    }
  }

  async #forward(from: Bell, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await from.heard(signal);
      this.#bell.ring();
    }
  }

  #wantsRound(): boolean {
    const { core, flow } = this.folder;
    if (!this.#latest || !core.active || !servesAsSource(this.#latest.state)) return false;
    if (!core.memory.initialScanDone && core.config.primary !== core.member.name) return false;
    return !coversVector(flow.have(), this.#latest.vector);
  }

  async #round(link: PeerLink, source: ContentSource, guid: () => string, signal: AbortSignal): Promise<void> {
    const { core, flow } = this.folder;
    this.record ??= {
      guid: guid(),
      startTime: core.clock.now(),
      endTime: null,
      state: 'in-progress',
      updatesTransferred: 0,
      bytesTransferred: 0,
      tombstones: 0,
      conflictsBefore: flow.counters.conflicts,
      conflicts: null,
    };
    const round = flow.openRound(this.#partner.name, this.#connection, this.record);
    let vector: VersionVector = EMPTY_VECTOR;
    try {
      const request = { connection: this.#connection, folder: core.config.guid, have: flow.have() };
      for await (const answer of link.requestUpdates(request, signal)) {
        if (answer.kind === 'vector') {
          vector = answer.vector;
          continue;
        }
        await core.pending.room(signal);
        if (signal.aborted || !core.active) break;
        this.record.updatesTransferred += answer.updates.length;
        this.record.tombstones += answer.updates.filter(update => !update.present).length;
        await flow.take(answer.updates, round, source);
      }
      if (signal.aborted || !core.active) flow.abandonRound(round);
      else await flow.closeRound(round, vector);
    } catch (error) {
      flow.abandonRound(round);
      if (!(error instanceof TandemError) || error.code !== 'FOLDER_NOT_READY') throw error;
      await core.clock.sleep(NOT_READY_PAUSE_MS, signal).catch(() => {});
    }
  }

  async #settle(): Promise<void> {
    const { core } = this.folder;
    if (!this.#latest || !core.active) return;
    const inSync = coversVector(core.store.vector, this.#latest.vector);
    if (mayFinish(core, { guid: this.#partner.guid, state: this.#latest.state, inSync })) await finishFirstSync(core);
    if (inSync && this.#latest.state === 'normal') {
      this.lastSuccess = core.clock.now();
      this.#end('in-sync');
    }
  }

  #end(state: SessionRecord['state']): void {
    if (!this.record) return;
    this.record.state = state;
    this.record.endTime = this.folder.core.clock.now();
    this.record.conflicts = this.folder.flow.counters.conflicts - this.record.conflictsBefore;
    this.history = [...this.history.slice(-19), this.record];
    this.record = null;
  }
}
