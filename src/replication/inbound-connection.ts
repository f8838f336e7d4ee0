/** A connection on which data arrives: this member calls, keeps calling with growing pauses, and runs the sessions. */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { type ErrorCode, messageOf, TandemError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { nextBackoffMs } from '../model/backoff.ts';
import { bytesPerSecond, LEVEL_OFF } from '../model/bandwidth.ts';
import type { Hash64 } from '../model/chunk-groups.ts';

import {
  CONNECTION_START,
  type ConnectionEvent,
  type ConnectionState,
  closingOfConnection,
  stepConnection,
} from '../model/connection-state.ts';
import { type StandStill, standStillSentence } from '../model/folder-pair.ts';
import { forceOf } from '../model/force.ts';
import type { VersionVector } from '../model/version-vector.ts';
import type {
  CancelRequest,
  FolderLink,
  Hello,
  RecordVersion,
  UpdatesAnswer,
  VectorEvent,
  Welcome,
} from '../peer/link.ts';
import { Cancellations } from './cancellations.ts';
import {
  type ConnectionFailure,
  eventOfFailure,
  FURTHER_EVENTS,
  hasEnded,
  isCancelled,
  partnerEnded,
} from './connection-failure.ts';
import { admits, ConnectionWindow, type OpenWindow, type WindowParts } from './connection-window.ts';
import { ContentFetcher } from './content-fetch.ts';
import type { Folder } from './folder.ts';
import { InboundSession, type SessionTurn } from './inbound-session.ts';
import type { PairOrders } from './pair-orders.ts';
import type { SessionBook } from './session-book.ts';
import { type Closing, ORDER_BEGINS, SCHEDULE_CLOSES } from './sync-session.ts';

export interface InboundParts {
  readonly guid: string;
  readonly partner: { readonly name: string; readonly guid: string };
  readonly enabled: boolean;
  readonly window: Pick<WindowParts, 'schedule' | 'zone' | 'forces'>;
  /** Null: as fast as it goes. */
  readonly dial: (bytesPerSecond: number | null) => FolderLink;
  readonly hello: () => Omit<Hello, 'forced'>;
  readonly folders: readonly Folder[];
  /** Of its folders as pairs of storage elements. */
  readonly orders: PairOrders;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly log: Log;
  readonly hash64: Hash64;
  readonly book: SessionBook;
  /** Asked when the signal has ended the connection. */
  readonly whyStopped: () => Closing;
}

const FAILURES_TO_ERROR = 4;
export class InboundConnection {
  readonly parts: InboundParts;
  readonly sessions: readonly InboundSession[];
  readonly fetcher: ContentFetcher;
  readonly window: ConnectionWindow;
  readonly #bell = new Bell();
  readonly #log: Log;
  readonly #cancellations: Cancellations;
  #link: FolderLink | null = null;
  /** Violations one after the other: each link comes up well and ends in one. */
  #violations = 0;
  /** The present or last attempt led to a link. */
  #cameUp = false;
  state: ConnectionState = CONNECTION_START;
  failure: ConnectionFailure | null = null;
  failures = 0;
  /** When the next attempt is due, while there is none under way. */
  nextAttempt: number | null = null;
  lastAttempt: number | null = null;
  /** How often the partner was called since the start. */
  attempts = 0;
  lastOnline: number | null = null;
  firstOnline: number | null = null;
  welcome: Welcome | null = null;
  /** By how much the partner's clock was ahead when it was last connected, less the time that its word took. */
  clockAheadMs = 0;

  constructor(parts: InboundParts) {
    this.parts = parts;
    const { guid, enabled, clock, orders } = parts;
    const stopped = () => orders.stopped(guid);
    const onEnded = (why: string) => this.#tellForceEnded(why);
    this.window = new ConnectionWindow({ ...parts.window, guid, enabled, clock, stopped, onEnded });
    this.fetcher = new ContentFetcher(parts.guid, parts.hash64);
    const subject = { partner: parts.partner, connection: parts.guid, book: parts.book };
    this.sessions = parts.folders.map(folder => new InboundSession(folder, subject));
    this.#log = parts.log.child({ connection: parts.guid, partner: parts.partner.name });
    this.#cancellations = new Cancellations(parts.guid, { clock: parts.clock, log: this.#log });
  }

  /** The partner was heard: no reason to wait any longer. */
  poke(): void {
    if (this.state === 'online') return;
    this.#bell.ring();
  }

  /** So many attempts have failed that it counts as an error, whatever the present one comes to. */
  get gaveUp(): boolean {
    return Math.max(this.failures, this.#violations) >= FAILURES_TO_ERROR;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, whyStopped } = this.parts;
    const closeSessions = () => {
      for (const session of this.sessions) session.close(whyStopped());
    };
    // At once: a moment later they would be taken for sessions whose link broke.
    signal.addEventListener('abort', closeSessions, { once: true });
    while (!signal.aborted) {
      const window = this.window.now();
      for (const session of this.sessions) {
        const force = forceOf(window.forces, session.guid);
        if (window.stopped.has(session.guid)) session.close(this.#stopping(session));
        else if (admits(window, session.guid)) session.trying(force);
        else session.rest(force);
      }
      if (window.level === LEVEL_OFF) {
        this.#rest();
        await this.window.over(window, signal);
        continue;
      }
      this.#take('schedule-on');
      this.#take('retrying');
      this.lastAttempt = clock.now();
      this.attempts++;
      this.nextAttempt = null;
      this.#cameUp = false;
      try {
        await this.#call(window, signal);
      } catch (error) {
        if (this.window.isStill(window)) this.#failed(error, signal);
      }
      if (signal.aborted) break;
      if (!this.window.isStill(window)) continue;
      const pause = Math.max(nextBackoffMs(Math.max(this.failures, this.#violations)), LIMITS.backoffFirstMs / 4);
      this.nextAttempt = clock.now() + pause;
      await this.#pause(pause, window, signal);
    }
    for (const event of closingOfConnection(this.state, whyStopped().cause)) this.#take(event);
  }

  /** A real call to the partner. Rejects with what is wrong. */
  async checkConnectivity(group: string, signal: AbortSignal): Promise<void> {
    const link = this.#link ?? this.parts.dial(null);
    try {
      await link.checkConnectivity({ group, connection: this.parts.guid }, signal);
    } finally {
      if (link !== this.#link) link.close();
    }
  }

  /** What of a folder the partner has and `have` lacks, beside the sessions. PEER_UNREACHABLE while not connected. */
  requestUpdates(folder: string, have: VersionVector, signal: AbortSignal): AsyncIterable<UpdatesAnswer> {
    return this.#linkNow().requestUpdates({ connection: this.parts.guid, folder, have }, signal);
  }

  /** Asks the partner how much it has that it was not asked for yet, if it is there and can tell. */
  async countUnasked(session: InboundSession, signal: AbortSignal): Promise<void> {
    const link = this.#link;
    if (!link || !this.welcome?.capabilities.includes('update-count')) return;
    await session.countUnasked(link, signal).catch(error => {
      // What was known before goes on to be told.
      this.#log.debug({ err: error }, 'the partner could not be asked for the number of its updates');
    });
  }

  /** All live records of a folder there. PEER_UNREACHABLE while not connected. */
  requestRecords(folder: string, signal: AbortSignal): AsyncIterable<RecordVersion[]> {
    return this.#linkNow().requestRecords({ connection: this.parts.guid, folder }, signal);
  }

  #linkNow(): FolderLink {
    if (this.#link) return this.#link;
    throw new TandemError('PEER_UNREACHABLE', this.failure?.message ?? `${this.parts.partner.name} is not connected`);
  }

  /** What the partner holds of a folder, whenever that moves, beside the sessions. PEER_UNREACHABLE while not connected. */
  watchVectors(folder: string, signal: AbortSignal): AsyncIterable<VectorEvent> {
    return this.#linkNow().watchVectors({ connection: this.parts.guid, folders: [folder] }, signal);
  }

  /** Only enqueues. */
  cancelUpdates(folder: string, updates: CancelRequest['updates']): void {
    if (this.#link) this.#cancellations.add(this.#link, folder, updates);
  }

  /** Until the time is over, the partner was heard, or the window is another one. */
  async #pause(ms: number, window: OpenWindow, signal: AbortSignal): Promise<void> {
    const end = new AbortController();
    const cancel = this.parts.clock.after(ms, () => this.#bell.ring());
    const watching = this.window.over(window, AbortSignal.any([signal, end.signal])).then(() => {
      if (!end.signal.aborted) this.#bell.ring();
    });
    await this.#bell.heard(signal);
    cancel();
    end.abort();
    await watching;
  }

  /** Closed, by the schedule or by an order. What failed before counts no more. */
  #rest(): void {
    for (const event of closingOfConnection(this.state, 'schedule-off')) this.#take(event);
    this.failure = null;
    this.failures = 0;
    this.nextAttempt = null;
  }

  async #call(window: OpenWindow, signal: AbortSignal): Promise<void> {
    const { parts } = this;
    const link = parts.dial(bytesPerSecond(window.level));
    const end = new AbortController();
    const both = AbortSignal.any([signal, end.signal]);
    const keeping = this.window.over(window, both).then(() => end.abort());
    const timeout = parts.clock.after(LIMITS.connectTimeoutMs, () => {
      if (this.state !== 'online') end.abort();
    });
    try {
      const { forced } = this.window;
      this.welcome = await link.establishConnection({ ...parts.hello(), forced }, both);
      if (!forced) this.window.disabledThere = false;
      this.#online(this.welcome);
      this.#link = link;
      await this.#serve(link, { welcome: this.welcome, window }, both, end);
      const wanted = !signal.aborted && this.window.isStill(window);
      if (wanted) throw partnerEnded(parts.partner.name);
    } finally {
      timeout();
      end.abort();
      await keeping;
      this.#link = null;
      link.close();
      this.#take('disconnected');
    }
  }

  async #serve(
    link: FolderLink,
    { welcome, window }: { readonly welcome: Welcome; readonly window: OpenWindow },
    signal: AbortSignal,
    end: AbortController,
  ): Promise<void> {
    const { parts, fetcher } = this;
    const offered = new Set(welcome.folders.map(folder => folder.folder));
    const sessions = this.sessions.filter(session => offered.has(session.guid) && admits(window, session.guid));
    const byFolder = new Map(sessions.map(session => [session.guid, session]));
    const watch = async () => {
      for await (const event of link.watchVectors({ connection: parts.guid, folders: [...byFolder.keys()] }, signal)) {
        byFolder.get(event.folder)?.offer(event);
      }
      if (!signal.aborted) throw partnerEnded(parts.partner.name);
    };
    const loops = [
      fetcher.run(link, signal),
      watch(),
      ...sessions.map(session => {
        const { core, flow } = session.folder;
        const turn: SessionTurn = {
          source: fetcher.source({ core, flow }),
          ending: () => this.#ending(session, window),
          settled: () => {
            if (sessions.every(each => each.inSync)) this.window.inSync();
          },
        };
        return session.run(link, turn, signal);
      }),
    ];
    const ended = loops.map(loop => loop.finally(() => end.abort()));
    const results = await Promise.allSettled(ended);
    const failed = results.find(result => result.status === 'rejected' && !isCancelled(result.reason)) as
      | PromiseRejectedResult
      | undefined;
    if (failed) throw failed.reason;
  }

  /** Why by order a folder is not had over it; null: no order keeps it. */
  standing({ folder, guid }: InboundSession): StandStill | null {
    const { orders, partner, guid: connection } = this.parts;
    return orders.why({ connection, folder: guid }, { folder: folder.core.config.name, partner: partner.name });
  }

  standingSentence(session: InboundSession): string | null {
    const standing = this.standing(session);
    return standing && standStillSentence(standing);
  }

  #stopping(session: InboundSession): Closing {
    const note = this.standingSentence(session);
    return note === null ? ORDER_BEGINS : { cause: 'schedule-off', note };
  }

  #ending(session: InboundSession, window: OpenWindow): 'forced' | Closing | null {
    switch (this.window.ending(session.guid, window)) {
      case 'stopped':
        return this.#stopping(session);
      case 'schedule-off':
        return SCHEDULE_CLOSES;
      case 'forced':
        return 'forced';
      default:
        return null;
    }
  }

  #online(welcome: Welcome): void {
    const { parts } = this;
    this.#take('established');
    this.#cameUp = true;
    this.lastOnline = parts.clock.now();
    this.firstOnline ??= this.lastOnline;
    this.failure = null;
    this.failures = 0;
    parts.emit('CONNECTION_ESTABLISHED', `connected to ${parts.partner.name}`, {
      partner: parts.partner.name,
      connection: parts.guid,
      software: welcome.software,
    });
    const ahead = welcome.now - parts.clock.now();
    this.clockAheadMs = ahead;
    if (Math.abs(ahead) > LIMITS.clockAheadMs) {
      parts.emit(
        'CLOCK_SKEW',
        `the clock of ${parts.partner.name} differs by ${Math.round(ahead / 1000)} s; set the clocks, for instance with NTP`,
        { partner: parts.partner.name, aheadMs: ahead },
      );
    }
    if (welcome.configDigest !== parts.hello().configDigest) {
      parts.emit('CONFIG_DIFFERS', `group.yaml of ${parts.partner.name} differs from this member’s`, {
        partner: parts.partner.name,
      });
    }
  }

  #tellForceEnded(why: string): void {
    const { emit, partner, guid } = this.parts;
    emit('FORCE_ENDED', `an order for the connection from ${partner.name} ended: ${why}; the schedule rules again`, {
      partner: partner.name,
      connection: guid,
    });
  }

  #failed(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    const { parts } = this;
    const code: ErrorCode =
      error instanceof TandemError ? (error.code === 'CANCELLED' ? 'PEER_UNREACHABLE' : error.code) : 'INTERNAL';
    const message =
      error instanceof TandemError && error.code === 'CANCELLED'
        ? `${parts.partner.name} does not answer`
        : messageOf(error);
    const now = parts.clock.now();
    const lost = this.#cameUp;
    this.failures++;
    this.#violations = code === 'PEER_VIOLATION' ? this.#violations + 1 : 0;
    if (code === 'PEER_DISABLED') this.window.disabledThere = true;
    const { gaveUp } = this;
    if (gaveUp) this.#take('gave-up');
    for (const session of this.sessions) session.failed({ code, lost }, { message, gaveUp });
    if (code === 'INTERNAL') this.#log.error({ err: error }, 'connection failed in an unexpected way');
    const former = this.failure;
    if (former?.code === code && former.lost === lost) return;
    this.failure = { code, lost, message, since: former?.code === code ? former.since : now };
    const told = { partner: parts.partner.name, connection: parts.guid };
    const sentence = `no connection from ${parts.partner.name}: ${message}`;
    parts.emit(eventOfFailure(this.failure), sentence, told);
    const further = FURTHER_EVENTS[code];
    if (further) parts.emit(further, sentence, told);
    if (hasEnded(error))
      parts.emit('CONNECTION_STOPPED', `${sentence}: it stops, or takes up another configuration`, told);
  }

  #take(event: ConnectionEvent): void {
    this.state = stepConnection(this.state, event) ?? this.state;
  }
}
