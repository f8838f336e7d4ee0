/**
 * Verifications of this member's mirrors: the source compares all its bytes with the target's, piece by piece, while both are in use.
 * What runs outlasts a link that is lost, copies and restarts, and goes on where it was; it ends with an order that stops the flow.
 */
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { formatBytes } from '../base/sizes-and-durations.ts';
import type { PaceNow } from '../model/copy-plan.ts';
import type { MirrorMessage } from '../model/mirror-message.ts';
import { place, type Refusal } from '../model/refusal.ts';
import {
  beginVerification,
  endVerification,
  judgeVerification,
  noteCopied,
  type Verification,
  verificationStanding,
} from '../model/verification.ts';
import type { JobBook } from './job-book.ts';
import { failedOutcome, type MethodOutcome, refusedOutcome } from './method-outcome.ts';
import type { MirrorPair } from './mirror-pair.ts';
import type { OrderAnswer } from './mirror-session.ts';
import type { Pair } from './pair.ts';
import { untilMet } from './pair-orders.ts';
import { runVerification } from './verify-run.ts';

export interface VerificationsParts {
  readonly member: string;
  readonly jobs: JobBook;
  /** Null: both elements are here. */
  readonly mirrorOf: (pair: Pair) => MirrorPair | null;
  readonly sizeOf: (mirror: MirrorPair) => number;
  readonly paceOf: (mirror: MirrorPair) => PaceNow;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly emit: Emit;
  readonly log: Log;
  /** This member stops. */
  readonly end: AbortSignal;
}

/** What a partner says of verifications. */
export interface VerifyDesk {
  ordered(pair: Pair, order: VerifyOrder): Promise<OrderAnswer>;
  learn(pair: Pair, verification: Verification): Promise<void>;
}

type Refused = Pick<Refusal, 'returnCode' | 'sentence'>;
type VerifyOrder = Omit<Extract<MirrorMessage, { kind: 'verify' }>, 'kind'>;

export class Verifications implements VerifyDesk {
  readonly #parts: VerificationsParts;
  readonly #driven = new Map<string, Promise<void>>();

  constructor(parts: VerificationsParts) {
    this.#parts = parts;
  }

