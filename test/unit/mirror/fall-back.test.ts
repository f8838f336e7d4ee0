import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/system-clock.ts';
import { fallBack } from '../../../src/mirror/fall-back.ts';
import { Pair } from '../../../src/mirror/pair.ts';
import { type KeptPair, openReplicaBook } from '../../../src/mirror/replica-book.ts';
import { type Association, createAssociation } from '../../../src/model/association.ts';
import { createGenerations } from '../../../src/model/generations.ts';
import { CLUSTER, filled, readAt, SNAP } from '../block/small-volume.ts';
import { openCleanSide } from './pair.ts';

const PAIR = '44444444-4444-4444-8444-444444444444';

async function halfCopied(change: Partial<Association>) {
  const record: Association = {
    ...createAssociation(
      {
        id: PAIR,
        syncType: 'Mirror',
        source: { member: 'alpha', name: 'disk' },
        target: { member: 'beta', name: 'disk' },
        here: 'target',
      },
      0,
    ),
    copyState: 'Partitioned',
    targetData: 'Inconsistent',
    work: {
      operation: 'Failover',
      activity: 'Failing over',
      phase: 'transition',
      into: null,
      now: 'Failedover',
      arrival: 'Failedover',
      displaced: null,
    },
    ...change,
  };
  const kept: KeptPair = {
    record,
    generations: createGenerations(null),
    intent: null,
    snapshot: SNAP,
    desiredRpoSeconds: null,
    verification: null,
    trouble: null,
  };
  const entries = new Map<string, unknown>([[`pairs/${PAIR}`, kept]]);
  const book = await openReplicaBook({ read: async () => entries, write: async () => {} });
  const pair = new Pair({ id: PAIR, book, clock: systemClock, onChange: () => {} });
  const element = await openCleanSide();
  await element.volume.write(0, filled(CLUSTER, 1));
  await element.volume.createSnapshot({ uuid: SNAP, takenMs: 0 });
  // What the copy has brought so far.
  await element.volume.write(0, filled(CLUSTER, 2));
  return { pair, element };
}

test('a half copied target that is failed over to is what it was before the copy, and its source has to look at all of it', async () => {
  const { pair, element } = await halfCopied({});
  expect(await fallBack(pair, element, work => work())).toBe(true);
  expect((await readAt(element.volume, 0, 1))[0]).toBe(1);
  expect(element.volume.snapshots).toEqual([]);
  expect(element.map.dirtyBytes).toBe(element.volume.size);
  expect(pair.kept).toMatchObject({ snapshot: null, record: { targetData: 'Consistent' } });
  expect(await fallBack(pair, element, work => work())).toBe(false);
});

test('a target that is whole stays as it is', async () => {
  const { pair, element } = await halfCopied({ targetData: 'Consistent' });
  expect(await fallBack(pair, element, work => work())).toBe(false);
  expect((await readAt(element.volume, 0, 1))[0]).toBe(2);
  expect(element.map.dirtyBytes).toBeLessThan(element.volume.size);
});
