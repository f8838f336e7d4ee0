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
import { fallBack } from './fall-back.ts';
import type { PairTurns } from './group-turns.ts';
import type { MirrorElement, MirrorFlows } from './mirror-flows.ts';
import { generationsAfter, seenFromHere } from './mirror-generations.ts';
import type { Pair } from './pair.ts';
import type { BookChange } from './replica-book.ts';
import { holdVolume, type VolumeHold } from './volume-hold.ts';

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
  /** Runs what brings the volume back to an earlier moment. */
  readonly setBack: (work: () => Promise<void>) => Promise<void>;
  /** Asked again when clients have been stopped; a sentence why it is given up then. */
  readonly riskAtDecision: () => string | null;
  /** Other pairs pass the same barrier; null: it is alone. */
  readonly turns: PairTurns | null;
}

interface Decision {
  readonly record: Association | null;
  readonly generations: Generations;
}

export class MirrorTransition {
  readonly #parts: TransitionParts;
  #hold: VolumeHold | null = null;
  #restricted: ElementSide | null = null;
  #decision: Decision | null = null;

  constructor(parts: TransitionParts) {
    this.#parts = parts;
  }

  /** True once it cannot be taken back any more. */
  get decided(): boolean {
    return this.#decision !== null && this.#parts.turns?.givenUp !== true;
  }

  /** Rejects with what keeps it from being carried out; whether it was decided then, `decided` says. */
  async run(steps: readonly TransitionStep[]): Promise<void> {
    const { turns } = this.#parts;
    let failure: unknown = null;
    try {
      for (const step of steps) {
        await turns?.before();
        await this.#steps[step]();
        turns?.after();
      }
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      turns?.end(failure);
      await this.#letGo();
    }
  }

  readonly #steps: Readonly<Record<TransitionStep, () => Promise<unknown>>> = {
    'write-intent': () => this.#parts.pair.note({ intent: this.#intent(false) }, this.#write),
    propose: () => {
      const { pair, force } = this.#parts;
      return this.#send({ kind: 'propose', id: this.#id, record: pair.record, force });
    },
    'expect-agreement': () => this.#expect('agree'),
    'expect-proposal': async () => {},
    agree: () => this.#send({ kind: 'agree', id: this.#id }),
    'hold-writes': async () => this.#holdWrites(),
    'stop-stream': () => this.#parts.partner?.flows.stopStream() ?? Promise.resolve(),
    drain: async () => {
      await this.#hold?.held;
      await this.#parts.partner?.flows.source?.drain();
      this.#assertInStep();
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
      const { pair, element, elements } = this.#parts;
      const side = this.#here;
      this.#restricted = side;
      pair.restrict(side, 'read-only');
      // Requests that wait for the volume are answered, so that their clients can go; but nothing comes after the barrier.
      const admit = element.volume.refuseWrites('its clients are being sent away');
      this.#endHold();
      await elements.settle(pair.record[side].name).finally(admit);
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
    'clear-intent': () => this.#parts.pair.note({ intent: null }, this.#write),
  };

  /** What was written before the flow began, or while it broke, is not in the partner's hands: the roles are not changed over that. */
  #assertInStep(): void {
    const { pair, element, partner } = this.#parts;
    const { copyState, work, syncType } = pair.record;
    if (syncType !== 'Mirror') return;
    const sender = work?.operation === 'Failback' ? 'target' : copyState === 'Synchronized' ? 'source' : null;
    if (partner === null || sender !== this.#here || element.map.dirtyBytes === 0) return;
    throw new TandemError('REFUSED', 'what was written last is not on both members yet: order it again in a moment');
  }

  async #decide(): Promise<void> {
    const { pair, element, partner, uuid, now, riskAtDecision, setBack } = this.#parts;
    const risk = riskAtDecision();
    if (risk !== null) throw new TandemError('REFUSED', risk);
    if (partner === null) await fallBack(pair, element, setBack);
    await this.#renewPoint();
    const sourceAhead = this.#here === 'source' && element.map.dirtyBytes > 0;
    const next = stepAssociation(pair.record, { type: 'transition-committed', sourceAhead }, now());
    assert(next !== null, 'the transition can be committed');
    const { generations } = pair.kept;
    if (next === 'removed') {
      this.#decision = { record: null, generations };
      return await pair.remove({ write: this.#write });
    }
    const forgets = pair.record.work!.operation === 'Unprepare';
    const own = forgets ? createGenerations(uuid()) : generationsAfter(next, generations, uuid());
    this.#decision = { record: next, generations: own };
    const intent = partner === null ? null : { ...this.#intent(true), decision: this.#decision };
    await pair.adopt(next, { generations: own, intent }, this.#write);
  }

  async #commit(): Promise<void> {
    const { pair, member, uuid } = this.#parts;
    const { record } = this.#decision!;
    await this.#parts.element.point?.drop();
    if (record === null) return await pair.remove({ partnerKnows: true });
    if (pair.record.work?.operation === 'Failover') await this.#parts.partner?.flows.stopStream();
    const whole = await fallBack(pair, this.#parts.element, this.#parts.setBack);
    const next = {
      ...seenFromHere(record, pair.record, member),
      ...(whole ? { targetData: 'UpToDate' as const } : {}),
    };
    const forgets = pair.record.work?.operation === 'Unprepare';
    const own = forgets ? createGenerations(null) : generationsAfter(next, pair.kept.generations, uuid());
    await pair.adopt(next, { generations: own, intent: null });
  }

  /** Who orders a copy means the source as it is now; one that is not gone on with gives up the moment that it was made from. */
  async #renewPoint(): Promise<void> {
    const { pair, element } = this.#parts;
    const { operation, arrival, now } = pair.record.work!;
    if (element.point === null || operation === 'Suspend' || operation === 'Resume') return;
    await element.point.drop();
    if (arrival !== now && operation !== 'Restore from Replica') await element.point.take();
  }

  #holdWrites(): void {
    const { turns, element } = this.#parts;
    this.#hold ??= turns?.hold(element.volume) ?? holdVolume(element.volume);
  }

  #endHold(): void {
    this.#hold?.release();
    this.#hold = null;
  }

  get #write(): ((change: BookChange) => Promise<void>) | undefined {
    const { turns } = this.#parts;
    return turns === null ? undefined : change => turns.write(change);
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
    return { id, operation: operation!, part, decided, holds: this.#hold !== null };
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
