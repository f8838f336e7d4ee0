/** What goes wrong on one of two members of a mirror, with whole members in memory: nothing is lost, the reason is said, and it goes on. */
import { describe, expect, test } from 'vitest';
import { replicaRecord } from '../../../src/daemon/replica-records.ts';
import { numberOf, REPLICA_OPERATIONS, SYNC_TYPES } from '../../../src/model/replica-values.ts';
import { MEMBERS } from '../../sim/mirror-world.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { passUntil, VolumeMember } from '../../sim/volume-member.ts';
import { BLOCK, Members, MIRROR, SIZE } from './members.ts';

const RESYNC = {
  ...{ operation: numberOf(REPLICA_OPERATIONS, 'Resync Replica'), force: true },
  ...{ waitForCopyState: null, syncPairs: [], settings: null },
};

describe('without space', () => {
  for (const mode of ['Synchronous', 'Asynchronous'] as const) {
    for (const [what, path] of [
      ['for its volume', /disk\/data$/],
      ['for its epochs', /disk\/.*(journal|epoch)/],
    ] as const) {
      if (mode === 'Synchronous' && what === 'for its epochs') continue;
      test(`at the target ${what}, ${mode.toLowerCase()}: both members say why, and Resync goes on where it was`, async () => {
        const world = await Members.start('disk');
        const id = await world.mirror('disk', mode);
        const { files } = world.members.beta;
        files.fault = { on: 'write', path, code: 'ENOSPC' };
        await world.write('alpha', 3, 7);
        await world.rest(3000);
        expect(world.states(id)).toEqual(['Broken', 'Broken']);
        for (const name of MEMBERS) {
          expect(world.record(name, id)).toMatchObject({ brokenBy: 'space' });
          expect(world.pair(name, id)!.trouble).toMatch(/no space; make some/);
        }
        await world.write('alpha', 4, 8);
        files.fault = null;
        expect([0, 4096]).toContain((await world.order('alpha', id, 'Resync Replica')).returnCode);
        await world.rest(5000);
        expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
        const content = await world.expectSame();
        expect([content[3 * BLOCK], content[4 * BLOCK]]).toEqual([7, 8]);
      });
    }

    if (mode === 'Synchronous') {
      test('at the target, where a failed copy stops host I/O: no write is answered that only the source has', async () => {
        const world = await Members.start('disk');
        const settings = 'instance of CIM_ReplicationSettingData { FailedCopyStopsHostIO = true; };';
        const id = await world.mirror('disk', mode, settings);
        const { files } = world.members.beta;
        files.fault = { on: 'write', path: /disk\/data$/, code: 'ENOSPC' };
        await expect(world.write('alpha', 3, 7)).rejects.toThrow(/no space; make some.*must reach both members/);
        expect(world.states(id)).toEqual(['Broken', 'Broken']);
        const waiting = world.write('alpha', 4, 8);
        files.fault = null;
        expect([0, 4096]).toContain((await world.order('alpha', id, 'Resync Replica')).returnCode);
        await waiting;
        await world.rest(5000);
        expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
        expect((await world.expectSame())[4 * BLOCK]).toBe(8);
        // Or the clients are to go on without it.
        files.fault = { on: 'write', path: /disk\/data$/, code: 'ENOSPC' };
        await expect(world.write('alpha', 5, 9)).rejects.toThrow(/must reach both members/);
        await world.order('alpha', id, 'Resync Replica', { settings: settings.replace('true', 'false') });
        await world.write('alpha', 6, 10);
        await world.rest(3000);
        expect(world.states(id)).toEqual(['Broken', 'Broken']);
      });
    }

    test(`at the source, ${mode.toLowerCase()}: its client hears of it, and the target is made the same by itself`, async () => {
      const world = await Members.start('disk');
      const id = await world.mirror('disk', mode);
      await world.write('alpha', 3, 6);
      const { files } = world.members.alpha;
      files.fault = { on: 'write', path: /disk\/data$/, code: 'ENOSPC' };
      await expect(world.write('alpha', 3, 7)).rejects.toThrow(/no space/);
      files.fault = null;
      await world.rest(5000);
      expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
      for (const name of MEMBERS) expect(world.pair(name, id)!.progress.dirtyBytes).toBe(0);
      await world.expectSame();
      await world.write('alpha', 5, 9);
      await world.rest(3000);
      expect((await world.expectSame())[5 * BLOCK]).toBe(9);
    });
  }
});

