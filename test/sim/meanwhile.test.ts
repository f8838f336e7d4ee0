/** What users do where an update is just being carried out, and what is not recorded yet. */
import { afterEach, expect, test } from 'vitest';
import type { Disk } from '../../src/disk/disk.ts';
import type { FolderCore } from '../../src/replication/folder-core.ts';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

/** Once this holds of beta's disk, a user acts, while the group that made it so waits for the disk and is not recorded. */
function inGroup(holds: () => boolean, act: () => void): void {
  const { core } = world.folder('beta');
  const { disk } = core;
  const apply: Disk['apply'] = async (operations, group) => {
    const outcomes = await disk.apply(operations, group);
    if (holds()) {
      act();
      await world.time.wait(100);
    }
    return outcomes;
  };
  replaceCall(core, 'apply', apply);
}

function replaceCall(core: FolderCore, call: keyof Disk, by: unknown): void {
  const disk = new Proxy(core.disk, { get: (of, key) => (key === call ? by : Reflect.get(of, key)) });
  Object.assign(core, { disk });
}

/** Once. */
function writeMine(): () => void {
  let isWritten = false;
  return () => {
    if (!isWritten) world.write('beta', 'd/mine', 'mine');
    isWritten = true;
  };
}

test('a file made in a directory at the moment in which that is made here is replicated', async () => {
  world = await SmallWorld.create({ folder: { rescanMs: 3_600_000 } });
  world.start();
  await world.pass(30_000);
  inGroup(() => world.member('beta').files.user.exists(`${SIM_ROOT}/d`), writeMine());
  world.write('alpha', 'd/theirs', 'theirs');
  world.hint('alpha', 'd');
  await world.pass(30_000);
  for (const name of ['alpha', 'beta']) expect(world.files(name)).toEqual({ 'd/mine': 'mine', 'd/theirs': 'theirs' });
});

test('a file made in a directory at the moment in which that takes the place of another one is replicated', async () => {
  world = await SmallWorld.create({ folder: { rescanMs: 3_600_000 } });
  world.write('alpha', 'd/1', 'first');
  world.write('alpha', 'e/2', 'second');
  world.start();
  await world.pass(30_000);
  await world.stop('alpha');
  const { user } = world.member('alpha').files;
  user.rename(`${SIM_ROOT}/d`, `${SIM_ROOT}/c`);
  user.rename(`${SIM_ROOT}/e`, `${SIM_ROOT}/d`);
  inGroup(() => world.member('beta').files.user.exists(`${SIM_ROOT}/d/2`), writeMine());
  world.start('alpha');
  await world.pass(30_000);
  const files = { 'c/1': 'first', 'd/2': 'second', 'd/mine': 'mine' };
  for (const name of ['alpha', 'beta']) expect(world.files(name)).toEqual(files);
});

test('what is moved at a partner but was just removed here waits no longer than until that is certain', async () => {
  world = await SmallWorld.create({ folder: { rescanMs: 3_600_000, quietMs: 1000 } });
  world.write('alpha', 'd/1', 'first');
  world.start();
  await world.pass(30_000);
  // The watcher has not seen it.
  world.member('beta').files.user.remove(`${SIM_ROOT}/d`);
  world.member('alpha').files.user.rename(`${SIM_ROOT}/d`, `${SIM_ROOT}/e`);
  world.write('alpha', 'e/2', 'second');
  world.hint('alpha', 'e');
  await world.pass(12_000);
  for (const name of ['alpha', 'beta']) expect(world.files(name)).toEqual({ 'e/2': 'second' });
  expect(world.folder('beta').core.pending.givenUpSize).toBe(0);
});

test('a file that has not come to rest is looked at again though its directory became one with a partner’s', async () => {
  world = await SmallWorld.create({ folder: { rescanMs: 3_600_000, quietMs: 5000 } });
  world.start();
  await world.pass(30_000);
  // Each makes a directory of this name before it hears of the other's, and then a file in it.
  for (const name of ['alpha', 'beta']) {
    world.member(name).files.user.makeDirectory(`${SIM_ROOT}/d`);
    world.hint(name, 'd');
  }
  await world.pass(40);
  for (const name of ['alpha', 'beta']) world.write(name, `d/of ${name}`, name);
  await world.pass(60_000);
  for (const name of ['alpha', 'beta'])
    expect(world.files(name)).toEqual({ 'd/of alpha': 'alpha', 'd/of beta': 'beta' });
});

test('a directory that is away for a moment just when it is looked for is looked at when it is back', async () => {
  world = await SmallWorld.create({ folder: { rescanMs: 3_600_000, quietMs: 1000 } });
  world.write('alpha', 'd/1', 'first');
  world.start();
  await world.pass(30_000);
  const { user } = world.member('alpha').files;
  world.write('alpha', 'd/2', 'second');
  user.rename(`${SIM_ROOT}/d`, `${SIM_ROOT}/.tandem/away`);
  await world.pass(500);
  user.rename(`${SIM_ROOT}/.tandem/away`, `${SIM_ROOT}/d`);
  world.hint('alpha', 'd');
  await world.pass(30_000);
  for (const name of ['alpha', 'beta']) expect(world.files(name)).toEqual({ 'd/1': 'first', 'd/2': 'second' });
});

/** Users act just before a member asks its disk for something. */
function beforeCalls<Call extends 'look' | 'scan'>(name: string, call: Call, act: (paths: string[]) => void): void {
  const { core } = world.folder(name);
  const { disk } = core;
  const asked = (questions: readonly (string | { path: string })[]): unknown => {
    act(questions.map(question => (typeof question === 'string' ? question : question.path)));
    return Reflect.apply(disk[call], disk, [questions]);
  };
  replaceCall(core, call, asked);
}

test('a directory that is moved to and fro while it is looked for stays what it was, with all that is in it', async () => {
  world = await SmallWorld.create({ folder: { rescanMs: 3_600_000, quietMs: 1000 } });
  world.write('alpha', 'e/1', 'first');
  world.member('alpha').files.user.makeDirectory(`${SIM_ROOT}/d`);
  world.start();
  await world.pass(30_000);
  const { user } = world.member('alpha').files;
  const moves = { there: 0, back: 0 };
  const move = (way: keyof typeof moves): void => {
    moves[way]++;
    const [from, to] = way === 'there' ? ['e', 'd'] : ['d', 'e'];
    user.rename(`${SIM_ROOT}/${from}`, `${SIM_ROOT}/${to}`);
  };
  // It takes the place of an empty one. When it is looked whether it is still where it was, it is there again.
  beforeCalls('alpha', 'look', paths => paths.includes('e') && moves.back === 0 && move('back'));
  beforeCalls('alpha', 'scan', paths => paths.includes('d') && moves.back === 1 && moves.there === 1 && move('there'));
  move('there');
  world.hint('alpha', '');
  await world.pass(400);
  expect(moves).toEqual({ there: 2, back: 1 });
  move('back');
  world.write('alpha', 'e/new/2', 'second');
  world.hint('alpha', 'e');
  await world.pass(60_000);
  for (const name of ['alpha', 'beta']) expect(world.files(name)).toEqual({ 'e/1': 'first', 'e/new/2': 'second' });
});
