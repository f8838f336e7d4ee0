/** The part of the admin API by which an administrator waits, finds reasons and reports. Orders change nothing here. */
import type { ListQuery, RecordQuery } from './backend.ts';
import type { GroupMemberRecord } from './records/group-member.ts';
import type { PropagationRecord } from './records/propagation.ts';
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
  /**
   * Writes a test file and tells of each other member when it has it; removes it afterwards. TIMED_OUT at the end if one
   * was late, REFUSED where nothing goes out of the folder.
   */
  propagationTest(query: PropagationQuery, signal: AbortSignal): AsyncIterable<PropagationRecord>;
  /** The newest first, as far as the journal reaches. */
  propagationReport(query: ListQuery): Promise<PropagationAnswer>;
  /** This member first. */
  groupMembers(): Promise<{ readonly members: readonly GroupMemberRecord[] }>;
}

export interface PropagationQuery {
  readonly folder: string;
  /** At most LIMITS.waitMs. */
  readonly timeoutMs: number;
}

export interface PropagationAnswer {
  readonly total: number;
  readonly rows: readonly PropagationRecord[];
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
