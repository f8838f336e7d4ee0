/**
 * The requests of ReplicaSync that wait, and the one that has its turn. What is accepted is durable, so that an asynchronous
 * request may be answered at once: after a restart the queue goes on where it was. [dfsr.md §7.2]
 */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Log } from '../base/log.ts';
import { afterAttempt, hasOption, outcomeOfAll, type SourceState, type SyncOutcome } from '../model/replica-sync.ts';
import { enqueue, givesWay, nextTurn, type QueuedSync, type SyncRequest, subjectOf } from '../model/sync-order.ts';
import { takeMessages } from './bundle-spool.ts';
import type { InboundConnection } from './inbound-connection.ts';
import type { InboundSession } from './inbound-session.ts';
import type { Member } from './member.ts';
import { runCycle, type TellProgress } from './replica-cycle.ts';

export interface SyncState {
  readonly nextSerial: number;
  readonly queue: readonly QueuedSync[];
  readonly sources: readonly SourceState[];
}

/** Where the queue is kept. */
export interface SyncBook {
  load(): SyncState;
  /** Durable when it returns; throws where it cannot be. */
  save(state: SyncState): void;
}

export interface SyncQueueParts {
  readonly book: SyncBook;
  readonly clock: Clock;
  /** The member that runs now: another one after group.yaml was read again. */
  readonly member: () => Member;
  readonly emit: Emit;
  readonly log: Log;
  /** The directory in which bundles of other members arrive; null: none. */
  readonly spool: string | null;
  /** Of this member, PEM: bundles are encrypted for it. */
  readonly key: string;
}

export interface Turn {
  readonly entry: QueuedSync;
  readonly begun: number;
  /** How far it is, in words. */
  sentence: string;
  /** Versions that are still to come; null: not known. */
  missing: number | null;
}

/** A request as its caller sees it. */
export interface Ticket {
  readonly entry: QueuedSync;
  /** An equal one waited already and does its work. */
  readonly absorbed: boolean;
  readonly outcome: Promise<SyncOutcome>;
}

/** An inbound connection that feeds a folder. */
export interface Feed {
  readonly connection: InboundConnection;
  readonly session: InboundSession;
}

export class SyncQueue {
  readonly #parts: SyncQueueParts;
  readonly #bell = new Bell();
  readonly #lastTurns = new Map<string, number>();
  readonly #waiters = new Map<number, ((outcome: SyncOutcome) => void)[]>();
  readonly #sources = new Map<string, SourceState>();
  #queue: readonly QueuedSync[];
  #nextSerial: number;
  #turn: (Turn & { readonly end: AbortController; cancelled: boolean }) | null = null;

  constructor(parts: SyncQueueParts) {
    this.#parts = parts;
    const { nextSerial, queue, sources } = parts.book.load();
    this.#nextSerial = nextSerial;
    this.#queue = queue;
    for (const source of sources) this.#sources.set(subjectOf(source), source);
  }

  /** What waits, without what has its turn. */
  get waiting(): readonly QueuedSync[] {
    return this.#queue.filter(entry => entry !== this.#turn?.entry);
  }

  get turn(): Turn | null {
    return this.#turn;
  }

  /** What requests have found of a source; undefined: none had its turn yet. */
  source(folder: string, source: string): SourceState | undefined {
    return this.#sources.get(subjectOf({ folder, source }));
  }

