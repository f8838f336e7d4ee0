/** What an operation makes of an association when its transition is committed. [volumes.md §3.2] */
import { assert } from '../base/errors.ts';
import {
  type Association,
  type AssociationTimes,
  type AssociationWork,
  awaitsRestore,
  lessThanUpToDate,
  startCopy,
} from './association.ts';
import type { ReplicaOperation } from './replica-values.ts';

/** The association is in the transition of an operation. */
export function commitOperation(
  association: Association,
  { sourceAhead }: { readonly sourceAhead: boolean },
  now: number,
): Association | 'removed' {
  const { work } = association;
  assert(work?.phase === 'transition' && work.operation !== null, 'an operation is to be committed');
  if (work.now === 'removed') return 'removed';
  const changed: Association = {
    ...association,
    copyState: work.now,
    work: null,
    revision: association.revision + 1,
    ...changesOf(work.operation, { work, association, sourceAhead }, now),
  };
  if (work.arrival === work.now) return changed;
  return startCopy(changed, {
    operation: work.operation,
    into: work.operation === 'Restore from Replica' || resumesRestore(association) ? 'source' : 'target',
  });
}

function resumesRestore(association: Association): boolean {
  return association.work?.operation === 'Resume' && awaitsRestore(association);
}

function changesOf(
  operation: ReplicaOperation,
  {
    work,
    association,
    sourceAhead,
  }: { readonly work: AssociationWork; readonly association: Association; readonly sourceAhead: boolean },
  now: number,
): Partial<Association> {
  const { syncType, when } = association;
  const stopped = lessThanUpToDate(association.targetData);
  switch (operation) {
    case 'Activate':
    case 'Resync Replica':
    case 'Resume':
      return syncType === 'Snapshot' ? freshSnapshot(when, now) : { when: { ...when, activated: now } };
    case 'Deactivate':
      return syncType === 'Snapshot'
        ? { targetData: 'Inconsistent', targetWritten: false, when: { ...when, deactivated: now } }
        : { targetData: stopped, when: { ...when, deactivated: now } };
    case 'Suspend':
      return { targetData: stopped, when: { ...when, suspended: now } };
    case 'Fracture':
    case 'Split':
      return { targetData: stopped, targetWritten: false };
    case 'Failover':
      return {
        sourceData: lessThanUpToDate(association.sourceData),
        targetData: stopped === 'Consistent' ? 'UpToDate' : stopped,
        targetWritten: false,
        diverged: sourceAhead,
      };
    case 'Failback':
      return { sourceData: 'UpToDate', targetData: 'UpToDate', diverged: false, targetWritten: false };
    case 'Restore from Replica':
      // A snapshot's rollback is finished within the transition; a copy begins to count when it begins.
      return syncType === 'Snapshot' ? { sourceData: 'UpToDate', targetWritten: false } : {};
    case 'Reset To Sync':
      return { mode: 'Synchronous', work: work.displaced };
    case 'Reset To Async':
      return { mode: 'Asynchronous', work: work.displaced };
    case 'Reverse Roles':
      return reversed(association, sourceAhead);
    case 'Unprepare':
      return { seeded: false, targetData: stopped, targetWritten: false, diverged: false, lastInto: 'target' };
    default:
      return {};
  }
}

function freshSnapshot(when: AssociationTimes, now: number): Partial<Association> {
  return {
    targetData: 'Consistent',
    targetWritten: false,
    when: { ...when, activated: now, pointInTime: now },
  };
}

/** What the former source has alone is the new target's own from now on: no later copy takes it away without Force. */
function reversed(association: Association, sourceAhead: boolean): Partial<Association> {
  const { source, target, here, sourceData, targetData, copyState, diverged } = association;
  return {
    source: target,
    target: source,
    here: here === 'both' ? here : here === 'source' ? 'target' : 'source',
    sourceData: targetData,
    targetData: sourceData,
    targetWritten: copyState === 'Failedover' ? diverged : sourceAhead && copyState !== 'Synchronized',
    diverged: false,
  };
}
