/**
 * From a partner's update to a record: judged, its content fetched or found on this host, placed in groups, committed.
 * Updates come in by `take`, content by `staged`; what cannot go on waits with a reason or is given up for now.
 */
import { Bell } from '../base/bell.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Recipe } from '../model/recipe.ts';
import type { Update } from '../model/update.ts';
import type { Gvsn, Uid } from '../model/version.ts';
import { containsVersion, EMPTY_VECTOR, mergeVectors, type VersionVector } from '../model/version-vector.ts';
import { planCircle } from './circle-breaking.ts';
import { DiskWaits } from './disk-waits.ts';
import { FailedSteps } from './failed-steps.ts';
import type { FolderCore } from './folder-core.ts';
import { type PipelineParts, runGroups } from './group-pipeline.ts';
import { type Blocked, type GroupPlan, unusedStaging } from './group-plan.ts';
import { type GroupResult, recoverGroups, runGroup } from './group-run.ts';
import { findHere, takeIn } from './intake.ts';
import { stagingIdOf } from './local-content.ts';
import { obstacleOf } from './obstacle-events.ts';
import type { Awaits, ContentSource, PendingUpdate, Round, Staged } from './pending.ts';
import { planGroup } from './placing.ts';
import { StandingClaims } from './standing-claims.ts';
import { StrayContent } from './stray-content.ts';
import type { SessionTally } from './sync-session.ts';
import { WaitingUpdates } from './waiting.ts';

export class UpdateFlow {
  readonly #core: FolderCore;
  readonly #bell = new Bell();
  readonly #attempts = new Map<Gvsn, number>();
  readonly #recipes = new Map<Gvsn, Recipe>();
  /** For other records, or for the end of their round. */
  readonly #waiting: WaitingUpdates;
  readonly #diskWaits: DiskWaits;
  readonly #failures: FailedSteps;
  readonly #strays: StrayContent;
  readonly #claims: StandingClaims;
  readonly #pipeline: PipelineParts;
  #ready: PendingUpdate[] = [];
  /** Asks for a look at directories before an update is tried again. */
  rescan: (paths: readonly string[]) => Promise<void> = async () => {};
  /** Told of every update that is dealt with; must only enqueue. */
  finished: (item: PendingUpdate) => void = () => {};
  /** Tells the sessions that something may be asked for again. */
  retry: () => void = () => {};
  /** Tells a partner that updates of its could not be processed. */
  cancelled: (connection: string, updates: readonly { gvsn: Gvsn; reason: string }[]) => void = () => {};

