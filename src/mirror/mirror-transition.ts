/**
 * Carries out the steps of a plan on this member, one after the other. What is durable is in the pair's record and intent;
 * whatever was held or closed meanwhile is let go at the end, however it ends. [volumes.md §10.2]
 */
import { assert, TandemError } from '../base/errors.ts';
import type { Association } from '../model/association.ts';
import { stepAssociation } from '../model/association-step.ts';
import { createGenerations, type Generations } from '../model/generations.ts';
import type { MirrorMessage } from '../model/mirror-message.ts';
import type { ElementSide } from '../model/replica-operations.ts';
import type { TransitionIntent, TransitionStep } from '../model/transition-plan.ts';
import type { Elements } from './elements.ts';
import type { MirrorElement, MirrorFlows } from './mirror-flows.ts';
import { generationsAfter, seenFromHere } from './mirror-generations.ts';
import type { Pair } from './pair.ts';

/** The partner, as a transition needs it; null: it goes without. */
export interface TransitionPartner {
  send(message: MirrorMessage): Promise<void>;
  /** The next message of this kind about this transition. PEER_UNREACHABLE when the stream ends, REFUSED when the partner will not. */
  expect<K extends MirrorMessage['kind']>(kind: K, id: string): Promise<Extract<MirrorMessage, { kind: K }>>;
  readonly flows: MirrorFlows;
}

export interface TransitionParts {
  readonly id: string;
  readonly pair: Pair;
  readonly element: MirrorElement;
  readonly elements: Elements;
  readonly partner: TransitionPartner | null;
  readonly member: string;
  readonly uuid: () => string;
  readonly now: () => number;
  readonly force: boolean;
  readonly part: TransitionIntent['part'];
  /** Asked again when clients have been stopped; a sentence why it is given up then. */
  readonly riskAtDecision: () => string | null;
}

interface Decision {
  readonly record: Association | null;
  readonly generations: Generations;
}

export class MirrorTransition {
  readonly #parts: TransitionParts;
  #release: (() => void) | null = null;
  #held: Promise<void> = Promise.resolve();
  #restricted: ElementSide | null = null;
  #decision: Decision | null = null;

  constructor(parts: TransitionParts) {
    this.#parts = parts;
  }

  /** True once it cannot be taken back any more. */
  get decided(): boolean {
    return this.#decision !== null;
  }

  /** Rejects with what keeps it from being carried out; whether it was decided then, `decided` says. */
  async run(steps: readonly TransitionStep[]): Promise<void> {
    try {
      for (const step of steps) await this.#steps[step]();
    } finally {
      await this.#letGo();
    }
  }

