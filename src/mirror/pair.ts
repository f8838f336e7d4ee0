/** One association as this member keeps it: every change is durable before anybody hears of it. */

import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { TaskLine } from '../base/task-line.ts';
import type { Association } from '../model/association.ts';
import { type Access, type Duties, dutiesOf } from '../model/association-duties.ts';
import { brokenReason } from '../model/association-record.ts';
import { type AssociationEvent, type AssociationStep, stepAssociation } from '../model/association-step.ts';
import type { ElementSide } from '../model/replica-operations.ts';
import type { Verification } from '../model/verification.ts';
import type { BookChange, KeptPair, RemovedPair, ReplicaBook } from './replica-book.ts';

/** What is kept of the pair besides its record. */
export type PairExtras = Partial<Omit<KeptPair, 'record'>>;

/** Where a change is made durable, if not in the book by itself: together with those of other pairs. */
export type PairWrite = (change: BookChange) => Promise<void>;

export interface PairProgress {
  /** Bytes that differ or may differ; null: nobody counts them. */
  readonly dirtyBytes: number | null;
  readonly totalBytes: number;
  /** What flows stands still for a while. */
  readonly paused: boolean;
  /** Bytes and milliseconds that the target is behind. */
  readonly lagBytes: number;
  readonly lagMs: number;
}

export interface PairParts {
  readonly id: string;
  readonly book: ReplicaBook;
  readonly clock: Clock;
  /** Called after every change; null: it is removed. Must only enqueue. */
  readonly onChange: (pair: Pair, before: Association, after: Association | null) => void;
}

const NOTHING: PairProgress = { dirtyBytes: null, totalBytes: 0, paused: false, lagBytes: 0, lagMs: 0 };

export class Pair {
  readonly id: string;
  progress: PairProgress = NOTHING;
  /** What its copy waits for, for people; null: nothing. */
  waitsFor: string | null = null;
  /** Why it did not go on last, for people; null: nothing is known. Said before the step that it leads to; see `reason`. */
  trouble: string | null = null;
  /**
   * Of a mirrored pair: asked before each write of a client here, and again when it settles. Null: should this member fail after the
   * write is answered, the pair knows that the partner lacks it.
   */
  beforeWrite: (() => Promise<void> | null) | null = null;
  readonly #parts: PairParts;
  readonly #line = new TaskLine();
  readonly #listeners = new Set<() => void>();
  readonly #restricted = new Map<ElementSide, Access>();
  #last: KeptPair;
  /** Newer than what is kept; null: that is the newest. */
  #verification: Verification | null = null;
  /** Of the record; null: it has changed. */
  #duties: Duties | null = null;

  constructor(parts: PairParts) {
    this.id = parts.id;
    this.#parts = parts;
    const kept = parts.book.pairs.get(parts.id);
    if (kept === undefined) throw new TandemError('INTERNAL', `the book knows no pair ${parts.id}`);
    this.#last = kept;
  }

  /** As it is; as it was last, once it is removed. */
  get kept(): KeptPair {
    return this.#last;
  }

  get record(): Association {
    return this.#last.record;
  }

  get removed(): boolean {
    return !this.#parts.book.pairs.has(this.id);
  }

  /** Why it does not go on, for people; null: nothing is known. What broke it comes before what happened to it since. */
  get reason(): string | null {
    const { record, trouble } = this.#last;
    return trouble !== null && record.brokenBy !== 'link'
      ? trouble
      : (this.trouble ?? trouble ?? brokenReason(record) ?? this.waitsFor);
  }

  /** The last one, as far as it is. */
  get verification(): Verification | null {
    return this.#verification ?? this.#last.verification;
  }

  /** `durable`: when it settles, and the listeners are told. What runs is not made so at every step. */
  async verified(verification: Verification, { durable }: { readonly durable: boolean }): Promise<void> {
    this.#verification = verification;
    if (!durable) return;
    await this.note({ verification });
    if (this.#verification === verification) this.#verification = null;
  }

  /** What the record, and what is just being changed about it, allow clients of this element. */
  access(side: ElementSide): Access {
    this.#duties ??= dutiesOf(this.record);
    return this.#restricted.get(side) ?? this.#duties[side];
  }

  /** Until the record says so itself; null: the record rules again. */
  restrict(side: ElementSide, access: Access | null): void {
    if (access === null) this.#restricted.delete(side);
    else this.#restricted.set(side, access);
  }

  /** Null: the event means nothing now. */
  step(event: AssociationEvent, extras: PairExtras = {}): Promise<AssociationStep> {
    return this.#line.run(async () => {
      const next = this.removed ? null : stepAssociation(this.record, event, this.#parts.clock.now());
      if (next === 'removed') await this.#remove();
      else if (next !== null) await this.#keep({ ...this.#last, ...extras, record: next });
      return next;
    });
  }

