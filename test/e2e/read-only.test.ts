/** A member that only receives: nothing of it flows out, and what users do there is undone without losing anything. */
import { chmodSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventOf, events, preservedItems, versionsMade } from './harness/admin-view.ts';
import { createChance, seedOfRun } from './harness/chance.ts';
import { makeEdits } from './harness/edits.ts';
import { arrives, contentsBelow, get, put, sha256Of } from './harness/files.ts';
import { makePlainTree } from './harness/generate.ts';
import type { Group } from './harness/group.ts';
import type { Member } from './harness/member.ts';
import { startGroup } from './harness/scenario.ts';
import { readTree } from './harness/tree.ts';
import { pause, until } from './harness/until.ts';

const FILES = { 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c', 'd/e.txt': 'e', 'd/f/g.txt': 'g', 'keep/k.txt': 'k' };

async function readOnlyBeta(label: string, others: readonly string[] = []): Promise<Group> {
  const group = await startGroup({
    label,
    members: ['alpha', 'beta', ...others],
    folders: { docs: { readOnly: ['beta'] } },
  });
  put(group.member('alpha').root, FILES);
  await group.identical();
  await group.member('beta').json('folder', 'rescan', 'docs');
  return group;
}

/** Preserved contents by the path they had, of files and of files in preserved directories. */
async function preserved(member: Member): Promise<string[]> {
  return (await preservedItems(member))
    .flatMap(({ path, preservedPath }) =>
      lstatSync(preservedPath).isDirectory()
        ? [...readTree(preservedPath, { contents: false })]
            .filter(([, { kind }]) => kind === 'file')
            .map(([below]) => `${path}/${below}: ${get(preservedPath, below)}`)
        : [`${path}: ${lstatSync(preservedPath).isFile() ? get('/', preservedPath) : 'symlink'}`],
    )
    .sort();
}

describe('a read-only member', () => {
  test('takes part in nothing: what is made there reaches nobody, and is undone and listed', async () => {
    const group = await readOnlyBeta('ro-out', ['gamma']);
    const [alpha, beta, gamma] = [group.member('alpha'), group.member('beta'), group.member('gamma')];
    const before = readTree(alpha.root, { contents: true });
    const made = await versionsMade(alpha);
    put(beta.root, { 'new.txt': 'made on beta', 'a.txt': 'changed on beta' });
    await eventOf(beta, 'LOCAL_CHANGE_UNDONE', /read-only here/);
    expect(await group.identical()).toEqual(before);
    expect(await preserved(beta)).toEqual(['a.txt: changed on beta', 'new.txt: made on beta']);
    for (const member of [alpha, gamma]) {
      expect(await preservedItems(member)).toEqual([]);
      expect((await member.tandem('record', 'show', 'new.txt', '--folder', 'docs')).exitCode).toBe(6);
    }
    expect(await versionsMade(alpha)).toBe(made);
    expect(await versionsMade(gamma)).toBe(made);
    put(gamma.root, { 'a.txt': 'changed on gamma' });
    await arrives(beta, 'a.txt', 'changed on gamma');
    const refused = await alpha.tandem('backlog', '--from', 'beta', '--to', 'alpha', '--folder', 'docs');
    expect([refused.exitCode, refused.stderr]).toEqual([7, expect.stringContaining('nothing flows out of beta')]);
    const why = await beta.tandem('why', 'a.txt', '--folder', 'docs');
    expect(why.stdout).toContain('nothing flows out of this member');
  });

  test('has deletions, moves, permissions, directories and symlinks taken back', async () => {
    const group = await readOnlyBeta('ro-all');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const before = readTree(alpha.root, { contents: true });
    const at = (path: string) => join(beta.root, path);
    rmSync(at('a.txt'));
    renameSync(at('b.txt'), at('renamed.txt'));
    chmodSync(at('c.txt'), 0o600);
    renameSync(at('d'), at('elsewhere'));
    put(beta.root, {
      'elsewhere/new.txt': 'new below what moved',
      'own/deep/er/file.txt': 'in directories of its own',
    });
    mkdirSync(at('empty/emptier'), { recursive: true });
    renameSync(at('keep/k.txt'), at('own/k.txt'));
    symlinkSync('nowhere', at('link'));
    await until('beta is as alpha again', () => !existsSync(at('own')) && !existsSync(at('elsewhere')), {
      timeoutMs: 30_000,
      explain: () => [...readTree(beta.root, { contents: false }).keys()].join('\n'),
    });
    expect(await group.identical()).toEqual(before);
    expect(await preserved(beta)).toEqual([
      expect.stringMatching(/new\.txt: new below what moved$/),
      'link: symlink',
      'own/deep/er/file.txt: in directories of its own',
      // Went with the directory it was moved into; the folder has it again from alpha.
      'own/k.txt: k',
    ]);
    expect(readTree(alpha.root, { contents: true })).toEqual(before);
  });

  test('has edits made while it was down undone when it starts, also where it dies in the middle of that', async () => {
    const group = await readOnlyBeta('ro-down');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await beta.stop();
    put(beta.root, { 'a.txt': 'edited while down', 'new/n.txt': 'made while down' });
    rmSync(join(beta.root, 'b.txt'));
    renameSync(join(beta.root, 'd'), join(beta.root, 'moved while down'));
    put(alpha.root, { 'a.txt': 'edited on alpha meanwhile', 'c.txt': 'c, second' });
    const expected = readTree(alpha.root, { contents: true });
    for (const ms of [700, 1100]) {
      await beta.start();
      await pause(ms);
      await beta.kill();
    }
    await beta.start();
    expect(await group.identical({ timeoutMs: 60_000 })).toEqual(expected);
    expect(await preserved(beta)).toEqual(['a.txt: edited while down', 'new/n.txt: made while down']);
    expect(await preservedItems(alpha)).toEqual([]);
  });

  test('comes back to the others’ tree after whatever users do, with every content kept', {
    timeout: 300_000,
  }, async () => {
    const chance = createChance(seedOfRun(301));
    const group = await startGroup({
      label: 'ro-chance',
      members: ['alpha', 'beta'],
      folders: { docs: { readOnly: ['beta'], brakes: { deletedShare: 1, changedShare: 1 } } },
    });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    makePlainTree(alpha.root, 150, chance);
    const before = await group.identical();
    for (let round = 0; round < 4; round += 1) {
      makeEdits(beta.root, 30, chance);
      put(beta.root, { [`of round ${round}`]: `only on beta ${round}` });
      await pause(chance.between(50, 1500));
    }
    // Files whose directories are still on their way may be put off, each time for longer.
    expect(await group.identical({ timeoutMs: 200_000 })).toEqual(before);
    const kept = contentsBelow(join(beta.root, '.tandem'));
    for (let round = 0; round < 4; round += 1) expect(kept.has(sha256Of(`only on beta ${round}`))).toBe(true);
    expect(await preservedItems(alpha)).toEqual([]);
    put(alpha.root, { 'and goes on': 'receiving' });
    await arrives(beta, 'and goes on', 'receiving');
  });

  test('becomes writable by group.yaml, and read-only again', async () => {
    const group = await readOnlyBeta('ro-turn');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const turn = async (readOnly: readonly string[]) => {
      const loaded = async (member: Member) =>
        (await events(member)).filter(({ EventName }) => EventName === 'CONFIG_LOADED').length;
      const had = await Promise.all(group.members.map(loaded));
      group.writeGroupFile(file => {
        file.folders.docs!.readOnly = readOnly;
      });
      for (const member of group.members) member.signal('SIGHUP');
      for (const [i, member] of group.members.entries())
        await until(`${member.name} has read group.yaml again`, async () => (await loaded(member)) > had[i]!);
    };
    put(beta.root, { 'a.txt': 'undone' });
    await until(
      'it is undone',
      async () => (await preservedItems(beta)).length === 1 && get(beta.root, 'a.txt') === 'a',
    );
    await turn([]);
    put(beta.root, { 'a.txt': 'told', 'new.txt': 'also told' });
    rmSync(join(beta.root, 'b.txt'));
    await arrives(alpha, 'a.txt', 'told');
    await arrives(alpha, 'new.txt', 'also told');
    await until('the deletion comes to alpha', () => !existsSync(join(alpha.root, 'b.txt')));
    await group.identical();
    await turn(['beta']);
    put(beta.root, { 'a.txt': 'undone again' });
    await until('that is undone', () => get(beta.root, 'a.txt') === 'told', { timeoutMs: 30_000 });
    put(alpha.root, { 'a.txt': 'from alpha' });
    await arrives(beta, 'a.txt', 'from alpha');
    await group.identical();
    expect((await preserved(beta)).sort()).toEqual(['a.txt: undone', 'a.txt: undone again']);
    expect(await preservedItems(alpha)).toEqual([]);
  });
});
