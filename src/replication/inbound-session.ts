/**
 * One folder over one inbound connection: whenever the partner's vector holds what ours lacks, a round of updates. What
 * a round brings belongs to a session; where that one is held up by updates that were put off, the next round begins
 * another one beside it, so that nothing waits for what has not been transferred yet.
 */
import { Bell } from '../base/bell.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Force } from '../model/force.ts';
import { SESSION_START } from '../model/session-state.ts';
import {
  countVersions,
  coversVector,
  EMPTY_VECTOR,
  mergeVectors,
  subtractVectors,
  type VersionVector,
} from '../model/version-vector.ts';
import type { FolderLink, VectorEvent } from '../peer/link.ts';
import type { SessionFailure } from '../store/store.ts';
import { finishFirstSync, mayFinish } from './first-sync.ts';
import type { Folder } from './folder.ts';
import { servesAsSource } from './folder-core.ts';
import type { ContentSource } from './pending.ts';
import type { SessionBook } from './session-book.ts';
import { type Closing, ORDER_ENDS, SCHEDULE_CLOSES, type SyncSession } from './sync-session.ts';

interface OpenSession {
  readonly session: SyncSession;
  /** The partner's vector when the session's last round began. */
  asked: VersionVector;
}

/** What a session is given for the time of one link. */
export interface SessionTurn {
  readonly source: ContentSource;
  /** Asked when the link ends: why the session ends with it; null: it goes on over the next link. */
  readonly ending: () => 'forced' | Closing | null;
  /** Told when this member has all that the partner has. */
  readonly settled: () => void;
}

/** Where a session has its updates from. */
export interface SessionSource {
  readonly partner: { readonly name: string; readonly guid: string };
  /** GUID */
  readonly connection: string;
  readonly book: SessionBook;
  /** When the partner knew what it tells, milliseconds since the Unix epoch; without it, now. */
  readonly asOf?: number | null;
}

/** Updates that a session has not brought yet. */
export interface Outstanding {
  /** Received, and being fetched or installed, or waiting for that. */
  readonly queued: number;
  /** These, those put off until later, and those the partner has not told of yet. */
  readonly toCome: number;
}

/** What a member said it holds. */
export interface Holdings {
  readonly holds: VersionVector;
  /** When it held that, milliseconds since the Unix epoch. */
  readonly time: number;
}

const NOT_READY_PAUSE_MS = 1000;

export class InboundSession {
  readonly folder: Folder;
  readonly #partner: { readonly name: string; readonly guid: string };
  readonly #connection: string;
  readonly #book: SessionBook;
  readonly #asOf: number | null;
  readonly #bell = new Bell();
  /** Oldest first. All but the newest are held up. */
  readonly #open: OpenSession[] = [];
  #latest: VectorEvent | null = null;
  /** What the partner said last of what it holds, over this link or an earlier one. */
  heard: Holdings | null = null;
  /** What the partner holds, as far as was ever heard. */
  #known: VersionVector = EMPTY_VECTOR;
  /** Of the round that goes on: what the partner tells of, and how many updates of that are still to come. */
  #untold: { readonly vector: VersionVector; updates: number } | null = null;
  /** Of what the partner has not been asked for: how many updates it said those are, and what it held then. */
  #counted: { readonly vector: VersionVector; readonly updates: number } | null = null;
  #force: Force | null = null;
  /** The last session since the start that brought everything. */
  lastInSync: SyncSession | null = null;
  /** This member has had all that the partner has told of over the present link. */
  inSync = false;

  constructor(folder: Folder, { partner, connection, book, asOf = null }: SessionSource) {
    this.folder = folder;
    this.#partner = partner;
    this.#connection = connection;
    this.#book = book;
    this.#asOf = asOf;
  }

  /** GUID of the folder. */
  get guid(): string {
    return this.folder.core.config.guid;
  }

  /** The partner's state and vector, as last heard. */
  get latest(): VectorEvent | null {
    return this.#latest;
  }

  /** Oldest first. */
  get running(): readonly SyncSession[] {
    return this.#open.map(({ session }) => session);
  }

