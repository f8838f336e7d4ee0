/** A folder that no partner feeds ends its first synchronisation by itself: once everything in it has been seen. */
import { afterEach, expect, test } from 'vitest';
import { SmallWorld } from './small-world.ts';

const SECOND = 1000;
const FILES = { a: 'one', b: 'two', 'd/c': 'three' };

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

/** Alpha, without any connection, has lost its database. */
async function bereft(): Promise<void> {
  world = await SmallWorld.create();
  world.connect();
  for (const [path, content] of Object.entries(FILES)) world.write('alpha', path, content);
  world.start('alpha');
  await world.pass(30 * SECOND);
  await world.stop('alpha');
  world.member('alpha').options.home.lose();
}

function expectFinished(): void {
  const { core } = world.folder('alpha');
  expect(core.memory).toMatchObject({ phase: 'normal', initialScanDone: true, halt: null });
  expect(core.store.counts.files).toBe(3);
  expect(world.told('INITIAL_SYNC_FINISHED')).toHaveLength(1);
  expect(world.files('alpha')).toEqual(FILES);
  expect(world.preserved('alpha')).toEqual([]);
}

test('by comparing what is there with nobody', async () => {
  await bereft();
  world.start('alpha');
  await world.pass(60 * SECOND);
  expectFinished();
});

test('not after a look at it that failed, as the disk was full', async () => {
  await bereft();
  const member = world.member('alpha');
  let full = false;
  member.onFileCall = operation => {
    // The folder is open: what lists a directory now is the scan.
    if (operation !== 'list' || full || world.told('DATABASE_RENEWED').length === 0) return;
    full = true;
    member.files.quotaBytes = member.files.usedBytes;
  };
  world.start('alpha');
  await world.pass(12 * SECOND);
  expect(full).toBe(true);
  expect(world.folder('alpha').core.memory).toMatchObject({ phase: 'auto-recovery', initialScanDone: false });
  expect(world.told('INITIAL_SYNC_FINISHED')).toEqual([]);
  member.files.quotaBytes = Number.MAX_SAFE_INTEGER;
  await world.pass(30 * SECOND);
  expectFinished();
});

test('not while it is halted, but when it was released', async () => {
  await bereft();
  world.start('alpha');
  while (!world.member('alpha').running) await world.pass(1);
  const folder = world.folder('alpha');
  expect(folder.core.memory.phase).toBe('auto-recovery');
  await world.whileTimePasses(folder.core.line.run(() => folder.core.halt('file-system-changed', 'for the test')));
  await world.pass(60 * SECOND);
  expect(world.told('INITIAL_SYNC_FINISHED')).toEqual([]);
  await world.whileTimePasses(folder.release('retry'));
  await world.pass(60 * SECOND);
  expectFinished();
});
