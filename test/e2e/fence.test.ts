/** An administrator has the state of one member win, or give way. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventOf, preservedItems } from './harness/admin-view.ts';
import { arrives, get, put } from './harness/files.ts';
import type { Group } from './harness/group.ts';
import { startGroup } from './harness/scenario.ts';
import { readTree } from './harness/tree.ts';
import { until } from './harness/until.ts';

const OLD = { 'a.txt': 'old a', 'b.txt': 'old b', 'sub/c.txt': 'old c', 'sub/d.txt': 'old d' };

/** Alpha and beta with the same files, and then cut off from each other. */
async function apart(label: string): Promise<Group> {
  const group = await startGroup({ label, members: ['alpha', 'beta'], proxied: true });
  put(group.member('alpha').root, OLD);
  await group.identical();
  for (const proxy of group.border(['alpha'])) proxy.set('cut');
  return group;
}

function together(group: Group): void {
  for (const proxy of group.border(['alpha'])) proxy.set('open');
}

/** Contents that were set aside on any member, by the path they had. */
async function preservedContents(group: Group): Promise<string[]> {
  const items = await Promise.all(group.members.map(member => preservedItems(member)));
  return items.flat().map(({ path, preservedPath }) => `${path}: ${get('/', preservedPath)}`);
}

describe('tandem folder fence', () => {
  test('an old tree that was put back on one member wins everywhere over later edits, and those are preserved', async () => {
    const group = await apart('restore');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    // What alpha puts back is older than what beta goes on to write: by the clock beta would win.
    put(alpha.root, { 'a.txt': 'restored a' });
    rmSync(join(alpha.root, 'sub/d.txt'));
    const counted = await alpha.json<Record<string, unknown>>('folder', 'fence', 'docs', '--dry-run');
    expect(counted).toMatchObject({
      Stage: 'counted',
      ModeName: 'Fence',
      FileCount: 3,
      DirectoryCount: 1,
      TombstoneCount: 1,
    });
    expect(await alpha.json('record', 'show', 'a.txt', '--folder', 'docs')).toMatchObject({ Fence: 3 });
    const before = Date.now();
    const done = await alpha.json<{ Fence: number }>('folder', 'fence', 'docs');
    expect(done).toMatchObject({ Stage: 'done', FileCount: 3, DirectoryCount: 1, TombstoneCount: 1 });
    expect(done.Fence).toBeGreaterThanOrEqual(before);
    await eventOf(alpha, 'FOLDER_FENCED', /5 records/);
    put(beta.root, { 'a.txt': 'later a', 'b.txt': 'later b', 'sub/d.txt': 'later d', 'new.txt': 'only on beta' });
    await beta.json('folder', 'rescan', 'docs');
    await eventuallyRecorded(group, 'new.txt');
    together(group);
    const held = await group.identical();
    expect([...held.keys()].sort()).toEqual(['a.txt', 'b.txt', 'new.txt', 'sub', 'sub/c.txt']);
    expect(get(beta.root, 'a.txt')).toBe('restored a');
    expect(get(beta.root, 'b.txt')).toBe('old b');
    expect((await preservedContents(group)).sort()).toEqual(['a.txt: later a', 'b.txt: later b', 'sub/d.txt: later d']);
    expect(await beta.json('record', 'show', 'a.txt', '--folder', 'docs')).toMatchObject({ Fence: done.Fence });
    put(beta.root, { 'a.txt': 'edited in knowledge of it' });
    await arrives(alpha, 'a.txt', 'edited in knowledge of it');
  });

  test('one directory may be fenced alone, and its fence outlasts the death of the daemon', async () => {
    const group = await apart('path');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    expect(await alpha.json('folder', 'fence', 'docs', join(alpha.root, 'sub'))).toMatchObject({
      FullPathName: 'sub',
      FileCount: 2,
      DirectoryCount: 1,
    });
    await alpha.kill();
    put(beta.root, { 'a.txt': 'later a', 'sub/c.txt': 'later c' });
    await eventuallyRecorded(group, 'sub/c.txt', 'later c');
    await alpha.start();
    together(group);
    await arrives(alpha, 'a.txt', 'later a');
    await arrives(beta, 'sub/c.txt', 'old c');
    expect(await preservedContents(group)).toEqual(['sub/c.txt: later c']);
  });

  test('unfenced, what only one member changed gives way to what the others hold', async () => {
    const group = await apart('unfence');
    const alpha = group.member('alpha');
    put(alpha.root, { 'a.txt': 'wrong a', 'mine.txt': 'mine' });
    rmSync(join(alpha.root, 'sub'), { recursive: true });
    const told = await alpha.tandem('folder', 'fence', 'docs', '--mode', 'unfence');
    expect(told.stdout).toMatch(
      /^3 files, 0 directories, 0 symlinks and 3 deletions of docs have mode Unfence, fence 0 now$/m,
    );
    together(group);
    const held = await group.identical();
    expect([...held.keys()].sort()).toEqual(['a.txt', 'b.txt', 'mine.txt', 'sub', 'sub/c.txt', 'sub/d.txt']);
    expect(get(alpha.root, 'a.txt')).toBe('old a');
    expect(await preservedContents(group)).toEqual(['a.txt: wrong a']);
  });

  test('what means nothing is refused in a sentence', async () => {
    const group = await startGroup({
      label: 'refused',
      members: ['alpha', 'beta'],
      folders: { docs: { readOnly: ['beta'] } },
    });
    put(group.member('alpha').root, { a: 'a' });
    await group.identical();
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const refused = async (member: typeof alpha, code: number, sentence: RegExp, ...args: string[]) => {
      const ran = await member.tandem('folder', 'fence', ...args);
      expect([ran.exitCode, ran.stderr]).toEqual([code, expect.stringMatching(sentence)]);
    };
    await refused(beta, 7, /docs is read-only here/, 'docs');
    await refused(alpha, 6, /there is no record of “nowhere”/, 'docs', 'nowhere');
    await refused(alpha, 2, /there is no mode 9/, 'docs', '--mode', '9');
    expect(readTree(alpha.root, { contents: true }).size).toBe(1);
  });
});

async function eventuallyRecorded(group: Group, path: string, content?: string): Promise<void> {
  const beta = group.member('beta');
  const size = (content ?? get(beta.root, path)!).length;
  await until(`beta has recorded ${path}`, async () => {
    const ran = await beta.tandem('record', 'show', path, '--folder', 'docs', '--json');
    return ran.exitCode === 0 && JSON.parse(ran.stdout).SizeInBytes === size;
  });
}
