/** The jobs of ordered operations: each follows its pair, and is kept for a while after its end. */
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { TaskLine } from '../base/task-line.ts';
import { percentSynced } from '../model/association-record.ts';
import { createJob, expiredJobs, isJobOver, type Job, type JobEvent, stepJob } from '../model/concrete-job.ts';
import { place } from '../model/refusal.ts';
import type { Verification } from '../model/verification.ts';
import type { Pair } from './pair.ts';
import type { KeptJob, ReplicaBook } from './replica-book.ts';

export interface JobBookParts {
  readonly book: ReplicaBook;
  readonly uuid: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a job works on: a pair of volumes, or a replicated folder as it is at this moment. */
export type JobSubject = Pick<Pair, 'id' | 'record' | 'removed' | 'progress' | 'reason' | 'verification'>;

export interface JobStart {
  /** For people: what is being done. */
  readonly what: string;
  readonly pair: JobSubject;
  readonly arrival: KeptJob['arrival'];
}

export class JobBook {
  readonly #parts: JobBookParts;
  readonly #line = new TaskLine();
  /** What changes all the time is not kept. */
  readonly #percents = new Map<string, number>();

  constructor(parts: JobBookParts) {
    this.#parts = parts;
  }

  list(): readonly KeptJob[] {
    return [...this.#parts.book.jobs.values()].map(kept => this.#current(kept));
  }

  get(id: string): KeptJob | undefined {
    const kept = this.#parts.book.jobs.get(id);
    return kept && this.#current(kept);
  }

  /** Running from now on; what ran on the same pair has been given up for it. */
  async start({ what, pair, arrival }: JobStart): Promise<Job> {
    const { uuid, clock } = this.#parts;
    const now = clock.now();
    return await this.#line.run(async () => {
      const begun = stepJob(createJob(uuid(), `${what}: ${place(pair.record)}`, now), { type: 'begins' }, now)!;
      // A verification has an end of its own.
      const others = this.#activeOf(pair.id).filter(kept => kept.arrival !== 'verified' || arrival === 'verified');
      const superseded = others.map(kept => stepped(kept, { type: 'terminated' }, now));
      const expired = expiredJobs(
        this.list().map(({ job }) => job),
        { now, keepMs: LIMITS.replicaJobKeepMs },
      );
      const all = [...superseded, { job: begun, subject: pair.id, arrival }];
      await this.#parts.book.commit({
        jobs: {
          ...Object.fromEntries(expired.map(({ id }) => [id, null])),
          ...Object.fromEntries(all.map(kept => [kept.job.id, kept])),
        },
      });
      return begun;
    });
  }

  /** The pair has changed: its job may have come to its end. */
  follow(pair: JobSubject): void {
    const active = this.#activeOf(pair.id);
    if (active.length === 0) return;
    void this.#line
      .run(async () => {
        for (const kept of this.#activeOf(pair.id)) await this.#step(kept, eventOf(pair, kept));
      })
      .catch(error => this.#parts.log.warn({ reason: messageOf(error) }, 'a job could not be noted'));
  }

  /** Tells whatever runs on this subject. */
  async tell(subject: string, event: JobEvent): Promise<void> {
    if (this.#activeOf(subject).length === 0) return;
    await this.#line.run(async () => {
      for (const kept of this.#activeOf(subject)) await this.#step(kept, event);
    });
  }

  /** Ends jobs whose pair went while nobody followed it. */
  async endOrphans(): Promise<void> {
    const { book, clock } = this.#parts;
    await this.#line.run(async () => {
      const ended = [...book.jobs.values()]
        .filter(({ subject, job }) => !isJobOver(job.state) && !book.pairs.has(subject) && !book.groups.has(subject))
        .map(kept => stepped(kept, kept.arrival === 'removed' ? { type: 'completed' } : ORPHANED, clock.now()));
      if (ended.length > 0) await book.commit({ jobs: Object.fromEntries(ended.map(kept => [kept.job.id, kept])) });
    });
  }

  /** Resolves when everything that was told before is noted. */
  settled(): Promise<void> {
    return this.#line.idle();
  }

  /** Drops a job that is of no more interest. */
  async forget(id: string): Promise<void> {
    await this.#line.run(() => this.#parts.book.commit({ jobs: { [id]: null } }));
  }

  async replace(job: Job): Promise<void> {
    const kept = this.#parts.book.jobs.get(job.id);
    if (kept) await this.#line.run(() => this.#parts.book.commit({ jobs: { [job.id]: { ...kept, job } } }));
  }

  async #step(kept: KeptJob, event: JobEvent): Promise<void> {
    const { id, state } = kept.job;
    if (event.type === 'progress') this.#percents.set(id, event.percentComplete);
    const next = stepped(this.#current(kept), event, this.#parts.clock.now());
    if (next.job.state === state && event.type === 'progress') return;
    if (isJobOver(next.job.state)) this.#percents.delete(id);
    if (next.job.state !== state) await this.#parts.book.commit({ jobs: { [id]: next } });
  }

  #current(kept: KeptJob): KeptJob {
    const percent = this.#percents.get(kept.job.id);
    return percent === undefined
      ? kept
      : stepped(kept, { type: 'progress', percentComplete: percent, cancellable: kept.job.cancellable }, 0);
  }

  #activeOf(pair: string): readonly KeptJob[] {
    return [...this.#parts.book.jobs.values()].filter(({ subject, job }) => subject === pair && !isJobOver(job.state));
  }
}

