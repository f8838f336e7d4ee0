/** Events from their real causes, on simulated time: told once, not at every look, and again where they come back. */
import { afterEach, describe, expect, test } from 'vitest';
import { errnoError } from '../../src/base/errno.ts';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld, type SmallWorldPlan } from './small-world.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const STAGING = `${SIM_ROOT}/.tandem/staging`;

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

async function begin(plan: SmallWorldPlan = {}, before: () => void = () => {}): Promise<SmallWorld> {
  world = await SmallWorld.create(plan);
  before();
  world.start();
  await world.pass(30 * SECOND);
  return world;
}

describe('a file that keeps changing', () => {
  const plan = { folder: { quietMs: SECOND, quietLimitMs: 10 * SECOND } };

  async function keepWriting(path: string, seconds: number): Promise<void> {
    for (let at = 0; at < 2 * seconds; at++) {
      world.write('alpha', path, `line ${at}`);
      await world.pass(SECOND / 2);
    }
  }

  test('is told of once an hour, by its name, and sent all the same', async () => {
    await begin(plan);
    await keepWriting('logs/busy', 60);
    expect(world.told('FILE_BUSY')).toEqual([expect.stringMatching(/alpha FILE_BUSY: “logs\/busy” keeps changing/)]);
    expect(world.files('beta')['logs/busy']).toMatch(/^line \d+$/);
    await world.pass(HOUR);
    await keepWriting('logs/busy', 60);
    expect(world.told('FILE_BUSY')).toHaveLength(2);
  });

  test('is told apart from others in its directory that come and rest', async () => {
    await begin(plan);
    for (let at = 0; at < 60; at++) {
      world.write('alpha', `d/${at}`, 'written once');
      await world.pass(SECOND / 2);
    }
    await world.pass(30 * SECOND);
    expect(world.told('FILE_BUSY')).toEqual([]);
    expect(Object.keys(world.files('beta'))).toHaveLength(60);
  });
});

describe('a folder that stands still', () => {
  test('by an error of its disk is told of once, is tried again, and goes on by itself', async () => {
    await begin();
    const alpha = world.member('alpha');
    let broken = true;
    alpha.onFileCall = () => {
      if (broken) throw errnoError('EIO', 'input/output error');
    };
    world.write('alpha', 'a', 'one');
    await world.pass(120 * SECOND);
    expect(world.told('FOLDER_STOPPED')).toHaveLength(1);
    expect(world.told('FOLDER_STOPPED')[0]).toMatch(/cannot be replicated for now: .*input\/output error/);
    expect(world.files('beta')).toEqual({});
    const { core } = world.folder('alpha');
    expect(core.obstacles.standing.map(({ kind }) => kind)).toEqual(['stopped']);
    broken = false;
    await world.pass(30 * SECOND);
    expect(world.files('beta')).toEqual({ a: 'one' });
    expect(core.obstacles.standing).toEqual([]);
  });

  test('by an error of its disk from the start on keeps nobody from starting', async () => {
    let broken = false;
    await begin({}, () => world.write('alpha', 'a', 'one'));
    await world.stop('alpha');
    const alpha = world.member('alpha');
    broken = true;
    alpha.onFileCall = operation => {
      if (broken && operation === 'sync') throw errnoError('EIO', 'input/output error');
    };
    world.start('alpha');
    await world.pass(30 * SECOND);
    expect(alpha.running).toBe(true);
    expect(world.told('FOLDER_STOPPED')).toHaveLength(1);
    broken = false;
    await world.pass(30 * SECOND);
    world.write('alpha', 'b', 'two');
    await world.pass(30 * SECOND);
    expect(world.files('beta')).toEqual({ a: 'one', b: 'two' });
  });

  test('by a halt says so, and says so again after each start until it is decided', async () => {
    await begin({}, () => world.write('alpha', 'a', 'one'));
    const { user } = world.member('alpha').files;
    user.remove(`${SIM_ROOT}/.tandem/marker.json`);
    world.write('alpha', 'b', 'two');
    await world.pass(30 * SECOND);
    expect(world.told('ROOT_STALE')).toHaveLength(1);
    expect(world.told('FOLDER_HALTED')).toEqual([expect.stringMatching(/folder docs is halted: The marker in/)]);
    await world.stop('alpha');
    world.start('alpha');
    await world.pass(60 * SECOND);
    expect(world.told('ROOT_STALE')).toHaveLength(1);
    expect(world.told('FOLDER_HALTED')).toHaveLength(2);
    await world.whileTimePasses(world.folder('alpha').release('retry'));
    await world.pass(30 * SECOND);
    expect(world.files('beta')).toEqual({ a: 'one', b: 'two' });
    await world.stop('alpha');
    world.start('alpha');
    await world.pass(30 * SECOND);
    expect(world.told('FOLDER_HALTED')).toHaveLength(2);
  });
});

describe('a staging directory that cannot be used', () => {
  test('is told of once, made again where it is gone, and nothing is fetched for nothing meanwhile', async () => {
    await begin();
    const { user } = world.member('beta').files;
    user.remove(STAGING);
    user.writeFile(STAGING, 'in the way');
    for (let i = 0; i < 20; i++) world.write('alpha', `d/${i}`, `content ${i}`);
    world.write('alpha', 'empty', '');
    await world.pass(120 * SECOND);
    expect(world.told('STAGING_INACCESSIBLE')).toEqual([
      expect.stringMatching(/beta STAGING_INACCESSIBLE: .*\.tandem\/staging cannot be used/),
    ]);
    const [connection] = world.member('beta').member!.inbound;
    expect(connection!.state).toBe('online');
    const { core } = world.folder('beta');
    expect(core.obstacles.of('staging-inaccessible')).not.toBeNull();
    expect(new Set(core.pending.list().map(({ reason }) => reason))).toEqual(
      new Set(['the staging directory cannot be used']),
    );
    const fetched = connection!.fetcher.bytesReceived;
    await world.pass(120 * SECOND);
    expect(connection!.fetcher.bytesReceived).toBe(fetched);
    user.remove(STAGING);
    await world.pass(30 * SECOND);
    expect(Object.keys(world.files('beta'))).toHaveLength(21);
    expect(core.obstacles.standing).toEqual([]);
    expect(world.told('STAGING_INACCESSIBLE')).toHaveLength(1);
  });
});

describe('content that is preserved', () => {
  test('is told of as a conflict only where two members had changed the file', async () => {
    await begin({}, () => world.write('alpha', 'both', 'first'));
    world.network.block('alpha', 'beta');
    world.write('alpha', 'both', 'of alpha');
    world.write('beta', 'both', 'of beta, which is longer');
    await world.pass(30 * SECOND);
    world.network.unblockAll();
    await world.pass(60 * SECOND);
    expect(world.told('CONFLICT')).toHaveLength(1);
    expect(world.told('ITEM_PRESERVED')).toEqual([]);
    // Written in the moment in which an update takes the place.
    const beta = world.member('beta');
    beta.onFileCall = operation => {
      if (operation !== 'rename') return;
      beta.onFileCall = null;
      beta.files.user.writeFile(`${SIM_ROOT}/both`, 'unseen by any scan');
    };
    world.write('alpha', 'both', 'third');
    await world.pass(60 * SECOND);
    expect(world.told('ITEM_PRESERVED')).toEqual([expect.stringMatching(/beta ITEM_PRESERVED: “both” was preserved/)]);
    expect(world.preserved('beta')).toContain('unseen by any scan');
  });
});
