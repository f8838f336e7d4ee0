/** What the members have to do for an association as it is now: who may write, what is copied, what is noted. */
import { type Association, awaitsRestore } from './association.ts';
import type { ElementSide } from './replica-operations.ts';
import type { CopyState } from './replica-values.ts';

/** `held`: a write waits for the partner, and fails when it has waited for too long. `closed`: not served at all. */
export type Access = 'read-write' | 'held' | 'read-only' | 'closed';

export interface Duties {
  /** `mirror`: writes of clients go to the other side. A copy goes on beside the mirroring of new writes. */
  readonly flow: 'mirror' | 'copy' | 'none';
  /** Of the copy: the element it goes into. */
  readonly into: ElementSide | null;
  /** Elements whose writes are noted in a dirty map for the other one. */
  readonly tracked: readonly ElementSide[];
  readonly source: Access;
  readonly target: Access;
}

export function dutiesOf(association: Association): Duties {
  const { copyState, syncType, work } = association;
  const copying = work?.phase === 'copy' && work.into !== null;
  return {
    flow: copying ? 'copy' : MIRRORING.has(copyState) && syncType === 'Mirror' ? 'mirror' : 'none',
    into: copying ? work.into : null,
    tracked: trackedOf(association),
    source: sourceAccess(association),
    target: targetAccess(association),
  };
}

const MIRRORING: ReadonlySet<CopyState> = new Set(['Synchronized']);

function sourceAccess(association: Association): Access {
  const { copyState, syncType, sourceData, work } = association;
  if (copyState === 'Failedover' || copyState === 'Invalid') return 'read-only';
  const overwritten = work?.phase === 'copy' && work.into === 'source';
  // A rollback may be done once more after a crash: what was written in between would be lost.
  const setBack = syncType === 'Snapshot' && work?.operation === 'Restore from Replica';
  if (overwritten || setBack || awaitsRestore(association) || sourceData === 'Inconsistent') return 'read-only';
  return stopsHostIo(association) && copyState === 'Broken' ? 'held' : 'read-write';
}

/** No write to the source is answered that has not reached the target; but for states in which an order has ended the flow. */
export function stopsHostIo({ failedCopyStopsHostIO, mode }: Association): boolean {
  return failedCopyStopsHostIO && mode === 'Synchronous';
}

function targetAccess(association: Association): Access {
  const { syncType, copyState, writableTarget, targetData, work } = association;
  if (syncType === 'Mirror') return IN_USE.has(copyState) ? 'read-write' : 'read-only';
  if (targetData === 'Inconsistent' || copyState === 'Initialized' || copyState === 'Prepared') return 'closed';
  if (copyState === 'Inactive' || copyState === 'Broken') return syncType === 'Snapshot' ? 'closed' : 'read-only';
  const whole = copyState === 'Synchronized' || copyState === 'Skewed';
  return writableTarget && whole && work === null ? 'read-write' : 'read-only';
}

/** The target of a mirror has been given to clients; nothing demotes an element for being half copied but a copy into it. */
const IN_USE: ReadonlySet<CopyState> = new Set(['Fractured', 'Split', 'Failedover', 'Skewed']);

function trackedOf({ copyState, syncType, seeded, work }: Association): readonly ElementSide[] {
  if (syncType === 'Snapshot') return [];
  // Before the first copy everything differs, which no map has to say. A clone's later copies begin with what changed since.
  const source: readonly ElementSide[] = seeded || work?.phase === 'copy' ? ['source'] : [];
  return IN_USE.has(copyState) || (syncType === 'Clone' && copyState !== 'Initialized')
    ? [...source, 'target']
    : source;
}

/** ReadOnly's view: neither clients of this element may write, nor could they if there were no outage. */
export function isReadOnly(access: Access): boolean {
  return access === 'read-only' || access === 'closed';
}
