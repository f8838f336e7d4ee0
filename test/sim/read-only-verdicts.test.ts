/** What a read-only member settles by itself stands until its partners have settled it, and no longer. */
import { afterEach, expect, test } from 'vitest';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

test.each(['file', 'directory'])('a %s that lost its name here, and at no partner, comes back', async kind => {
  world = await SmallWorld.create({ members: ['alpha', 'beta', 'gamma'], folder: { readOnly: ['gamma'] } });
  // Alpha and beta do not hear of each other for now.
  world.connect('alpha→gamma', 'beta→gamma');
  const path = kind === 'file' ? 'x' : 'x/inner';
  world.start();
  await world.pass(30_000);
  if (kind === 'directory') world.write('alpha', path, 'alpha');
  else world.write('alpha', 'x', 'alpha');
  world.hint('alpha', 'x');
  await world.pass(5000);
  world.write('beta', 'x', 'beta');
  await world.pass(30_000);
  expect(Object.keys(world.files('gamma'))).toHaveLength(1);
  const winner = Object.values(world.files('gamma'))[0]!;
  world.member(winner).files.user.rename(`${SIM_ROOT}/x`, `${SIM_ROOT}/y`);
  world.hint(winner, 'x');
  await world.pass(30_000);
  for (const name of ['alpha', 'beta', 'gamma']) await world.stop(name);
  world.connect('alpha→gamma', 'beta→gamma', 'alpha→beta', 'beta→alpha');
  world.start();
  await world.pass(120_000);
  expect(Object.values(world.files('alpha')).sort()).toEqual(['alpha', 'beta']);
  for (const name of ['beta', 'gamma']) expect(world.files(name)).toEqual(world.files('alpha'));
});

test.each(['file', 'directory'])('a %s that was moved and got another mode at once is as it was', async kind => {
  world = await SmallWorld.create({ folder: { readOnly: ['beta'], rescanMs: 3_600_000 } });
  world.write('alpha', 'd/x', 'content');
  world.start();
  await world.pass(30_000);
  const { user } = world.member('beta').files;
  const [from, to] = kind === 'file' ? ['d/x', 'y'] : ['d', 'e'];
  const before = user.look(`${SIM_ROOT}/${from}`).mode;
  user.rename(`${SIM_ROOT}/${from}`, `${SIM_ROOT}/${to}`);
  user.setMode(`${SIM_ROOT}/${to}`, 0o700);
  for (const path of [from, to]) world.hint('beta', path);
  await world.pass(60_000);
  expect(world.files('beta')).toEqual({ 'd/x': 'content' });
  expect(user.look(`${SIM_ROOT}/${from}`).mode).toBe(before);
});
