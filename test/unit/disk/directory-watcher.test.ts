import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDirectoryWatcher, type DirectoryWatcher } from '../../../src/disk/directory-watcher.ts';
import { WORLDS, type World } from './worlds.ts';

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
  watcher = createDirectoryWatcher({
    root: world.root,
    filters: { files: [], directories: ['node_modules'] },
    onHint(directory) {
      hints.add(directory);
      wake();
    },
    onDegraded: reason => degraded.push(reason),
  });
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
