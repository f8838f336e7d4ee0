/** What stops, resumes and forgets the copy of a clone, ordered one by one: state, return code and data. [volumes.md §3.1, §3.2] */
import { describe, expect, test } from 'vitest';
import type { PairCreation } from '../../../src/mirror/pair-creation.ts';
import type { PairOrder } from '../../../src/mirror/pair-orders.ts';
import type { Association } from '../../../src/model/association.ts';
import { LEVEL_FULL, LEVEL_OFF } from '../../../src/model/bandwidth.ts';
import {
  COPY_STATES,
  type CopyState,
  numberOf,
  type ReplicaOperation,
  SYNC_TYPES,
} from '../../../src/model/replica-values.ts';
import { MEMBERS, type MemberName } from '../../sim/mirror-world.ts';
import { Members } from './members.ts';

const SIZE = 3 * 1024 * 1024;
const BLOCK = 4096;
const JOB = 4096;
/** Of one write within a member, and of the line: so a copy takes some seconds. */
const SLOW_MS = 100;
const SLOW_LEVEL = 9;

interface Place {
  readonly target: MemberName;
  /** Where the orders are given. */
  readonly at: MemberName;
}

const PLACES: Readonly<Record<string, Place>> = {
  'on the same member': { target: 'alpha', at: 'alpha' },
  'on another member': { target: 'beta', at: 'alpha' },
  'on another member, ordered there': { target: 'beta', at: 'beta' },
};

class Scene {
  readonly world: Members;
  readonly place: Place;

  constructor(world: Members, place: Place) {
    this.world = world;
    this.place = place;
  }

  /** The source holds 1s; the copy is under way, if it is not to stop before. */
  static async begin(place: Place, more: Partial<PairCreation> = {}): Promise<Scene> {
    const world = await Members.start();
    const { alpha } = world.members;
    await world.pass(alpha.on.shelf.create({ name: 'disk', size: SIZE }));
    const scene = new Scene(world, place);
    await scene.write('disk', 0, 1, SIZE);
    scene.slow('copy');
    const wanted: PairCreation = {
      ...{ syncType: numberOf(SYNC_TYPES, 'Clone'), mode: null, source: 'disk', target: `${place.target}:copy` },
      ...{ waitForCopyState: null, settings: null, writable: true, detachWhenCopied: false, force: false, ...more },
    };
    const { returnCode, sentence } = await world.pass(alpha.on.replicas.create(wanted));
    expect(returnCode, sentence).toBe(more.waitForCopyState === undefined ? JOB : 0);
    return scene;
  }

  /** Synchronized, and what was slow is quick. */
  static async whole(place: Place): Promise<Scene> {
    const scene = await Scene.begin(place);
    await scene.finish();
    scene.expectState('Synchronized');
    return scene;
  }

  /** A copy into this volume takes its time from now on. */
  slow(volume: 'disk' | 'copy'): void {
    for (const name of MEMBERS) this.world.members[name].level = SLOW_LEVEL;
    if (this.place.target !== 'alpha') return;
    const path = new RegExp(`/volumes/${volume}/data`);
    const { files } = this.world.members[this.memberOf(volume)];
    files.slow = { path, wait: () => this.world.time.wait(SLOW_MS) };
  }

  async finish(): Promise<void> {
    for (const name of MEMBERS) {
      this.world.members[name].files.slow = null;
      this.world.members[name].level = LEVEL_FULL;
    }
    await this.world.rest();
  }

  memberOf(volume: 'disk' | 'copy'): MemberName {
    return volume === 'disk' ? 'alpha' : this.place.target;
  }

  get record(): Association {
    return this.world.members.alpha.on.pairs.list()[0]!.record;
  }

  /** 4 where it is refused at its state. */
  async order(operation: ReplicaOperation, more: Partial<PairOrder> = {}): Promise<number> {
    const { at } = this.place;
    const { id } = this.world.members[at].on.pairs.list()[0]!;
    const { returnCode } = await this.world.order(at, id, operation, more);
    // What was decided reaches the other member.
    await this.world.rest(20);
    return returnCode;
  }

  async refuses(...operations: readonly ReplicaOperation[]): Promise<void> {
    const before = this.record;
    for (const operation of operations) {
      expect(await this.order(operation), `${operation} while it is ${before.copyState}`).toBe(4);
    }
    expect(this.record).toEqual(before);
  }

  async write(volume: 'disk' | 'copy', at: number, value: number, length = BLOCK): Promise<void> {
    await this.world.pass(this.world.members[this.memberOf(volume)].write(volume, at, Buffer.alloc(length, value)));
  }

