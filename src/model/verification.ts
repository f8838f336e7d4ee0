/**
 * The comparison of all bytes of a mirror's source with its target's, while both are in use: how far it is, what it found, and
 * whether it goes on. Kept at the source, and told to the target.
 */
import { LIMITS } from '../base/limits.ts';
import type { Association } from './association.ts';
import type { ByteRange } from './dirty-map.ts';
import { place, type Refusal, refuse } from './refusal.ts';

export interface Verification {
  /** Drawn by the member that was given the order. */
  readonly id: string;
  /** Of the source; it carries it out. */
  readonly member: string;
  readonly state: 'running' | 'done' | 'cancelled' | 'failed';
  /** What differs is copied to the target at once. */
  readonly repair: boolean;
  /** Milliseconds since the Unix epoch; null: it has not ended. */
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly sizeBytes: number;
  /** Everything before this offset has been compared. */
  readonly comparedBytes: number;
  /** Bytes of blocks that were found to differ, and those of them that were copied to the target. */
  readonly differentBytes: number;
  readonly repairedBytes: number;
  /**
   * All that differs and was not copied since, by rising offset; what lies between neighbours may be in it. At most LIMITS.verifyRanges.
   * Behind what this one has compared it is what earlier ones found.
   */
  readonly ranges: readonly ByteRange[];
  /** Why it failed, for people; null: it did not. */
  readonly reason: string | null;
}

/** What is known of a pair beside its record when a verification is ordered. */
export interface VerifyFacts {
  readonly peerReachable: boolean;
  /** The partner knows what is asked of it. */
  readonly peerVerifies: boolean;
  readonly running: boolean;
}

/** `known`: where an earlier one found the two to differ; whoever found it. */
export function beginVerification(
  {
    id,
    member,
    repair,
    sizeBytes,
    known,
  }: Pick<Verification, 'id' | 'member' | 'repair' | 'sizeBytes'> & { readonly known: readonly ByteRange[] },
  now: number,
): Verification {
  return {
    id,
    member,
    state: 'running',
    repair,
    startedAt: now,
    endedAt: null,
    sizeBytes,
    comparedBytes: 0,
    differentBytes: 0,
    repairedBytes: 0,
    ranges: joinRanges(outside(known, sizeBytes, Number.POSITIVE_INFINITY)),
    reason: null,
  };
}

/** Everything before `end` has been compared, and `differing` was found last. `repaired`: it has been sent to the target. */
export function noteCompared(
  verification: Verification,
  {
    end,
    differing,
    repaired,
  }: { readonly end: number; readonly differing: readonly ByteRange[]; readonly repaired: boolean },
): Verification {
  const bytes = lengthOf(differing);
  const others = outside(verification.ranges, verification.comparedBytes, end);
  return {
    ...verification,
    comparedBytes: end,
    differentBytes: verification.differentBytes + bytes,
    repairedBytes: verification.repairedBytes + (repaired ? bytes : 0),
    ranges: joinRanges(repaired ? others : [...others, ...differing]),
  };
}

/** A copy has brought everything that was known to differ. */
export function noteCopied(verification: Verification): Verification {
  return { ...verification, ranges: [] };
}

/** Bytes in which the target is known, or may be known, to differ although everything that was written has reached it. */
export function knownDifferentBytes(verification: Verification | null): number {
  return verification === null ? 0 : lengthOf(verification.ranges);
}

/** Bytes that differ or may differ: those nobody has sent and those a verification found. Null: nobody counts them. */
export function outOfSyncBytes(
  { work }: Pick<Association, 'work'>,
  { dirtyBytes, totalBytes }: { readonly dirtyBytes: number | null; readonly totalBytes: number },
  verification: Verification | null,
): number | null {
  // A copy has them among what it is to bring.
  if (dirtyBytes === null || work?.phase === 'copy') return dirtyBytes;
  return Math.min(totalBytes, dirtyBytes + knownDifferentBytes(verification));
}

/** Whether the step is the end of a copy, in either direction. */
export function endsCopy(before: Association, after: Association): boolean {
  const { work } = before;
  if (work?.phase !== 'copy' || work.into === null) return false;
  if (work.activity !== 'Failing back') return after.copyState === 'Synchronized' && after.work === null;
  return after.work?.phase === 'transition' && after.work.activity === 'Failing back';
}

