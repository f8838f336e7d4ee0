/** An update that waits for others may be out of date before they come: it must not keep them waiting. */
import { afterEach, expect, test } from 'vitest';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

const anew = 'written anew\n'.repeat(1_500_000);

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

test('a file and a directory exchange their names while the directory is changed at the partner', async () => {
  world = await SmallWorld.create();
  // So that alpha does not settle what beta has to.
  world.connect('alpha→beta');
  world.write('alpha', 'file', 'first');
  world.write('alpha', 'directory/inner', 'inner');
  world.start();
  await world.pass(30_000);
  expect(world.files('beta')).toEqual({ file: 'first', 'directory/inner': 'inner' });

  await world.stop('beta');
  const { user } = world.member('alpha').files;
  user.rename(`${SIM_ROOT}/file`, `${SIM_ROOT}/between`);
  user.rename(`${SIM_ROOT}/directory`, `${SIM_ROOT}/file`);
  user.rename(`${SIM_ROOT}/between`, `${SIM_ROOT}/directory`);
  world.hint('alpha', 'file');
  await world.pass(30_000);
  world.write('alpha', 'directory', anew);
  await world.pass(30_000);
  world.start('beta');
  while (!world.member('beta').running) await world.pass(1);
  const { core } = world.folder('beta');
  const states = () => core.pending.list().map(({ stage, round }) => `${stage}, ${round.closed ? 'closed' : 'open'}`);
  // The content of the one takes a while, so the other waits for its name.
  while (!states().includes('blocked, closed')) await world.pass(1);
  world.member('beta').files.user.setMode(`${SIM_ROOT}/directory`, 0o700);
  world.hint('beta', 'directory');
  const modeNow = async () => (await world.whileTimePasses(core.paths.recordAt('directory')))?.mode;
  while ((await modeNow()) !== 0o700) await world.pass(1);
  await world.pass(60_000);

  expect(core.pending.list().map(({ update, reason }) => `${update.name} ${reason}`)).toEqual([]);
  expect(world.files('beta')).toEqual({ 'directory/inner': 'inner' });
});
