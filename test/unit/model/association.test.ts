import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Association, createAssociation } from '../../../src/model/association.ts';
import { dutiesOf } from '../../../src/model/association-duties.ts';
import { stepHandshake } from '../../../src/model/association-handshake.ts';
import { percentSynced, storageSynchronized } from '../../../src/model/association-record.ts';
import { type AssociationEvent, stepAssociation } from '../../../src/model/association-step.ts';
import type { GenerationVerdict } from '../../../src/model/generations.ts';
import { COPY_STATES, namesIn } from '../../../src/model/replica-values.ts';
import { acceptance, afterEvents, NOW, perform, sampleAssociation } from './sample-association.ts';

const FACTS = { dirtyBytes: 0, totalBytes: 1 << 30, paused: false };
const fresh = (given: Partial<Association> = {}): Association => ({
  ...createAssociation(
    {
      id: 'pair-1',
      syncType: given.syncType ?? 'Mirror',
      source: { member: 'alpha', name: 'orders' },
      target: { member: 'beta', name: 'orders' },
      here: 'source',
    },
    NOW,
  ),
  ...given,
});
const synchronized = sampleAssociation({ copyState: 'Synchronized', targetData: 'UpToDate' });
const failedOver = perform(synchronized, 'Failover');

describe('a new association', () => {
  test('of a mirror is initialised, copied and synchronised', () => {
    const copying = afterEvents(fresh(), { type: 'initialized' });
    expect(copying).toMatchObject({ copyState: 'Unsynchronized', requestedCopyState: 'Synchronized' });
    expect(copying.work).toMatchObject({ activity: 'Synchronizing', into: 'target' });
    const done = afterEvents(copying, { type: 'copy-finished' });
    expect(done).toMatchObject({ copyState: 'Synchronized', requestedCopyState: 'Not Applicable', seeded: true });
  });

  test('stops where it was told to, and goes on with Activate', () => {
    const held = afterEvents(fresh({ holdAt: 'Inactive', requestedCopyState: 'Inactive' }), { type: 'initialized' });
    expect(held).toMatchObject({ copyState: 'Inactive', requestedCopyState: 'Not Applicable' });
    expect(perform(held, 'Activate').work).toMatchObject({ into: 'target' });
  });

  test('that stops where it begins has nothing to become a second time', () => {
    const held = afterEvents(fresh({ holdAt: 'Initialized', requestedCopyState: 'Initialized' }), {
      type: 'initialized',
    });
    expect(held).toMatchObject({ copyState: 'Initialized', requestedCopyState: 'Not Applicable' });
    expect(stepAssociation(held, { type: 'initialized' }, NOW)).toBeNull();
  });

  test('of a snapshot is there at once', () => {
    const snapshot = afterEvents(fresh({ syncType: 'Snapshot', here: 'both' }), { type: 'initialized' });
    expect(snapshot).toMatchObject({ copyState: 'Synchronized', when: { pointInTime: NOW } });
  });

  test('of a clone that is not to stay goes when the copy is complete', () => {
    const clone = afterEvents(fresh({ syncType: 'Clone', detachWhenCopied: true }), { type: 'initialized' });
    expect(stepAssociation(clone, { type: 'copy-finished' }, NOW)).toBe('removed');
  });
});