  constructor(core: FolderCore) {
    this.#core = core;
    this.#waiting = new WaitingUpdates(core.pending);
    this.#diskWaits = new DiskWaits(core);
    this.#failures = new FailedSteps(core, {
      rescan: paths => this.rescan(paths),
      again: item => this.#makeReady(item),
      waitForSpace: (item, detail) => this.#diskWaits.forSpace(item, detail, () => this.#makeReady(item)),
      giveUp: (item, detail, awaits) => this.#giveUp(item, detail, awaits),
    });
    this.#strays = new StrayContent(core);
    this.#pipeline = {
      core,
      takeReady: size => (this.#ready.length < size / 2 ? [] : this.#takeReady()),
      giveBack: items => this.#ready.unshift(...items),
      recipesOf: plan => this.#recipesOf(plan),
      concluded: (plan, result) => this.#concluded(plan, result),
    };
    core.onCommitted = put => {
      this.#wake(put.map(({ after }) => after.uid));
      if (core.pending.givenUpSize === 0) return;
      const versioned = put.filter(({ before, after }) => before?.gvsn !== after.gvsn);
      core.pending.recorded(new Set(versioned.map(({ after }) => after.uid)), core.clock.now());
    };
    this.#claims = new StandingClaims(core, () => this.retry());
    core.onUnclaimed = gvsns => {
      this.#claims.letGo(gvsns);
      this.#claims.drop();
    };
  }

  /** What a partner need not send: what is here, under way, or given up for now, and what rests on that. */
  have(): VersionVector {
    return mergeVectors(mergeVectors(this.#core.store.vector, this.#core.pending.points()), this.standing);
  }

  /** What is claimed as soon as updates under way are recorded. */
  get standing(): VersionVector {
    return this.#claims.versions;
  }

  /** To be called together with `have`: what is left out of the request is not answered by it. */
  openRound({ partner, connection, asOf }: Pick<Round, 'partner' | 'connection' | 'asOf'>, tally: SessionTally): Round {
    const round = { partner, connection, closed: false, abandoned: false, letGo: EMPTY_VECTOR, tally, asOf };
    this.#claims.open(round);
    return round;
  }

  async take(updates: readonly Update[], round: Round, source: ContentSource): Promise<void> {
    const core = this.#core;
    const fresh = updates.filter(
      update => !core.pending.has(update.gvsn) && !containsVersion(core.store.vector, update.gvsn),
    );
    const records = await core.store.records(fresh.map(update => update.uid));
    const taken: PendingUpdate[] = [];
    fresh.forEach((update, i) => {
      // Another partner may have brought it while the records were read.
      if (core.pending.has(update.gvsn)) return;
      const attempts = this.#attempts.get(update.gvsn) ?? 0;
      const item = takeIn(core, update, records[i], { round, source, attempts });
      if (!item) return;
      core.pending.add(item);
      taken.push(item);
    });
    if (taken.length === 0) return;
    const wanting = taken.filter(item => item.contentNeeded);
    const copied = wanting.length > 0 ? await findHere(core, wanting) : new Set<PendingUpdate>();
    for (const item of taken) {
      if (item.staged) this.staged(item, item.staged, null);
      else if (!item.contentNeeded || copied.has(item)) this.#makeReady(item);
      else source.fetch(item);
    }
  }

  /** All updates of the partner's view have been taken: the vector takes in what does not rest on what is under way. */
  async closeRound(round: Round, vector: VersionVector): Promise<void> {
    const core = this.#core;
    round.closed = true;
    await core.line.run(async () => {
      const claimVector = this.#claims.close(round, vector);
      const contact = Math.min(round.asOf ?? Number.POSITIVE_INFINITY, core.clock.now());
      const remember = contact - core.memory.lastContact > 60_000;
      await core.commit({ claimVector, ...(remember ? { memory: { lastContact: contact } } : {}) });
    });
    this.#wakeRound(round);
  }

  /** The session broke off. What it had brought and is complete goes on, the rest is asked for again. */
  abandonRound(round: Round): void {
    round.abandoned = true;
    this.#claims.abandon(round);
    for (const item of this.#core.pending.list()) {
      if (item.round === round && (item.stage === 'blocked' || item.stage === 'wait')) this.#leave(item);
    }
  }

  staged(item: PendingUpdate, staged: Staged, recipe: Recipe | null): void {
    if (!this.#core.pending.holds(item)) {
      this.#strays.came(item, staged);
      return;
    }
    item.staged = staged;
    if (recipe) this.#recipes.set(item.update.gvsn, recipe);
    this.#makeReady(item);
  }

  /** 'lost': the link broke; 'changed': the source has something newer; all others are tried again. */
  fetchFailed(
    item: PendingUpdate,
    kind: 'lost' | 'changed' | 'corrupt' | 'no-space' | 'no-staging' | 'failed',
    reason: string,
  ): void {
    const core = this.#core;
    if (!core.pending.holds(item)) return;
    if (kind === 'lost') {
      this.#leave(item);
      this.retry();
    } else if (kind === 'no-space') {
      this.#diskWaits.forSpace(item, reason, () => item.source.fetch(item));
    } else if (kind === 'no-staging') {
      this.#diskWaits.forStaging(item, reason, () => item.source.fetch(item));
    } else {
      if (kind === 'corrupt')
        core.emit('CONTENT_CORRUPT', `content received for “${item.update.name}” was wrong: ${reason}`, {
          partner: item.round.partner,
        });
      this.#giveUp(item, reason, kind === 'changed' ? 'source' : 'nobody');
      // A partial file is kept for another attempt, but not where the source itself has something newer.
      if (kind === 'changed') this.#strays.discard([stagingIdOf(item)]);
    }
  }

  /** Installs whatever is ready, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#ready.length === 0) await this.#bell.heard(signal);
      if (signal.aborted) return;
      try {
        await this.#core.line.run(() => this.#install());
      } catch (error) {
        await this.#interrupted(error, signal);
      }
    }
  }

  /** The disk as a whole refused. Nothing was recorded: everything under way is asked for again when it is well. */
  async #interrupted(error: unknown, signal: AbortSignal): Promise<void> {
    const core = this.#core;
    if (!(error instanceof TandemError) || error.reaction === 'stop-member') throw error;
    core.log.warn({ err: error }, 'installing was interrupted');
    this.drop();
    const obstacle = obstacleOf(error);
    core.obstructed(this, obstacle, error.message);
    if (error.reaction === 'halt-folder') await this.rescan(['']);
    // What had begun is looked after before anything else is; an order that releases a halted folder does the same.
    for (let recovered = false; !recovered && core.active && !signal.aborted; ) {
      await core.clock.sleep(LIMITS.diskFullRetryMs, signal).catch(() => {});
      recovered = await core.line
        .run(async () => {
          // What is missing of `.tandem/` is made again with it.
          if (obstacle !== 'stopped') await core.mark();
          await recoverGroups(core);
        })
        .then(
          () => true,
          () => false,
        );
    }
    core.obstacles.pass(this);
    this.retry();
  }

  /** Asks again for given-up updates when their time comes. */
  async runRetries(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#core.clock.sleep(1000, signal).catch(() => {});
      const due = this.#core.pending.takeDue(this.#core.clock.now());
      for (const entry of due) this.#attempts.set(entry.update.gvsn, entry.attempts);
      this.#claims.letGo(due.map(entry => entry.update.gvsn));
      if (due.length > 0) this.retry();
    }
  }

  /** Nothing more is had over this connection: what it has brought and is complete is installed, the rest is left. */
  withdraw(connection: string): void {
    const { pending } = this.#core;
    for (const item of pending.list()) {
      if (item.round.connection !== connection) continue;
      item.round.abandoned = true;
      if (item.stage !== 'running') this.#leave(item);
    }
    this.#claims.letGo(pending.takeGivenUp(connection).map(({ update }) => update.gvsn));
  }

  /** Forgets all work under way: the folder was halted. */
  drop(): void {
    this.#waiting.clear();
    this.#ready = [];
    for (const item of this.#core.pending.list()) this.#leave(item);
  }

  #makeReady(item: PendingUpdate): void {
    this.#waiting.delete(item);
    item.stage = 'running';
    item.reason = 'waits to be installed';
    item.wait = null;
    this.#ready.push(item);
    this.#bell.ring();
  }

  #takeReady(): PendingUpdate[] {
    return this.#ready.splice(0, LIMITS.installGroupFiles).filter(item => this.#core.pending.holds(item));
  }

  async #install(): Promise<void> {
    const core = this.#core;
    const items = this.#takeReady();
    if (!core.active) {
      // Made ready while the folder was being halted: nothing comes for it unless it is asked for again.
      for (const item of items) this.#leave(item);
      return;
    }
    if (items.length === 0) return;
    const first = await planGroup(core, items);
    this.#ready.unshift(...first.left);
    await runGroups(this.#pipeline, first);
  }

  /** Where an update has come to wait for others that wait for it, all of them take their places together. */
  async #breakCircle(item: PendingUpdate): Promise<void> {
    // Each of them may turn out to wait for one thing more than was known.
    for (let turn = 0; turn < LIMITS.circleTurns; turn++) {
      const circle = this.#waiting.circleFrom(item);
      if (!circle) return;
      const { plan, placed } = await planCircle(this.#core, circle);
      if (placed) return this.#deal(plan, await runGroup(this.#core, plan, this.#recipesOf(plan)));
      for (const blocked of plan.blocked) await this.#block(blocked);
    }
  }

  #recipesOf(plan: GroupPlan): ReadonlyMap<Uid, Recipe> {
    const items = plan.steps.flatMap(step => step.items);
    return new Map(
      items.flatMap(({ update }) => {
        const recipe = this.#recipes.get(update.gvsn);
        return recipe ? [[update.uid, recipe] as const] : [];
      }),
    );
  }

  /** The records of a group are durable. */
  async #concluded(plan: GroupPlan, result: GroupResult): Promise<void> {
    await this.#deal(plan, result);
    for (const { item } of plan.blocked) await this.#breakCircle(item);
    await this.#claims.settle();
    // With nothing left under way a session may be in sync, and a first synchronisation at its end.
    if (this.#core.pending.size === 0) this.retry();
  }

  async #deal(plan: GroupPlan, result: GroupResult): Promise<void> {
    const core = this.#core;
    const attempts = result.replaced.map(({ update }) => this.#attempts.get(update.gvsn) ?? 0);
    for (const item of result.done) this.#finish(item);
    for (const [i, { update, item }] of result.replaced.entries()) {
      const again = item && { ...item, update, staged: null, attempts: attempts[i]! };
      if (again) this.#giveUp(again, 'it is settled here until the partners have settled it');
    }
    this.#strays.discard(unusedStaging(result.done, plan));
    for (const blocked of plan.blocked) await this.#block(blocked);
    // Only now: what came to wait in this very group may wait for something the group has brought.
    this.#wake([...result.done.map(item => item.update.uid), ...result.committed.map(record => record.uid)]);
    const came = result.committed.filter(({ kind, present }) => kind === 'directory' && present);
    core.pending.directoriesCame(new Set(came.map(record => record.uid)), core.clock.now());
    for (const { item, reason } of plan.rejected) {
      core.emit('UPDATE_REJECTED', `“${item.update.name}” from ${item.round.partner} cannot be taken: ${reason}`, {
        partner: item.round.partner,
      });
      this.#giveUp(item, reason);
    }
    for (const item of plan.unfetched) item.source.fetch(item);
    for (const failed of result.failed) this.#failures.stepFailed(failed);
  }

  /** Without an outcome: the update will be offered again. */
  #leave(item: PendingUpdate): void {
    this.#core.pending.remove(item);
    this.#clear(item);
    this.#claims.letGo([item.update.gvsn]);
    this.#wake([item.update.uid]);
    if (item.staged) this.#strays.discard([item.staged.stagingId]);
  }

  #finish(item: PendingUpdate): void {
    this.#core.pending.remove(item);
    this.#clear(item);
    item.forced?.();
    this.finished(item);
    item.round.tally.updatesTransferred++;
    this.#attempts.delete(item.update.gvsn);
  }

  /** Forgets what was only needed while it was under way. */
  #clear(item: PendingUpdate): void {
    this.#waiting.delete(item);
    this.#core.obstacles.pass(item);
    this.#recipes.delete(item.update.gvsn);
    this.#strays.ended(item);
  }

  async #block({ item, wait, reason, closed }: Blocked): Promise<void> {
    const core = this.#core;
    if (item.round.abandoned) return this.#leave(item);
    this.#waiting.add(item);
    item.stage = 'blocked';
    item.reason = reason;
    item.wait = wait;
    // The round ended while the group was being carried out: what it waited for may be no reason any more.
    if (item.round.closed && !closed) return this.#makeReady(item);
    const uids = wait?.on ?? [];
    const isOnItsWay = (uid: Uid): boolean => core.pending.ofUid(uid).some(other => other !== item);
    if (!item.round.closed || uids.some(isOnItsWay)) return;
    const givenUp = core.pending.givenUpUids();
    if (uids.some(uid => givenUp.has(uid))) return this.#giveUp(item, reason);
    const records = await core.store.records(uids);
    if (records.includes(undefined)) this.#giveUp(item, `${reason}, which no partner has told of yet`, 'source');
    // What it waits for is there by now; if that does not let it go on, trying on would leave no time for anything else.
    else if (item.attempts++ < LIMITS.attemptsAtOnce) this.#makeReady(item);
    else this.#giveUp(item, reason, 'folder');
  }

  #giveUp(item: PendingUpdate, reason: string, awaits: Awaits = 'nobody'): void {
    const core = this.#core;
    this.#clear(item);
    item.attempts++;
    core.pending.giveUp(item, reason, core.clock.now(), awaits);
    if (item.staged) this.#strays.discard([item.staged.stagingId]);
    core.log.info({ name: item.update.name, reason, partner: item.round.partner }, 'update put off');
    this.cancelled(item.round.connection, [{ gvsn: item.update.gvsn, reason }]);
    this.#wake([item.update.uid]);
  }

  #wake(uids: readonly Uid[]): void {
    for (const item of this.#waiting.on(uids)) this.#makeReady(item);
  }

  #wakeRound(round: Round): void {
    for (const item of this.#waiting.inRound(round)) this.#makeReady(item);
  }
}