test('why a pair is Broken is known after a restart of either member, whatever happens to the link, until it is mended', async () => {
  const world = await Members.start('disk');
  const id = await world.mirror('disk', 'Synchronous');
  const reasons = () =>
    MEMBERS.map(name => replicaRecord({ kind: 'volume', pair: world.pair(name, id)! }).StatusReason);
  const why = expect.stringMatching(/no space; make some/);
  world.members.beta.files.fault = { on: 'write', path: /disk\/data$/, code: 'ENOSPC' };
  await world.write('alpha', 3, 7);
  await world.rest(3000);
  expect(reasons()).toEqual([why, why]);
  world.cut();
  for (const name of MEMBERS) {
    world.powerFails(name);
    await world.members[name].start();
  }
  await world.rest(15_000);
  expect(world.states(id)).toEqual(['Broken', 'Broken']);
  expect(reasons()).toEqual([why, why]);
  world.restore();
  await world.rest(5000);
  expect(reasons()).toEqual([why, why]);
  world.members.beta.files.fault = null;
  await world.order('alpha', id, 'Resync Replica');
  await world.rest(5000);
  expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
  expect(reasons()).toEqual(['', '']);

  world.cut();
  await world.rest(15_000);
  for (const name of MEMBERS) {
    await world.pass(world.members[name].stop());
    await world.members[name].start();
  }
  expect(world.states(id)).toEqual(['Broken', 'Partitioned']);
  expect(reasons()[0]).not.toBe('');
  expect(reasons()[1]).toMatch(/alpha/);
});

for (const syncType of ['Mirror', 'Clone'] as const) {
  test(`an order at any moment of the first copy leaves both members with the same: ${syncType.toLowerCase()}`, async () => {
    let crossed = 0;
    for (let delay = 0; delay <= 40; delay++) {
      for (const name of MEMBERS) {
        const world = await Members.start('disk');
        for (let block = 0; block < 8; block++) await world.write('alpha', block * 8, block + 1);
        const wanted = {
          ...{ syncType: numberOf(SYNC_TYPES, syncType), mode: syncType === 'Mirror' ? 2 : null, source: 'disk' },
          ...{ target: 'beta:disk', settings: null, waitForCopyState: null },
          ...{ writable: false, detachWhenCopied: false, force: false },
        };
        const { synchronization } = await world.pass(world.members.alpha.on.replicas.create(wanted));
        const id = synchronization!;
        while (world.record(name, id)!.copyState === 'Initialized') await world.rest(1);
        await world.rest(delay);
        const other = name === 'alpha' ? 'beta' : 'alpha';
        if (world.record(name, id)!.copyState === 'Unsynchronized') {
          const ordered = world.give(name, id, 'Abort');
          const { returnCode } = await world.pass(ordered);
          if (returnCode === 4 && world.record(other, id)!.copyState === 'Synchronized') crossed++;
        }
        await world.rest(30_000);
        const [alpha, beta] = MEMBERS.map(member => world.record(member, id)!);
        expect([beta!.copyState, beta!.work], `${name} after ${delay} ms`).toEqual([alpha!.copyState, null]);
        expect(alpha!.work).toBeNull();
      }
    }
    expect(crossed).toBeGreaterThan(0);
  });
}

test('a write to what was the source before the roles were reversed is told to the partner', async () => {
  const world = await Members.start('disk');
  const id = await world.mirror('disk', 'Asynchronous');
  await world.order('alpha', id, 'Split');
  await world.write('alpha', 3, 7);
  await world.order('alpha', id, 'Reverse Roles', { force: true });
  expect(world.states(id)).toEqual(['Split', 'Split']);
  await world.write('alpha', 4, 8);
  await world.rest(1000);
  expect(world.states(id)).toEqual(['Skewed', 'Skewed']);
});

test('an order waits for a partner whose link is being dialled again, and is refused once it is given up', async () => {
  const world = await Members.start('disk');
  const id = await world.mirror('disk', 'Asynchronous');
  const resync = async (): Promise<number> =>
    (await world.order('alpha', id, 'Resync Replica', { force: true })).returnCode;
  await world.order('alpha', id, 'Split');
  for (const name of MEMBERS) {
    world.powerFails(name);
    await world.members[name].start();
    // At once, before the members have met.
    expect(world.members.alpha.on.replicas.orders.judge(world.pair('alpha', id), RESYNC)).toMatchObject({
      detail: 'peer_unreachable',
    });
    expect([0, 4096]).toContain(await resync());
    await world.rest(5000);
    expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
    await world.order('alpha', id, 'Split');
  }
  world.cut();
  await world.rest(1000);
  let asked = world.time.now;
  expect(await resync()).toBe(4);
  expect(world.time.now - asked).toBeGreaterThanOrEqual(1000);
  await world.rest(15_000);
  asked = world.time.now;
  expect(await resync()).toBe(4);
  expect(world.time.now - asked).toBeLessThan(1000);
});

