/**
 * All sessions of this member: those that run, and the last that ended, kept over restarts. News go into the database in
 * batches, now and then and at the end: a death of the member costs the counts of a few seconds.
 */
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import { TaskLine } from '../base/task-line.ts';
import type { Force } from '../model/force.ts';
import { closingOfSession, stepSession } from '../model/session-state.ts';
import type { SessionBody, SessionJournal, StoredSession } from '../store/store.ts';
import { type SessionSubject, SyncSession } from './sync-session.ts';

export interface SessionBookParts {
  readonly journal: SessionJournal;
  readonly clock: Clock;
  readonly freshGuid: () => string;
  /** Told of a database that fails. */
  readonly fail: (error: unknown) => void;
}

export class SessionBook {
  readonly #parts: SessionBookParts;
  readonly #line = new TaskLine();
  readonly #open = new Map<SyncSession, number>();
  /** In the order of their ends, by connection. */
  readonly #endedByConnection = new Map<string, StoredSession[]>();
  /** What the database does not have yet. */
  #news = new Map<number, SessionBody | null>();
  #ended = 0;
  #next = 1;
  #cancelTimer: (() => void) | null = null;
  #closed = false;

  constructor(parts: SessionBookParts) {
    this.#parts = parts;
  }

  /** Reads what earlier runs left. A session without an end is one whose member died. */
  async open(): Promise<void> {
    const stored = await this.#parts.journal.list();
    this.#next = Math.max(0, ...stored.map(({ sequence }) => sequence)) + 1;
    const ended = stored.map(session => (session.endTime === null ? endedByDeath(session) : session));
    for (const session of ended.sort((a, b) => a.endTime! - b.endTime!)) this.#remember(session);
    for (const { sequence, endTime } of stored) {
      if (endTime === null) this.#news.set(sequence, ended.find(session => session.sequence === sequence) ?? null);
    }
    if (this.#news.size > 0) this.touch();
  }

  begin(subject: SessionSubject, force: Force | null): SyncSession {
    const { clock, freshGuid } = this.#parts;
    const session = new SyncSession({
      sequence: this.#next++,
      guid: freshGuid(),
      subject,
      force,
      now: () => clock.now(),
      stepped: stepped => this.#stepped(stepped),
    });
    this.#open.set(session, -1);
    this.touch();
    return session;
  }

  running(): readonly SyncSession[] {
    return [...this.#open.keys()];
  }

  ended(): readonly StoredSession[] {
    return [...this.#endedByConnection.values()].flat();
  }

  /** Counters move: they are looked at again in a while. */
  touch(): void {
    if (this.#closed) return;
    this.#cancelTimer ??= this.#parts.clock.after(LIMITS.sessionsWriteMs, () => {
      this.#cancelTimer = null;
      if (this.#write()) this.touch();
    });
  }

  /** Resolves when everything is in the database. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#write();
    await this.#line.idle();
  }

  /** Answers whether there was anything new. */
  #write(): boolean {
    for (const [session, written] of this.#open) {
      const count = countOf(session);
      if (count === written) continue;
      this.#open.set(session, count);
      this.#news.set(session.sequence, session.body());
    }
    const news = this.#news;
    if (news.size === 0) return false;
    this.#news = new Map();
    this.#line.run(() => this.#parts.journal.write(news)).catch(this.#parts.fail);
    return true;
  }

  #stepped(session: SyncSession): void {
    if (session.over) {
      this.#open.delete(session);
      const body = session.body();
      this.#news.set(session.sequence, body);
      this.#remember({ sequence: session.sequence, ...body });
    } else {
      this.#open.set(session, -1);
    }
    this.touch();
  }

  #remember(session: StoredSession): void {
    const list = this.#endedByConnection.get(session.connection) ?? [];
    this.#endedByConnection.set(session.connection, list);
    const former = list.findLast(({ folder }) => folder.guid === session.folder.guid);
    if (former && sameFailure(former, session)) this.#forget(former);
    list.push(session);
    this.#ended++;
    if (list.length > LIMITS.endedSessionsPerConnection) this.#forget(list[0]!);
    if (this.#ended > LIMITS.endedSessions) this.#forget(this.#oldest());
  }

  #oldest(): StoredSession {
    return [...this.#endedByConnection.values()]
      .flatMap(list => list.slice(0, 1))
      .reduce((oldest, each) => ((each.endTime ?? 0) < (oldest.endTime ?? 0) ? each : oldest));
  }

  #forget(session: StoredSession): void {
    const list = this.#endedByConnection.get(session.connection) ?? [];
    const at = list.indexOf(session);
    if (at === -1) return;
    list.splice(at, 1);
    if (list.length === 0) this.#endedByConnection.delete(session.connection);
    this.#ended--;
    this.#news.set(session.sequence, null);
  }
}

/** Attempts to reach a partner that is away for days must not push out everything else: of such a row the last is kept. */
function sameFailure(a: StoredSession, b: StoredSession): boolean {
  return (
    a.state === 'in-error' &&
    b.state === 'in-error' &&
    a.updatesTransferred + a.bytesTransferred + b.updatesTransferred + b.bytesTransferred === 0 &&
    a.failure?.code === b.failure?.code
  );
}

function endedByDeath(stored: StoredSession): StoredSession {
  const { inbound } = stored;
  let { state } = stored;
  for (const event of closingOfSession({ state, inbound }, 'config-changed')) {
    state = stepSession({ state, inbound }, event) ?? state;
  }
  return { ...stored, state, endTime: stored.seenTime, note: 'the member ended without stopping cleanly' };
}

/** Grows with each thing that is counted. */
function countOf({ updatesTransferred, bytesTransferred, conflicts, tombstones }: SyncSession): number {
  return updatesTransferred + bytesTransferred + conflicts + tombstones;
}
