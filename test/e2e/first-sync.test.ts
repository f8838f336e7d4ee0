/** How members that meet for the first time come to hold the same. */
import { mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventOf, preservedItems } from './harness/admin-view.ts';
import { createChance, seedOfRun } from './harness/chance.ts';
import { contentsBelow, get, put } from './harness/files.ts';
import { makeOddTree, makePlainTree } from './harness/generate.ts';
import { startGroup } from './harness/scenario.ts';
import { bytesOf, readTree } from './harness/tree.ts';

describe('first synchronisation', () => {
  test('the tree of the primary arrives whole, with everything a file system allows in it', async () => {
    const group = await startGroup({
      label: 'odd',
      members: ['alpha', 'beta'],
      folders: { docs: { primary: 'alpha' } },
      start: false,
    });
    const [alpha] = group.members;
    makeOddTree(alpha!.root, createChance(seedOfRun(11)));
    const made = readTree(alpha!.root, { contents: true });
    await group.start();
    const held = await group.identical({ timeoutMs: 60_000 });
    expect([...held.keys()].sort()).toEqual([...made.keys()].sort());
    await eventOf(group.member('beta'), 'INITIAL_SYNC_FINISHED');
  });

  test('a primary wins over what others had: unlike content is kept as pre-existing, extra content too', async () => {
    const group = await startGroup({
      members: ['alpha', 'beta'],
      folders: { docs: { primary: 'alpha' } },
      start: false,
    });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { 'same.txt': 'same', 'unlike.txt': 'from the primary', 'sub/more.txt': 'more' });
    put(beta.root, { 'same.txt': 'same', 'unlike.txt': 'from beta', 'extra/only-beta.txt': 'only beta had this' });
    await group.start();
    const held = await group.identical();
    expect(get(beta.root, 'unlike.txt')).toBe('from the primary');
    expect(held.has('extra/only-beta.txt')).toBe(false);
    const kept = await preservedItems(beta);
    expect(kept.map(item => item.area)).toEqual(kept.map(() => 'pre-existing'));
    expect(
      kept
        .map(item => item.path)
        .sort()
        .join(' '),
    ).toMatch(/extra.*unlike\.txt/);
    const contents = contentsBelow(join(beta.root, '.tandem'));
    expect(contents.size).toBeGreaterThanOrEqual(2);
    expect(await preservedItems(alpha)).toEqual([]);
  });

  test('a copy that was put there beforehand is not sent again', async () => {
    const group = await startGroup({
      members: ['alpha', 'beta'],
      folders: { docs: { primary: 'alpha' } },
      proxied: true,
      start: false,
    });
    const seed = seedOfRun(5);
    for (const member of group.members) makePlainTree(member.root, 600, createChance(seed));
    for (const member of group.members) put(member.root, { big: createChance(seed + 1).bytes(8 << 20) });
    for (const member of group.members) {
      const tree = readTree(member.root, { contents: false });
      for (const [path, entry] of tree)
        if (entry.kind === 'file') utimesSync(join(member.root, path), 1_700_000_000, 1_700_000_000);
    }
    const bytes = bytesOf(readTree(group.member('alpha').root, { contents: false }));
    await group.start();
    await eventOf(group.member('beta'), 'INITIAL_SYNC_FINISHED');
    await group.identical();
    const crossed = group.proxy('beta', 'alpha').counted.toCaller;
    expect(bytes).toBeGreaterThan(8 << 20);
    expect(crossed).toBeLessThan(bytes / 10);
    expect(await preservedItems(group.member('beta'))).toEqual([]);
  });

  test('without a primary three members with different content merge and lose nothing', async () => {
    const group = await startGroup({ label: 'merge', members: ['alpha', 'beta', 'gamma'], start: false });
    for (const { name, root } of group.members) {
      put(root, {
        'everywhere the same': 'equal',
        [`only ${name}`]: `from ${name}`,
        [`shared/${name}/deep`]: name,
        'fought over': `the version of ${name}`,
      });
      mkdirSync(join(root, `empty of ${name}`));
    }
    const written = group.members.map(({ root }) => contentsBelow(root));
    await group.start();
    const held = await group.identical({ timeoutMs: 60_000 });
    for (const { name } of group.members) {
      expect([...held.keys()]).toEqual(
        expect.arrayContaining([`only ${name}`, `shared/${name}/deep`, `empty of ${name}`]),
      );
    }
    const anywhere = new Set(group.members.flatMap(({ root }) => [...contentsBelow(root)]));
    for (const contents of written) for (const content of contents) expect(anywhere.has(content)).toBe(true);
  });

  test('a member that joins later receives all, and then takes part', async () => {
    const group = await startGroup({
      members: ['alpha', 'beta', 'gamma'],
      folders: { docs: { primary: 'alpha' } },
      start: false,
    });
    const [alpha, beta, gamma] = [group.member('alpha'), group.member('beta'), group.member('gamma')];
    makePlainTree(alpha.root, 300, createChance(seedOfRun(3)));
    await alpha.start();
    await beta.start();
    await group.identical({ members: ['alpha', 'beta'] });
    await gamma.start();
    await group.identical();
    put(gamma.root, { 'from the newcomer': 'hello' });
    await group.identical();
    expect(get(beta.root, 'from the newcomer')).toBe('hello');
  });

  test('an empty member without a marker does not empty the others', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], start: false });
    makePlainTree(group.member('alpha').root, 100, createChance(1));
    const before = readTree(group.member('alpha').root, { contents: true });
    await group.start();
    const held = await group.identical();
    expect(held.size).toBe(before.size);
  });
});
