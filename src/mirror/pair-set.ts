/** The pairs of this member, and what they mean for its volumes and snapshots. */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { MetaContext } from '../block/nbd/meta-contexts.ts';
import type { Association } from '../model/association.ts';
import { isHere } from '../model/association.ts';
import type { Access } from '../model/association-duties.ts';
import { stepAssociation } from '../model/association-step.ts';
import { place } from '../model/refusal.ts';
import type { ElementSide } from '../model/replica-operations.ts';
import { isCloneSource, leftMapOf } from './clone-point.ts';
import { type ElementRules, strictest } from './element-rules.ts';
import { Pair } from './pair.ts';
import type { BookChange, KeptPair, ReplicaBook } from './replica-book.ts';

export interface PairSetParts {
  readonly book: ReplicaBook;
  readonly clock: Clock;
}

export type PairListener = (pair: Pair, before: Association | null, after: Association | null) => void;

/** A pair, and which of its sides an element of this member is. */
export interface ElementPart {
  readonly pair: Pair;
  readonly side: ElementSide;
}

export class PairSet implements ElementRules {
  readonly #parts: PairSetParts;
  readonly #pairs = new Map<string, Pair>();
  /** Asked for with every write of a client. */
  readonly #byName = new Map<string, readonly ElementPart[]>();
  readonly #listeners = new Set<PairListener>();
  /** Named `tandem:dirty:…`, of pairs whose dirty map is open. */
  readonly dirtyContexts = new Map<string, { readonly element: string; readonly context: MetaContext }>();

  constructor(parts: PairSetParts) {
    this.#parts = parts;
    for (const id of parts.book.pairs.keys()) this.#enter(id);
  }

  list(): readonly Pair[] {
    return [...this.#pairs.values()];
  }

  get(id: string): Pair | undefined {
    return this.#pairs.get(id);
  }

  /** Those an element of this member has part in. */
  of(name: string): readonly ElementPart[] {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const found = this.list().flatMap(pair =>
      (['source', 'target'] as const)
        .filter(side => isHere(pair.record, side) && pair.record[side].name === name)
        .map(side => ({ pair, side })),
    );
    this.#byName.set(name, found);
    return found;
  }

  /** Names of the maps that tell what of the volume partners may lack. */
  mapsOf(volume: string): readonly string[] {
    return this.of(volume).flatMap(({ pair: { id, record } }) => {
      if (record.here === 'both') return [];
      return isCloneSource(record) ? [id, leftMapOf(id)] : [id];
    });
  }

  /** Of every change; `before` null: it is new, `after` null: it is removed. Must only enqueue. */
  onChange(listener: PairListener): void {
    this.#listeners.add(listener);
  }

  /** Durable when it settles. */
  async add(kept: KeptPair, also: BookChange = {}): Promise<Pair> {
    const { id } = kept.record;
    await this.#parts.book.commit({ ...also, pairs: { [id]: kept } });
    const pair = this.#enter(id);
    for (const listener of this.#listeners) listener(pair, null, kept.record);
    return pair;
  }

  /** The snapshot that is served under this name. */
  snapshotNamed(name: string): { readonly volume: string; readonly uuid: string } | null {
    for (const { pair, side } of this.of(name)) {
      const { record, kept } = pair;
      if (record.syncType !== 'Snapshot' || side !== 'target' || kept.snapshot === null) continue;
      return { volume: record.source.name, uuid: kept.snapshot };
    }
    return null;
  }

  access(name: string): Access {
    return strictest(this.of(name).map(({ pair, side }) => pair.access(side)));
  }

  beforeWrite(name: string): Promise<void> | null {
    if (this.#pairs.size === 0) return null;
    let waiting: Promise<void> | null = null;
    for (const part of this.of(name)) {
      const wait = this.#beforeWriteTo(part);
      if (wait !== null) waiting = waiting === null ? wait : waiting.then(() => wait);
    }
    return waiting;
  }

  bond(name: string): string | null {
    const [part] = this.of(name);
    if (part === undefined) return null;
    const { id, record } = part.pair;
    const out = record.syncType === 'Snapshot' ? 'Return To ResourcePool' : 'Detach';
    return `it is the ${part.side} of ${place(record)}; “tandem replica modify ${id} "${out}"” ends that`;
  }

  contexts(name: string): readonly MetaContext[] {
    return [...this.dirtyContexts.values()].flatMap(({ element, context }) => (element === name ? [context] : []));
  }

  #beforeWriteTo({ pair, side }: ElementPart): Promise<void> | null {
    switch (pair.access(side)) {
      case 'read-write':
        break;
      case 'held':
        return this.#released({ pair, side }).then(() => this.#beforeWriteTo({ pair, side }) ?? undefined);
      default:
        return Promise.reject(
          new TandemError('BLOCK_READ_ONLY', `${place(pair.record)}: the ${side} takes no writes now`),
        );
    }
    const wait = pair.beforeWrite?.() ?? null;
    if (wait !== null) return wait.then(() => this.#beforeWriteTo({ pair, side }) ?? undefined);
    const event = { type: 'client-wrote', element: side } as const;
    // What it changes has to be durable before the first byte is.
    if (side === 'source' || stepAssociation(pair.record, event, this.#parts.clock.now()) === null) return null;
    return pair.step(event).then(() => undefined);
  }

  async #released({ pair, side }: ElementPart): Promise<void> {
    if (await pair.within(LIMITS.heldWriteMs, () => pair.access(side) !== 'held')) return;
    const failed = pair.record.copyState === 'Broken' && pair.record.brokenBy !== 'link' ? pair.reason : null;
    const why = failed ?? 'the partner has been away for too long';
    throw new TandemError('BLOCK_IO', `${place(pair.record)}: ${why}, and a write must reach both members`);
  }

  #enter(id: string): Pair {
    const pair = new Pair({
      id,
      book: this.#parts.book,
      clock: this.#parts.clock,
      onChange: (changed, before, after) => {
        if (after === null) this.#pairs.delete(id);
        this.#byName.clear();
        for (const listener of this.#listeners) listener(changed, before, after);
      },
    });
    this.#pairs.set(id, pair);
    this.#byName.clear();
    return pair;
  }
}