  offer(event: VectorEvent): void {
    this.#latest = event;
    this.#known = mergeVectors(this.#known, event.vector);
    const { pending, clock } = this.folder.core;
    // One that is halted tells of nothing, and holds what it did.
    if (event.state !== 'in-error') this.heard = { holds: event.vector, time: clock.now() };
    pending.hasten(this.#partner.name, clock.now() + LIMITS.backoffFirstMs);
    this.#bell.ring();
  }

  /** Something may be asked for again. */
  poke(): void {
    this.#bell.ring();
  }

  /** The connection tries to connect, under this order if there is one. An order is a session also where nothing is left to do. */
  trying(force: Force | null): void {
    this.#obey(force);
    if (this.#open.length === 0) this.#begin();
    for (const { session } of this.#open) session.take('connection-trying');
  }

  /** The connection could not be established, this time or, where it gave up, for good. */
  failed(failure: SessionFailure, { message, gaveUp }: { readonly message: string; readonly gaveUp: boolean }): void {
    for (const { session } of [...this.#open]) {
      // One that was ordered to stop tries nothing.
      if (session.state === SESSION_START) continue;
      session.failure = failure;
      session.note = message;
      if (gaveUp) this.#end(session, () => session.take('connection-failed'));
    }
  }

  /** The connection is not used any longer. */
  close(closing: Closing): void {
    for (const { session } of [...this.#open]) this.#end(session, () => session.close(closing));
  }

  /** Nothing is to be brought now, by the schedule or by this order. An order to stop is a session that stays where it begins. */
  rest(force: Force | null): void {
    this.#obey(force);
    if (force?.reason !== 'paused') this.close(SCHEDULE_CLOSES);
    else if (this.#open.length === 0) this.#begin();
  }

  outstanding(session: SyncSession): Outstanding {
    const { core, flow } = this.folder;
    const queued = core.pending.list().filter(item => item.round.tally === session).length;
    const putOff = core.pending.listGivenUp().filter(entry => entry.tally === session).length;
    const told = queued + putOff;
    const newest = this.#open.at(-1)?.session === session;
    if (!newest || coversVector(flow.have(), this.#known)) return { queued, toCome: told };
    return { queued, toCome: told + Math.max(0, this.#untold?.updates ?? 0) + this.#unaskedUpdates() };
  }

  /**
   * Asks the partner how many updates the versions are that it has not been asked for: it alone knows which of them newer
   * ones have replaced. Rejects as the link does.
   */
  async countUnasked(link: FolderLink, signal: AbortSignal): Promise<void> {
    if (this.#unasked().size === 0) return;
    const have = mergeVectors(this.#asked(), this.folder.flow.have());
    const request = { connection: this.#connection, folder: this.guid, have, countOnly: true };
    for await (const answer of link.requestUpdates(request, signal)) {
      if (answer.kind !== 'vector' || answer.updates === null) return;
      this.#known = mergeVectors(this.#known, answer.vector);
      this.#counted = { vector: answer.vector, updates: answer.updates };
      return;
    }
  }

  /** What the round that goes on will bring. */
  #asked(): VersionVector {
    return this.#untold?.vector ?? EMPTY_VECTOR;
  }

  #unasked(): VersionVector {
    return subtractVectors(subtractVectors(this.#known, this.folder.flow.have()), this.#asked());
  }

  /** Where the partner has not been asked, versions count that newer ones have made needless. */
  #unaskedUpdates(): number {
    const unasked = this.#unasked();
    const uncounted = subtractVectors(unasked, this.#counted?.vector ?? EMPTY_VECTOR);
    const counted = countVersions(unasked) - countVersions(uncounted);
    return countVersions(uncounted) + Math.min(counted, this.#counted?.updates ?? 0);
  }

  async run(link: FolderLink, turn: SessionTurn, connected: AbortSignal): Promise<void> {
    const { core } = this.folder;
    const moved = core.listen();
    const over = new AbortController();
    // One of its own: many folders share a connection, and each waits in several places.
    const signal = AbortSignal.any([connected, over.signal]);
    const forward = this.#forward(moved.bell, signal);
    for (const { session } of this.#open) session.take('connection-established');
    try {
      while (!signal.aborted) {
        await this.#bell.heard(signal);
        while (!signal.aborted && this.#wantsRound()) await this.#round(link, turn.source, signal);
        if (!signal.aborted) await this.#settle(turn);
      }
    } finally {
      // Also when a call failed by itself: the signal aborts only after this has ended.
      over.abort();
      moved.stop();
      await forward;
      this.#latest = null;
      this.inSync = false;
      this.#unlinked(turn.ending());
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
    const { initialScanDone, phase } = core.memory;
    const isPrimary = phase === 'initialized' && core.config.primary === core.member.name;
    if (!initialScanDone && !isPrimary) return false;
    return !coversVector(flow.have(), this.#latest.vector);
  }

  async #round(link: FolderLink, source: ContentSource, signal: AbortSignal): Promise<void> {
    const { core, flow } = this.folder;
    this.inSync = false;
    const tally = this.#sessionForRound(this.#latest!.vector);
    const by = { partner: this.#partner.name, connection: this.#connection, asOf: this.#asOf };
    const round = flow.openRound(by, tally);
    let vector: VersionVector = EMPTY_VECTOR;
    try {
      const request = { connection: this.#connection, folder: core.config.guid, have: flow.have() };
      for await (const answer of link.requestUpdates(request, signal)) {
        if (answer.kind === 'vector') {
          vector = answer.vector;
          if (answer.updates !== null) this.#untold = { vector, updates: answer.updates };
          continue;
        }
        await core.pending.room(signal);
        if (signal.aborted || !core.active) break;
        tally.tombstones += answer.updates.filter(update => !update.present).length;
        await flow.take(answer.updates, round, source);
        if (this.#untold) this.#untold.updates -= answer.updates.length;
      }
      if (signal.aborted || !core.active) flow.abandonRound(round);
      else await flow.closeRound(round, vector);
    } catch (error) {
      flow.abandonRound(round);
      if (!(error instanceof TandemError) || error.code !== 'FOLDER_NOT_READY') throw error;
      await core.clock.sleep(NOT_READY_PAUSE_MS, signal).catch(() => {});
    } finally {
      this.#untold = null;
    }
  }

  #sessionForRound(vector: VersionVector): SyncSession {
    let current = this.#open.at(-1);
    const another =
      current &&
      this.#open.length < LIMITS.openSessions &&
      !coversVector(current.asked, vector) &&
      this.#isHeldUp(current);
    if (!current || another) {
      current = this.#begin();
      current.session.take('connection-established');
    }
    current.asked = mergeVectors(current.asked, vector);
    this.#book.touch();
    return current.session;
  }

  /** Everything that it still has to bring was put off until later. */
  #isHeldUp({ session }: OpenSession): boolean {
    const { pending } = this.folder.core;
    if (pending.givenUpSize === 0) return false;
    return (
      pending.listGivenUp().some(entry => entry.tally === session) &&
      pending.list().every(item => item.round.tally !== session)
    );
  }

  async #settle({ settled }: SessionTurn): Promise<void> {
    const { core, flow } = this.folder;
    const latest = this.#latest;
    if (!latest || !core.active) return;
    const inSync = coversVector(core.store.vector, latest.vector);
    if (mayFinish(core, { guid: this.#partner.guid, state: latest.state, inSync })) await finishFirstSync(core);
    if (latest.state !== 'normal') return;
    // What an earlier session is held up by does not hold up the later ones.
    let held: VersionVector = flow.standing;
    for (const each of [...this.#open]) {
      const wanted = each === this.#open.at(-1) ? latest.vector : each.asked;
      const missing = subtractVectors(subtractVectors(wanted, held), core.store.vector);
      if (missing.size === 0) this.#end(each.session, () => each.session.take('no-more-updates'));
      else held = mergeVectors(held, missing);
    }
    this.inSync = inSync;
    if (!inSync) return;
    // Where a partner had nothing to bring, nothing else tells that it was heard before it may go silent.
    if (core.memory.lastContact === 0)
      await core.line.run(() => core.commit({ memory: { lastContact: core.clock.now() } }));
    settled();
  }

  #begin(): OpenSession {
    const { name, guid } = this.folder.core.config;
    const subject = {
      connection: this.#connection,
      partner: { name: this.#partner.name, guid: this.#partner.guid },
      folder: { name, guid },
      inbound: true,
    };
    const begun = { session: this.#book.begin(subject, this.#force), asked: EMPTY_VECTOR };
    this.#open.push(begun);
    return begun;
  }

  /** Another order than before takes the place of what was going on. [dfsr.md §2.2] */
  #obey(force: Force | null): void {
    if (this.#force !== force) {
      for (const { session } of [...this.#open]) {
        const isStopped = session.state === SESSION_START;
        // From where it began it leads to an end only by way of trying.
        if (isStopped) session.take('connection-trying');
        this.#end(session, () => {
          if (isStopped && force === null) session.close(ORDER_ENDS);
          else session.take('forced');
        });
      }
    }
    this.#force = force;
  }

  #unlinked(why: 'forced' | Closing | null): void {
    for (const { session } of [...this.#open]) {
      if (why === 'forced') this.#end(session, () => session.take('forced'));
      else if (why !== null) this.#end(session, () => session.close(why));
      else session.take('disconnected');
    }
  }

  #end(session: SyncSession, act: () => void): void {
    Object.assign(session, this.outstanding(session));
    act();
    if (!session.over) return;
    const at = this.#open.findIndex(each => each.session === session);
    this.#open.splice(at, 1);
    if (session.state === 'in-sync') this.lastInSync = session;
  }
}
