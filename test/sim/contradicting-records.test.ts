/** A database whose records contradict each other, as a defect may have left it: nothing else may suffer from it. */
import { expect, test } from 'vitest';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

test('an update that waits for a directory that is gone by the records does not keep others waiting', async () => {
  const world = await SmallWorld.create({ folder: { rescanMs: 3_600_000 } });
  world.write('alpha', 'd/1', 'first');
  world.start();
  await world.pass(30_000);
  const { core } = world.folder('beta');
  const change = core.line.run(async () => {
    const [directory] = await core.store.occupants([{ parent: core.root, name: 'd' }]);
    const [before] = await core.store.records([directory!]);
    await core.commit({ put: [{ before: before!, after: { ...before!, present: false, disk: null } }] });
    core.paths.forget();
  });
  await world.whileTimePasses(change);
  world.member('alpha').files.user.remove(`${SIM_ROOT}/d/1`);
  world.hint('alpha', 'd/1');
  await world.pass(10_000);
  world.write('alpha', 'other', 'other');
  await world.pass(10_000);
  expect(world.files('beta')).toMatchObject({ other: 'other' });
  expect(core.pending.listGivenUp().map(({ update, reason }) => [update.name, reason])).toEqual([
    ['1', 'waits for its directory'],
  ]);
  world.end();
});