  expectState(state: CopyState, more: Partial<Association> = {}): void {
    const rests = state === 'Unsynchronized' ? {} : { work: null, requestedCopyState: 'Not Applicable' };
    expect(this.record).toMatchObject({ copyState: state, ...rests, ...more });
    if (this.place.target === 'alpha') return;
    const theirs = this.world.members.beta.on.pairs.list()[0]!.record;
    for (const property of ['copyState', 'revision', 'sourceData', 'targetData', 'seeded'] as const) {
      expect(theirs[property], `${property} on both members`).toEqual(this.record[property]);
    }
  }

  /** Null: it is not served. */
  content(volume: 'disk' | 'copy'): Promise<Buffer | null> {
    return this.world.members[this.memberOf(volume)].content(volume);
  }

  /** A client reads `rest`, but for blocks at these offsets. */
  async expectContent(volume: 'disk' | 'copy', changed: Readonly<Record<number, number>>, rest = 1): Promise<void> {
    const wanted = Buffer.alloc(SIZE, rest);
    for (const [at, value] of Object.entries(changed)) wanted.fill(value, Number(at), Number(at) + BLOCK);
    const found = await this.content(volume);
    expect(found?.equals(wanted), `content of ${volume}`).toBe(true);
  }

  async expectClosed(): Promise<void> {
    expect(await this.content('copy'), 'what is half copied is served to nobody').toBeNull();
  }

  get snapshots(): number {
    return this.world.members.alpha.on.shelf.usable('disk').snapshots.length;
  }

  get jobs(): readonly string[] {
    return this.world.members.alpha.on.replicas.jobs.list().map(({ job }) => job.state);
  }
}

const FAR = SIZE - BLOCK;