describe('by itself', () => {
  test('a lost link breaks the source’s record and leaves the target’s partitioned', () => {
    expect(afterEvents(synchronized, { type: 'link-broken' })).toMatchObject({
      copyState: 'Broken',
      brokenBy: 'link',
      targetData: 'Consistent',
    });
    expect(afterEvents({ ...synchronized, here: 'target' }, { type: 'link-broken' }).copyState).toBe('Partitioned');
    const suspended = perform(synchronized, 'Suspend');
    expect(stepAssociation(suspended, { type: 'link-broken' }, NOW)).toBeNull();
  });

  test('host I/O is held at whatever breaks the pair only where it was asked for, and only in synchronous mode', () => {
    const stopping: Association = { ...synchronized, mode: 'Synchronous', failedCopyStopsHostIO: true };
    for (const event of [
      { type: 'link-broken' },
      { type: 'element-failed', element: 'target' },
      { type: 'element-failed', element: 'space' },
    ] as const) {
      const broken = afterEvents(stopping, event);
      expect(dutiesOf(broken).source).toBe('held');
      expect(dutiesOf({ ...broken, mode: 'Asynchronous' }).source).toBe('read-write');
      expect(dutiesOf({ ...broken, failedCopyStopsHostIO: false }).source).toBe('read-write');
    }
    const copying = afterEvents(stopping, { type: 'link-broken' });
    expect(dutiesOf(perform(copying, 'Resync Replica')).source).toBe('read-write');
    expect(dutiesOf(perform(stopping, 'Suspend')).source).toBe('read-write');
  });

  test('the first write to a split target skews it', () => {
    const split = perform(synchronized, 'Split');
    expect(dutiesOf(split)).toMatchObject({
      source: 'read-write',
      target: 'read-write',
      tracked: ['source', 'target'],
    });
    expect(afterEvents(split, { type: 'client-wrote', element: 'target' })).toMatchObject({
      copyState: 'Skewed',
      targetWritten: true,
    });
    expect(stepAssociation(split, { type: 'client-wrote', element: 'source' }, NOW)).toBeNull();
  });

  test('a queue over its limit freezes an asynchronous target at its last epoch, consistent until the copy begins', () => {
    const behind = afterEvents(synchronized, { type: 'fell-behind' });
    expect(behind).toMatchObject({
      copyState: 'Unsynchronized',
      targetData: 'Consistent',
      work: { activity: 'Resyncing' },
    });
    expect(afterEvents(behind, { type: 'copy-started' }).targetData).toBe('Inconsistent');
    expect(stepAssociation(behind, { type: 'fell-behind' }, NOW)).toBeNull();
    expect(stepAssociation(sampleAssociation({ syncType: 'Snapshot' }), { type: 'fell-behind' }, NOW)).toBeNull();
  });

  test('no more space breaks the snapshot and not its source', () => {
    const snapshot = sampleAssociation({ syncType: 'Snapshot', copyState: 'Skewed', writableTarget: true });
    const broken = afterEvents(snapshot, { type: 'space-exhausted' });
    expect(broken).toMatchObject({ copyState: 'Broken', brokenBy: 'space' });
    expect(dutiesOf(broken)).toMatchObject({ source: 'read-write', target: 'closed' });
  });
});

describe('an operation', () => {
  test('that is given up leaves the state, and what was wanted stays to be seen', () => {
    const given = afterEvents(synchronized, acceptance(synchronized, 'Split'), { type: 'transition-aborted' });
    expect(given).toMatchObject({ copyState: 'Synchronized', requestedCopyState: 'Split', work: null });
  });

  test('that is given up lets the copy go on that it had interrupted', () => {
    const copying = afterEvents(fresh(), { type: 'initialized' });
    const given = afterEvents(copying, acceptance(copying, 'Suspend'), { type: 'transition-aborted' });
    expect(given.work).toEqual(copying.work);
  });

  test('changes the mode in the middle of a copy, which goes on', () => {
    const copying = afterEvents(fresh(), { type: 'initialized' });
    const changed = perform(copying, 'Reset To Sync');
    expect(changed).toMatchObject({ mode: 'Synchronous', copyState: 'Unsynchronized', work: copying.work });
  });

  test('to reverse roles changes the keys of the record', () => {
    const reversed = perform(synchronized, 'Reverse Roles');
    const record = storageSynchronized(reversed, FACTS);
    expect([record.SystemElement, record.SyncedElement]).toEqual(['beta:orders-copy', 'alpha:orders']);
    expect(reversed).toMatchObject({ id: 'pair-1', here: 'target', copyState: 'Synchronized' });
  });

  test('to reverse a split pair keeps the former source’s writes from being overwritten unasked', () => {
    const reversed = perform(perform(synchronized, 'Split'), 'Reverse Roles', true);
    expect(reversed.targetWritten).toBe(true);
  });

  test('to fail back copies while the target is still in use, then switches', () => {
    const accepted = afterEvents(failedOver, acceptance(failedOver, 'Failback'));
    expect(accepted).toMatchObject({ copyState: 'Failedover', work: { phase: 'copy', into: 'source' } });
    expect(dutiesOf(accepted)).toMatchObject({ source: 'read-only', target: 'read-write', into: 'source' });
    const copied = afterEvents(accepted, { type: 'copy-started' }, { type: 'copy-finished' });
    expect(copied).toMatchObject({ copyState: 'Failedover', sourceData: 'Consistent', work: { phase: 'transition' } });
    expect(afterEvents(copied, { type: 'transition-committed', sourceAhead: false })).toMatchObject({
      copyState: 'Synchronized',
      sourceData: 'UpToDate',
    });
  });

  test('to restore makes the source read-only, and half copied until it ends', () => {
    const restoring = afterEvents(perform(perform(synchronized, 'Split'), 'Restore from Replica'), {
      type: 'copy-started',
    });
    expect(restoring).toMatchObject({ copyState: 'Unsynchronized', sourceData: 'Inconsistent', lastInto: 'source' });
    expect(dutiesOf(restoring).source).toBe('read-only');
    const aborted = perform(restoring, 'Abort');
    expect(aborted).toMatchObject({ copyState: 'Aborted', sourceData: 'Inconsistent' });
    expect(dutiesOf(aborted).source).toBe('read-only');
  });
});

