/**
 * The updates a folder has accepted but not yet recorded, and those it gave up for now. Both are left out of the
 * vector, so a partner offers them again after whatever happens to this process. Each says what it waits for.
 */
import { LIMITS } from '../base/limits.ts';
import { nextBackoffMs } from '../model/backoff.ts';
import type { Update } from '../model/update.ts';
import { supersedes } from '../model/update-order.ts';
import type { Gvsn, Uid } from '../model/version.ts';
import { type VersionVector, vectorFromVersions } from '../model/version-vector.ts';
import type { Wait } from '../model/wait-circle.ts';
import type { SessionTally } from './sync-session.ts';

/** UpdateState of the record of an update in progress. [dfsr.md §3.6] */
export type UpdateStage = 'scheduled' | 'running' | 'downloading' | 'wait' | 'blocked';

/** One answer of a partner to a request for updates. */
export interface Round {
  readonly partner: string;
  readonly connection: string;
  /** True once every update of the partner's view has been taken: only now can a taken name be a conflict. */
  closed: boolean;
  /** True when the session ended before the round did. */
  abandoned: boolean;
  /** What was let go of without an outcome since it was asked for: while this stays so, the end of the round says nothing. */
  letGo: VersionVector;
  /** The session it belongs to, where what comes of it is counted. */
  readonly tally: SessionTally;
  /** When the partner knew what it tells, milliseconds since the Unix epoch; null: now. */
  readonly asOf: number | null;
}

export interface Staged {
  readonly stagingId: string;
  readonly ino: bigint;
  readonly mode: number;
}

/** Where an update’s content is fetched from: the connection it came by. */
export interface ContentSource {
  /** Fetches and stages the content, then answers through the folder’s flow. Must only enqueue. */
  fetch(item: PendingUpdate): void;
}

export interface PendingUpdate {
  readonly update: Update;
  readonly round: Round;
  readonly source: ContentSource;
  contentNeeded: boolean;
  staged: Staged | null;
  stage: UpdateStage;
  reason: string;
  since: number;
  attempts: number;
  /** The records this one waits for, while blocked; null: the end of its round. */
  wait: Wait | null;
  receivedBytes: number;
  /** Its content has, or will have, room in staging. */
  reserved: boolean;
  /** Ordered, whatever is believed to be here: nothing is taken from this host. Told when it is in place. */
  readonly forced: (() => void) | null;
}

export interface GivenUp {
  readonly update: Update;
  readonly partner: string;
  readonly connection: string;
  readonly tally: SessionTally;
  readonly reason: string;
  readonly since: number;
  readonly attempts: number;
  readonly retryAt: number;
  readonly awaits: Awaits;
}

/** Who must move on: when it has, there is no reason to wait any longer. 'folder': the files here are not as recorded. */
export type Awaits = 'source' | 'folder' | 'nobody';

export class PendingUpdates {
  readonly #items = new Map<Gvsn, PendingUpdate>();
  readonly #byUid = new Map<Uid, Set<PendingUpdate>>();
  readonly #bySlot = new Map<string, Set<PendingUpdate>>();
  readonly #givenUp = new Map<Gvsn, GivenUp>();
  readonly #roomWaiters: (() => void)[] = [];
  #stagingBytes = 0;

  get size(): number {
    return this.#items.size;
  }

  /** Bytes of content that are in staging or on the way there. */
  get stagingBytes(): number {
    return this.#stagingBytes;
  }

  get givenUpSize(): number {
    return this.#givenUp.size;
  }

  has(gvsn: Gvsn): boolean {
    return this.#items.has(gvsn);
  }

  /** Whether this very item is under way: its update may have been taken up anew since. */
  holds(item: PendingUpdate): boolean {
    return this.#items.get(item.update.gvsn) === item;
  }

  hasUid(uid: Uid): boolean {
    return this.#byUid.has(uid);
  }