test('a line that is away for half a second again and again loses nothing, and is no reason for another state', async () => {
  for (const mode of ['Synchronous', 'Asynchronous'] as const) {
    const world = await Members.start('disk');
    const id = await world.mirror('disk', mode);
    const seen = new Set<string>();
    for (let turn = 1; turn <= 12; turn++) {
      await world.write('alpha', turn, turn);
      world.cut();
      await world.write('alpha', turn + 20, turn);
      await world.rest(500);
      for (const state of world.states(id)) seen.add(state);
      world.restore();
      // Now and then it is away again before the members have met, or while they copy.
      await world.rest([3, 40, 1005, 1040, 3000][turn % 5]);
    }
    await world.rest(5000);
    expect([...seen].filter(state => state !== 'Unsynchronized')).toEqual(['Synchronized']);
    expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
    const content = await world.expectSame();
    for (let turn = 1; turn <= 12; turn++) {
      expect([content[turn * BLOCK], content[(turn + 20) * BLOCK]]).toEqual([turn, turn]);
    }
  }
});

test('a follower that cannot note what was decided meets its partner anew, and has it then', async () => {
  const world = await Members.start('disk');
  const id = await world.mirror('disk', 'Synchronous');
  await world.write('alpha', 1, 5);
  const { beta } = world.members;
  world.give('alpha', id, 'Failover').catch(() => {});
  await world.time.run(world.time.now + 1000, () => world.record('alpha', id)!.copyState === 'Failedover');
  beta.files.fault = { on: 'sync', path: /^\/table$/, code: 'EIO' };
  await world.rest(300);
  expect(world.states(id)).toEqual(['Failedover', 'Synchronized']);
  beta.files.fault = null;
  await world.rest(5000);
  expect(world.states(id)).toEqual(['Failedover', 'Failedover']);
  for (const name of MEMBERS) expect(world.pair(name, id)!.kept.intent).toBeNull();
  await world.write('beta', 2, 6);
  await expect(world.write('alpha', 2, 7)).rejects.toThrow();
  expect([0, 4096]).toContain((await world.order('beta', id, 'Failback')).returnCode);
  await world.rest();
  expect((await world.expectSame())[2 * BLOCK]).toBe(6);
});

test('a write to a target that was just taken into use is not held for ever by what it was being fed', async () => {
  const world = await Members.start('disk');
  const id = await world.mirror('disk', 'Synchronous');
  await world.order('alpha', id, 'Failover');
  const { trackers, shelf } = world.members.beta.on;
  const map = await trackers.map(shelf.usable('disk'), id);
  map.following = true;
  await expect(world.write('beta', 1, 1)).rejects.toThrow(/still not all carried out/);
  map.following = false;
  await world.write('beta', 1, 2);
});

test('a removed pair leaves its group, and a group that is to go with its last pair goes', async () => {
  const world = await Members.start('disk', 'log');
  const ids = [await world.mirror('disk', 'Synchronous'), await world.mirror('log', 'Synchronous')];
  const { groups } = world.members.alpha.on.replicas;
  const wish = { syncType: MIRROR, pairs: ids };
  await groups.create({ ...wish, name: 'base', deleteOnEmptyElement: true });
  expect((await world.order('alpha', ids[0]!, 'Detach')).returnCode).toBe(0);
  await world.rest(1000);
  expect(groups.find('base')!.pairs).toEqual([ids[1]]);
  // By the order of the other member, and all at once.
  expect((await world.order('beta', ids[1]!, 'Detach')).returnCode).toBe(0);
  await world.rest(1000);
  expect(groups.list()).toEqual([]);
});

test('a group all of whose pairs are detached at once keeps none of them', async () => {
  const world = await Members.start('disk', 'log');
  const ids = [await world.mirror('disk', 'Synchronous'), await world.mirror('log', 'Synchronous')];
  const { groups } = world.members.alpha.on.replicas;
  await groups.create({ name: 'kept', syncType: MIRROR, pairs: ids, deleteOnEmptyElement: false });
  const order = { operation: numberOf(REPLICA_OPERATIONS, 'Detach'), force: false, waitForCopyState: null };
  const all = groups.modify(groups.find('kept')!, { ...order, syncPairs: [], settings: null });
  expect((await world.pass(all)).returnCode).toBe(0);
  await world.rest(1000);
  expect(groups.find('kept')!.pairs).toEqual([]);
});

test('a volume whose creation the power cut off can be deleted, and created again', async () => {
  for (let step = 1; ; step++) {
    const member = new VolumeMember({ name: 'alpha', random: createSimRandom(step, 'creation') });
    await member.start();
    const limit = member.files.steps + step;
    member.files.failAt(limit);
    const made = await passUntil(
      member.time,
      member.on.shelf.create({ name: 'disk', size: SIZE }).then(
        ({ volume }) => volume !== null,
        () => false,
      ),
    );
    const over = member.files.steps < limit;
    member.powerFails();
    await member.start();
    if (made) expect(member.on.shelf.get('disk').problem).toBeNull();
    if (member.on.shelf.has('disk')) await passUntil(member.time, member.on.shelf.delete('disk', { force: false }));
    await passUntil(member.time, member.on.shelf.create({ name: 'disk', size: SIZE }));
    expect(member.on.shelf.get('disk').problem, `step ${step}`).toBeNull();
    if (over) break;
  }
});
