/** Groups of updates overlap: the next is on its way before the records of the one before it are written. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../../src/base/limits.ts';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

const SECOND = 1000;
const FILES = 1.7 * LIMITS.installGroupFiles;

let world: SmallWorld;

beforeEach(async () => {
  world = await SmallWorld.create();
  world.start();
  await world.pass(30 * SECOND);
});

afterEach(() => {
  expect(world.end()).toEqual([]);
});

function expected(content: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`d${i % 7}/f${i}`, `${content} ${i}`]));
}

/** Beta begins to install when all of it is staged there. */
async function bring(change: () => void, watch: () => void = () => {}): Promise<void> {
  world.network.block('alpha', 'beta');
  change();
  await world.pass(20 * SECOND);
  watch();
  const { core } = world.folder('beta');
  let goOn = (): void => {};
  void core.line.run(() => new Promise<void>(resolve => (goOn = resolve)));
  world.network.unblockAll();
  while (core.pending.size < FILES || core.pending.list().some(({ reason }) => reason !== 'waits to be installed'))
    await world.pass(10);
  goOn();
}

function write(content: string): () => void {
  return () => {
    for (const [path, text] of Object.entries(expected(content))) world.write('alpha', path, text);
  };
}

function removeAll(): void {
  for (const path of Object.keys(expected(''))) {
    world.member('alpha').files.user.remove(`${SIM_ROOT}/${path}`);
    world.hint('alpha', path);
  }
}

/** Tells how many groups have a durable intent at once, whenever that changes. */
function watchIntents(heard: (count: number) => void): void {
  const { core } = world.folder('beta');
  const commit = core.commit.bind(core);
  const intents = new Set<string>();
  core.commit = async change => {
    await commit(change);
    if (change.addIntent) intents.add(change.addIntent.id);
    for (const id of change.removeIntents ?? []) intents.delete(id);
    heard(intents.size);
  };
}

function leftovers(): string[] {
  return ['staging', 'aside', 'conflicts'].flatMap(area =>
    world.member('beta').files.user.list(`${SIM_ROOT}/.tandem/${area}`).map(String),
  );
}

test('two at once, of new files, of other content and of deletions', async () => {
  let most = 0;
  watchIntents(count => {
    most = Math.max(most, count);
  });
  const changes = [
    [write('first'), expected('first')],
    [write('second'), expected('second')],
    [removeAll, {}],
  ] as const;
  for (const [change, files] of changes) {
    most = 0;
    await bring(change);
    await world.pass(60 * SECOND);
    expect(world.files('beta')).toEqual(files);
    expect(most).toBe(2);
    expect(leftovers()).toEqual([]);
  }
});

const MOMENTS = (['kill', 'power'] as const).flatMap(how => [0, 3, 9].map(pause => [how, pause] as const));

test.each(MOMENTS)('both are looked after when the daemon ends in that moment: %s, %d ms on', async (how, pause) => {
  let isTwice = false;
  const watch = () =>
    watchIntents(count => {
      isTwice ||= count === 2;
    });
  await bring(write('first'), watch);
  while (!isTwice) await world.pass(1);
  await world.pass(pause);
  world.member('beta').crash(how);
  await world.pass(5 * SECOND);
  world.start('beta');
  await world.pass(60 * SECOND);
  expect(world.files('beta')).toEqual(expected('first'));
  expect(leftovers()).toEqual([]);
});

test('where a step of the first comes to nothing the next is planned again', async () => {
  let begun = false;
  const inTheWay = () => {
    for (const path of ['d1/f8', 'd6/f1644'])
      world.member('beta').files.user.writeFile(`${SIM_ROOT}/${path}`, 'in the way');
  };
  await bring(write('first'), () =>
    watchIntents(() => {
      if (!begun) inTheWay();
      begun = true;
    }),
  );
  await world.pass(100 * SECOND);
  expect(world.files('beta')).toEqual(world.files('alpha'));
  expect(Object.keys(world.files('beta'))).toHaveLength(FILES);
});