  /** The records of which an update was given up for now. */
  givenUpUids(): ReadonlySet<Uid> {
    return new Set([...this.#givenUp.values()].map(({ update }) => update.uid));
  }

  ofUid(uid: Uid): readonly PendingUpdate[] {
    return [...(this.#byUid.get(uid) ?? [])];
  }

  /** The one of its updates that will stand in the end. */
  newestOf(uid: Uid): PendingUpdate | undefined {
    const updates = this.ofUid(uid);
    if (updates.length < 2) return updates[0];
    return updates.reduce((newest, item) => (supersedes(item.update, newest.update) ? item : newest));
  }

  /** Updates that want this name. */
  wanting(parent: Uid, name: string): readonly PendingUpdate[] {
    return [...(this.#bySlot.get(slotOf({ parent, name })) ?? [])];
  }

  add(item: PendingUpdate): void {
    this.#items.set(item.update.gvsn, item);
    addTo(this.#byUid, item.update.uid, item);
    if (item.update.present) addTo(this.#bySlot, slotOf(item.update), item);
    this.#givenUp.delete(item.update.gvsn);
  }

  /** Room in staging for an item's content. A file larger than the quota has its turn when nothing else is there. */
  reserve(item: PendingUpdate, quotaBytes: number): boolean {
    if (item.reserved) return true;
    if (this.#stagingBytes > 0 && this.#stagingBytes + item.update.size > quotaBytes) return false;
    item.reserved = true;
    this.#stagingBytes += item.update.size;
    return true;
  }

  remove(item: PendingUpdate): void {
    if (this.#items.get(item.update.gvsn) !== item) return;
    this.#items.delete(item.update.gvsn);
    if (item.reserved) this.#stagingBytes -= item.update.size;
    removeFrom(this.#byUid, item.update.uid, item);
    removeFrom(this.#bySlot, slotOf(item.update), item);
    if (this.#items.size < LIMITS.pendingUpdates) for (const wake of this.#roomWaiters.splice(0)) wake();
  }

  /** Leaves an update for later. It is asked for again when its time has come. */
  giveUp(item: PendingUpdate, reason: string, now: number, awaits: Awaits = 'nobody'): GivenUp {
    this.remove(item);
    const pauses = {
      source: Math.min(nextBackoffMs(item.attempts), LIMITS.backoffSourceMs),
      // Those made at once, before it was put off, are no reason to wait longer.
      folder: nextBackoffMs(Math.max(1, item.attempts - LIMITS.attemptsAtOnce)),
      nobody: nextBackoffMs(item.attempts),
    };
    const entry: GivenUp = {
      update: item.update,
      partner: item.round.partner,
      connection: item.round.connection,
      tally: item.round.tally,
      reason,
      since: item.since,
      attempts: item.attempts,
      retryAt: now + pauses[awaits],
      awaits,
    };
    this.#givenUp.set(item.update.gvsn, entry);
    return entry;
  }

  /** Forgets given-up updates whose time has come, so that the next request asks for them. Attempts are remembered. */
  takeDue(now: number): GivenUp[] {
    // Where the clock was set back, what is due later than any pause can be is due now.
    const last = now + LIMITS.backoffLastMs;
    const due = [...this.#givenUp.values()].filter(entry => entry.retryAt <= now || entry.retryAt > last);
    for (const entry of due) this.#givenUp.delete(entry.update.gvsn);
    return due;
  }

  /** Forgets the given-up updates that came over this connection. */
  takeGivenUp(connection: string): GivenUp[] {
    const taken = [...this.#givenUp.values()].filter(entry => entry.connection === connection);
    for (const entry of taken) this.#givenUp.delete(entry.update.gvsn);
    return taken;
  }

  /** A partner has moved on: what waits for that is due at `at` (milliseconds since the Unix epoch), if not before. */
  hasten(partner: string, at: number): void {
    this.#bringForward(at, entry => entry.awaits === 'source' && entry.partner === partner);
  }

  /** Lets a given-up update of this file be due now. False if there is none. */
  retryNow(uid: Uid, now: number): boolean {
    const isMeant = ({ update }: GivenUp): boolean => update.uid === uid;
    this.#bringForward(now, isMeant);
    return [...this.#givenUp.values()].some(isMeant);
  }

  /** These directories are there now: what was put off for the lack of them is due. */
  directoriesCame(uids: ReadonlySet<Uid>, now: number): void {
    if (uids.size > 0) this.#bringForward(now, ({ update }) => uids.has(update.parent));
  }

  /** These have new versions: what was put off because files here were not as recorded is due. */
  recorded(uids: ReadonlySet<Uid>, now: number): void {
    const concerns = ({ uid, parent }: Update): boolean => uids.has(uid) || uids.has(parent);
    this.#bringForward(now, ({ awaits, update }) => awaits === 'folder' && concerns(update));
  }

  #bringForward(at: number, isMeant: (entry: GivenUp) => boolean): void {
    for (const [gvsn, entry] of this.#givenUp) {
      if (entry.retryAt > at && isMeant(entry)) this.#givenUp.set(gvsn, { ...entry, retryAt: at });
    }
  }

  nextDue(): number | null {
    let next: number | null = null;
    for (const entry of this.#givenUp.values()) if (next === null || entry.retryAt < next) next = entry.retryAt;
    return next;
  }

  forgetGivenUp(gvsn: Gvsn): void {
    this.#givenUp.delete(gvsn);
  }

  /** What is under way or given up for now. */
  versions(): Gvsn[] {
    return [...this.#items.keys(), ...this.#givenUp.keys()];
  }

  /** Whether this version is under way or given up for now. */
  awaits(gvsn: Gvsn): boolean {
    return this.#items.has(gvsn) || this.#givenUp.has(gvsn);
  }

  /** All that it awaits, as a vector: neither to be claimed nor to be asked for. */
  points(): VersionVector {
    return vectorFromVersions(this.versions());
  }

  list(): readonly PendingUpdate[] {
    return [...this.#items.values()];
  }

  listGivenUp(): readonly GivenUp[] {
    return [...this.#givenUp.values()];
  }

  /** Resolves when fewer than LIMITS.pendingUpdates are under way. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#items.size >= LIMITS.pendingUpdates && !signal.aborted) {
      await new Promise<void>(resolve => {
        const done = (): void => {
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#roomWaiters.push(done);
        signal.addEventListener('abort', done, { once: true });
      });
    }
  }
}

function slotOf({ parent, name }: { readonly parent: Uid; readonly name: string }): string {
  return `${parent}/${name}`;
}

function addTo(index: Map<string, Set<PendingUpdate>>, key: string, item: PendingUpdate): void {
  const same = index.get(key);
  if (same) same.add(item);
  else index.set(key, new Set([item]));
}

function removeFrom(index: Map<string, Set<PendingUpdate>>, key: string, item: PendingUpdate): void {
  const same = index.get(key);
  same?.delete(item);
  if (same?.size === 0) index.delete(key);
}
