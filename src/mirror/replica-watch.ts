/** What becomes of pairs without an order: told of, looked at now and then, and forgotten in the end. */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { LIMITS } from '../base/limits.ts';
import type { Association } from '../model/association.ts';
import { place } from '../model/refusal.ts';
import type { CopyState } from '../model/replica-values.ts';
import type { Elements } from './elements.ts';
import type { Pair } from './pair.ts';
import type { ReplicaBook } from './replica-book.ts';

/** `before` null: it is new; `after` null: it is removed. */
export function tellChange(
  emit: Emit,
  pair: Pair,
  { before, after }: { readonly before: Association | null; readonly after: Association | null },
): void {
  const fields = { replica: pair.id };
  if (after === null) return void emit('REPLICA_REMOVED', `${place(pair.record)} is a pair no more`, fields);
  if (before === null || before.copyState === after.copyState) return;
  const what = `${place(after)}: ${before.copyState} → ${after.copyState}`;
  const event = EVENT_OF[after.copyState] ?? 'REPLICA_CHANGED';
  emit(event, pair.trouble === null || event === 'REPLICA_CHANGED' ? what : `${what}: ${pair.trouble}`, fields);
}

const EVENT_OF: Readonly<Partial<Record<CopyState, 'REPLICA_BROKEN' | 'REPLICA_INVALID'>>> = {
  Broken: 'REPLICA_BROKEN',
  Partitioned: 'REPLICA_BROKEN',
  Invalid: 'REPLICA_INVALID',
};

export interface ReplicaWatchParts {
  readonly book: ReplicaBook;
  readonly elements: Elements;
  readonly clock: Clock;
  readonly emit: Emit;
}

export class ReplicaWatch {
  readonly #parts: ReplicaWatchParts;
  /** Mirrors that are further behind than wanted. */
  readonly #behind = new Set<string>();

  constructor(parts: ReplicaWatchParts) {
    this.#parts = parts;
  }

  async look(pair: Pair): Promise<void> {
    this.#lookAtLag(pair);
    await this.#lookAtSnapshot(pair);
  }

  /** A partner that has been away for so long is told that the pair is unknown. */
  async forgetOld(): Promise<void> {
    const { book, clock } = this.#parts;
    for (const [id, { removedAt, aspect }] of book.removed) {
      const isOld = aspect === null && clock.now() - removedAt > LIMITS.removedPairKeepMs;
      if (isOld) await book.commit({ removed: { [id]: null } });
    }
  }

  /** What is remembered of a dissolved pair stays; nobody has to be told any more. */
  async partnerKnows(id: string): Promise<void> {
    const { book } = this.#parts;
    const told = book.removed.get(id);
    if (told === undefined) return;
    await book.commit({ removed: { [id]: told.aspect === null ? null : { ...told, partner: null } } });
  }

  /** Told once, until it has caught up. */
  #lookAtLag({ id, record, kept, progress }: Pair): void {
    if (kept.desiredRpoSeconds === null || record.here === 'target') return;
    const behind = progress.lagMs > kept.desiredRpoSeconds * 1000;
    if (behind && !this.#behind.has(id)) {
      const sentence = `${place(record)} is ${Math.round(progress.lagMs / 1000)} s behind; ${kept.desiredRpoSeconds} s are wanted`;
      this.#parts.emit('REPLICA_BEHIND', sentence, { replica: id });
    }
    if (behind) this.#behind.add(id);
    else this.#behind.delete(id);
  }

  /** A snapshot without room is Broken, its source is not. */
  async #lookAtSnapshot(pair: Pair): Promise<void> {
    const { record, kept } = pair;
    if (record.syncType !== 'Snapshot' || kept.snapshot === null || record.copyState === 'Broken') return;
    try {
      const snapshot = this.#parts.elements.volume(record.source.name).snapshot(kept.snapshot);
      const broken = snapshot?.state.broken ?? null;
      if (broken === null) return;
      pair.trouble = broken;
      await pair.step({ type: 'space-exhausted' });
    } catch (error) {
      // The volume cannot be used now, which is told elsewhere.
      if (!(error instanceof TandemError)) throw error;
    }
  }
}
