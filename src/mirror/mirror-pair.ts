import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import type { Association } from '../model/association.ts';
import { dutiesOf, stopsHostIo } from '../model/association-duties.ts';
import { stepAssociation } from '../model/association-step.ts';
import { beginAlone } from '../model/generations.ts';
import { isAtRisk } from '../model/operation-judge.ts';
import { place } from '../model/refusal.ts';
import type { ElementSide } from '../model/replica-operations.ts';
import type { ReplicaOperation } from '../model/replica-values.ts';
import { planTransition, type TransitionStep } from '../model/transition-plan.ts';
import type { MirrorChannel } from '../peer/link.ts';
import { halfBeside, refuseBesideMirrors } from './beside-mirror.ts';
import { ClonePoint, isCloneSource, leftMapOf } from './clone-point.ts';
import { dirtyContext } from './dirty-context.ts';
import type { PairTurns } from './group-turns.ts';
import { LackTime } from './lack-time.ts';
import type { MirrorElement } from './mirror-flows.ts';
import type { MirrorPairParts } from './mirror-pair-parts.ts';
import { MirrorSession } from './mirror-session.ts';
import { MirrorTransition } from './mirror-transition.ts';
import { orderAtPartner } from './order-at-partner.ts';
import type { Pair } from './pair.ts';
import type { AcceptedOrder } from './pair-orders.ts';
import { UnfollowedWrites } from './unfollowed-writes.ts';

interface Decision {
  readonly force: boolean;
  readonly alone: boolean;
  readonly turns: PairTurns | null;
}

export class MirrorPair {
  readonly pair: Pair;
  readonly #parts: MirrorPairParts;
  #element: Promise<MirrorElement> | null = null;
  #map: DirtyMapFile | null = null;
  readonly #lackTime: LackTime;
  #session: MirrorSession | null = null;
  #channel: MirrorChannel | null = null;
  #running: Promise<void> = Promise.resolve();
  #grace: (() => void) | null = null;
  #transition: Promise<string | null> | null = null;
  readonly #unfollowed: UnfollowedWrites;
  #closed = false;

