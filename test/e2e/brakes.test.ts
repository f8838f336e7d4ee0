/** What looks like an accident is held, shown with its numbers, and decided by an order. */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventOf, folderShows, releaseFolder } from './harness/admin-view.ts';
import { createChance } from './harness/chance.ts';
import { arrives, get, put, vanishes } from './harness/files.ts';
import { makePlainTree } from './harness/generate.ts';
import type { Group } from './harness/group.ts';
import { startGroup, testWorkspace } from './harness/scenario.ts';
import { readTree } from './harness/tree.ts';
import { until } from './harness/until.ts';

const FILES = 300;

async function filledGroup(options: Partial<Parameters<typeof startGroup>[0]> = {}): Promise<Group> {
  const group = await startGroup({
    label: 'brakes',
    members: ['alpha', 'beta'],
    folders: { docs: { primary: 'alpha', rescan: '1s' } },
    start: false,
    ...options,
  });
  makePlainTree(join(group.member('alpha').root, 'tree'), FILES, createChance(1));
  put(group.member('alpha').root, { beside: 'x' });
  await group.start();
  await group.identical();
  return group;
}

/** Files the member still has; a brake that fails shows here. */
function filesOf(group: Group, name: string): number {
  return [...readTree(group.member(name).root, { contents: false }).values()].filter(entry => entry.kind === 'file')
    .length;
}

describe('brakes', () => {
  test('a root that is emptied deletes nothing elsewhere; refused, all comes back', async () => {
    const group = await filledGroup();
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    for (const name of readdirSync(beta.root))
      if (name !== '.tandem') rmSync(join(beta.root, name), { recursive: true });
    await eventOf(beta, 'BRAKE_EMPTIED');
    await folderShows(beta, /root-emptied/);
    put(alpha.root, { 'made meanwhile': 'y' });
    expect(filesOf(group, 'alpha')).toBe(FILES + 2);
    await releaseFolder(beta, 'refuse');
    await group.identical({ timeoutMs: 60_000 });
    expect(filesOf(group, 'beta')).toBe(FILES + 2);
  });

  test('a mass deletion is held with its numbers; accepted, it crosses', async () => {
    const group = await filledGroup();
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    rmSync(join(beta.root, 'tree'), { recursive: true });
    await eventOf(beta, 'BRAKE_DELETIONS', new RegExp(`${FILES}`));
    await folderShows(beta, /mass-deletion/);
    expect(filesOf(group, 'alpha')).toBe(FILES + 1);
    await beta.stop();
    await beta.start();
    await folderShows(beta, /mass-deletion/);
    expect(filesOf(group, 'alpha')).toBe(FILES + 1);
    await releaseFolder(beta, 'accept');
    await vanishes(alpha, 'tree');
    await group.identical();
  });

  test('a mass change is held; refused, what others hold comes back and the changed files are kept aside', async () => {
    // On a busy machine the files below are not written without a pause: none of them rests before all are.
    const group = await filledGroup({ folders: { docs: { primary: 'alpha', rescan: '1s', quiet: '1s' } } });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const before = readTree(alpha.root, { contents: true });
    for (const [path, entry] of readTree(beta.root, { contents: false }))
      if (entry.kind === 'file') writeFileSync(join(beta.root, path), 'all your files are encrypted');
    await eventOf(beta, 'BRAKE_CHANGES');
    await folderShows(beta, /mass-change/);
    expect(readTree(alpha.root, { contents: true })).toEqual(before);
    await releaseFolder(beta, 'refuse');
    const held = await group.identical({ timeoutMs: 60_000 });
    expect(held).toEqual(before);
  });

  test('a marker that is gone halts the folder, and only an order goes on', async () => {
    const group = await filledGroup();
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    rmSync(join(beta.root, '.tandem'), { recursive: true });
    await folderShows(beta, /marker-missing/);
    rmSync(join(beta.root, 'tree'), { recursive: true });
    put(beta.root, { 'not told': 'z' });
    put(alpha.root, { 'not taken': 'w' });
    await eventOf(beta, 'ROOT_STALE');
    expect(filesOf(group, 'alpha')).toBe(FILES + 2);
    expect(get(alpha.root, 'not told')).toBeNull();
  });

  test('a root that is gone halts the folder, and an order goes on when the root is back', async () => {
    const group = await filledGroup();
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    renameSync(beta.root, `${beta.root} elsewhere`);
    await eventOf(beta, 'ROOT_INVALID');
    await folderShows(beta, /root-missing/);
    expect(filesOf(group, 'alpha')).toBe(FILES + 1);
    put(alpha.root, { meanwhile: 'm' });
    renameSync(`${beta.root} elsewhere`, beta.root);
    await releaseFolder(beta, 'retry');
    await arrives(beta, 'meanwhile', 'm', 60_000);
    await group.identical();
  });

  test('a file system that is detached under the root deletes nothing elsewhere', async ({ skip }) => {
    const workspace = testWorkspace('unmount');
    const mounted = workspace.mountSmall('mounted', 64);
    if (mounted === null) return skip('mounting needs privileges this machine does not give');
    const root = join(mounted, 'docs');
    mkdirSync(root);
    // The empty directory below the mount point is what the daemon finds afterwards.
    const group = await filledGroup({ roots: { 'beta/docs': root } });
    const beta = group.member('beta');
    workspace.unmount(mounted);
    mkdirSync(root, { recursive: true });
    await folderShows(beta, /marker-missing|file-system-changed|root-missing/);
    put(group.member('alpha').root, { 'not written into the wrong place': 'x' });
    await until(
      'the folder stays halted over several scans',
      async () => (await beta.json<unknown>('event', 'list')) !== null,
    );
    expect(filesOf(group, 'alpha')).toBe(FILES + 2);
    expect(readdirSync(root)).toEqual([]);
  });

  test('a few deletions in a large folder are no accident', async () => {
    const group = await filledGroup();
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const some = [...readTree(beta.root, { contents: false })]
      .filter(([, entry]) => entry.kind === 'file')
      .slice(0, 60);
    for (const [path] of some) rmSync(join(beta.root, path));
    await vanishes(alpha, some.at(-1)![0]);
    await group.identical();
  });
});