  /** Takes a request in, durably. An outcome instead of a ticket: it cannot be taken in. */
  order(request: SyncRequest): Ticket | SyncOutcome {
    const now = this.#parts.clock.now();
    const taken = enqueue(this.waiting, request, { serial: this.#nextSerial, now });
    if (!taken) {
      return {
        result: 8438,
        sentence: `${this.#queue.length} synchronisations wait already: let them have their turn, or cancel some`,
      };
    }
    const { entry, absorbed } = taken;
    const before = { queue: this.#queue, nextSerial: this.#nextSerial };
    this.#queue = this.#turn ? [this.#turn.entry, ...taken.queue] : taken.queue;
    if (!absorbed) this.#nextSerial++;
    try {
      this.#save();
    } catch (error) {
      this.#queue = before.queue;
      this.#nextSerial = before.nextSerial;
      return { result: 8451, sentence: `the request cannot be kept: ${messageOf(error)}` };
    }
    const outcome = new Promise<SyncOutcome>(resolve => {
      this.#waiters.set(entry.serial, [...(this.#waiters.get(entry.serial) ?? []), resolve]);
    });
    if (this.#turn && givesWay(this.#turn.entry, entry)) {
      this.#turn.end.abort({
        result: 8461,
        sentence: 'a more urgent synchronisation goes first; this one goes on after it',
      });
    }
    this.#bell.ring();
    return { entry, absorbed, outcome };
  }

  /** Takes a request out of the queue, or ends its turn. False: there is none of that serial. */
  cancel(serial: number): boolean {
    if (this.#turn?.entry.serial === serial) {
      // It may be giving way just now.
      this.#turn.cancelled = true;
      this.#turn.end.abort(CANCELLED);
      return true;
    }
    const entry = this.#queue.find(each => each.serial === serial);
    if (!entry) return false;
    this.#remove(entry);
    this.#answer(entry, CANCELLED);
    this.#bell.ring();
    return true;
  }

  /** Gives requests their turns, one at a time, until the signal; what has its turn then goes on after the next start. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      const next = nextTurn(this.#queue, this.#lastTurns, clock.now());
      if (next && 'entry' in next) {
        await this.#carryOut(next.entry, signal);
        continue;
      }
      const cancel = next ? clock.after(next.waitMs, () => this.#bell.ring()) : null;
      await this.#bell.heard(signal);
      cancel?.();
    }
    for (const entry of this.#queue) this.#answer(entry, SHUTDOWN);
  }

  async #carryOut(entry: QueuedSync, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const end = new AbortController();
    const stop = (): void => end.abort(SHUTDOWN);
    signal.addEventListener('abort', stop, { once: true });
    this.#turn = { entry, begun: clock.now(), sentence: 'begins', missing: null, end, cancelled: false };
    this.#lastTurns.set(subjectOf(entry), clock.now());
    try {
      const found = await this.#synchronise(entry, end.signal);
      if (signal.aborted) return;
      const outcome = this.#turn.cancelled && found.result !== 0 ? CANCELLED : found;
      this.#turn = null;
      if (outcome.result === 8463) await clock.sleep(RELOAD_PAUSE_MS, signal).catch(() => {});
      else if (outcome.result === 8461) this.#putBack(entry);
      else this.#finish(entry, outcome);
    } finally {
      signal.removeEventListener('abort', stop);
      this.#turn = null;
    }
  }

  /** One source, or one after the other: one that fails keeps none of the others from its turn. */
  async #synchronise(entry: QueuedSync, signal: AbortSignal): Promise<SyncOutcome> {
    const member = this.#parts.member();
    const feeds = feedsOf(member, entry.folder).filter(
      ({ connection }) => entry.source === null || connection.parts.partner.guid === entry.source,
    );
    if (feeds.length === 0) return feedsByConfig(member, entry) ? STARTING : noSource(member, entry);
    const found: { source: string; outcome: SyncOutcome }[] = [];
    for (const feed of feeds) {
      const outcome = await this.#pull(entry, feed, signal);
      found.push({ source: feed.connection.parts.partner.name, outcome });
      if (signal.aborted || outcome.result === 8463) return outcome;
    }
    return outcomeOfAll(found);
  }

