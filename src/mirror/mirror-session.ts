/**
 * A mirrored pair and its partner on one stream: they say what they are, bring an unfinished transition to its end, agree on the
 * association of their meeting, and then data and orders go either way until the stream ends.
 */
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { TaskLine } from '../base/task-line.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import { stepHandshake } from '../model/association-handshake.ts';
import type { PaceNow } from '../model/copy-plan.ts';
import { compareGenerations, type GenerationSide } from '../model/generations.ts';
import type { MirrorMessage } from '../model/mirror-message.ts';
import { arrowOf, type ElementSide } from '../model/replica-operations.ts';
import type { ReplicaOperation } from '../model/replica-values.ts';
import { planTransition } from '../model/transition-plan.ts';
import type { Verification } from '../model/verification.ts';
import type { MirrorChannel } from '../peer/link.ts';
import { beginPair } from './begin-pair.ts';
import type { Elements } from './elements.ts';
import { ExpectedMessages, type MessageOf } from './expected-messages.ts';
import { failedThere, followPartner } from './following-partner.ts';
import { type Hello, helloOf } from './hello.ts';
import { type MirrorElement, MirrorFlows } from './mirror-flows.ts';
import { generationsAfter, seenFromHere } from './mirror-generations.ts';
import { MirrorTransition, type TransitionPartner } from './mirror-transition.ts';
import type { FlowMessage } from './outbox.ts';
import type { Pair } from './pair.ts';
import { refuseProposal } from './proposal-refusal.ts';
import type { VerifyDesk } from './verifications.ts';

export interface MirrorSessionParts {
  readonly pair: Pair;
  readonly channel: MirrorChannel;
  readonly element: MirrorElement;
  readonly elements: Elements;
  readonly member: string;
  readonly goAlone: () => Promise<void>;
  /** As a transition needs it. */
  readonly setBack: (work: () => Promise<void>) => Promise<void>;
  readonly pace: PaceNow;
  /** An order that the partner gives: judged and begun here, as if it had been given here. */
  readonly ordered: (operation: ReplicaOperation, force: boolean) => Promise<OrderAnswer>;
  /** Why an operation that the partner begins cannot be done here; null: it can. */
  readonly refusal: (operation: ReplicaOperation) => string | null;
  readonly verifying: VerifyDesk;
  readonly onMet: () => void;
  readonly xxh64: Xxh64;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly log: Log;
}

export interface OrderAnswer {
  readonly returnCode: number;
  readonly sentence: string;
}

export class MirrorSession {
  readonly flows: MirrorFlows;
  readonly #parts: MirrorSessionParts;
  readonly #line = new TaskLine();
  #theirs: Hello | null = null;
  /** The one that the last copy began with. */
  #spent: Hello | null = null;
  #said: Hello | null = null;
  #weMet = false;
  #theyMet = false;
  readonly #expected = new ExpectedMessages();
  #ended: TandemError | null = null;
  #transition: Promise<unknown> | null = null;
  /** The last one that the partner has given up, and so never decided. */
  #abandoned: string | null = null;

  constructor(parts: MirrorSessionParts) {
    this.#parts = parts;
    const { pair, element, goAlone, pace, xxh64, clock, uuid, log } = parts;
    this.flows = new MirrorFlows({
      pair,
      element,
      send: message => this.#send(message),
      sayHello: () => this.#sayHello(),
      partnerAt: into => this.#partnerAt(into),
      goAlone,
      pace,
      breakOff: reason => this.#breakOff(reason),
      xxh64,
      clock,
      uuid,
      log,
    });
  }

  /** Both keep the same association: orders can be carried out together. */
  get met(): boolean {
    return this.#weMet && this.#theyMet && this.#ended === null;
  }

  /** It takes the messages of verifications. */
  get partnerVerifies(): boolean {
    return this.met && this.#theirs?.verifies === true;
  }

  get partner(): TransitionPartner {
    return {
      send: message => this.#send(message),
      expect: (kind, id) => this.#expected.expect(kind, id),
      flows: this.flows,
    };
  }

  /** Until the stream ends; everything is at rest then. */
  async run(): Promise<void> {
    const { channel, pair } = this.#parts;
    const isSkewed = (): boolean => pair.record.copyState === 'Skewed' && pair.record.here === 'target';
    let skewed = isSkewed();
    const stop = pair.onChange(() => {
      if (!this.met || pair.removed) return;
      this.flows.follow();
      if (isSkewed() && !skewed) this.#later(() => this.#sayHello());
      skewed = isSkewed();
    });
    try {
      await this.#sayHello();
      for await (const message of channel.messages) await this.#receive(message);
      this.#end('the partner ended the stream');
    } catch (error) {
      this.#end(messageOf(error));
      throw error;
    } finally {
      stop();
      channel.close();
      await this.flows.close();
      await this.#transition?.catch(() => {});
      await this.#line.idle();
    }
  }

  /** Something was begun here that the partner is to begin too. */
  tell(): Promise<void> {
    return this.#sayHello();
  }

