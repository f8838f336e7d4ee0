/**
 * What happens to an association, and what becomes of it. Whatever is returned is made durable before anything is done
 * about it; what is to be done follows from the association itself (association-duties.ts). [volumes.md §3.2, §4]
 */
import { assert } from '../base/errors.ts';
import {
  type Association,
  type AssociationTimes,
  type AssociationWork,
  awaitsRestore,
  lessThanUpToDate,
  startCopy,
} from './association.ts';
import { commitOperation } from './operation-commit.ts';
import { type Arrow, type ElementSide, OPERATION_ROWS } from './replica-operations.ts';
import type { CopyState, ReplicaOperation } from './replica-values.ts';

export type AssociationEvent =
  /** Both elements are ready to be used. */
  | { readonly type: 'initialized' }
  /** The partner has been out of reach for longer than the grace period. */
  | { readonly type: 'link-broken' }
  /** The first byte of a copy is about to replace another one. */
  | { readonly type: 'copy-started' }
  | { readonly type: 'copy-finished' }
  | { readonly type: 'copy-failed'; readonly cause: ElementSide | 'space' }
  | { readonly type: 'element-failed'; readonly element: ElementSide | 'space' }
  /** There is no room for what a snapshot has to keep. */
  | { readonly type: 'space-exhausted' }
  /** The asynchronous queue is over its limit, or a write failed at the source: what is missing is in the dirty map only. */
  | { readonly type: 'fell-behind' }
  /** The first write of a client to this element since it was last said. */
  | { readonly type: 'client-wrote'; readonly element: ElementSide }
  /** `arrow` is what the table gives. */
  | { readonly type: 'operation-accepted'; readonly operation: ReplicaOperation; readonly arrow: Arrow }
  /** `sourceAhead`: at the moment of the decision the source has writes that the target lacks. */
  | { readonly type: 'transition-committed'; readonly sourceAhead: boolean }
  | { readonly type: 'transition-aborted' };

/** Null: the event means nothing in this state. */
export type AssociationStep = Association | 'removed' | null;

export function stepAssociation(association: Association, event: AssociationEvent, now: number): AssociationStep {
  const next = nextOf(association, event, now);
  return next === null || next === 'removed' ? next : settle(next, association.copyState, now);
}

function nextOf(association: Association, event: AssociationEvent, now: number): AssociationStep {
  switch (event.type) {
    case 'initialized':
      return afterInitialization(association, now);
    case 'link-broken':
      return afterLinkBreak(association);
    case 'copy-started':
      return afterCopyStart(association);
    case 'copy-finished':
      return afterCopy(association, now);
    case 'copy-failed':
      return afterCopyFailure(association, event.cause);
    case 'element-failed':
      return LASTING_FAILURES.has(association.copyState) ? breakBy(association, event.element) : null;
    case 'space-exhausted':
      if (association.syncType !== 'Snapshot' || !SNAPSHOT_LIVES.has(association.copyState)) return null;
      return { ...breakBy(association, 'space'), targetData: 'Inconsistent' };
    case 'fell-behind':
      if (association.syncType !== 'Mirror' || association.copyState !== 'Synchronized') return null;
      if (association.work !== null) return null;
      return startCopy({ ...association, targetData: 'Consistent' }, { operation: null, into: 'target' });
    case 'client-wrote':
      return afterClientWrite(association, event.element);
    case 'operation-accepted':
      return accept(association, event);
    case 'transition-committed':
      return association.work?.phase === 'transition' ? commitOperation(association, event, now) : null;
    case 'transition-aborted':
      if (association.work?.phase !== 'transition') return null;
      return { ...association, work: association.work.displaced };
  }
}

/** States that a failing disk turns into Broken; in the others nothing flows, or the failure shows by itself. */
const LASTING_FAILURES: ReadonlySet<CopyState> = new Set([
  'Unsynchronized',
  'Synchronized',
  'Fractured',
  'Split',
  'Suspended',
  'Skewed',
]);
const SNAPSHOT_LIVES: ReadonlySet<CopyState> = new Set(['Synchronized', 'Skewed']);

function afterInitialization(association: Association, now: number): AssociationStep {
  if (association.copyState !== 'Initialized' || association.work !== null) return null;
  // What stops here has nothing to become a second time.
  if (association.holdAt === 'Initialized' && association.requestedCopyState !== 'Initialized') return null;
  if (association.holdAt !== null) return { ...association, copyState: association.holdAt };
  const activated = { ...association, when: { ...association.when, activated: now } };
  if (association.syncType !== 'Snapshot') return startCopy(activated, { operation: null, into: 'target' });
  const when: AssociationTimes = { ...activated.when, pointInTime: now };
  return { ...activated, copyState: 'Synchronized', seeded: true, when };
}

