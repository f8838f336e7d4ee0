/** All replicas of this member at work: their drivers, jobs, events, and the methods of the replication service. */
import { setMaxListeners } from 'node:events';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Volume } from '../block/volume.ts';
import type { Association } from '../model/association.ts';
import { type Job, stepJob } from '../model/concrete-job.ts';
import { type PaceNow, paceCopy } from '../model/copy-plan.ts';
import { createGenerations } from '../model/generations.ts';
import type { ElementFacts } from '../model/operation-order.ts';
import { place } from '../model/refusal.ts';
import type { ElementSide } from '../model/replica-operations.ts';
import { type JobRequest, numberOf, REPLICA_OPERATIONS } from '../model/replica-values.ts';
import { endsCopy } from '../model/verification.ts';
import type { ReplicaOffer } from '../peer/link.ts';
import { holdAtBoundary, refuseBesideMirrors } from './beside-mirror.ts';
import { dropSnapshot, leftMapOf } from './clone-point.ts';
import { GroupFlows } from './group-flows.ts';
import { GroupMoments } from './group-moments.ts';
import { createGroupReplica, type GroupReplicaWish } from './group-replica.ts';
import { JobBook } from './job-book.ts';
import { driveLocalPair, type LocalPairTools } from './local-pair.ts';
import { failedOutcome, type MethodOutcome, refusedOutcome } from './method-outcome.ts';
import { MirrorLinks } from './mirror-links.ts';
import { MirrorPair } from './mirror-pair.ts';
import type { OrderAnswer } from './mirror-session.ts';
import type { Pair } from './pair.ts';
import { availableTargets, type PairCreation, planPair, refuseTarget } from './pair-creation.ts';
import { type AcceptedOrder, BARE_ORDER, type PairOrder, PairOrders } from './pair-orders.ts';
import type { KeptJob, KeptPair, RemovedPair, ReplicaAspect } from './replica-book.ts';
import { ReplicaGroups } from './replica-groups.ts';
import { ReplicaWatch, tellChange } from './replica-watch.ts';
import type { ReplicasParts } from './replicas-parts.ts';
import { confirmTarget } from './target-confirmation.ts';
import { Verifications } from './verifications.ts';
import { VolumeJournals } from './volume-journals.ts';

export class Replicas {
  readonly jobs: JobBook;
  readonly orders: PairOrders;
  readonly groups: ReplicaGroups;
  readonly verifications: Verifications;
  /** What partners say. */
  readonly links: MirrorLinks;
  readonly #parts: ReplicasParts;
  readonly #mirrors = new Map<string, MirrorPair>();
  readonly #moments: GroupMoments;
  readonly #journals: VolumeJournals;
  readonly #groupFlows: GroupFlows;
  readonly #end = new AbortController();
  readonly #driven = new Map<string, Promise<void>>();
  readonly #watch: ReplicaWatch;

  constructor(parts: ReplicasParts) {
    this.#parts = parts;
    // As many listen as there are replicas.
    setMaxListeners(0, this.#end.signal);
    this.#watch = new ReplicaWatch(parts);
    this.jobs = new JobBook(parts);
    this.#groupFlows = new GroupFlows({ ...parts, mirrorOf: id => this.#mirrors.get(id) });
    this.#journals = new VolumeJournals(parts.files, mark => this.#groupFlows.taking.isDecided(mark));
    this.#moments = new GroupMoments({
      ...parts,
      mirrorOf: pair => this.#mirrors.get(pair.id),
      begin: (pair, order) => this.#begin(pair, order),
      hold: this.#hold,
    });
    this.orders = new PairOrders({
      jobs: this.jobs,
      clock: parts.clock,
      factsOf: pair => this.#factsOf(pair),
      isRedialled: pair => this.#mirrors.get(pair.id)?.redialled ?? false,
      begin: (pair, order) => this.#begin(pair, order),
      beginTogether: ordered => this.#moments.begin(ordered),
    });
    this.verifications = new Verifications({
      ...parts,
      jobs: this.jobs,
      mirrorOf: pair => this.#mirrors.get(pair.id) ?? null,
      sizeOf: this.#sizeOf,
      paceOf: mirror => this.#paceOf(mirror.pair, mirror.partner, mirror.here),
      end: this.#end.signal,
    });
    const changed = this.#groupFlows.look.bind(this.#groupFlows);
    this.groups = new ReplicaGroups({ ...parts, orders: this.orders, changed });
    this.links = new MirrorLinks({
      ...parts,
      mirrorOf: id => this.#mirrors.get(id),
      removed: () => parts.book.removed,
      forgetRemoved: id => this.#watch.partnerKnows(id),
      takeOffer: (caller, offer) => this.#takeOffer(caller, offer),
      listTargets: ({ name, sizeBytes }) => ({
        targets: availableTargets(parts, sizeBytes).slice(0, LIMITS.targetsTold),
        nameFree: !parts.elements.isTaken(name),
      }),
      sizeOf: this.#sizeOf,
    });
    parts.pairs.onChange((pair, before, after) => this.#changed(pair, before, after));
  }

