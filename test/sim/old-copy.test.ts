/** A copy of the database is put back that is older than what the marker in the root has seen. */
import { afterEach, expect, test } from 'vitest';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

test('a copy from the same run is known as old, though nothing was edited here since: what partners deleted is not deleted again', async () => {
  world = await SmallWorld.create();
  world.write('alpha', 'file', 'content');
  world.start();
  await world.pass(30_000);
  const putBack = world.member('beta').options.home.backUp();
  const { user } = world.member('alpha').files;
  user.remove(`${SIM_ROOT}/file`);
  world.hint('alpha', 'file');
  await world.pass(2 * 3_600_000);
  expect(world.files('beta')).toEqual({});

  world.member('beta').crash('kill');
  putBack();
  // Meanwhile it has come back at the partner, as it was.
  world.write('alpha', 'file', 'content');
  await world.pass(60_000);
  world.start('beta');
  await world.pass(60_000);
  expect(world.told('DATABASE_RENEWED')).not.toEqual([]);
  for (const name of ['alpha', 'beta']) expect(world.files(name)).toEqual({ file: 'content' });
});

test('a member that nothing was told to does not write its marker again', async () => {
  world = await SmallWorld.create();
  world.write('alpha', 'file', 'content');
  world.start();
  await world.pass(2 * 3_600_000);
  const { user } = world.member('beta').files;
  const marker = (): bigint => user.look(`${SIM_ROOT}/.tandem/marker.json`).ino;
  const before = marker();
  await world.pass(5 * 3_600_000);
  expect(marker()).toBe(before);
});

test('no marker is written where the root is no longer mounted', async () => {
  world = await SmallWorld.create({ folder: { rescanMs: 24 * 3_600_000 } });
  world.write('alpha', 'file', 'content');
  world.start();
  await world.pass(1.5 * 3_600_000);
  world.write('alpha', 'another', 'content');
  await world.pass(30_000);
  const { files } = world.member('beta');
  files.mount(SIM_ROOT);
  await world.pass(2 * 3_600_000);
  expect(files.user.list(SIM_ROOT)).toEqual([]);
  expect(world.folder('beta').core.memory.halt).not.toBeNull();
});