  async #pull(
    { folder, options, source: asked }: QueuedSync,
    { connection, session }: Feed,
    signal: AbortSignal,
  ): Promise<SyncOutcome> {
    const { clock, member, spool, key } = this.#parts;
    const source = connection.parts.partner.guid;
    const begun = clock.now();
    const isCurrent = (): boolean => member().inbound.includes(connection);
    const tell: TellProgress = (sentence, missing) => {
      if (this.#turn) Object.assign(this.#turn, { sentence, missing: missing ?? null });
    };
    const outcome = hasOption(options, 'INTERSITE_MESSAGING')
      ? await takeMessages({ member: member(), connection, session, options, spool, key, tell }, signal)
      : await runCycle({ connection, session, options, clock, isCurrent, tell }, signal);
    const subject = { folder, source };
    if (outcome.nothingWaits && asked === null) return outcome;
    const state = afterAttempt(this.source(folder, source), subject, outcome, { begun, ended: clock.now() });
    this.#sources.set(subjectOf(subject), state);
    return outcome;
  }

  #putBack(entry: QueuedSync): void {
    const again = { ...entry, preemptions: entry.preemptions + 1 };
    this.#queue = this.#queue.map(each => (each.serial === entry.serial ? again : each));
    // It was cut short: nothing is repeated too soon.
    this.#lastTurns.delete(subjectOf(entry));
    this.#keep();
  }

  #finish(entry: QueuedSync, outcome: SyncOutcome): void {
    const { emit, member, clock } = this.#parts;
    this.#lastTurns.set(subjectOf(entry), clock.now());
    this.#remove(entry);
    const { group } = member().parts;
    const source =
      [...group.members.values()].find(({ guid }) => guid === entry.source)?.name ?? entry.source ?? 'all sources';
    const folder = [...group.folders.values()].find(({ guid }) => guid === entry.folder)?.name ?? entry.folder;
    const fields = { folder, source, serial: entry.serial, result: outcome.result };
    if (outcome.result === 0) emit('SYNC_FINISHED', outcome.sentence, fields);
    else
      emit(
        'SYNC_FAILED',
        `synchronising folder ${folder} from ${source} ended with ${outcome.result}: ${outcome.sentence}`,
        fields,
      );
    this.#answer(entry, outcome);
  }

  #answer({ serial }: QueuedSync, outcome: SyncOutcome): void {
    for (const resolve of this.#waiters.get(serial) ?? []) resolve(outcome);
    this.#waiters.delete(serial);
  }

  #remove({ serial }: QueuedSync): void {
    this.#queue = this.#queue.filter(each => each.serial !== serial);
    this.#keep();
  }

  /** What cannot be kept is done once more after a restart, which harms nobody. */
  #keep(): void {
    try {
      this.#save();
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'the queue of synchronisations could not be written');
    }
  }

  #save(): void {
    const { book } = this.#parts;
    book.save({ nextSerial: this.#nextSerial, queue: this.#queue, sources: [...this.#sources.values()] });
  }
}

const CANCELLED: SyncOutcome = { result: 8462, sentence: 'it was cancelled' };
const SHUTDOWN: SyncOutcome = {
  result: 8463,
  sentence: 'the member stops; the synchronisation goes on after its next start',
};
const STARTING: SyncOutcome = { result: 8463, sentence: 'the member is just starting' };
/** While group.yaml is read again there is no member to work with. */
const RELOAD_PAUSE_MS = 250;

/** The inbound connections that bring a folder. */
export function feedsOf(member: Member, folder: string): Feed[] {
  return member.inbound.flatMap(connection => {
    const session = connection.sessions.find(({ guid }) => guid === folder);
    return session ? [{ connection, session }] : [];
  });
}

/** Whether group.yaml has such a connection: the member may not have opened it yet. */
function feedsByConfig({ parts: { name, group } }: Member, { folder, source }: QueuedSync): boolean {
  const members = [...group.folders.values()].find(({ guid }) => guid === folder)?.members;
  return group.connections.some(({ from, to }) => {
    const isSource = source === null || group.members.get(from)?.guid === source;
    return to === name && isSource && members?.has(from) === true && members.has(to);
  });
}

function noSource(member: Member, { folder, source }: QueuedSync): SyncOutcome {
  const name = [...member.parts.group.folders.values()].find(({ guid }) => guid === folder)?.name ?? folder;
  const from = [...member.parts.group.members.values()].find(({ guid }) => guid === source)?.name ?? source;
  const sentence =
    source === null
      ? `no connection brings folder ${name} to this member`
      : `${from} is no source of folder ${name} here: group.yaml has no connection from it, or it has not the folder`;
  return { result: 8452, sentence };
}
