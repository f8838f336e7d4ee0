/**
 * The sending end of a connection. It comes into being when the partner calls, and nothing tells when the partner means
 * to call no more: after a long silence it is forgotten. [dfsr.md §2.1]
 */
import {
  CONNECTION_START,
  type ConnectionEvent,
  type ConnectionState,
  closingOfConnection,
  stepConnection,
} from '../model/connection-state.ts';
import type { FileRecord } from '../model/update.ts';
import type { VersionVector } from '../model/version-vector.ts';
import type { FolderView } from '../store/store.ts';
import type { AskedContent } from './asked-content.ts';
import type { FolderCore } from './folder-core.ts';
import type { SessionBook } from './session-book.ts';
import type { Closing, SyncSession } from './sync-session.ts';

export interface OutboundParts {
  readonly guid: string;
  readonly partner: { readonly name: string; readonly guid: string };
  readonly book: SessionBook;
  readonly now: number;
}

/** An answer on its way: what it is to give, and how much of it has been sent. */
export interface Telling {
  readonly difference: VersionVector;
  readonly view: FolderView;
  readonly since: number;
  /** How many there are; counted once. */
  readonly updates: Promise<number>;
  sent: number;
}

/** One folder of the connection. */
export interface OutboundSession {
  readonly session: SyncSession;
  readonly tellings: Set<Telling>;
  watchers: number;
}

export class OutboundConnection {
  readonly guid: string;
  readonly partner: { readonly name: string; readonly guid: string };
  /** When it came into being. */
  readonly since: number;
  /** Updates that the partner could not process, as it told. */
  cancelled = 0;
  lastHeard: number;
  /** `host:port` from which the partner last called; '' where there is no such thing. */
  address = '';
  /** What the partner wants of content, by its streams. */
  readonly asked = new Set<AskedContent>();
  state: ConnectionState = CONNECTION_START;
  readonly #book: SessionBook;
  readonly #sessions = new Map<string, OutboundSession>();
  #streams = 0;

  constructor({ guid, partner, book, now }: OutboundParts) {
    this.guid = guid;
    this.partner = partner;
    this.since = now;
    this.lastHeard = now;
    this.#book = book;
    this.#take('schedule-on');
  }

  /** Whether the partner has a call open. */
  get used(): boolean {
    return this.#streams > 0;
  }

  get sessions(): readonly OutboundSession[] {
    return [...this.#sessions.values()];
  }

  streamOpened(): void {
    this.#streams++;
    this.#take('established');
  }

  streamClosed(now: number): void {
    this.lastHeard = now;
    if (--this.#streams > 0) return;
    for (const { session } of this.#sessions.values()) session.take('disconnected');
    this.#take('disconnected');
  }

  /** The session of a folder; it begins when the partner first asks for the folder. */
  session(core: FolderCore): OutboundSession {
    const { name, guid } = core.config;
    const known = this.#sessions.get(guid);
    if (known) return known;
    const subject = { connection: this.guid, partner: this.partner, folder: { name, guid }, inbound: false };
    const session = this.#book.begin(subject, null);
    const begun: OutboundSession = { session, tellings: new Set(), watchers: 0 };
    this.#sessions.set(guid, begun);
    session.take('connection-established');
    return begun;
  }

  watched(of: OutboundSession): void {
    of.watchers++;
    of.session.take('connection-established');
  }

  unwatched(of: OutboundSession): void {
    if (--of.watchers === 0) of.session.take('disconnected');
  }

  tell(of: OutboundSession, what: Omit<Telling, 'sent'>): Telling {
    const telling = { ...what, sent: 0 };
    of.tellings.add(telling);
    this.#book.touch();
    return telling;
  }

  close(closing: Closing): void {
    for (const { session } of this.#sessions.values()) session.close(closing);
    for (const event of closingOfConnection(this.state, closing.cause)) this.#take(event);
  }

  #take(event: ConnectionEvent): void {
    this.state = stepConnection(this.state, event) ?? this.state;
  }
}

/** Updates that the partner has asked for and that have not been sent, in the order in which they are. */
export async function* untold({ tellings }: OutboundSession): AsyncGenerator<{ update: FileRecord; since: number }> {
  for (const telling of [...tellings]) {
    let skip = telling.sent;
    try {
      for (const pass of ['tombstones', 'live'] as const) {
        if (!tellings.has(telling)) break;
        for await (const records of telling.view.updates(telling.difference, pass)) {
          for (const update of records.slice(skip)) yield { update, since: telling.since };
          skip = Math.max(0, skip - records.length);
        }
      }
    } catch (error) {
      // All was told meanwhile, or the partner went away: the view is closed with it.
      if (tellings.has(telling)) throw error;
    }
  }
}

/** Updates that the partner has asked for and that have not been sent yet. */
export async function queuedUpdates({ tellings }: OutboundSession): Promise<number> {
  let queued = 0;
  for (const telling of [...tellings]) queued += (await telling.updates) - telling.sent;
  return queued;
}