describe('two members that meet again', () => {
  const beside = (association: Association): Association => ({
    ...association,
    here: association.here === 'source' ? 'target' : 'source',
  });
  const brokenSource = afterEvents(synchronized, { type: 'link-broken' });
  const partitioned = afterEvents(beside(synchronized), { type: 'link-broken' });
  const meet = (ours: Association, theirs: Association, verdict: GenerationVerdict) =>
    stepHandshake({ ours, theirs, verdict }, NOW);
  const resync = (from: 'ours' | 'theirs', discards = false): GenerationVerdict => ({
    kind: 'resync',
    from,
    extent: 'dirty',
    discards,
  });

  test('copy what the source has written meanwhile', () => {
    const met = meet(brokenSource, partitioned, resync('ours'));
    expect(met).toMatchObject({ copyState: 'Unsynchronized', work: { into: 'target', activity: 'Resyncing' } });
    expect(meet(partitioned, brokenSource, resync('theirs'))).toMatchObject({
      copyState: 'Unsynchronized',
      here: 'target',
    });
  });

  test('wait for Resume where recovery is manual', () => {
    const manual = { ...brokenSource, recoveryMode: 'Manual' as const };
    expect(meet(manual, partitioned, { kind: 'in-step' })).toMatchObject({
      copyState: 'Suspended',
      when: { suspended: NOW },
    });
  });

  test('after an unplanned failover know of it on both sides, and of what only the old source has', () => {
    const promoted = perform(partitioned, 'Failover');
    expect(meet(brokenSource, promoted, resync('theirs'))).toMatchObject({ copyState: 'Failedover', diverged: false });
    const old = meet(brokenSource, promoted, { kind: 'split-brain', extent: 'dirty' });
    expect(old).toMatchObject({ copyState: 'Failedover', diverged: true, here: 'source' });
    expect(dutiesOf(old).source).toBe('read-only');
  });

  test('touch nothing where the data has nothing in common or the target is the newer one', () => {
    for (const verdict of [{ kind: 'unrelated' } as const, resync('theirs'), resync('ours', true)]) {
      const met = meet(brokenSource, partitioned, verdict);
      expect(met.copyState).toBe('Invalid');
      expect(dutiesOf(met)).toMatchObject({ flow: 'none', source: 'read-only', target: 'read-only' });
    }
  });

  test('go on with a restore that the link interrupted', () => {
    const restoring = afterEvents(perform(perform(synchronized, 'Split'), 'Restore from Replica'), {
      type: 'copy-started',
    });
    const broken = afterEvents(restoring, { type: 'link-broken' });
    const met = meet(broken, afterEvents(beside(restoring), { type: 'link-broken' }), resync('theirs'));
    expect(met).toMatchObject({ copyState: 'Unsynchronized', work: { into: 'source', activity: 'Restoring' } });
  });

  test('take up the record of the one that committed more', () => {
    const suspended = perform(synchronized, 'Suspend');
    expect(
      meet(afterEvents(beside(synchronized), { type: 'link-broken' }), suspended, { kind: 'in-step' }),
    ).toMatchObject({
      copyState: 'Suspended',
      here: 'target',
      revision: suspended.revision,
    });
  });

  test('come to the same, whatever each had', () => {
    const states = namesIn(COPY_STATES).filter(state => state !== 'Mixed' && state !== 'Not Applicable');
    const record = fc.record({
      copyState: fc.constantFrom(...states),
      revision: fc.integer({ min: 1, max: 3 }),
      recoveryMode: fc.constantFrom('Automatic' as const, 'Manual' as const),
      lastInto: fc.constantFrom('source' as const, 'target' as const),
      brokenBy: fc.constantFrom(null, 'link' as const, 'source' as const),
      sourceData: fc.constantFrom('UpToDate' as const, 'Inconsistent' as const),
      syncType: fc.constant('Mirror' as const),
    });
    const verdicts = fc.constantFrom<GenerationVerdict>(
      { kind: 'in-step' },
      { kind: 'unrelated' },
      { kind: 'split-brain', extent: 'dirty' },
      resync('ours'),
      resync('theirs'),
      resync('ours', true),
    );
    const run = (a: Partial<Association>, b: Partial<Association>, swapped: boolean, verdict: GenerationVerdict) => {
      const ours = sampleAssociation(a);
      const elsewhere = swapped ? { source: ours.target, target: ours.source } : { here: 'target' as const };
      const theirs = sampleAssociation({ ...b, ...elsewhere });
      const mirrored =
        verdict.kind === 'resync' ? resync(verdict.from === 'ours' ? 'theirs' : 'ours', verdict.discards) : verdict;
      const here = meet(ours, theirs, verdict);
      const there = meet(theirs, ours, mirrored);
      expect(here.here).not.toBe(there.here);
      const { here: _, when: __, ...rest } = here;
      expect(there).toMatchObject(rest);
    };
    fc.assert(fc.property(record, record, fc.boolean(), verdicts, run), { numRuns: 3000 });
  });
});

