/**
 * Two members meet again: from both records of the association and the comparison of generations each makes the same one.
 * It is symmetric: it does not matter who computes it. [volumes.md §4]
 */
import { type Association, lessThanUpToDate, startCopy, withOwnSettings } from './association.ts';
import { settle } from './association-step.ts';
import type { GenerationVerdict } from './generations.ts';
import type { ElementSide } from './replica-operations.ts';
import type { CopyState } from './replica-values.ts';

/** As one of the two members sees it. `theirs` is the partner's record. */
export interface Meeting {
  readonly ours: Association;
  readonly theirs: Association;
  readonly verdict: GenerationVerdict;
}

/** The association both members keep from now on. Everything that went on over the old link is over. */
export function stepHandshake(meeting: Meeting, now: number): Association {
  return settle(afterMeeting(meeting, now), meeting.ours.copyState, now);
}

function afterMeeting({ ours, theirs, verdict }: Meeting, now: number): Association {
  const chosen = ruling(ours, theirs);
  const member = ours.here === 'both' ? null : ours[ours.here].member;
  const adopted: Association = {
    ...withOwnSettings(chosen, ours),
    ...settingsAtSource(ours, theirs, chosen),
    here: member === null ? 'both' : chosen.source.member === member ? 'source' : 'target',
    work: null,
    sourceData: dataOf(ours, theirs, chosen.source.member),
    targetData: dataOf(ours, theirs, chosen.target.member),
    when: ours.when,
  };
  const side = sourceSideOf(verdict, adopted);
  if (UNTOUCHED.has(adopted.copyState)) return adopted;
  if (adopted.syncType === 'Clone') return cloneAfterMeeting(adopted, isBroken(ours) || isBroken(theirs), now);
  if (verdict.kind === 'unrelated') return invalid(adopted);
  if (adopted.copyState === 'Failedover') {
    // Written on both sides: what the old source has alone stays there until somebody gives it up.
    const lost = verdict.kind === 'split-brain' || (verdict.kind === 'resync' && verdict.discards);
    return { ...adopted, sourceData: lessThanUpToDate(adopted.sourceData), diverged: adopted.diverged || lost };
  }
  if (!FLOWING.has(adopted.copyState)) return adopted;
  return afterOutage(adopted, { verdict, side, broken: isBroken(ours) || isBroken(theirs) }, now);
}

/** Its two sides go their own ways but for a copy, whose direction the record says; generations say only how much it takes. */
function cloneAfterMeeting(adopted: Association, broken: boolean, now: number): Association {
  const { copyState, brokenBy, recoveryMode, lastInto } = adopted;
  if (copyState !== 'Unsynchronized' && !(copyState === 'Broken' && brokenBy === 'link')) return adopted;
  return broken && recoveryMode === 'Manual'
    ? suspended(adopted, now)
    : startCopy(adopted, { operation: null, into: lastInto });
}

/** How the pair behaves without its link is kept at the source; where both take themselves for it, the ruling record says it. */
function settingsAtSource(ours: Association, theirs: Association, ruling: Association) {
  const source = ours.here === 'source' ? ours : theirs;
  const { recoveryMode, failedCopyStopsHostIO } = ours.here === theirs.here ? ruling : source;
  return { recoveryMode, failedCopyStopsHostIO };
}

/** What a partner says of these changes nothing: no data is expected to be the same. */
const UNTOUCHED: ReadonlySet<CopyState> = new Set(['Initialized', 'Prepared', 'Invalid']);
/** Data flows in these, or would if the link had been there. */
const FLOWING: ReadonlySet<CopyState> = new Set(['Unsynchronized', 'Synchronized', 'Broken', 'Partitioned']);

function afterOutage(
  association: Association,
  {
    verdict,
    side,
    broken,
  }: { readonly verdict: GenerationVerdict; readonly side: ElementSide | null; readonly broken: boolean },
  now: number,
): Association {
  const { copyState, brokenBy } = association;
  if (copyState === 'Broken' && brokenBy !== 'link' && brokenBy !== null) return association;
  // Whether its first byte has come, and whether the source has heard the end of it before the target has, makes no difference.
  const restoring = association.lastInto === 'source';
  if (verdict.kind === 'split-brain' || (verdict.kind === 'resync' && verdict.discards)) return invalid(association);
  if (side === 'target' && !restoring) return invalid(association);
  if (broken && association.recoveryMode === 'Manual') {
    // Where the copy had come to its end after all, there is no restore to be gone on with.
    return suspended({ ...association, lastInto: side === 'target' ? 'source' : 'target' }, now);
  }
  if (verdict.kind === 'resync') {
    return startCopy(association, { operation: null, into: side === 'target' ? 'source' : 'target' });
  }
  return {
    ...association,
    copyState: 'Synchronized',
    targetData: 'UpToDate',
    targetWritten: false,
    seeded: true,
    when: { ...association.when, pointInTime: now },
  };
}

/**
 * Which record holds: the one with more committed operations. Where both have as many, a failover: its clients have
 * been working with it; then what only one of the two can have seen; then the source's.
 */
function ruling(ours: Association, theirs: Association): Association {
  if (ours.revision !== theirs.revision) return ours.revision > theirs.revision ? ours : theirs;
  for (const holds of [isFailedOver, isInvalid, isWritten, isCopied, isFailedByItself]) {
    if (holds(ours) !== holds(theirs)) return holds(ours) ? ours : theirs;
  }
  if (ours.here !== theirs.here) return ours.here === 'source' ? ours : theirs;
  // Both take themselves for the source: no matter which, if only both choose the same.
  return ours.source.member < theirs.source.member ? ours : theirs;
}

function isFailedOver({ copyState }: Association): boolean {
  return copyState === 'Failedover';
}

function isInvalid({ copyState }: Association): boolean {
  return copyState === 'Invalid';
}

/** Only the member of the target sees its clients write. */
function isWritten({ copyState }: Association): boolean {
  return copyState === 'Skewed';
}

/** The member of the target is the first to know that a clone is complete. */
function isCopied({ copyState, syncType }: Association): boolean {
  return copyState === 'Synchronized' && syncType === 'Clone';
}

function isFailedByItself({ copyState, brokenBy }: Association): boolean {
  return copyState === 'Broken' && brokenBy !== 'link';
}

function isBroken({ copyState }: Association): boolean {
  return copyState === 'Broken' || copyState === 'Partitioned';
}

/** The member that has an element knows best what its data is. */
function dataOf(ours: Association, theirs: Association, member: string): Association['sourceData'] {
  const owner = ours.here !== 'both' && ours[ours.here].member === member ? ours : theirs;
  return owner.source.member === member ? owner.sourceData : owner.targetData;
}

function sourceSideOf(verdict: GenerationVerdict, association: Association): ElementSide | null {
  if (verdict.kind !== 'resync') return null;
  const ours = association.here === 'source' ? 'source' : 'target';
  if (verdict.from === 'ours') return ours;
  return ours === 'source' ? 'target' : 'source';
}

function suspended(association: Association, now: number): Association {
  return { ...association, copyState: 'Suspended', when: { ...association.when, suspended: now } };
}

function invalid(association: Association): Association {
  return { ...association, copyState: 'Invalid' };
}