  readonly #steps: Readonly<Record<TransitionStep, () => Promise<unknown>>> = {
    'write-intent': () => this.#parts.pair.note({ intent: this.#intent(false) }),
    propose: () => {
      const { pair, force } = this.#parts;
      return this.#send({ kind: 'propose', id: this.#id, record: pair.record, force });
    },
    'expect-agreement': () => this.#expect('agree'),
    'expect-proposal': async () => {},
    agree: () => this.#send({ kind: 'agree', id: this.#id }),
    'hold-writes': async () => this.#hold(),
    'stop-stream': () => this.#parts.partner?.flows.stopStream() ?? Promise.resolve(),
    drain: async () => {
      await this.#held;
      await this.#parts.partner?.flows.source?.drain();
    },
    flush: async () => {
      await this.#parts.partner?.flows.target?.drain();
      await this.#parts.element.volume.flush();
    },
    'send-barrier': () => this.#send({ kind: 'barrier', id: this.#id }),
    'expect-barrier': () => this.#expect('barrier'),
    'confirm-barrier': () => this.#send({ kind: 'barrier-durable', id: this.#id }),
    'expect-durable': () => this.#expect('barrier-durable'),
    'close-clients': async () => {
      const { pair, elements } = this.#parts;
      const side = this.#here;
      this.#restricted = side;
      pair.restrict(side, 'read-only');
      // Requests that wait for the volume could not be answered before it is free.
      this.#endHold();
      await elements.settle(pair.record[side].name);
    },
    decide: () => this.#decide(),
    'release-writes': async () => this.#endHold(),
    'tell-decision': () => {
      const { record, generations } = this.#decision!;
      return this.#send({ kind: 'decision', id: this.#id, record, generations });
    },
    'expect-decision': async () => {
      const { record, generations } = await this.#expect('decision');
      this.#decision = { record, generations };
    },
    commit: () => this.#commit(),
    'open-clients': async () => {},
    'confirm-decision': () => this.#send({ kind: 'committed', id: this.#id }),
    'expect-confirmation': () => this.#expect('committed'),
    'clear-intent': () => this.#parts.pair.note({ intent: null }),
  };

  async #decide(): Promise<void> {
    const { pair, element, partner, uuid, now, riskAtDecision } = this.#parts;
    const risk = riskAtDecision();
    if (risk !== null) throw new TandemError('REFUSED', risk);
    const sourceAhead = this.#here === 'source' && element.map.dirtyBytes > 0;
    const next = stepAssociation(pair.record, { type: 'transition-committed', sourceAhead }, now());
    assert(next !== null, 'the transition can be committed');
    const { generations } = pair.kept;
    if (next === 'removed') {
      this.#decision = { record: null, generations };
      return await pair.remove();
    }
    const forgets = pair.record.work!.operation === 'Unprepare';
    const own = forgets ? createGenerations(uuid()) : generationsAfter(next, generations, uuid());
    this.#decision = { record: next, generations: own };
    const intent = partner === null ? null : { ...this.#intent(true), decision: this.#decision };
    await pair.adopt(next, { generations: own, intent });
  }

  async #commit(): Promise<void> {
    const { pair, member, uuid } = this.#parts;
    const { record } = this.#decision!;
    if (record === null) return await pair.remove();
    const next = seenFromHere(record, pair.record, member);
    const forgets = pair.record.work?.operation === 'Unprepare';
    const own = forgets ? createGenerations(null) : generationsAfter(next, pair.kept.generations, uuid());
    await pair.adopt({ ...next, when: next.when }, { generations: own, intent: null });
  }

  /** Writes that were called before have settled when `#held` does; those called later wait. */
  #hold(): void {
    if (this.#release !== null) return;
    const { volume } = this.#parts.element;
    this.#held = new Promise((held, failed) => {
      const released = new Promise<void>(resolve => (this.#release = resolve));
      volume
        .hold(async () => {
          held();
          await released;
        })
        .catch(failed);
    });
    this.#held.catch(() => {});
  }

  #endHold(): void {
    this.#release?.();
    this.#release = null;
  }

  async #letGo(): Promise<void> {
    this.#endHold();
    const { pair, elements } = this.#parts;
    if (this.#restricted !== null) pair.restrict(this.#restricted, null);
    await elements.settle(pair.record[this.#here].name).catch(() => {});
  }

  #intent(decided: boolean): TransitionIntent {
    const { part, pair, id } = this.#parts;
    const { operation } = pair.record.work!;
    return { id, operation: operation!, part, decided, holds: this.#release !== null };
  }

  get #id(): string {
    return this.#parts.id;
  }

  get #here(): ElementSide {
    const { here } = this.#parts.pair.record;
    return here === 'both' ? 'source' : here;
  }

  async #send(message: MirrorMessage): Promise<void> {
    await this.#parts.partner?.send(message);
  }

  #expect<K extends MirrorMessage['kind']>(kind: K): Promise<Extract<MirrorMessage, { kind: K }>> {
    const { partner } = this.#parts;
    assert(partner !== null, 'nothing is expected of a partner that is left out');
    return partner.expect(kind, this.#id);
  }
}