/** Null: it has ended before. */
export function endVerification(
  verification: Verification,
  end: { readonly state: Exclude<Verification['state'], 'running'>; readonly reason?: string },
  now: number,
): Verification | null {
  if (verification.state !== 'running') return null;
  return {
    ...verification,
    state: end.state,
    endedAt: now,
    reason: end.reason?.slice(0, LIMITS.textBytes / 4) ?? null,
  };
}

/** Whether what runs can go on: `now`, `later` when the link is back or a copy is over, or never, for a reason. */
export function verificationStanding({
  copyState,
  here,
  brokenBy,
  recoveryMode,
  work,
}: Association): 'now' | 'later' | { readonly never: string } {
  if (here !== 'source') return { never: 'the roles were changed' };
  if (work?.phase === 'transition') return 'later';
  if (copyState === 'Synchronized') return 'now';
  if (copyState === 'Unsynchronized' && work?.phase === 'copy' && work.into === 'target') return 'later';
  if (copyState === 'Broken' && brokenBy === 'link' && recoveryMode === 'Automatic') return 'later';
  return { never: `the pair is ${copyState}` };
}

/** Null: it can begin. */
export function judgeVerification(association: Association, facts: VerifyFacts): Refusal | null {
  const { syncType, copyState, sourceData, work } = association;
  const pair = place(association);
  if (syncType === 'Snapshot') {
    return refuse(
      1,
      'not_supported',
      `${pair} is a snapshot: it shows one moment of its source and does not follow it`,
    );
  }
  if (syncType === 'Clone') {
    return refuse(
      1,
      'not_supported',
      `${pair} is a clone: its source goes on without it, so nothing is to be the same`,
    );
  }
  if (facts.running) {
    return refuse(6, 'busy', `${pair} is being verified; see “tandem job list”`);
  }
  if (work !== null) return refuse(4, 'busy', `${pair} is busy: ${work.activity}; verify it when it is Synchronized`);
  if (copyState !== 'Synchronized') {
    return refuse(4, 'illegal_state', `${pair} is ${copyState}; only what is Synchronized can be verified`);
  }
  if (sourceData !== 'UpToDate') {
    return refuse(4, 'inconsistent', `the source of ${pair} is ${sourceData}: nothing can be compared with it`);
  }
  if (!facts.peerReachable) {
    return refuse(4, 'peer_unreachable', `the partner of ${pair} is out of reach; verify it when the link is back`);
  }
  if (!facts.peerVerifies) {
    return refuse(1, 'not_supported', `the partner of ${pair} runs a Tandem that cannot verify; update it first`);
  }
  return null;
}

/** Of ranges that do not overlap: where there are too many, those that lie nearest become one. */
export function joinRanges(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const joined: ByteRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.offset - b.offset)) {
    const last = joined.at(-1);
    if (last !== undefined && last.offset + last.length >= range.offset) {
      joined[joined.length - 1] = spanOf(last, range);
    } else joined.push(range);
  }
  while (joined.length > LIMITS.verifyRanges) {
    let nearest = 1;
    for (let at = 2; at < joined.length; at++) if (gapBefore(joined, at) < gapBefore(joined, nearest)) nearest = at;
    joined.splice(nearest - 1, 2, spanOf(joined[nearest - 1]!, joined[nearest]!));
  }
  return joined;
}

/** What of the ranges does not lie in [from, to). */
function outside(ranges: readonly ByteRange[], from: number, to: number): readonly ByteRange[] {
  return ranges.flatMap(({ offset, length }) => {
    const parts = [
      { offset, length: Math.min(offset + length, from) - offset },
      { offset: Math.max(offset, to), length: offset + length - Math.max(offset, to) },
    ];
    return parts.filter(part => part.length > 0);
  });
}

function lengthOf(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { length }) => sum + length, 0);
}

function spanOf(first: ByteRange, second: ByteRange): ByteRange {
  const end = Math.max(first.offset + first.length, second.offset + second.length);
  return { offset: first.offset, length: end - first.offset };
}

function gapBefore(ranges: readonly ByteRange[], at: number): number {
  const before = ranges[at - 1]!;
  return ranges[at]!.offset - before.offset - before.length;
}