const ORPHANED: JobEvent = { type: 'failed', errorCode: 4, errorDescription: 'the pair was removed' };

function stepped(kept: KeptJob, event: JobEvent, now: number): KeptJob {
  const job = stepJob(kept.job, event, now);
  return job === null ? kept : { ...kept, job };
}

function eventOf(pair: JobSubject, { arrival, job }: KeptJob): JobEvent {
  if (pair.removed) {
    if (arrival === 'removed' || pair.record.detachWhenCopied) return { type: 'completed' };
    return ORPHANED;
  }
  if (arrival === 'verified')
    return pair.verification === null ? ORPHANED : eventOfVerification(pair, pair.verification, job);
  const { record, progress } = pair;
  // What changes all the time may be in step for a moment only; that it was is kept.
  if (record.kind === 'folder' && record.requestedCopyState === 'Not Applicable') return { type: 'completed' };
  if (record.kind === 'folder' && record.copyState === 'Partitioned') return { type: 'pauses' };
  if (record.work !== null) {
    if (progress.paused) return { type: 'pauses' };
    if (job.state === 'Suspended') return { type: 'goes-on' };
    const percent = percentSynced(record, progress);
    return { type: 'progress', percentComplete: percent ?? 0, cancellable: record.work.phase === 'copy' };
  }
  if (record.copyState === arrival) return { type: 'completed' };
  if (record.copyState === 'Initialized') return { type: 'progress', percentComplete: 0, cancellable: false };
  if (record.copyState === 'Broken' && record.brokenBy === 'link' && record.recoveryMode === 'Automatic')
    return { type: 'pauses' };
  const why = pair.reason === null ? '' : `: ${pair.reason}`;
  return { type: 'failed', errorCode: 4, errorDescription: `it is ${record.copyState} instead of ${arrival}${why}` };
}

function eventOfVerification({ record }: JobSubject, verification: Verification, job: Job): JobEvent {
  const { state, comparedBytes, sizeBytes, reason } = verification;
  switch (state) {
    case 'done':
      return { type: 'completed' };
    case 'cancelled':
      return { type: 'terminated' };
    case 'failed':
      return { type: 'failed', errorCode: 4, errorDescription: reason ?? '' };
    case 'running': {
      const flows = record.copyState === 'Synchronized' && record.work === null;
      if (!flows) return { type: 'pauses' };
      if (job.state === 'Suspended') return { type: 'goes-on' };
      return { type: 'progress', percentComplete: (100 * comparedBytes) / Math.max(1, sizeBytes), cancellable: true };
    }
  }
}
