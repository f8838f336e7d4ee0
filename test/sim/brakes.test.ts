/** What looks like an accident is held whatever the moment at which a pass comes by. */
import { afterEach, expect, test } from 'vitest';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

const FILES = 100;

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

const name = (i: number) => `tree/${i}`;

/** Two members in sync, of which the second is about to lose files. */
async function begin(): Promise<void> {
  const brakes = { deletedShare: 0.5, changedShare: 0.5, minimumFiles: 10 };
  world = await SmallWorld.create({ folder: { brakes, quietMs: 500, quietLimitMs: 5000 } });
  world.start();
  for (let i = 0; i < FILES; i++) world.write('alpha', name(i), `${i}`);
  await world.pass(30_000);
  expect(Object.keys(world.files('beta'))).toHaveLength(FILES);
}

function lose(from: number, to: number): void {
  for (let i = from; i < to; i++) world.member('beta').files.user.remove(`${SIM_ROOT}/${name(i)}`);
}

function edit(from: number, to: number, content: string, { hinted = true } = {}): void {
  for (let i = from; i < to; i++) {
    world.member('beta').files.user.writeFile(`${SIM_ROOT}/${name(i)}`, content);
    if (hinted) world.hint('beta', name(i));
  }
}

test.each([1, 40])('a full pass that sees %i of many deletions does not publish them before the others', async seen => {
  await begin();
  lose(0, seen);
  await world.whileTimePasses(world.folder('beta').scanner.full());
  lose(seen, FILES - 1);
  world.hint('beta', name(FILES));
  await world.pass(10_000);
  expect(world.folder('beta').core.memory.halt).toMatchObject({
    reason: 'mass-deletion',
    held: { deleted: FILES - 1 },
  });
  expect(Object.keys(world.files('alpha'))).toHaveLength(FILES);
});

test('what a directory held counts, though one name vanished', async () => {
  await begin();
  for (let i = 0; i < FILES; i++) world.write('alpha', `other/${name(i)}`, `${i}`);
  await world.pass(30_000);
  lose(0, FILES);
  world.member('beta').files.user.remove(`${SIM_ROOT}/tree`);
  await world.whileTimePasses(world.folder('beta').scanner.full());
  for (let i = 0; i < FILES; i++) world.member('beta').files.user.remove(`${SIM_ROOT}/other/${name(i)}`);
  world.hint('beta', 'other/tree/0');
  await world.pass(10_000);
  const halt = { reason: 'mass-deletion', held: { deleted: 2 * FILES } };
  expect(world.folder('beta').core.memory.halt).toMatchObject(halt);
});

test('many deletions that are fewer than the brake holds are published once no more follow', async () => {
  await begin();
  lose(0, 40);
  await world.whileTimePasses(world.folder('beta').scanner.full());
  await world.pass(10_000);
  expect(Object.keys(world.files('alpha'))).toHaveLength(FILES - 40);
});

test('a full pass that comes by while many files are being edited does not publish those it sees', async () => {
  await begin();
  edit(0, 40, 'encrypted', { hinted: false });
  await world.pass(700);
  await world.whileTimePasses(world.folder('beta').scanner.full());
  edit(40, FILES, 'encrypted');
  await world.pass(10_000);
  expect(world.folder('beta').core.memory.halt).toMatchObject({ reason: 'mass-change' });
  expect(Object.values(world.files('alpha'))).not.toContain('encrypted');
});

test('many edits that are fewer than the brake holds are published once no more follow', async () => {
  await begin();
  edit(0, 40, 'edited', { hinted: false });
  await world.pass(700);
  await world.whileTimePasses(world.folder('beta').scanner.full());
  await world.pass(10_000);
  expect(Object.values(world.files('alpha')).filter(content => content === 'edited')).toHaveLength(40);
});

test('what was held is published as it was decided, though some of it is being edited again', async () => {
  await begin();
  edit(0, 60, 'meant');
  await world.pass(10_000);
  expect(world.folder('beta').core.memory.halt).toMatchObject({ reason: 'mass-change' });
  edit(0, 1, 'meant, too');
  await world.whileTimePasses(world.folder('beta').release('accept'));
  await world.pass(10_000);
  expect(world.folder('beta').core.memory.halt).toBeNull();
  const contents = Object.values(world.files('alpha')).filter(content => content.startsWith('meant'));
  expect(contents).toHaveLength(60);
});

test('many files that are edited without end are not held back without end, and count once', async () => {
  await begin();
  for (let i = 0; i < 300; i++) {
    edit(0, 20, `edit ${i}`);
    await world.pass(100);
  }
  expect(Object.values(world.files('alpha')).filter(content => content.startsWith('edit '))).toHaveLength(20);
  expect(world.folder('beta').core.memory.halt).toBeNull();
});