for (const [where, place] of Object.entries(PLACES)) {
  describe(`a clone ${where}`, () => {
    test('Abort gives a copy up, and Resync Replica makes it of the source as it is then', async () => {
      const scene = await Scene.begin(place);
      await scene.world.rest(50);
      await scene.write('disk', FAR, 2);
      expect(await scene.order('Abort')).toBe(0);
      await scene.finish();
      scene.expectState('Aborted', { targetData: 'Inconsistent', sourceData: 'UpToDate', seeded: false });
      expect(scene.snapshots).toBe(0);
      expect(scene.jobs).toEqual(['Terminated']);
      await scene.expectClosed();
      await scene.refuses('Abort', 'Activate', 'Deactivate', 'Resume', 'Suspend', 'Restore from Replica', 'Detach');
      await scene.write('disk', 0, 3);
      expect([0, JOB]).toContain(await scene.order('Resync Replica'));
      await scene.finish();
      scene.expectState('Synchronized', { targetData: 'UpToDate', seeded: true });
      await scene.expectContent('copy', { 0: 3, [FAR]: 2 });
      expect(scene.snapshots).toBe(0);
      await scene.refuses('Abort', 'Activate', 'Deactivate', 'Resume', 'Suspend', 'Unprepare');
    });

    test('Suspend stops a copy, and Resume goes on with the moment it was made of', async () => {
      const scene = await Scene.begin(place);
      await scene.world.rest(50);
      expect(await scene.order('Suspend')).toBe(0);
      await scene.finish();
      scene.expectState('Suspended', { targetData: 'Inconsistent' });
      expect(scene.record.when.suspended).not.toBeNull();
      expect(scene.snapshots).toBe(1);
      await scene.expectClosed();
      await scene.refuses('Abort', 'Activate', 'Deactivate', 'Suspend', 'Resync Replica', 'Unprepare', 'Detach');
      await scene.write('disk', 0, 2);
      await scene.write('disk', FAR, 3);
      await scene.expectContent('disk', { 0: 2, [FAR]: 3 });
      scene.slow('copy');
      expect(await scene.order('Resume')).toBe(JOB);
      scene.expectState('Unsynchronized', { requestedCopyState: 'Synchronized' });
      await scene.finish();
      scene.expectState('Synchronized');
      await scene.expectContent('copy', {});
      await scene.expectContent('disk', { 0: 2, [FAR]: 3 });
      expect(scene.snapshots).toBe(0);
    });

    test('what is suspended stays so when the power fails, and still has its moment', async () => {
      const scene = await Scene.begin(place);
      await scene.world.rest(50);
      expect(await scene.order('Suspend')).toBe(0);
      await scene.write('disk', 0, 2);
      for (const name of MEMBERS) {
        scene.world.powerFails(name);
        await scene.world.members[name].start();
        await scene.world.rest(3000);
      }
      scene.expectState('Suspended', { targetData: 'Inconsistent' });
      await scene.expectClosed();
      expect([0, JOB]).toContain(await scene.order('Resume'));
      await scene.finish();
      scene.expectState('Synchronized');
      await scene.expectContent('copy', {});
    });

    test('Deactivate stops a copy, and Activate makes it of the source as it is then', async () => {
      const scene = await Scene.begin(place);
      await scene.world.rest(50);
      expect(await scene.order('Deactivate')).toBe(0);
      await scene.finish();
      scene.expectState('Inactive', { targetData: 'Inconsistent' });
      expect(scene.record.when.deactivated).not.toBeNull();
      expect(scene.snapshots).toBe(0);
      await scene.expectClosed();
      await scene.refuses('Abort', 'Deactivate', 'Resume', 'Suspend', 'Resync Replica', 'Restore from Replica');
      await scene.write('disk', FAR, 2);
      scene.slow('copy');
      expect(await scene.order('Activate')).toBe(JOB);
      scene.expectState('Unsynchronized', { requestedCopyState: 'Synchronized' });
      await scene.write('disk', 0, 3);
      await scene.finish();
      scene.expectState('Synchronized');
      await scene.expectContent('copy', { [FAR]: 2 });
      expect(scene.snapshots).toBe(0);
    });

    test('Unprepare forgets what was copied, from wherever it may, and Activate begins anew', async () => {
      for (const [stop, force] of [
        ['Abort', false],
        ['Suspend', true],
        ['Deactivate', false],
      ] as const) {
        const scene = await Scene.begin(place);
        await scene.world.rest(50);
        await scene.refuses('Unprepare');
        expect(await scene.order(stop)).toBe(0);
        if (force) await scene.refuses('Unprepare');
        expect(await scene.order('Unprepare', { force }), `after ${stop}`).toBe(0);
        scene.expectState('Prepared', { seeded: false });
        expect(scene.snapshots).toBe(0);
        await scene.expectClosed();
        await scene.refuses('Abort', 'Deactivate', 'Resume', 'Suspend', 'Resync Replica', 'Restore from Replica');
        expect(await scene.order('Unprepare'), 'once more').toBe(0);
        await scene.write('disk', FAR, 2);
        expect([0, JOB], `after ${stop}`).toContain(await scene.order('Activate'));
        await scene.write('disk', 0, 3);
        await scene.finish();
        scene.expectState('Synchronized', { seeded: true });
        await scene.expectContent('copy', { [FAR]: 2 });
      }
    });

    test('what was made to stop before its first copy begins with Activate', async () => {
      for (const state of ['Inactive', 'Prepared', 'Initialized'] as const) {
        const scene = await Scene.begin(place, { waitForCopyState: numberOf(COPY_STATES, state) });
        await scene.finish();
        scene.expectState(state, { targetData: 'Inconsistent' });
        await scene.expectClosed();
        await scene.refuses('Abort', 'Deactivate', 'Resume', 'Suspend', 'Resync Replica');
        await scene.write('disk', 0, 2);
        if (state === 'Initialized') {
          await scene.refuses('Activate');
          expect(await scene.order('Unprepare')).toBe(0);
          scene.expectState('Prepared');
        }
        expect([0, JOB]).toContain(await scene.order('Activate'));
        await scene.finish();
        scene.expectState('Synchronized');
        await scene.expectContent('copy', { 0: 2 });
      }
    });

    test('a new moment that is given up leaves nothing whole, and is begun again', async () => {
      const scene = await Scene.whole(place);
      await scene.write('disk', 0, 2, SIZE);
      scene.slow('copy');
      expect(await scene.order('Resync Replica')).toBe(JOB);
      await scene.world.rest(50);
      expect(await scene.order('Abort')).toBe(0);
      await scene.finish();
      scene.expectState('Aborted', { targetData: 'Inconsistent' });
      await scene.expectClosed();
      await scene.refuses('Restore from Replica');
      await scene.write('disk', 2 * BLOCK, 4);
      expect([0, JOB]).toContain(await scene.order('Resync Replica'));
      await scene.finish();
      scene.expectState('Synchronized');
      await scene.expectContent('copy', { [2 * BLOCK]: 4 }, 2);
    });

    test('a copy for which there is no room keeps no moment, and Unprepare or Resync Replica begins anew', async () => {
      for (const way of ['Unprepare', 'Resync Replica'] as const) {
        const scene = await Scene.begin(place);
        await scene.world.rest(50);
        const { files } = scene.world.members[place.target];
        files.slow = null;
        files.fault = { on: 'write', path: /copy\/data$/, code: 'ENOSPC' };
        await scene.finish();
        scene.expectState('Broken', {
          brokenBy: 'space',
          targetData: 'Inconsistent',
          requestedCopyState: 'Synchronized',
        });
        expect(scene.snapshots).toBe(0);
        await scene.expectClosed();
        await scene.refuses('Abort', 'Activate', 'Deactivate', 'Resume', 'Suspend', 'Restore from Replica');
        files.fault = null;
        await scene.write('disk', 0, 2);
        expect([0, JOB]).toContain(await scene.order(way));
        if (way === 'Unprepare') {
          scene.expectState('Prepared', { brokenBy: null });
          expect([0, JOB]).toContain(await scene.order('Activate'));
        }
        await scene.finish();
        scene.expectState('Synchronized');
        await scene.expectContent('copy', { 0: 2 });
      }
    });

    test('Detach with Force leaves two volumes, whatever became of the copy', async () => {
      for (const stop of ['Abort', 'Suspend', 'Deactivate', 'Unprepare'] as const) {
        const scene = await Scene.begin(place);
        await scene.world.rest(50);
        if (stop === 'Unprepare') await scene.order('Abort');
        expect(await scene.order(stop)).toBe(0);
        await scene.refuses('Detach');
        expect(await scene.order('Detach', { force: true }), `after ${stop}`).toBe(0);
        await scene.finish();
        for (const name of MEMBERS) expect(scene.world.members[name].on.pairs.list()).toEqual([]);
        expect(scene.snapshots).toBe(0);
        await scene.write('copy', 0, 4);
        await scene.write('disk', 0, 5);
        await scene.expectContent('disk', { 0: 5 });
      }
    });

    test('a restore takes no order but Abort, after which only another restore makes the source whole', async () => {
      const scene = await Scene.whole(place);
      await scene.write('disk', 0, 2, SIZE);
      scene.slow('disk');
      expect(await scene.order('Restore from Replica')).toBe(JOB);
      await scene.world.rest(50);
      for (const operation of ['Suspend', 'Deactivate', 'Resync Replica'] as const) {
        expect(await scene.order(operation), operation).toBe(6);
      }
      expect(await scene.order('Abort')).toBe(0);
      await scene.finish();
      scene.expectState('Aborted', { sourceData: 'Inconsistent', targetData: 'UpToDate' });
      await expect(scene.write('disk', 0, 5)).rejects.toThrow();
      await scene.refuses('Resync Replica', 'Activate', 'Resume', 'Suspend');
      expect([0, JOB]).toContain(await scene.order('Restore from Replica'));
      await scene.finish();
      scene.expectState('Synchronized', { sourceData: 'UpToDate' });
      await scene.expectContent('disk', {});
      await scene.write('disk', 0, 5);
    });
  });
}

