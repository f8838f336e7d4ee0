import { expect, test } from 'vitest';
import {
  type FolderPairState,
  freshPairState,
  isChangedSince,
  settledPair,
  standsStill,
  stepPairState,
  whyStandsStill,
} from '../../../src/model/folder-pair.ts';
import { arrowOf } from '../../../src/model/replica-operations.ts';
import type { CopyState, ReplicaOperation } from '../../../src/model/replica-values.ts';

const MADE = { database: 'a'.repeat(32), vsn: 20 };
const ABOUT = { id: 'x', folder: 'docs', partner: 'alpha' };

type Step = readonly [ReplicaOperation, from: CopyState];

function after(...steps: readonly Step[]): FolderPairState {
  return steps.reduce(
    (state, [operation, from], i) =>
      stepPairState(state, operation, arrowOf(operation, 'Mirror', from)!, { now: 1000 * (i + 1), made: MADE }),
    freshPairState(0),
  );
}

test('each order that stops the flow is known with its time, and each that starts it again takes it back', () => {
  expect(standsStill(freshPairState(0))).toBe(false);
  expect(after(['Suspend', 'Synchronized'])).toMatchObject({ ordered: 'Suspended', when: { suspended: 1000 } });
  expect(after(['Suspend', 'Synchronized'], ['Resume', 'Suspended'])).toMatchObject({
    ordered: null,
    requestedCopyState: 'Synchronized',
    when: { activated: 0, suspended: 1000 },
  });
  expect(after(['Deactivate', 'Synchronized'], ['Activate', 'Inactive'])).toMatchObject({
    ordered: null,
    when: { deactivated: 1000, activated: 2000 },
  });
  expect(after(['Abort', 'Unsynchronized'])).toMatchObject({ ordered: 'Aborted', requestedCopyState: 'Aborted' });
  expect(after(['Fracture', 'Synchronized'])).toMatchObject({ ordered: 'Fractured', parted: MADE });
  expect(after(['Fracture', 'Synchronized'], ['Resync Replica', 'Fractured'])).toMatchObject({
    ordered: null,
    parted: null,
    lastInto: 'target',
  });
  expect(after(['Split', 'Suspended'], ['Detach', 'Split'])).toMatchObject({ detached: true, ordered: null });
});

test('a restore lasts until the partner has everything, and when it is aborted it can be turned back', () => {
  const restoring = after(['Split', 'Synchronized'], ['Restore from Replica', 'Split']);
  expect(restoring).toMatchObject({ restoring: MADE, parted: MADE, lastInto: 'source' });
  const late = { copyState: 'Unsynchronized', restored: false } as const;
  expect(settledPair(restoring, late)).toBe(restoring);
  expect(settledPair(restoring, { copyState: 'Synchronized', restored: true })).toMatchObject({
    restoring: null,
    parted: null,
    requestedCopyState: 'Not Applicable',
  });
  const aborted = after(['Split', 'Synchronized'], ['Restore from Replica', 'Split'], ['Abort', 'Unsynchronized']);
  expect(aborted).toMatchObject({ ordered: 'Aborted', restoring: null, parted: MADE });
});

test('what was made here since it was parted shows, also from a database that was lost in between', () => {
  const parted = after(['Fracture', 'Synchronized']);
  expect(isChangedSince(parted, MADE)).toBe(false);
  expect(isChangedSince(parted, { ...MADE, vsn: 21 })).toBe(true);
  expect(isChangedSince(parted, { database: 'b'.repeat(32), vsn: 0 })).toBe(false);
  expect(isChangedSince(parted, { database: 'b'.repeat(32), vsn: 9 })).toBe(true);
  expect(isChangedSince(freshPairState(0), MADE)).toBe(false);
});

test('a pair that stands still says by what order, and which command helps', () => {
  expect(whyStandsStill(freshPairState(0), ABOUT)).toBeNull();
  const commandAfter = (...steps: readonly Step[]) => whyStandsStill(after(...steps), ABOUT)?.command;
  expect(commandAfter(['Suspend', 'Synchronized'])).toBe('tandem replica modify x resume');
  expect(commandAfter(['Split', 'Synchronized'])).toBe('tandem replica modify x resync-replica');
  expect(commandAfter(['Deactivate', 'Synchronized'])).toBe('tandem replica modify x activate');
  expect(commandAfter(['Detach', 'Synchronized'])).toBe('tandem replica attach x');
});
