import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { createWorkerDisks, type DirectoryWatcher } from '../../../src/disk/worker-disk.ts';
import { WORLDS, type World } from './worlds.ts';

const disks = createWorkerDisks({
  onFailure: error => {
    throw error;
  },
});
afterAll(() => disks.close());

let world: World;
let watcher: DirectoryWatcher;
const hints = new Set<string>();
const degraded: string[] = [];
let wake = (): void => {};

beforeEach(async () => {
  hints.clear();
  degraded.length = 0;
  world = WORLDS[0]!.make();
  world.user.write('a/b/file', 'x');
  world.user.write('c/file', 'x');
  world.user.makeDirectory('node_modules/deep');
  world.user.makeDirectory('.tandem/staging');
  watcher = disks.watch(
    { root: world.root, filters: { files: [], directories: ['node_modules'] } },
    {
      onHint(directory) {
        hints.add(directory);
        wake();
      },
      onDegraded: reason => degraded.push(reason),
    },
  );
  await watcher.ready;
});
afterEach(async () => {
  await watcher.close();
  world.close();
  expect(degraded).toEqual([]);
});

async function hinted(...directories: string[]): Promise<void> {
  while (!directories.every(directory => hints.has(directory))) {
    await new Promise<void>(resolve => {
      wake = resolve;
    });
  }
}

it('hints at the directory in which a file was written, replaced, renamed or removed', async () => {
  world.user.append('a/b/file', 'y');
  await hinted('a/b');
  hints.clear();
  world.user.write('c/.file.swp', 'x');
  world.user.rename('c/.file.swp', 'c/file');
  await hinted('c');
  hints.clear();
  world.user.write('top~', 'x');
  await hinted('');
  hints.clear();
  world.user.remove('c/file');
  await hinted('c');
  expect([...hints]).toEqual(['c']);
});

it('hints at new directories, however fast they are made, and watches them', async () => {
  world.user.write('new/x/y/z/file', '1');
  await hinted('', 'new', 'new/x', 'new/x/y', 'new/x/y/z');
  hints.clear();
  world.user.rename('new', 'a/moved');
  await hinted('', 'a', 'a/moved');
  // Hints of the move itself may still come; a file's own hint is the last one.
  world.user.append('a/moved/x/y/z/file', '2');
  await hinted('a/moved/x/y/z');
});

it('watches a directory that took the place of another one, and what was moved into it', async () => {
  for (let turn = 0; turn < 10; turn++) {
    world.user.rename('a', 'old');
    world.user.makeDirectory('a');
    world.user.rename('old', 'a/nested');
    await hinted('', 'a', 'a/nested', 'a/nested/b');
    hints.clear();
    world.user.write('a/file', 'x');
    await hinted('a');
    hints.clear();
    world.user.append('a/nested/b/file', 'x');
    await hinted('a/nested/b');
    world.user.rename('a/nested', 'back');
    world.user.remove('a/file');
    world.user.rename('a', `gone ${turn}`);
    world.user.rename('back', 'a');
    await hinted(`gone ${turn}`, 'a', 'a/b');
    hints.clear();
  }
});

it('hints at every directory whose path changed: what was hinted at under the old path may not have been seen', async () => {
  const names = Array.from({ length: 200 }, (_, i) => `many/d${i % 20}/e${i}`);
  for (const name of names) world.user.write(`${name}/file`, 'x');
  world.user.rename('many', 'moved');
  await hinted('moved', ...names.map(name => name.replace('many', 'moved')));
  hints.clear();
  for (const name of names) world.user.append(`${name.replace('many', 'moved')}/file`, 'y');
  await hinted(...names.map(name => name.replace('many', 'moved')));
});

it('goes on after a directory was removed and made again under its name, time and again', async () => {
  for (let turn = 0; turn < 20; turn++) {
    world.user.remove('c/file');
    world.user.rename('c', `c ${turn}`);
    world.user.write('c/file', 'x');
    await hinted('c', `c ${turn}`);
    hints.clear();
    world.user.append('c/file', 'x');
    await hinted('c');
    hints.clear();
  }
});

it('is silent about Tandem’s own directory and excluded ones', async () => {
  world.user.write('.tandem/staging/s', '1');
  world.user.write('.tandem/marker.json', '1');
  world.user.write('node_modules/deep/file', '1');
  world.user.write('node_modules/more/file', '1');
  world.user.append('a/b/file', 'y');
  await hinted('a/b');
  expect([...hints].filter(hint => hint !== 'a/b')).toEqual([]);
});

it('can be closed twice', async () => {
  await watcher.close();
});