  constructor(parts: MirrorPairParts) {
    this.#parts = parts;
    this.pair = parts.pair;
    this.#lackTime = new LackTime(parts.pair, parts.clock);
    this.#unfollowed = new UnfollowedWrites({
      ...parts,
      open: () => this.#open(),
      flows: () =>
        this.reachable && dutiesOf(this.pair.record).flow === 'mirror' && parts.groups.of(this.pair).maySend(),
      goAlone: () => this.#goAlone(),
    });
    parts.pair.beforeWrite = () => this.#unfollowed.before(this.#map);
    this.#lost();
    parts.pair.onChange(() => this.#goOn());
  }

  get here(): ElementSide {
    const { here } = this.pair.record;
    return here === 'both' ? 'source' : here;
  }

  get partner(): string {
    return this.pair.record[this.here === 'source' ? 'target' : 'source'].member;
  }

  get reachable(): boolean {
    return this.#session?.met === true;
  }

  /** The link is down, and not long enough for the pair to be Broken. */
  get redialled(): boolean {
    return !this.reachable && this.#grace !== null;
  }

  /** How far behind the partner is, as it is now. */
  report(): void {
    const { pair } = this;
    if (this.reachable) this.#session!.flows.report();
    const flows = this.reachable && pair.record.copyState === 'Synchronized' && this.#session!.flows.source !== null;
    this.#lackTime.report({ flows, dirtyBytes: this.#map?.dirtyBytes ?? 0 });
  }

  /** What is written here reaches the partner, and no copy has to end before. */
  get flowing(): boolean {
    const { copyState, here } = this.pair.record;
    return this.reachable && here === 'source' && copyState === 'Synchronized' && this.#session!.flows.source !== null;
  }

  /** Resolves when the partner durably holds what was written here until now; false: nothing flows. PEER_UNREACHABLE */
  async drain(): Promise<boolean> {
    const source = this.flowing ? this.#session!.flows.source : null;
    await source?.drain();
    return source !== null;
  }

  /** Null: there is no stream. */
  get session(): MirrorSession | null {
    return this.#session;
  }

  /** As `MirrorFlows.look`. */
  look(): void {
    this.#session?.flows.look();
  }

  /** Something that its flow depends on has changed. */
  follow(): void {
    if (this.reachable) this.#session!.flows.follow();
  }

  /** Opens what the pair has on disk: what a crash left of an epoch is carried out. */
  async prepare(): Promise<void> {
    const { map, volume } = await this.#open();
    this.pair.progress = { ...this.pair.progress, dirtyBytes: map.dirtyBytes, totalBytes: volume.size };
  }

  /** Runs `work` while no epoch of the source is half applied here. */
  async atBoundary<T>(work: () => Promise<T>): Promise<T> {
    const { journal } = await this.#open();
    return await journal.atBoundary(work);
  }

  /** Until the stream ends. One that is there already gives way: it may be dead. */
  async attach(channel: MirrorChannel): Promise<void> {
    let last: Promise<void>;
    do {
      last = this.#running;
      await this.#hangUp('the partner has dialled anew');
      // What is being decided without the partner it hears of first.
      await this.#transition?.catch(() => {});
    } while (this.#running !== last);
    if (this.#closed || this.pair.removed) return channel.close();
    this.#channel = channel;
    const running = this.#run(channel);
    this.#running = running.catch(() => {});
    await running;
  }

  async #hangUp(reason: string): Promise<void> {
    this.#session?.close(reason);
    this.#channel?.close();
    await this.#running;
  }

  /** The steps of this member. `copy`: a copy comes first. `partner`: the other member decides. */
  planFor({ operation, arrow, alone }: AcceptedOrder): readonly TransitionStep[] | 'copy' | 'partner' {
    const { pair, clock } = this.#parts;
    const accepted = stepAssociation(pair.record, { type: 'operation-accepted', operation, arrow }, clock.now());
    if (accepted === null || accepted === 'removed' || accepted.work?.phase !== 'transition') return 'copy';
    const { decider, deciderSteps } = planTransition(accepted, { alone });
    return alone || decider === this.here ? deciderSteps : 'partner';
  }

  /** Begins what was ordered: a sentence why not; null: it has begun, or ended. `turns`: other pairs go with it. */
  async begin(order: AcceptedOrder, turns: PairTurns | null = null): Promise<string | null> {
    const { pair, clock } = this.#parts;
    const { operation, arrow, force, alone } = order;
    const refusal = this.#refusal(operation);
    if (refusal !== null) {
      turns?.end(new TandemError('REFUSED', refusal));
      return refusal;
    }
    const accepted = stepAssociation(
      pair.record,
      { type: 'operation-accepted', operation, arrow },
      clock.now(),
    ) as Association;
    const copiesFirst = accepted.work?.phase === 'copy';
    const decider = copiesFirst ? 'target' : planTransition(accepted, { alone }).decider;
    if (!alone && decider !== this.here) return await orderAtPartner(pair, this.#session!, order);
    const taken = await pair.step({ type: 'operation-accepted', operation, arrow });
    if (taken === null) {
      const sentence = 'another order came first; look at the pair and give yours again';
      turns?.end(new TandemError('REFUSED', `${place(pair.record)}: ${sentence}`));
      return sentence;
    }
    if (!copiesFirst) return await this.#decide({ force, alone, turns });
    await this.#session?.tell();
    return null;
  }

  /** As `refuseBesideMirrors`; of a source elsewhere its own member knows. */
  #refusal(operation: ReplicaOperation): string | null {
    const { pair, pairs } = this.#parts;
    return pair.record.here === 'source' ? refuseBesideMirrors(pairs, pair, operation) : null;
  }

  /** What was decided is told, or cannot be, when it settles. */
  async told(): Promise<void> {
    await this.#transition?.catch(() => {});
  }

  /** Everything is at rest when it settles. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unfollowed.close();
    this.#grace?.();
    await this.#hangUp('the pair is not kept any more');
    await this.#transition?.catch(() => {});
    this.#parts.pairs.dirtyContexts.delete(this.pair.id);
    const element = await this.#element?.catch(() => null);
    if (element) await this.#parts.journals.leave(element.volume);
  }

  /** A failback has copied: the roles are switched. */
  #goOn(): void {
    const { work } = this.pair.record;
    if (this.pair.removed || work?.phase !== 'transition' || work.operation !== 'Failback') return;
    if (this.here !== 'target' || this.#transition !== null || !this.reachable) return;
    this.#decide({ force: true, alone: false, turns: null }).catch(error =>
      this.#parts.log.error({ error, replica: this.pair.id }, 'a failback was not brought to its end'),
    );
  }

  #decide(order: Decision): Promise<string | null> {
    const transition = this.#carryOut(order).finally(() => {
      this.#transition = null;
    });
    this.#transition = transition;
    return transition;
  }

  async #carryOut({ force, alone, turns }: Decision): Promise<string | null> {
    const { elements, member, uuid, clock, factsOf, log } = this.#parts;
    const { pair } = this;
    // A partner that is just being met would believe what it was told before: it is met anew, with what was decided.
    if (alone) await this.#hangUp('an order was given before the members had met');
    const session = alone ? null : this.#session;
    const id = uuid();
    const operation = pair.record.work!.operation!;
    const transition = new MirrorTransition({
      id,
      pair,
      element: await this.#open(),
      elements,
      partner: session?.partner ?? null,
      member,
      uuid,
      now: () => clock.now(),
      force,
      part: 'decider',
      setBack: work => this.#setBack(work),
      riskAtDecision: () => {
        const facts = { ...factsOf(pair), peerReachable: !alone };
        if (force || !isAtRisk(operation, { association: pair.record, facts })) return null;
        return `meanwhile it would lose writes that only one side has: give Force`;
      },
      turns,
    });
    try {
      const run = transition.run(planTransition(pair.record, { alone }).deciderSteps);
      await (session === null ? run : session.during(run));
      return null;
    } catch (error) {
      log.info(
        { replica: pair.id, operation, reason: messageOf(error) },
        'an operation was not carried out to its end',
      );
      // The partner hears of what was decided when it is back.
      if (transition.decided) return null;
      pair.trouble = messageOf(error);
      await pair.step({ type: 'transition-aborted' });
      if (!pair.removed) await pair.note({ intent: null });
      await session?.partner.send({ kind: 'abandon', id }).catch(() => {});
      return messageOf(error);
    } finally {
      session?.flows.follow();
    }
  }

  async #run(channel: MirrorChannel): Promise<void> {
    const { elements, member, ordered, paceOf, verifying, xxh64, clock, uuid, log } = this.#parts;
    const { pair } = this;
    const session = new MirrorSession({
      pair,
      channel,
      element: await this.#open(),
      elements,
      member,
      goAlone: () => this.#goAlone(),
      setBack: work => this.#setBack(work),
      pace: paceOf(pair),
      ordered: (operation, force) => ordered(pair, operation, force),
      refusal: operation => this.#refusal(operation),
      verifying,
      onMet: () => this.#met(),
      xxh64,
      clock,
      uuid,
      log,
    });
    this.#session = session;
    try {
      await session.run();
    } finally {
      this.#session = null;
      if (!this.#closed && !pair.removed) this.#lost();
    }
  }

  /** `work` brings the volume back to an earlier moment: whoever has it from here lacks that, and looks at all of it. */
  async #setBack(work: () => Promise<void>): Promise<void> {
    const others = this.#parts.beside(this);
    for (const other of others) await other.#lacksAll();
    await work();
    for (const other of others) other.#session?.close();
  }

  async #lacksAll(): Promise<void> {
    const { map } = await this.#open();
    map.mark(0, map.size);
    await map.save();
  }

  #met(): void {
    this.#grace?.();
    this.#grace = null;
    this.pair.restrict('source', null);
    this.pair.progress = { ...this.pair.progress, paused: false };
    this.pair.touch();
    this.#parts.groups.changed(this.pair.id);
    this.#goOn();
  }

  #lost(): void {
    const { clock } = this.#parts;
    const { pair } = this;
    const { flow } = dutiesOf(pair.record);
    // What takes no writes anyway does not take them when the wait is over.
    const writable = pair.access('source') === 'read-write';
    if (this.#stopsHostIo() && flow !== 'none' && writable) pair.restrict('source', 'held');
    this.#lackTime.lost();
    pair.progress = { ...pair.progress, paused: true, lagBytes: 0 };
    this.#grace ??= clock.after(LIMITS.mirrorGraceMs, () => {
      this.#grace = null;
      pair
        .step({ type: 'link-broken' })
        .catch(error => this.#parts.log.error({ error }, 'a lost link was not noted'))
        .finally(() => {
          pair.restrict('source', null);
          pair.touch();
        });
    });
  }

  /** A write that cannot reach the partner is about to be answered. */
  async #goAlone(): Promise<void> {
    const { pair } = this;
    // Clients have been sent away before: nothing more is answered.
    if (this.#closed) return;
    const access = pair.access(this.here);
    if (access === 'read-only' || access === 'closed') return;
    if (access === 'held' || (this.#stopsHostIo() && dutiesOf(pair.record).flow !== 'none')) {
      // Whoever wrote waits for it; where the link is up it is the flow that has ended, as the record is about to say.
      if (this.reachable) await this.#parts.clock.sleep(LIMITS.mirrorFlowLookMs, new AbortController().signal);
      else if (access !== 'held') pair.restrict('source', 'held');
      throw new TandemError('PEER_UNREACHABLE', 'the partner is out of reach, and a write must reach both members');
    }
    await pair.note(({ generations }) => {
      const alone = beginAlone(generations, this.#parts.uuid());
      return alone === generations ? {} : { generations: alone };
    });
  }

  #stopsHostIo(): boolean {
    return this.here === 'source' && stopsHostIo(this.pair.record);
  }

  #open(): Promise<MirrorElement> {
    this.#element ??= this.#openElement().catch(error => {
      this.#element = null;
      throw error;
    });
    return this.#element;
  }

  async #openElement(): Promise<MirrorElement> {
    const { elements, trackers, journals, pairs, groups, hold, moments, uuid, clock } = this.#parts;
    const { pair } = this;
    const { id } = pair;
    const volume = elements.volume(pair.record[this.here].name);
    const map = await trackers.map(volume, id);
    this.#map = map;
    const left = isCloneSource(pair.record) ? await trackers.map(volume, leftMapOf(id)) : null;
    const moment = () => moments.get(id);
    const point = left && new ClonePoint({ pair, volume, since: map, left, hold, moment, uuid, clock });
    pairs.dirtyContexts.set(id, { element: volume.name, context: dirtyContext(id, map.dirty) });
    const half = (): string | null => halfBeside(pairs, pair, volume.name);
    return { volume, map, point, group: groups.of(pair), half, journal: await journals.use(volume) };
  }
}
