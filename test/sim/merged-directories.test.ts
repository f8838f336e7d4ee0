/** Two directories get one name, and one goes into the other, though names lie in it that are not replicated. */
import { afterEach, expect, test } from 'vitest';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

const SECOND = 1000;
const NAMES = ['alpha', 'beta'];

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

test.each([
  ['first', 'second'],
  ['second', 'first'],
])('%s by alpha, %s by beta', async (byAlpha, byBeta) => {
  world = await SmallWorld.create({ folder: { filters: { files: ['*.tmp'], directories: [] } } });
  for (const directory of ['first', 'second']) {
    world.start();
    world.write('alpha', `${directory}/of ${directory}`, directory);
    await world.pass(30 * SECOND);
  }
  for (const name of NAMES)
    for (const directory of ['first', 'second']) world.write(name, `${directory}/${name}.tmp`, `${name} ${directory}`);
  world.network.block('alpha', 'beta');
  for (const [name, from] of [
    ['alpha', byAlpha],
    ['beta', byBeta],
  ] as const) {
    world.member(name).files.user.rename(`${SIM_ROOT}/${from}`, `${SIM_ROOT}/c`);
    world.hint(name, from);
  }
  await world.pass(30 * SECOND);
  world.network.unblockAll();
  await world.pass(120 * SECOND);
  for (const name of NAMES) {
    const { core } = world.folder(name);
    expect(core.pending.size + core.pending.givenUpSize).toBe(0);
    const replicated = Object.entries(world.files(name)).filter(([path]) => !path.endsWith('.tmp'));
    expect(Object.fromEntries(replicated)).toEqual({ 'c/of first': 'first', 'c/of second': 'second' });
    const own = Object.values(world.files(name)).concat(world.preserved(name));
    expect(own).toEqual(expect.arrayContaining([`${name} first`, `${name} second`]));
  }
  expect(world.folder('alpha').core.store.vector).toEqual(world.folder('beta').core.store.vector);
});