describe('a clone on another member whose recovery is manual', () => {
  const place: Place = { target: 'beta', at: 'alpha' };
  const settings = 'instance of CIM_ReplicationSettingData { CopyRecoveryMode = 3; };';

  async function outage(scene: Scene): Promise<void> {
    scene.world.cut();
    await scene.world.rest(15_000);
    expect(scene.record).toMatchObject({ copyState: 'Broken', brokenBy: 'link' });
    scene.world.restore();
    await scene.finish();
    const states = MEMBERS.map(name => scene.world.members[name].on.pairs.list()[0]!.record.copyState);
    expect(states).toEqual(['Suspended', 'Suspended']);
  }

  test('waits for Resume when the link is back, and goes on with its moment', async () => {
    const scene = await Scene.begin(place, { settings });
    await scene.world.rest(50);
    await scene.write('disk', 0, 2);
    await outage(scene);
    expect(scene.record.when.suspended).not.toBeNull();
    await scene.expectClosed();
    expect([0, JOB]).toContain(await scene.order('Resume'));
    await scene.finish();
    scene.expectState('Synchronized');
    await scene.expectContent('copy', {});
    await scene.expectContent('disk', { 0: 2 });
  });

  test.each([
    ['before its first byte', 0],
    ['half way', 100],
  ])('a restore that was cut off %s is gone on with, and never turns round', async (_, ms) => {
    const scene = await Scene.begin(place, { settings });
    await scene.finish();
    await scene.write('disk', 0, 2, SIZE);
    scene.slow('disk');
    if (ms === 0) for (const name of MEMBERS) scene.world.members[name].level = LEVEL_OFF;
    expect(await scene.order('Restore from Replica')).toBe(JOB);
    await scene.world.rest(ms);
    await outage(scene);
    await expect(scene.write('disk', 0, 9)).rejects.toThrow();
    expect([0, JOB]).toContain(await scene.order('Resume'));
    await scene.finish();
    scene.expectState('Synchronized', { sourceData: 'UpToDate', targetData: 'UpToDate' });
    await scene.expectContent('disk', {});
    await scene.expectContent('copy', {});
    await scene.write('disk', 0, 3);
  });

  test('the mode can be set with an order, but not within one member', async () => {
    const scene = await Scene.whole(place);
    await scene.write('disk', 0, 2, SIZE);
    scene.slow('copy');
    expect(await scene.order('Resync Replica', { settings })).toBe(JOB);
    expect(scene.record.recoveryMode).toBe('Manual');
    await scene.world.rest(50);
    await outage(scene);
    const local = await Scene.whole({ target: 'alpha', at: 'alpha' });
    expect(await local.order('Resync Replica', { settings })).toBe(5);
  });
});
