/** A version that made another one needless is lost, with the database of the only member that had it: the other one is wanted again. */
import { afterEach, expect, test } from 'vitest';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

const SECOND = 1000;

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

/**
 * Beta’s edit wins over alpha’s, of which it knows nothing. Gamma hears of beta’s, and of alpha’s only that beta has dealt with it.
 * It has no room for beta’s yet when that goes.
 */
async function loseTheWinner(edit: () => void): Promise<void> {
  world = await SmallWorld.create({ members: ['alpha', 'beta', 'gamma'] });
  world.connect('alpha→beta', 'beta→gamma', 'gamma→alpha');
  world.write('alpha', 'a', 'first');
  world.start();
  await world.pass(60 * SECOND);
  expect(world.files('gamma')).toEqual({ a: 'first' });
  await world.stop('gamma');
  world.network.block('alpha', 'beta');
  edit();
  await world.pass(5 * SECOND);
  world.write('beta', 'a', 'of beta, at some length'.repeat(20));
  await world.pass(5 * SECOND);
  world.network.unblockAll();
  await world.pass(30 * SECOND);
  const gamma = world.member('gamma');
  world.start('gamma');
  while (!gamma.running) await world.pass(1);
  gamma.files.quotaBytes = gamma.files.usedBytes + 100;
  await world.pass(20 * SECOND);
  expect(world.folder('gamma').core.pending.size).toBe(1);
  const beta = world.member('beta');
  beta.crash('kill');
  beta.options.home.lose();
  beta.files.user.remove(`${SIM_ROOT}/a`);
  await world.pass(5 * SECOND);
  gamma.files.quotaBytes = Number.MAX_SAFE_INTEGER;
  await world.pass(20 * SECOND);
  world.start('beta');
  await world.pass(300 * SECOND);
}

function expectSame(files: Record<string, string>): void {
  const states = ['alpha', 'beta', 'gamma'].map(name => {
    const { vector, counts } = world.folder(name).core.store;
    return { files: world.files(name), tombstones: counts.tombstones, vector };
  });
  expect(states[0]!.files).toEqual(files);
  for (const state of states) expect(state).toEqual(states[0]);
}

test('an edit comes to whoever had only heard that it was dealt with', async () => {
  await loseTheWinner(() => world.write('alpha', 'a', 'of alpha'));
  expectSame({ a: 'of alpha' });
});

test('so does a deletion', async () => {
  await loseTheWinner(() => {
    world.member('alpha').files.user.remove(`${SIM_ROOT}/a`);
    world.hint('alpha', 'a');
  });
  expectSame({});
});