  /** What a decision made of it. */
  adopt(record: Association, extras: PairExtras = {}, write?: PairWrite): Promise<void> {
    return this.#line.run(() => this.#keep({ ...this.#last, ...extras, record }, write));
  }

  /** What a meeting made of `from`; false: that is not the record any more. */
  meet(from: Association, record: Association, extras: PairExtras): Promise<boolean> {
    return this.#line.run(async () => {
      if (this.record !== from) return false;
      await this.#keep({ ...this.#last, ...extras, record });
      return true;
    });
  }

  /** What people set of it, whatever is done to it at that moment. */
  set(properties: Partial<Association>, extras: PairExtras = {}): Promise<void> {
    return this.#line.run(() => this.#keep({ ...this.#last, ...extras, record: { ...this.record, ...properties } }));
  }

  /** What is kept beside the record. */
  note(extras: PairExtras | ((kept: KeptPair) => PairExtras), write?: PairWrite): Promise<void> {
    return this.#line.run(() => {
      const changed = typeof extras === 'function' ? extras(this.#last) : extras;
      return Object.keys(changed).length === 0 ? Promise.resolve() : this.#keep({ ...this.#last, ...changed }, write);
    });
  }

  /** `partnerKnows`: nobody has to be told of it. */
  remove({
    partnerKnows = false,
    write,
  }: {
    partnerKnows?: boolean;
    write?: PairWrite | undefined;
  } = {}): Promise<void> {
    return this.#line.run(() => this.#remove(partnerKnows, write));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when `wanted` holds, looked at after every change. CANCELLED */
  until(wanted: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        stop();
        signal.removeEventListener('abort', onAbort);
      };
      const look = (): void => {
        if (!wanted()) return;
        end();
        resolve();
      };
      const onAbort = (): void => {
        end();
        reject(new TandemError('CANCELLED', 'the waiting was given up'));
      };
      const stop = this.onChange(look);
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      look();
    });
  }

  /** Whether it came to hold within this time. */
  async within(ms: number, wanted: () => boolean): Promise<boolean> {
    const limit = new AbortController();
    const cancel = this.#parts.clock.after(ms, () => limit.abort());
    try {
      await this.until(wanted, limit.signal);
      return true;
    } catch {
      return wanted();
    } finally {
      cancel();
    }
  }

  /** Tells the listeners that something that is not kept has changed. */
  touch(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  async #keep(next: KeptPair, write: PairWrite = this.#commit): Promise<void> {
    if (this.removed) return;
    const before = this.record;
    const kept: KeptPair = { ...next, trouble: this.#troubleOf(next.record) };
    await write({ pairs: { [this.id]: kept } });
    this.#last = kept;
    this.#duties = null;
    this.#parts.onChange(this, before, next.record);
    this.touch();
  }

  #troubleOf({ copyState, brokenBy }: Association): string | null {
    if (copyState !== 'Broken') return null;
    const known = this.record.brokenBy === brokenBy ? this.#last.trouble : null;
    return known ?? this.trouble?.slice(0, LIMITS.textBytes) ?? null;
  }

  async #remove(partnerKnows = false, write: PairWrite = this.#commit): Promise<void> {
    if (this.removed) return;
    await write(this.#removal(partnerKnows));
    this.#parts.onChange(this, this.record, null);
    this.touch();
  }

  readonly #commit: PairWrite = change => this.#parts.book.commit(change);

  #removal(partnerKnows: boolean): BookChange {
    const { record, generations } = this.#last;
    const { source, target, syncType, when, here, work } = record;
    const partner = here === 'both' || partnerKnows ? null : record[here === 'source' ? 'target' : 'source'].member;
    const aspect: RemovedPair['aspect'] =
      work?.operation === 'Dissolve'
        ? {
            source: `${source.member}:${source.name}`,
            target: `${target.member}:${target.name}`,
            syncType,
            pointInTime: when.pointInTime,
            generations,
          }
        : null;
    const told: RemovedPair = { removedAt: this.#parts.clock.now(), partner, aspect };
    const keep = partner !== null || aspect !== null;
    return { pairs: { [this.id]: null }, ...(keep ? { removed: { [this.id]: told } } : {}) };
  }
}