describe('the record', () => {
  const page = JSON.parse(readFileSync(new URL('../../data/cim-classes.json', import.meta.url), 'utf8'));
  const { properties } = page.CIM_StorageSynchronized;

  test('has the properties of the class, in its order', () => {
    expect(Object.keys(storageSynchronized(synchronized, FACTS))).toEqual(Object.keys(properties));
  });

  test('has only numbers of the class, whatever the state', () => {
    const states = namesIn(COPY_STATES).filter(state => state !== 'Mixed' && state !== 'Not Applicable');
    for (const syncType of ['Mirror', 'Snapshot', 'Clone'] as const) {
      for (const copyState of states) {
        const record = storageSynchronized(sampleAssociation({ syncType, copyState }), FACTS);
        for (const [name, value] of Object.entries(record)) {
          const { values, type } = properties[name];
          if (value === null) continue;
          if (values) expect(Object.keys(values), name).toContain(String(value));
          expect(typeof value, name).toBe(type === 'boolean' ? 'boolean' : type === 'reference' ? 'string' : 'number');
        }
      }
    }
  });

  test.each<[string, Association, object]>([
    [
      'of a running mirror',
      synchronized,
      {
        CopyState: 4,
        SyncState: 6,
        ProgressStatus: 2,
        PercentSynced: 100,
        ReadOnly: 3,
        CopyType: 2,
        ReplicaType: 2,
        CopyMethodology: 8,
        SyncMaintained: true,
        RequestedCopyState: 15,
      },
    ],
    ['of one that failed over', failedOver, { CopyState: 10, SyncState: 13, ReadOnly: 2 }],
    [
      'of a split one',
      perform(synchronized, 'Split'),
      { CopyState: 7, SyncState: 13, ProgressStatus: 18, ReadOnly: null },
    ],
    [
      'while it is being split',
      afterEvents(synchronized, acceptance(synchronized, 'Split')),
      { CopyState: 4, SyncState: 7, ProgressStatus: 10, RequestedCopyState: 7 },
    ],
    [
      'of a snapshot',
      sampleAssociation({ syncType: 'Snapshot', copyState: 'Synchronized' }),
      {
        SyncType: 7,
        SyncState: 11,
        CopyType: 4,
        ReplicaType: 4,
        CopyMethodology: 6,
        Mode: null,
        SyncMaintained: false,
      },
    ],
    [
      'of a clone being made',
      afterEvents(fresh({ syncType: 'Clone', detachWhenCopied: true }), { type: 'initialized' }),
      { SyncState: 15, CopyType: 5, CopyMethodology: 9 },
    ],
  ])('%s', (_, association, expected) => {
    expect(storageSynchronized(association, { ...FACTS, dirtyBytes: 0 })).toMatchObject(expected);
  });

  test('tells of a pause in the flow', () => {
    expect(storageSynchronized(synchronized, { ...FACTS, paused: true }).ProgressStatus).toBe(20);
  });

  test('never rounds the last dirty block away', () => {
    const copying: AssociationEvent = { type: 'initialized' };
    expect(percentSynced(afterEvents(fresh(), copying), { dirtyBytes: 1, totalBytes: 1e12 })).toBe(99);
    expect(percentSynced(afterEvents(fresh(), copying), { dirtyBytes: 1e12, totalBytes: 1e12 })).toBe(0);
  });
});
