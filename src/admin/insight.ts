/** The part of the admin API by which an administrator waits, finds reasons and reports. Orders change nothing here. */
import type { RecordQuery } from './backend.ts';
import type { WaitRecord } from './records/wait.ts';
import type { WhyRecord } from './records/why.ts';

export interface InsightBackend {
  /**
   * Tells how far the member has come, the last time when it has everything that was on this host's disk at the call.
   * TIMED_OUT after `timeoutMs`; REFUSED where nothing can be known of the member, or nothing goes out from here.
   */
  waitForMember(query: WaitQuery, signal: AbortSignal): AsyncIterable<WaitRecord>;
  /** What holds a file, here and elsewhere. A path needs nothing to be there. */
  why(query: RecordQuery): Promise<WhyAnswer>;
}

export interface WhyAnswer {
  /** Below the folder's root. */
  readonly path: string;
  readonly folder: string;
  /** not-replicated, held, deleted, identical, absent */
  readonly verdict: string;
  readonly sentence: string;
  readonly holds: readonly WhyRecord[];
}

export interface WaitQuery {
  readonly folder: string;
  readonly member: string;
  /** At most LIMITS.waitMs. */
  readonly timeoutMs: number;
}