  /** Asks the member that decides. PEER_UNREACHABLE */
  async order(operation: ReplicaOperation, force: boolean): Promise<OrderAnswer> {
    const id = this.#parts.uuid();
    await this.#send({ kind: 'order', id, operation, force });
    return await this.#expected.expect('answer', id);
  }

  /** Asks the member of the source. PEER_UNREACHABLE */
  async verify(order: Omit<MessageOf<'verify'>, 'kind'>): Promise<OrderAnswer> {
    await this.#send({ kind: 'verify', ...order });
    return await this.#expected.expect('answer', order.id);
  }

  /** As a source. PEER_UNREACHABLE */
  async tellVerified(verification: Verification): Promise<void> {
    if (this.partnerVerifies) await this.#send({ kind: 'verified', verification });
  }

  /** A transition goes on at a time; the stream does not end before it has. */
  during<T>(transition: Promise<T>): Promise<T> {
    this.#transition = transition;
    return transition;
  }

  close(reason = 'the pair is not kept any more'): void {
    this.#breakOff(reason);
  }

  async #receive(message: MirrorMessage): Promise<void> {
    switch (message.kind) {
      case 'hello':
        this.#theirs = message;
        return this.#later(() => (this.met ? this.#learn(message) : this.#meet()));
      case 'met':
        this.#theyMet = true;
        return this.#later(() => this.#begin());
      case 'removed':
        return this.#later(async () => {
          await this.#parts.pair.remove({ partnerKnows: true });
          this.close();
        });
      case 'verified':
        return this.#later(() => this.#parts.verifying.learn(this.#parts.pair, message.verification));
      case 'order':
      case 'verify':
        return this.#later(() => this.#answer(message), { beside: true });
      case 'propose':
        return this.#later(() => this.#follow(message), { beside: true });
      case 'decline':
        return this.#expected.refuse(message.id, message.sentence);
      case 'abandon':
        this.#abandoned = message.id;
        return this.#expected.refuse(message.id, 'the partner has given the change up');
      case 'answer':
      case 'agree':
      case 'barrier':
      case 'barrier-durable':
      case 'decision':
      case 'committed':
        return this.#expected.take(message);
      default: {
        if (!this.met) await this.#line.idle();
        const wait = this.flows.receive(message);
        if (wait !== null) await wait;
      }
    }
  }

  /** Work that must not keep the next message from being read; one after the other but for what may wait long. */
  #later(work: () => Promise<unknown>, { beside = false } = {}): void {
    const run = beside ? work() : this.#line.run(work);
    run.catch(error => {
      this.#parts.log.warn({ pair: this.#parts.pair.id, reason: messageOf(error) }, 'a mirror and its partner part');
      this.#breakOff(messageOf(error));
    });
  }

  async #sayHello(): Promise<void> {
    const { pair, element } = this.#parts;
    if (pair.removed) return await this.#send({ kind: 'removed' });
    this.#said = helloOf(pair.kept, element);
    await this.#send(this.#said);
  }

  /** Both have said what they are. */
  async #meet(): Promise<void> {
    const { pair, clock, element } = this.#parts;
    const theirs = this.#theirs;
    if (theirs === null || this.#said === null || this.#weMet) return;
    if (theirs.record.id !== pair.id) throw new TandemError('PEER_VIOLATION', 'the partner speaks of another pair');
    if ((await this.#recover(theirs)) || theirs.intent !== null) return;
    if (theirs.sizeBytes !== element.volume.size) {
      const sentence = `the partner’s element has ${theirs.sizeBytes} bytes and the one here ${element.volume.size}; resize one of them`;
      pair.trouble = sentence;
      throw new TandemError('REFUSED', sentence);
    }
    const { record: ours, side } = this.#said;
    const verdict = compareGenerations(side, theirs.side);
    let next = stepHandshake({ ours, theirs: theirs.record, verdict }, clock.now());
    if (next.copyState !== 'Broken') pair.trouble = null;
    else if (ours.copyState !== 'Broken' || ours.brokenBy === 'link')
      pair.trouble = failedThere(next.brokenBy ?? 'source');
    const begins = next.copyState === 'Initialized';
    const generations = begins
      ? {}
      : { generations: generationsAfter(next, pair.kept.generations, this.#parts.uuid()) };
    if (!(await pair.meet(ours, next, generations))) {
      throw new TandemError('PEER_UNREACHABLE', 'the pair was changed while its members met: they meet again');
    }
    // Both elements are there.
    if (begins) next = await beginPair(pair, element);
    this.#weMet = true;
    await this.#send({ kind: 'met', revision: next.revision });
    await this.#begin();
    if (next.copyState === 'Broken' && next.brokenBy !== 'link') await this.#sayHello();
  }

  /** Brings what is left of a transition to its end. Whether there was anything: both say hello again then. */
  async #recover(theirs: Hello): Promise<boolean> {
    const { pair, member, uuid } = this.#parts;
    const { intent } = pair.kept;
    if (intent === null) return false;
    const theirIntent = theirs.intent?.id === intent.id ? theirs.intent : null;
    if (intent.part === 'decider' && intent.decided && intent.decision !== undefined) {
      if (theirIntent !== null) {
        await this.#send({ kind: 'decision', id: intent.id, ...intent.decision });
        await this.#expected.expect('committed', intent.id);
      }
      await pair.note({ intent: null });
    } else if (intent.part === 'decider' || theirIntent === null) {
      await pair.step({ type: 'transition-aborted' });
      await pair.note({ intent: null });
    } else if (theirIntent.decided) {
      const { record } = await this.#expected.expect('decision', intent.id);
      await this.#send({ kind: 'committed', id: intent.id });
      if (record === null) {
        await pair.remove({ partnerKnows: true });
        return true;
      }
      const next = seenFromHere(record, pair.record, member);
      await pair.adopt(next, { generations: generationsAfter(next, pair.kept.generations, uuid()), intent: null });
    } else {
      return true;
    }
    await this.#sayHello();
    return !(theirs.intent === null && pair.kept.intent === null) || this.#theirs !== theirs;
  }

  async #begin(): Promise<void> {
    if (!this.met) return;
    const { onMet, pair, member } = this.#parts;
    onMet();
    if (pair.verification?.member === member) await this.tellVerified(pair.verification);
    this.flows.follow();
  }

  async #learn({ record }: Hello): Promise<void> {
    await followPartner(this.#parts.pair, record, this.#parts.refusal);
    this.flows.follow();
  }

  /** What it said of an earlier copy is not true of this one, for which it may not be ready either. */
  #partnerAt(into: ElementSide): GenerationSide | null {
    const theirs = this.#theirs;
    if (theirs === null || theirs === this.#spent || theirs.record.revision !== this.#parts.pair.record.revision)
      return null;
    if (theirs.record.work?.phase !== 'copy' || theirs.record.work.into !== into) return null;
    this.#spent = theirs;
    return theirs.side;
  }

  async #answer(order: MessageOf<'order' | 'verify'>): Promise<void> {
    const { ordered, verifying, pair } = this.#parts;
    const answer = order.kind === 'order' ? ordered(order.operation, order.force) : verifying.ordered(pair, order);
    const { returnCode, sentence } = await answer;
    await this.#send({ kind: 'answer', id: order.id, returnCode, sentence });
  }

  /** The partner decides, and this member follows. */
  async #follow({ id, record, force }: Extract<MirrorMessage, { kind: 'propose' }>): Promise<void> {
    const { pair, element, elements, member, refusal: refusalOf, uuid, clock } = this.#parts;
    const operation = record.work?.operation ?? null;
    const notMet = this.met ? null : 'the two members have not met yet';
    const proposal = operation && { operation, revision: record.revision, force };
    const refusal = notMet ?? (proposal && (refusalOf(proposal.operation) ?? refuseProposal(pair, proposal, elements)));
    if (refusal !== null || operation === null) {
      return await this.#send({ kind: 'decline', id, sentence: refusal ?? 'it proposes nothing' });
    }
    const { syncType, copyState } = pair.record;
    // A failback has copied already: its transition is the end of that.
    if (pair.record.work?.phase !== 'transition') {
      const arrow = arrowOf(operation, syncType, copyState)!;
      await pair.step({ type: 'operation-accepted', operation, arrow });
    }
    const transition = new MirrorTransition({
      id,
      pair,
      element,
      elements,
      partner: this.partner,
      member,
      uuid,
      now: () => clock.now(),
      force,
      part: 'follower',
      setBack: this.#parts.setBack,
      riskAtDecision: () => null,
      turns: null,
    });
    try {
      await this.during(transition.run(planTransition(pair.record, { alone: false }).followerSteps));
    } catch (error) {
      if (pair.removed) return;
      // Whether it was decided only the partner knows, once this member has agreed: the next meeting tells.
      const agreed = pair.kept.intent !== null && this.#abandoned !== id;
      if (this.#ended !== null || agreed) throw error;
      await this.#giveUp(id, messageOf(error));
    }
    this.flows.follow();
  }

  async #giveUp(id: string, reason: string): Promise<void> {
    const { pair } = this.#parts;
    pair.trouble = reason;
    await pair.step({ type: 'transition-aborted' });
    await pair.note({ intent: null });
    await this.#send({ kind: 'decline', id, sentence: reason }).catch(() => {});
  }

  async #send(message: MirrorMessage | FlowMessage): Promise<void> {
    if (this.#ended !== null) throw this.#ended;
    await this.#parts.channel.send(message);
  }

  #breakOff(reason: string): void {
    this.#end(reason);
    this.#parts.channel.close();
  }

  #end(reason: string): void {
    if (this.#ended !== null) return;
    this.#ended = new TandemError('PEER_UNREACHABLE', `the stream of the pair ended: ${reason}`);
    this.#expected.end(this.#ended);
  }
}
