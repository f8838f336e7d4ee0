/** How many updates are still to come is known from the partner: many of its versions may be of one file. */
import { afterEach, expect, test } from 'vitest';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

test('versions that newer ones have replaced are not counted as updates', async () => {
  world = await SmallWorld.create();
  world.connect('alpha→beta');
  world.write('alpha', 'edited', 'zero');
  world.start();
  await world.pass(30_000);
  const halted = world.folder('beta');
  await world.whileTimePasses(halted.core.line.run(() => halted.core.halt('file-system-changed', 'for the test')));
  await world.stop('beta');
  world.start('beta');
  await world.pass(10_000);
  for (let edit = 1; edit <= 5; edit++) {
    world.write('alpha', 'edited', `edit ${edit}`);
    world.write('alpha', `fleeting ${edit}`, 'soon gone');
    await world.pass(30_000);
  }
  world.member('alpha').files.user.remove(`${SIM_ROOT}/fleeting 1`);
  world.hint('alpha', 'fleeting 1');
  await world.pass(30_000);

  const [connection] = world.member('beta').member!.inbound;
  const [session] = connection!.sessions;
  const toCome = () => session!.outstanding(session!.running[0]!).toCome;
  expect(toCome()).toBe(11);
  const never = new AbortController().signal;
  await world.whileTimePasses(connection!.countUnasked(session!, never));
  expect(toCome()).toBe(6);
  // What it has had is told as before: asking for the number is no telling.
  const [outbound] = world.member('alpha').member!.outbound.connections.values();
  expect(outbound!.sessions[0]!.session.updatesTransferred).toBe(1);

  world.write('alpha', 'edited', 'once more');
  await world.pass(30_000);
  expect(toCome()).toBe(7);
  await world.whileTimePasses(connection!.countUnasked(session!, never));
  expect(toCome()).toBe(6);
  const { running } = session!;
  await world.whileTimePasses(world.folder('beta').release('retry'));
  await world.pass(30_000);
  expect(running.at(-1)).toMatchObject({ state: 'in-sync', updatesTransferred: 6, toCome: 0 });
});