  /** Ordered here, at either member. 0: it has ended already. 4096: it runs. */
  async begin(pair: Pair, repair: boolean): Promise<MethodOutcome> {
    const { jobs, uuid } = this.#parts;
    const id = uuid();
    if (this.#refusal(pair)?.detail === 'peer_unreachable') {
      await untilMet(pair, () => this.#parts.mirrorOf(pair)?.redialled === true);
      await untilCopied(pair);
    }
    const refusal = this.#refusal(pair);
    if (refusal !== null) return refusedOutcome(refusal, pair.id);
    const problem = await this.#order(pair, { id, repair, cancel: false });
    if (problem !== null) return { ...failedOutcome(problem.sentence, pair.id), returnCode: problem.returnCode };
    const what = repair ? 'Verify and repair' : 'Verify';
    const job = await jobs.start({ what, pair, arrival: 'verified' });
    jobs.follow(pair);
    const current = (): Verification | null => (pair.verification?.id === id ? pair.verification : null);
    await pair.within(LIMITS.replicaAnswerMs, () => pair.removed || current()?.state !== 'running');
    const now = current();
    if (now === null || now.state !== 'done') {
      if (now?.state === 'failed') return failedOutcome(`${what} failed: ${now.reason}`, pair.id);
      const sentence = `${place(pair.record)} is being verified; see “tandem job show ${job.id}”`;
      return { returnCode: 4096, sentence, detail: null, synchronization: pair.id, job: job.id };
    }
    jobs.follow(pair);
    await jobs.settled();
    const sentence = `${place(pair.record)}: ${foundBy(now)}`;
    return { returnCode: 0, sentence, detail: null, synchronization: pair.id, job: null };
  }

  /** Ordered here, of what runs. */
  async cancel(pair: Pair): Promise<OrderAnswer> {
    const id = pair.verification?.id;
    const nothing = { returnCode: 4097, sentence: 'it does not run any more; see “tandem job show”' };
    if (id === undefined || pair.verification?.state !== 'running') return nothing;
    const problem = await this.#order(pair, { id, repair: false, cancel: true });
    if (problem !== null) return { returnCode: 4099, sentence: problem.sentence };
    const ended = (): boolean => pair.removed || pair.verification?.id !== id || pair.verification.state !== 'running';
    await pair.within(LIMITS.replicaAnswerMs, ended);
    return { returnCode: 0, sentence: `${place(pair.record)} is verified no more` };
  }

  async ordered(pair: Pair, { id, repair, cancel }: VerifyOrder): Promise<OrderAnswer> {
    if (cancel) {
      if (pair.verification?.id === id) await this.#finish(pair, { state: 'cancelled' });
      return { returnCode: 0, sentence: '' };
    }
    if (pair.record.here === 'source') {
      // To whoever orders it there, a copy may have ended already.
      await untilCopied(pair);
      const refusal = this.#refusal(pair);
      if (refusal !== null) return refusal;
    }
    return (await this.#start(pair, { id, repair })) ?? { returnCode: 4096, sentence: '' };
  }

  async learn(pair: Pair, verification: Verification): Promise<void> {
    const before = pair.verification;
    // What this member runs it knows better.
    if (verification.member !== this.#partnerOf(pair)) return;
    if (before?.state === 'running' && this.#isMine(before)) return;
    const news = before?.id !== verification.id || before.state !== verification.state;
    await pair.verified(verification, { durable: news });
    if (!news) pair.touch();
    if (news && verification.state !== 'running') this.#tellEvent(pair, verification);
  }

  /** A copy has brought all that was known to differ. */
  async copied(pair: Pair): Promise<void> {
    const { verification } = pair;
    if (verification === null || verification.ranges.length === 0) return;
    await pair.verified(noteCopied(verification), { durable: true });
  }

  /** What is to run here begins, or goes on. */
  look(pair: Pair): void {
    const { log, clock, end } = this.#parts;
    const { verification } = pair;
    if (this.#driven.has(pair.id) || end.aborted || pair.removed) return;
    if (verification?.state !== 'running' || !this.#isMine(verification)) return;
    const driven = this.#drive(pair, verification.id)
      .catch(async error => {
        if (end.aborted) return;
        log.warn({ replica: pair.id, reason: messageOf(error) }, 'a verification stands still for a while');
        await clock.sleep(LIMITS.volumeRetryMs, end).catch(() => {});
      })
      .finally(() => {
        this.#driven.delete(pair.id);
        this.look(pair);
      });
    this.#driven.set(pair.id, driven);
  }

  /** After the end. */
  async close(): Promise<void> {
    await Promise.all(this.#driven.values());
  }

  #refusal(pair: Pair) {
    const { verification, record } = pair;
    const mirror = this.#parts.mirrorOf(pair);
    return judgeVerification(record, {
      peerReachable: mirror?.reachable === true,
      peerVerifies: mirror?.session?.partnerVerifies === true,
      // What runs at the partner it says itself.
      running: verification?.state === 'running' && this.#isMine(verification),
    });
  }

  /** Why it is not carried out; null: it is. */
  async #order(pair: Pair, order: VerifyOrder): Promise<Refused | null> {
    if (order.cancel ? this.#isMine(pair.verification!) : pair.record.here === 'source') {
      if (order.cancel) await this.#finish(pair, { state: 'cancelled' });
      return order.cancel ? null : await this.#start(pair, order);
    }
    const session = this.#parts.mirrorOf(pair)?.session ?? null;
    if (session === null) return { returnCode: 4, sentence: 'the partner is out of reach' };
    try {
      const { returnCode, sentence } = await session.verify(order);
      if (returnCode !== 0 && returnCode !== 4096) return { returnCode: REFUSALS.get(returnCode) ?? 4, sentence };
    } catch (error) {
      return { returnCode: 4, sentence: messageOf(error) };
    }
    // It was told before the answer.
    await pair.within(LIMITS.replicaAnswerMs, () => pair.removed || pair.verification?.id === order.id);
    return null;
  }

  async #start(pair: Pair, { id, repair }: Pick<VerifyOrder, 'id' | 'repair'>): Promise<Refused | null> {
    const { member, clock, sizeOf, mirrorOf } = this.#parts;
    const mirror = mirrorOf(pair);
    if (mirror === null || mirror.here !== 'source') {
      return { returnCode: 4, sentence: 'the roles were changed; order it again' };
    }
    const known = pair.verification?.ranges ?? [];
    const verification = beginVerification({ id, member, repair, sizeBytes: sizeOf(mirror), known }, clock.now());
    await pair.verified(verification, { durable: true });
    await this.#tell(pair, verification);
    this.look(pair);
    return null;
  }

  async #drive(pair: Pair, id: string): Promise<void> {
    const { mirrorOf, paceOf, clock, end } = this.#parts;
    const runs = (): boolean => !pair.removed && pair.verification?.id === id && pair.verification.state === 'running';
    while (runs() && !end.aborted) {
      const standing = verificationStanding(pair.record);
      if (typeof standing === 'object') return await this.#finish(pair, { state: 'failed', reason: standing.never });
      const mirror = mirrorOf(pair);
      const flow = standing === 'now' && mirror?.flowing ? mirror.session!.flows.source : null;
      if (mirror !== null && flow !== null) {
        try {
          const tell = (verification: Verification): Promise<void> => this.#tell(pair, verification);
          if (await runVerification({ pair, flow, pace: paceOf(mirror), clock, runs, tell, end })) {
            return await this.#finish(pair, { state: 'done' });
          }
        } catch (error) {
          if (end.aborted) return;
          // The link was lost, or a copy comes first.
          const later = error instanceof TandemError && LATER.has(error.code);
          if (!later) return await this.#finish(pair, { state: 'failed', reason: messageOf(error) });
        }
      }
      await clock.sleep(LIMITS.mirrorPaceMs, end).catch(() => {});
    }
  }

  async #finish(pair: Pair, end: Parameters<typeof endVerification>[1]): Promise<void> {
    const { verification } = pair;
    const ended = verification && endVerification(verification, end, this.#parts.clock.now());
    if (ended === null || pair.removed) return;
    await pair.verified(ended, { durable: true });
    this.#tellEvent(pair, ended);
    await this.#tell(pair, ended);
  }

  async #tell(pair: Pair, verification: Verification): Promise<void> {
    const session = this.#parts.mirrorOf(pair)?.session ?? null;
    // Who does not hear of it is told at the next meeting.
    await session?.tellVerified(verification).catch(() => {});
  }

  #tellEvent({ id, record }: Pair, verification: Verification): void {
    const { differentBytes, repairedBytes, state } = verification;
    const fields = { replica: id, differentBytes, repairedBytes };
    const sentence = `${place(record)}: ${foundBy(verification)}`;
    if (differentBytes > 0) this.#parts.emit('REPLICA_DIFFERS', sentence, fields);
    else if (state === 'done') this.#parts.emit('REPLICA_VERIFIED', sentence, fields);
  }

  #isMine({ member }: Verification): boolean {
    return member === this.#parts.member;
  }

  #partnerOf({ record }: Pair): string {
    const { source, target } = record;
    return source.member === this.#parts.member ? target.member : source.member;
  }
}

/** What a partner may answer. */
const REFUSALS: ReadonlyMap<number, Refusal['returnCode']> = new Map(([1, 4, 5, 6] as const).map(code => [code, code]));
const LATER: ReadonlySet<string> = new Set(['CANCELLED', 'PEER_UNREACHABLE']);

function foundBy({ comparedBytes, differentBytes, repairedBytes }: Verification): string {
  const compared = `${formatBytes(comparedBytes)} compared`;
  if (differentBytes === 0) return `${compared}, nothing differs`;
  const found = `${compared}, ${formatBytes(differentBytes)} differed`;
  if (repairedBytes === differentBytes) return `${found} and were copied to the target`;
  return `${found}; “--repair”, or the next resynchronisation, copies them to the target`;
}

/** What a link that was away has left to be copied takes a moment. */
async function untilCopied(pair: Pair): Promise<void> {
  await pair.within(LIMITS.replicaAnswerMs, () => pair.removed || pair.record.work?.phase !== 'copy');
}
