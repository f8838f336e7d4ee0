/** What becomes of orders that take their time: their answers, their jobs, and how the pair behaves without its link. */
import { describe, expect, test } from 'vitest';
import { LEVEL_FULL, LEVEL_OFF } from '../../../src/model/bandwidth.ts';
import type { Job } from '../../../src/model/concrete-job.ts';
import { MEMBERS } from '../../sim/mirror-world.ts';
import { BLOCK, Members } from './members.ts';

const SYNCHRONIZED = 4;

/** Suspended, with a block that differs, and alpha's line to beta closed by its schedule: what is copied then waits. */
async function behind(): Promise<{ readonly world: Members; readonly id: string }> {
  const world = await Members.start('disk');
  const id = await world.mirror('disk', 'Synchronous');
  await world.order('alpha', id, 'Suspend');
  await world.write('alpha', 3, 7);
  world.members.alpha.level = LEVEL_OFF;
  return { world, id };
}

function jobOf(world: Members, job: string | null): Job {
  return world.members.alpha.on.replicas.jobs.get(job!)!.job;
}

describe('an order that takes its time', () => {
  test('is answered 4096 and its job follows it: it waits with the copy, outlives a restart, and is completed', async () => {
    const { world, id } = await behind();
    const { returnCode, job } = await world.order('alpha', id, 'Resume');
    expect(returnCode).toBe(4096);
    await world.rest(3000);
    expect(jobOf(world, job)).toMatchObject({
      state: 'Suspended',
      endedAt: null,
      about: expect.stringMatching(/^Resume/),
    });
    world.powerFails('alpha');
    await world.members.alpha.start();
    await world.rest(5000);
    expect(jobOf(world, job)).toMatchObject({ state: 'Suspended', endedAt: null });
    world.members.alpha.level = LEVEL_FULL;
    await world.rest(5000);
    expect(jobOf(world, job)).toMatchObject({
      state: 'Completed',
      percentComplete: 100,
      errorCode: 0,
      cancellable: false,
    });
    expect(jobOf(world, job).endedAt).not.toBeNull();
    expect((await world.expectSame())[3 * BLOCK]).toBe(7);
  });

  test('is answered 3 when WaitForCopyState takes too long, 0 when it is reached in time or was so already', async () => {
    const { world, id } = await behind();
    const began = world.time.now;
    const late = await world.order('alpha', id, 'Resume', { waitForCopyState: SYNCHRONIZED });
    expect(late).toMatchObject({ returnCode: 3, sentence: expect.stringMatching(/not Synchronized yet/) });
    expect(world.time.now - began).toBeGreaterThanOrEqual(60_000);
    expect(jobOf(world, late.job).endedAt).toBeNull();
    world.members.alpha.level = LEVEL_FULL;
    await world.rest(5000);
    expect(jobOf(world, late.job).state).toBe('Completed');
    await world.order('alpha', id, 'Suspend');
    await world.write('alpha', 4, 8);
    const soon = await world.order('alpha', id, 'Resume', { waitForCopyState: SYNCHRONIZED });
    expect(soon).toMatchObject({ returnCode: 0, job: null });
    expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
    // A state that the operation does not lead to.
    expect(await world.order('alpha', id, 'Suspend', { waitForCopyState: SYNCHRONIZED })).toMatchObject({
      returnCode: 5,
    });
    expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
  });

  test('is given up by Terminate of its job, as by Abort, and can be given again', async () => {
    const { world, id } = await behind();
    const { job } = await world.order('alpha', id, 'Resume');
    await world.rest(3000);
    const { replicas } = world.members.alpha.on;
    const ended = replicas.changeJob(jobOf(world, job), 'Terminate', order =>
      replicas.orders.modify(world.pair('alpha', id), order),
    );
    expect([0, 4096]).toContain((await world.pass(ended)).returnCode);
    await world.rest(3000);
    expect(world.states(id)).toEqual(['Aborted', 'Aborted']);
    expect(jobOf(world, job)).toMatchObject({ state: 'Terminated', cancellable: false });
    await expect(world.write('beta', 1, 1)).rejects.toThrow();
    world.members.alpha.level = LEVEL_FULL;
    const again = await world.order('alpha', id, 'Resync Replica', { waitForCopyState: SYNCHRONIZED });
    expect(again.returnCode).toBe(0);
    expect((await world.expectSame())[3 * BLOCK]).toBe(7);
  });

  test('is superseded by the next one, whose job is another', async () => {
    const { world, id } = await behind();
    const first = await world.order('alpha', id, 'Resume');
    expect((await world.order('alpha', id, 'Suspend')).returnCode).toBe(0);
    await world.rest(1000);
    expect(jobOf(world, first.job).state).toBe('Terminated');
    expect(world.states(id)).toEqual(['Suspended', 'Suspended']);
  });
});

