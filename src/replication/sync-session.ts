/**
 * One synchronisation session: a folder over a connection, from the attempt to connect until nothing is left to bring.
 * Its counters are plain numbers, so that those who count need not care who reads.
 */
import type { Force } from '../model/force.ts';
import {
  closingOfSession,
  isSessionOver,
  SESSION_START,
  type SessionEvent,
  type SessionState,
  stepSession,
} from '../model/session-state.ts';
import type { SessionBody, SessionFailure } from '../store/store.ts';

/** What is counted while updates and content come in or go out. */
export interface SessionTally {
  /** Updates dealt with here, or sent to the partner. */
  updatesTransferred: number;
  /** Bytes of content that crossed the link. */
  bytesTransferred: number;
  conflicts: number;
  tombstones: number;
}

export interface SessionSubject {
  readonly connection: string;
  readonly partner: { readonly name: string; readonly guid: string };
  readonly folder: { readonly name: string; readonly guid: string };
  readonly inbound: boolean;
}

/** For what is brought outside of any session. */
export function noSession(): SessionTally {
  return { updatesTransferred: 0, bytesTransferred: 0, conflicts: 0, tombstones: 0 };
}

/** Why what is open ends although it is not done. */
export interface Closing {
  readonly cause: 'schedule-off' | 'config-changed';
  /** In words, for the record. */
  readonly note: string;
}

export const MEMBER_STOPS: Closing = { cause: 'schedule-off', note: 'the member stopped' };
export const SCHEDULE_CLOSES: Closing = { cause: 'schedule-off', note: 'the schedule closed the connection' };
export const ORDER_BEGINS: Closing = { cause: 'schedule-off', note: 'an order for this folder is carried out' };
export const ORDER_ENDS: Closing = { cause: 'schedule-off', note: 'the order to stop ended' };
export const CONFIG_CHANGES: Closing = { cause: 'config-changed', note: 'the configuration changed' };

interface SyncSessionParts {
  readonly sequence: number;
  readonly guid: string;
  readonly subject: SessionSubject;
  readonly force: Force | null;
  readonly now: () => number;
  /** Told of every step; must only enqueue. */
  readonly stepped: (session: SyncSession) => void;
}

export class SyncSession implements SessionTally {
  readonly sequence: number;
  readonly guid: string;
  readonly subject: SessionSubject;
  /** The order it obeys; null: the schedule. */
  readonly force: Force | null;
  readonly startTime: number;
  endTime: number | null = null;
  state: SessionState = SESSION_START;
  updatesTransferred = 0;
  bytesTransferred = 0;
  conflicts = 0;
  tombstones = 0;
  /** As of the session's end. */
  queued = 0;
  toCome = 0;
  failure: SessionFailure | null = null;
  note = '';
  readonly #now: () => number;
  readonly #stepped: (session: SyncSession) => void;

  constructor({ sequence, guid, subject, force, now, stepped }: SyncSessionParts) {
    this.sequence = sequence;
    this.guid = guid;
    this.subject = subject;
    this.force = force;
    this.startTime = now();
    this.#now = now;
    this.#stepped = stepped;
  }

  get inbound(): boolean {
    return this.subject.inbound;
  }

  get over(): boolean {
    return this.endTime !== null;
  }

  /** Follows the arrow. False: the state has none for this event, and nothing changes. */
  take(event: SessionEvent): boolean {
    const next = stepSession(this, event);
    if (next === null) return false;
    this.state = next;
    if (next === 'in-progress') [this.failure, this.note] = [null, ''];
    if (isSessionOver(next)) this.endTime = this.#now();
    this.#stepped(this);
    return true;
  }

  close({ cause, note }: Closing): void {
    this.note = note;
    for (const event of closingOfSession(this, cause)) this.take(event);
  }

  body(): SessionBody {
    const { guid, subject, force, state, startTime, endTime, failure, note } = this;
    return {
      guid,
      ...subject,
      force,
      state,
      startTime,
      endTime,
      seenTime: this.#now(),
      updatesTransferred: this.updatesTransferred,
      bytesTransferred: this.bytesTransferred,
      conflicts: this.conflicts,
      tombstones: this.tombstones,
      queued: this.queued,
      toCome: this.toCome,
      failure,
      note,
    };
  }
}