  /** Everything goes on where it was. */
  async start(): Promise<void> {
    const { pairs, elements } = this.#parts;
    for (const pair of pairs.list()) {
      for (const side of ['source', 'target'] as const) await elements.settle(pair.record[side].name).catch(() => {});
      this.#drive(pair);
      this.jobs.follow(pair);
    }
    await this.jobs.endOrphans();
    await this.groups.forgetRemoved();
  }

  /** Looks at what nobody tells of, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, pairs } = this.#parts;
    const telling = this.links.tellRemoved(signal);
    while (!signal.aborted) {
      await clock.sleep(LIMITS.replicaWatchMs, signal).catch(() => {});
      for (const pair of pairs.list()) {
        this.#mirrors.get(pair.id)?.report();
        await this.#watch.look(pair);
      }
      await this.#watch.forgetOld();
    }
    await telling;
  }

  /** Nothing is copied any more when it settles. */
  async close(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#driven.values());
    await this.verifications.close();
    await this.jobs.settled();
  }

  /** CreateElementReplica */
  async create(wanted: PairCreation): Promise<MethodOutcome> {
    const { pairs, shelf, emit } = this.#parts;
    const planned = planPair(this.#parts, wanted);
    if ('verdict' in planned) return refusedOutcome(planned, null);
    const { kept, makesTarget, sizeBytes, waitFor, arrival } = planned;
    const { record } = kept;
    if (makesTarget)
      await shelf.create({
        name: record.target.name,
        size: sizeBytes,
        blockSize: shelf.usable(record.source.name).blockSize,
      });
    const pair = await pairs.add(kept);
    const mirror = this.#mirrorOf(pair);
    const problem = mirror && (await this.#offer(mirror, wanted.force));
    if (problem) return failedOutcome(problem, null);
    emit('REPLICA_CREATED', `${place(record)} is a ${record.syncType.toLowerCase()} now`, { replica: record.id });
    this.#drive(pair);
    return await this.orders.follow(pair, 'Create', arrival, waitFor);
  }

  /** CreateGroupReplica */
  createGroup(wish: GroupReplicaWish): Promise<MethodOutcome> {
    return createGroupReplica({ parts: this.#parts, groups: this.groups, create: wanted => this.create(wanted) }, wish);
  }
  /** ConfirmTargetData */
  confirm(pair: Pair, waitMs: number): Promise<MethodOutcome> {
    const { clock } = this.#parts;
    return confirmTarget({ pair, mirror: this.#mirrorOf(pair), waitMs, clock, end: this.#end.signal });
  }
  /** What is kept of dissolved pairs. */
  aspects(): readonly (RemovedPair & { readonly id: string; readonly aspect: ReplicaAspect })[] {
    return [...this.#parts.book.removed].flatMap(([id, { aspect, ...kept }]) =>
      aspect === null ? [] : [{ ...kept, id, aspect }],
    );
  }

  /** RequestStateChange, which has been found possible; `modify` orders what the job works on. A copy is given up as by Abort; otherwise by Suspend, and goes on as by Resume. */
  async changeJob(
    job: Job,
    request: JobRequest,
    modify: (order: PairOrder) => Promise<MethodOutcome>,
  ): Promise<{ readonly returnCode: number; readonly sentence: string }> {
    const kept = this.jobs.get(job.id);
    if (kept?.arrival === 'verified') return await this.#changeVerification(kept, request);
    const operation = request === 'Start' ? 'Resume' : request === 'Suspend' ? 'Suspend' : 'Abort';
    const outcome = await modify({ ...BARE_ORDER, operation: numberOf(REPLICA_OPERATIONS, operation) });
    const ended = stepJob(
      this.jobs.get(job.id)?.job ?? job,
      { type: request === 'Kill' ? 'killed' : 'terminated' },
      this.#parts.clock.now(),
    );
    const begun = outcome.returnCode === 0 || outcome.returnCode === 4096;
    if (begun && operation === 'Abort' && ended !== null) await this.jobs.replace(ended);
    return begun ? outcome : { returnCode: 4099, sentence: outcome.sentence };
  }

  async #changeVerification({ subject }: KeptJob, request: JobRequest): Promise<OrderAnswer> {
    const pair = this.#parts.pairs.get(subject);
    if (pair !== undefined && (request === 'Terminate' || request === 'Kill')) {
      return await this.verifications.cancel(pair);
    }
    return { returnCode: 4097, sentence: 'a verification goes on by itself, and can be given up only' };
  }

  /** A sentence why the partner does not keep the pair: then nobody does. */
  async #offer(mirror: MirrorPair, force: boolean): Promise<string | null> {
    try {
      await this.links.offer(mirror, force, this.#end.signal);
      return null;
    } catch (error) {
      await mirror.pair.remove();
      await mirror.close();
      this.#mirrors.delete(mirror.pair.id);
      return `${mirror.partner} does not keep the pair: ${messageOf(error)}`;
    }
  }

  /** A partner wants its volume mirrored here, or one of here mirrored there. */
  async #takeOffer(caller: string, { record, sizeBytes, force }: ReplicaOffer): Promise<void> {
    const { member, pairs, shelf, book, emit } = this.#parts;
    if (pairs.get(record.id) !== undefined) return;
    const { source, target } = record;
    if (
      record.syncType === 'Snapshot' ||
      source.member !== caller ||
      target.member !== member ||
      book.removed.has(record.id)
    ) {
      throw new TandemError('REFUSED', `${member} is not the target of the pair that ${caller} offers`);
    }
    const refusal = shelf.has(target.name) ? refuseTarget(this.#parts, target.name, { sizeBytes, force }) : null;
    if (refusal !== null) throw new TandemError('REFUSED', refusal.sentence);
    if (!shelf.has(target.name)) await shelf.create({ name: target.name, size: sizeBytes });
    const kept: KeptPair = {
      record: { ...record, here: 'target' },
      generations: createGenerations(null),
      intent: null,
      snapshot: null,
      desiredRpoSeconds: null,
      verification: null,
      trouble: null,
    };
    const pair = await pairs.add(kept);
    emit('REPLICA_CREATED', `${place(record)} is a ${record.syncType.toLowerCase()} now`, { replica: record.id });
    this.#drive(pair);
  }

  #factsOf({ id, record }: Pair): ElementFacts {
    const { elements, pairs } = this.#parts;
    const mirror = this.#mirrors.get(id);
    mirror?.report();
    const reachable = mirror?.reachable ?? true;
    const writersOf = (side: 'source' | 'target'): boolean => {
      const { member, name } = record[side];
      return member === this.#parts.member && elements.writers(name) > 0;
    };
    return {
      peerReachable: reachable,
      writers: { source: writersOf('source'), target: writersOf('target') },
      // A target knows of no more than it was sent.
      sourceAhead:
        mirror !== undefined &&
        (!reachable ||
          (record.here === 'source' && record.copyState !== 'Synchronized' && mirror.pair.progress.dirtyBytes !== 0)),
      heldBy: null,
      targetHasDependents: pairs
        .of(record.target.name)
        .some(({ pair, side }) => pair.id !== record.id && side === 'source'),
    };
  }

  async #begin(pair: Pair, order: AcceptedOrder): Promise<string | null> {
    const { operation, arrow } = order;
    const mirror = this.#mirrors.get(pair.id);
    if (mirror !== undefined) return await mirror.begin(order);
    const refusal = refuseBesideMirrors(this.#parts.pairs, pair, operation);
    if (refusal !== null) return refusal;
    const step = await pair.step({ type: 'operation-accepted', operation, arrow });
    return step === null ? 'another order came first; look at the pair and give yours again' : null;
  }

  readonly #sizeOf = ({ pair, here }: MirrorPair): number => this.#parts.elements.volume(pair.record[here].name).size;

  readonly #hold = (volume: Volume, work: () => Promise<void>): Promise<void> =>
    holdAtBoundary({ pairs: this.#parts.pairs, mirrorOf: pair => this.#mirrors.get(pair.id) }, volume, work);

  get #localTools(): LocalPairTools {
    return { ...this.#parts, moments: this.#moments.snapshots, hold: this.#hold };
  }

  #drive(pair: Pair): void {
    const { clock, log } = this.#parts;
    const again = async (): Promise<void> => {
      while (!this.#end.signal.aborted && !pair.removed) {
        try {
          const mirror = this.#mirrorOf(pair);
          if (mirror === null) await driveLocalPair(pair, this.#localTools, this.#end.signal);
          else await this.#driveMirror(mirror);
        } catch (error) {
          log.error({ error, replica: pair.id }, 'a replica stands still for a while');
          pair.trouble = messageOf(error);
          await clock.sleep(LIMITS.volumeRetryMs, this.#end.signal).catch(() => {});
        }
      }
    };
    const driven = again().finally(() => this.#driven.delete(pair.id));
    this.#driven.set(pair.id, driven);
  }

  async #driveMirror(mirror: MirrorPair): Promise<void> {
    const { trackers, elements } = this.#parts;
    const { pair, here } = mirror;
    const { name } = pair.record[here];
    await mirror.prepare();
    this.verifications.look(pair);
    const gone = new AbortController();
    // Aborted at once, the stream would end before the partner has heard why.
    const stop = pair.onChange(() => {
      if (pair.removed) void mirror.told().then(() => gone.abort());
    });
    try {
      await this.links.keep(mirror, AbortSignal.any([gone.signal, this.#end.signal]));
    } finally {
      stop();
      if (pair.removed || this.#end.signal.aborted) {
        await mirror.close();
        this.#mirrors.delete(pair.id);
      }
    }
    if (pair.removed) {
      // What it was copied from, or was before it was copied into, is of no use any more.
      await dropSnapshot(pair, elements.volume(name));
      for (const map of [pair.id, leftMapOf(pair.id)]) await trackers.forget(name, map);
    }
    await elements.settle(name);
  }

  /** Null: both elements are here. */
  #mirrorOf(pair: Pair): MirrorPair | null {
    if (pair.record.here === 'both') return null;
    const there = this.#mirrors.get(pair.id);
    if (there !== undefined) return there;
    const mirror: MirrorPair = new MirrorPair({
      ...this.#parts,
      journals: this.#journals,
      groups: this.#groupFlows,
      pair,
      factsOf: asked => this.#factsOf(asked),
      ordered: (asked, operation, force) =>
        this.orders.modify(asked, { ...BARE_ORDER, operation: numberOf(REPLICA_OPERATIONS, operation), force }),
      paceOf: asked => this.#paceOf(asked, mirror.partner, mirror.here),
      beside: ({ pair: asking, here }) =>
        this.#parts.pairs
          .of(asking.record[here].name)
          .flatMap(other => (other.pair === asking ? [] : (this.#mirrorOf(other.pair) ?? []))),
      hold: this.#hold,
      moments: this.#moments.snapshots,
      verifying: this.verifications,
    });
    pair.onChange(() => this.jobs.follow(pair));
    this.#mirrors.set(pair.id, mirror);
    return mirror;
  }

  #paceOf(pair: Pair, partner: string, here: ElementSide): PaceNow {
    const { elements, levelTo } = this.#parts;
    return own => {
      const { copyPriority: priority, [here]: element } = pair.record;
      return paceCopy({ priority, level: levelTo(partner), link: true }, elements.load(element.name), own);
    };
  }

  #changed(pair: Pair, before: Association | null, after: Association | null): void {
    const { elements, emit, log } = this.#parts;
    for (const side of ['source', 'target'] as const) {
      const { name } = pair.record[side];
      elements.refresh(name);
      // Before anything is copied into it, or out of it again.
      for (const other of this.#parts.pairs.of(name)) this.#mirrors.get(other.pair.id)?.look();
    }
    if (after === null && before?.group != null) {
      this.groups
        .forgetRemoved()
        .catch(error => log.error({ error, replica: pair.id }, 'a removed pair is still named by its group'));
    }
    if (before !== null && after !== null && endsCopy(before, after))
      this.verifications.copied(pair).catch(error => log.warn({ error }, 'a verification was not noted'));
    this.jobs.follow(pair);
    if (before?.copyState !== after?.copyState) this.#groupFlows.changed(pair.id);
    tellChange(emit, pair, { before, after });
  }
}
