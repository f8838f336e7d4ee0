/** One folder over one inbound connection: whenever the partner's vector holds what ours lacks, a round of updates. */
import { Bell } from '../base/bell.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Force } from '../model/force.ts';
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
  /** The order it was started by; null: the schedule. */
  readonly force: Force | null;
}

/** What a session is given for the time of one link. */
export interface SessionTurn {
  readonly source: ContentSource;
  readonly freshGuid: () => string;
  readonly force: Force | null;
  /** Asked when the link ends: the state in which the session ends with it; null: it goes on over the next link. */
  readonly ending: () => SessionRecord['state'] | null;
  /** Told when this member has all that the partner has. */
  readonly settled: () => void;
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
  /** This member has had all that the partner has told of over the present link. */
  inSync = false;

  constructor(folder: Folder, partner: { readonly name: string; readonly guid: string }, connection: string) {
    this.folder = folder;
    this.#partner = partner;
    this.#connection = connection;
  }

  /** GUID of the folder. */
  get guid(): string {
    return this.folder.core.config.guid;
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

  async run(link: PeerLink, turn: SessionTurn, connected: AbortSignal): Promise<void> {
    const { core } = this.folder;
    // What was ordered is a session also where nothing is left to do.
    if (this.record && this.record.force !== turn.force) this.finish('interrupted');
    if (turn.force) this.#begin(turn);
    const moved = core.listen();
    const over = new AbortController();
    // One of its own: many folders share a connection, and each waits in several places.
    const signal = AbortSignal.any([connected, over.signal]);
    const forward = this.#forward(moved.bell, signal);
    try {
      while (!signal.aborted) {
        await this.#bell.heard(signal);
        while (!signal.aborted && this.#wantsRound()) await this.#round(link, turn, signal);
        if (!signal.aborted) await this.#settle(turn);
      }
    } finally {
      // Also when a call failed by itself: the signal aborts only after this has ended.
      over.abort();
      moved.stop();
      await forward;
      this.#latest = null;
      this.inSync = false;
      const state = turn.ending();
      if (state !== null) this.finish(state);
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

  #begin({ freshGuid, force }: SessionTurn): SessionRecord {
    const { core, flow } = this.folder;
    this.record ??= {
      guid: freshGuid(),
      startTime: core.clock.now(),
      endTime: null,
      state: 'in-progress',
      updatesTransferred: 0,
      bytesTransferred: 0,
      tombstones: 0,
      conflictsBefore: flow.counters.conflicts,
      conflicts: null,
      force,
    };
    return this.record;
  }

  async #round(link: PeerLink, turn: SessionTurn, signal: AbortSignal): Promise<void> {
    const { core, flow } = this.folder;
    this.inSync = false;
    const record = this.#begin(turn);
    const round = flow.openRound(this.#partner.name, this.#connection, record);
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
        record.updatesTransferred += answer.updates.length;
        record.tombstones += answer.updates.filter(update => !update.present).length;
        await flow.take(answer.updates, round, turn.source);
      }
      if (signal.aborted || !core.active) flow.abandonRound(round);
      else await flow.closeRound(round, vector);
    } catch (error) {
      flow.abandonRound(round);
      if (!(error instanceof TandemError) || error.code !== 'FOLDER_NOT_READY') throw error;
      await core.clock.sleep(NOT_READY_PAUSE_MS, signal).catch(() => {});
    }
  }

  async #settle(turn: SessionTurn): Promise<void> {
    const { core } = this.folder;
    if (!this.#latest || !core.active) return;
    const inSync = coversVector(core.store.vector, this.#latest.vector);
    if (mayFinish(core, { guid: this.#partner.guid, state: this.#latest.state, inSync })) await finishFirstSync(core);
    if (inSync && this.#latest.state === 'normal') {
      this.lastSuccess = core.clock.now();
      this.finish('in-sync');
      this.inSync = true;
      turn.settled();
    }
  }

  /** Ends the running session, if there is one. */
  finish(state: SessionRecord['state']): void {
    if (!this.record) return;
    this.record.state = state;
    this.record.endTime = this.folder.core.clock.now();
    this.record.conflicts = this.folder.flow.counters.conflicts - this.record.conflictsBefore;
    this.history = [...this.history.slice(-19), this.record];
    this.record = null;
  }
}
