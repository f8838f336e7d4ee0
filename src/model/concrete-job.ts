/** CIM_ConcreteJob: the states of a job and what may be asked of it. [volumes.md §2.4] */
import type { JobRequest, JobState } from './replica-values.ts';

export interface Job {
  readonly id: string;
  /** The association or group it works on, and the operation: for people. */
  readonly about: string;
  readonly state: JobState;
  readonly percentComplete: number;
  /** A return code of the method; 0: none. */
  readonly errorCode: number;
  readonly errorDescription: string;
  /** Milliseconds since the Unix epoch; null: not yet. */
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** Its work can be given up at this moment without harm. */
  readonly cancellable: boolean;
}

export type JobEvent =
  | { readonly type: 'begins' }
  | { readonly type: 'progress'; readonly percentComplete: number; readonly cancellable: boolean }
  /** It waits for a link, a schedule or Resume; and goes on. */
  | { readonly type: 'pauses' }
  | { readonly type: 'goes-on' }
  | { readonly type: 'completed' }
  | { readonly type: 'failed'; readonly errorCode: number; readonly errorDescription: string }
  /** What was asked for has come to pass: its work was given up in order, or dropped at once. */
  | { readonly type: 'terminated' }
  | { readonly type: 'killed' };

export type JobAnswer =
  | { readonly returnCode: 0; readonly job: Job }
  /** Under way: the state says when it has come to pass. */
  | { readonly returnCode: 4096; readonly job: Job }
  /** 4097: not in this state. 4098: a timeout is not supported. 4099: what runs cannot be given up just now. */
  | { readonly returnCode: 4097 | 4098 | 4099 };

export function createJob(id: string, about: string, now: number): Job {
  return {
    id,
    about,
    state: 'New',
    percentComplete: 0,
    errorCode: 0,
    errorDescription: '',
    startedAt: now,
    endedAt: null,
    cancellable: true,
  };
}

type Arrows = Readonly<Partial<Record<JobEvent['type'], JobState>>>;

const RUNNING: Arrows = { completed: 'Completed', failed: 'Exception', killed: 'Killed', terminated: 'Terminated' };
const ARROWS: Readonly<Partial<Record<JobState, Arrows>>> = {
  New: { begins: 'Running', failed: 'Exception', terminated: 'Terminated', killed: 'Killed' },
  Running: { ...RUNNING, progress: 'Running', pauses: 'Suspended' },
  Suspended: { ...RUNNING, progress: 'Suspended', 'goes-on': 'Running' },
  // What was completed in the meantime is complete.
  'Shutting Down': { ...RUNNING, progress: 'Shutting Down' },
};

/** Null: the event means nothing in this state; one that has ended stays as it is. */
export function stepJob(job: Job, event: JobEvent, now: number): Job | null {
  const state = ARROWS[job.state]?.[event.type];
  if (state === undefined) return null;
  const next: Job = { ...job, state, endedAt: isJobOver(state) ? now : null };
  switch (event.type) {
    case 'progress':
      // A copy that finds more to do than it knew of does not go back for those who watch.
      return {
        ...next,
        percentComplete: Math.max(job.percentComplete, Math.min(99, Math.floor(event.percentComplete))),
        cancellable: event.cancellable,
      };
    case 'completed':
      return { ...next, percentComplete: 100, cancellable: false };
    case 'failed':
      return { ...next, errorCode: event.errorCode, errorDescription: event.errorDescription, cancellable: false };
    default:
      return isJobOver(state) ? { ...next, cancellable: false } : next;
  }
}

/** RequestStateChange. Terminate ends a copy in order, as Abort does; Kill does not wait for what is on its way. */
export function requestJobState(job: Job, request: JobRequest, timeoutGiven: boolean): JobAnswer {
  if (timeoutGiven) return { returnCode: 4098 };
  const { state, cancellable } = job;
  switch (request) {
    case 'Suspend':
      if (state !== 'Running') return { returnCode: 4097 };
      return { returnCode: 4096, job };
    case 'Start':
      return state === 'Suspended' || state === 'New' ? { returnCode: 4096, job } : { returnCode: 4097 };
    case 'Terminate':
      if (state !== 'New' && state !== 'Running' && state !== 'Suspended') return { returnCode: 4097 };
      return cancellable ? { returnCode: 4096, job: { ...job, state: 'Shutting Down' } } : { returnCode: 4099 };
    case 'Kill':
      if (isJobOver(state)) return { returnCode: 4097 };
      return cancellable ? { returnCode: 4096, job: { ...job, state: 'Shutting Down' } } : { returnCode: 4099 };
    case 'Service':
      return { returnCode: 4097 };
  }
}

export function isJobOver(state: JobState): boolean {
  return state === 'Completed' || state === 'Terminated' || state === 'Killed' || state === 'Exception';
}

/** Jobs that ended longer ago than this are forgotten. Those that run never are. */
export function expiredJobs(jobs: readonly Job[], { now, keepMs }: { now: number; keepMs: number }): readonly Job[] {
  return jobs.filter(({ endedAt }) => endedAt !== null && now - endedAt >= keepMs);
}