describe('without the link for longer than the grace', () => {
  test('a pair whose recovery is manual waits for Resume, and a short cut is none', async () => {
    const world = await Members.start('disk');
    const settings = 'instance of CIM_ReplicationSettingData { CopyRecoveryMode = 3; };';
    const id = await world.mirror('disk', 'Synchronous', settings);
    world.cut();
    await world.write('alpha', 1, 5);
    await world.rest(2000);
    world.restore();
    await world.rest(5000);
    expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
    world.cut();
    await world.write('alpha', 2, 6);
    await world.rest(15_000);
    expect(world.states(id)).toEqual(['Broken', 'Partitioned']);
    world.restore();
    await world.rest(5000);
    expect(world.states(id)).toEqual(['Suspended', 'Suspended']);
    expect((await world.members.beta.content('disk'))![2 * BLOCK]).toBe(0);
    await expect(world.write('beta', 1, 1)).rejects.toThrow();
    expect((await world.order('alpha', id, 'Resume', { waitForCopyState: SYNCHRONIZED })).returnCode).toBe(0);
    const content = await world.expectSame();
    expect([content[BLOCK], content[2 * BLOCK]]).toEqual([5, 6]);
  });

  test('a restore that was cut off is gone on with by Resume, and one that had ended is none', async () => {
    const world = await Members.start('disk');
    const settings = 'instance of CIM_ReplicationSettingData { CopyRecoveryMode = 3; };';
    const id = await world.mirror('disk', 'Asynchronous', settings);
    await world.order('alpha', id, 'Split');
    await world.write('beta', 3, 7);
    for (const name of MEMBERS) world.members[name].level = LEVEL_OFF;
    expect((await world.order('alpha', id, 'Restore from Replica')).returnCode).toBe(4096);
    await world.rest(1000);
    world.cut();
    await world.rest(15_000);
    for (const name of MEMBERS) world.members[name].level = LEVEL_FULL;
    world.restore();
    await world.rest(5000);
    expect(world.states(id)).toEqual(['Suspended', 'Suspended']);
    await expect(world.write('alpha', 3, 1)).rejects.toThrow();
    expect((await world.order('alpha', id, 'Resume', { waitForCopyState: SYNCHRONIZED })).returnCode).toBe(0);
    expect((await world.expectSame())[3 * BLOCK]).toBe(7);
    for (const suspend of [
      async () => void (await world.order('alpha', id, 'Suspend')),
      async () => {
        world.cut();
        await world.rest(15_000);
        world.restore();
        await world.rest(5000);
      },
    ]) {
      await world.write('alpha', 4, 8);
      await suspend();
      expect(world.states(id)).toEqual(['Suspended', 'Suspended']);
      await world.write('alpha', 5, 9);
      expect((await world.order('alpha', id, 'Resume', { waitForCopyState: SYNCHRONIZED })).returnCode).toBe(0);
      expect((await world.expectSame())[5 * BLOCK]).toBe(9);
      await world.write('alpha', 5, 1);
      await world.rest(3000);
    }
  });

  test('where a failed copy stops host I/O, a write waits a minute, fails then, and nobody is told that it is done', async () => {
    const world = await Members.start('disk');
    const settings = 'instance of CIM_ReplicationSettingData { FailedCopyStopsHostIO = true; };';
    const id = await world.mirror('disk', 'Synchronous', settings);
    world.cut();
    const began = world.time.now;
    await expect(world.write('alpha', 1, 5)).rejects.toThrow(/out of reach|away for too long/);
    expect(world.time.now - began).toBeGreaterThanOrEqual(50_000);
    expect(world.states(id)).toEqual(['Broken', 'Partitioned']);
    // One that comes while it is away is answered when the other member has it too.
    const held = world.members.alpha.write('disk', 2 * BLOCK, Buffer.alloc(BLOCK, 6));
    await world.rest(20_000);
    world.restore();
    await world.pass(held);
    await world.rest(5000);
    expect(world.states(id)).toEqual(['Synchronized', 'Synchronized']);
    expect((await world.expectSame())[2 * BLOCK]).toBe(6);
  });
});