function afterLinkBreak(association: Association): AssociationStep {
  const { here, copyState, syncType, work } = association;
  if (here === 'both') return null;
  // A way that was not decided is given up; whoever comes back with a decision is believed all the same.
  const idle: Association = { ...association, work: null };
  if (syncType === 'Clone' && copyState === 'Unsynchronized') return breakBy(idle, 'link');
  if (syncType === 'Clone') return work === null ? null : idle;
  if (copyState !== 'Unsynchronized' && copyState !== 'Synchronized') return work === null ? null : idle;
  const behind: Association = { ...idle, targetData: lessThanUpToDate(association.targetData) };
  return here === 'source' ? breakBy(behind, 'link') : { ...behind, copyState: 'Partitioned' };
}

function afterCopyStart(association: Association): AssociationStep {
  const { work } = association;
  if (work?.phase !== 'copy' || work.into === null) return null;
  if (association[`${work.into}Data`] === 'Inconsistent') return null;
  return { ...association, [`${work.into}Data`]: 'Inconsistent' };
}

function afterCopy(association: Association, now: number): AssociationStep {
  const { work } = association;
  if (work?.phase !== 'copy' || work.into === null) return null;
  if (work.activity === 'Failing back') {
    // The target is still in use; what has to be switched is switched next.
    return { ...association, sourceData: 'Consistent', work: { ...work, phase: 'transition', into: null } };
  }
  if (association.detachWhenCopied) return 'removed';
  const { activated } = association.when;
  const pointInTime = association.syncType === 'Clone' ? activated : now;
  return {
    ...association,
    [`${work.into}Data`]: 'UpToDate',
    copyState: 'Synchronized',
    work: null,
    targetWritten: false,
    diverged: false,
    seeded: true,
    when: { ...association.when, pointInTime },
  };
}

function afterCopyFailure(association: Association, cause: ElementSide | 'space'): AssociationStep {
  // What could not even be made ready.
  if (association.copyState === 'Initialized' && association.work === null) return breakBy(association, cause);
  if (association.work?.phase !== 'copy') return null;
  if (association.copyState !== 'Unsynchronized') return { ...association, work: null };
  return breakBy(association, cause);
}

function afterClientWrite(association: Association, element: ElementSide): AssociationStep {
  const { copyState, syncType } = association;
  if (element === 'source') return null;
  const skews =
    syncType === 'Mirror' ? copyState === 'Fractured' || copyState === 'Split' : copyState === 'Synchronized';
  return skews ? { ...association, copyState: 'Skewed', targetWritten: true } : null;
}

function accept(
  association: Association,
  { operation, arrow }: Extract<AssociationEvent, { type: 'operation-accepted' }>,
): AssociationStep {
  const { copies, activity } = OPERATION_ROWS[operation];
  const { work } = association;
  const before = copies === 'before';
  const next: AssociationWork = {
    operation,
    activity,
    phase: before ? 'copy' : 'transition',
    into: before ? 'source' : null,
    now: before ? arrow.arrival : arrow.now,
    arrival: arrow.arrival,
    displaced: work?.phase === 'copy' ? work : null,
  };
  const requestedCopyState = arrow.arrival === 'removed' ? 'Not Applicable' : arrow.arrival;
  // From here on what was requested no longer tells.
  const lastInto = operation === 'Resume' && !awaitsRestore(association) ? 'target' : association.lastInto;
  return { ...association, lastInto, requestedCopyState, work: next };
}

function breakBy(association: Association, brokenBy: NonNullable<Association['brokenBy']>): Association {
  return { ...association, copyState: 'Broken', brokenBy, work: null };
}

/** RequestedCopyState is Not Applicable once it is reached and nothing is under way; Synchronized has its time. */
export function settle(association: Association, before: CopyState, now: number): Association {
  const { copyState, requestedCopyState, work, when, brokenBy } = association;
  assert(copyState !== 'Mixed' && copyState !== 'Not Applicable', 'a pair has a CopyState of its own');
  const reached = work === null && requestedCopyState === copyState;
  const synchronized = copyState === 'Synchronized' && before !== copyState ? now : when.synchronized;
  return {
    ...association,
    brokenBy: copyState === 'Broken' ? brokenBy : null,
    requestedCopyState: reached ? 'Not Applicable' : requestedCopyState,
    when: { ...when, synchronized },
  };
}
