/** Programs we did not write, at work in replicated folders on several members at once; then all is compared byte for byte. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { preservedItems } from './harness/admin-view.ts';
import { createChance, seedOfRun } from './harness/chance.ts';
import { put } from './harness/files.ts';
import { makePlainTree } from './harness/generate.ts';
import type { Group } from './harness/group.ts';
import { haveProgram, outliveNothing, REPOSITORY, runWell } from './harness/program.ts';
import { startGroup } from './harness/scenario.ts';
import { readTree } from './harness/tree.ts';
import { pause } from './harness/until.ts';

/** Nothing is filtered and no brake holds: these programs delete and rewrite by the thousand. */
const PLAIN = { filters: { files: [], directories: [] }, brakes: { deletedShare: 1, changedShare: 1 } };
const GIT_ENV = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
};

async function workGroup(label: string): Promise<Group> {
  const group = await startGroup({ label, members: ['alpha', 'beta'], folders: { docs: PLAIN } });
  put(group.member('alpha').root, { 'always here': 'so that no root is ever empty' });
  await group.identical();
  return group;
}

const git = (cwd: string, ...args: string[]): Promise<string> =>
  runWell('git', ['--no-optional-locks', '-c', 'gc.auto=0', '-c', 'safe.directory=*', ...args], { cwd, env: GIT_ENV });

describe('git', () => {
  test('repositories made, cloned, switched, rebased and packed on two members at once are whole on both', {
    timeout: 180_000,
  }, async ({ skip }) => {
    if (!haveProgram('git')) return skip('git is not installed');
    const group = await workGroup('git');
    const repositories = group.members.map(({ root, name }) => join(root, `repository of ${name}`));
    await Promise.all(
      repositories.map(async (repository, index) => {
        const chance = createChance(seedOfRun(40) + index);
        mkdirSync(repository);
        await git(repository, 'init', '-q', '-b', 'main');
        for (let commit = 0; commit < 6; commit += 1) {
          makePlainTree(join(repository, `part ${commit % 3}`), 60, chance);
          await git(repository, 'add', '-A');
          await git(repository, 'commit', '-q', '-m', `commit ${commit}`);
          if (commit % 2 === 1) await git(repository, 'branch', `after-${commit}`);
        }
        for (const branch of ['after-1', 'main', 'after-3']) await git(repository, 'checkout', '-q', branch);
        put(repository, { 'on a branch': 'x' });
        await git(repository, 'add', '-A');
        await git(repository, 'commit', '-q', '-m', 'on a branch');
        await git(repository, 'rebase', '-q', 'main');
        await git(repository, 'repack', '-q', '-a', '-d');
        await git(repository, 'gc', '-q', '--prune=now');
        await git(join(repository, '..'), 'clone', '-q', repository, `${repository} cloned`);
      }),
    );
    const own = repositories.map((repository, index) => ({
      name: `repository of ${group.members[index]!.name}`,
      tree: readTree(repository, { contents: true }),
    }));
    await group.identical({ timeoutMs: 90_000 });
    for (const { root } of group.members) {
      for (const { name, tree } of own) {
        expect(readTree(join(root, name), { contents: true })).toEqual(tree);
        for (const repository of [name, `${name} cloned`]) {
          await git(join(root, repository), 'fsck', '--strict', '--no-dangling');
          expect(await git(join(root, repository), 'status', '--porcelain')).toBe('');
        }
      }
    }
    for (const member of group.members) expect(await preservedItems(member)).toEqual([]);
  });
});

describe('packages', () => {
  test('trees as npm installs them, put in, moved about and removed on two members at once, end identical', {
    timeout: 180_000,
  }, async () => {
    const group = await workGroup('npm');
    const modules = join(REPOSITORY, 'node_modules');
    const names = readdirSync(modules).filter(name =>
      /^(zod|commander|pino|msgpackr|yaml|level|fast-check|protobufjs|vitest|chokidar|\.bin)$/.test(name),
    );
    expect(names.length).toBeGreaterThan(5);
    await Promise.all(
      group.members.map(async ({ root, name }) => {
        const at = (path: string) => join(root, `project of ${name}`, path);
        for (const packageName of names) {
          cpSync(join(modules, packageName), at(`node_modules/${packageName}`), {
            recursive: true,
            verbatimSymlinks: true,
          });
          await pause(0);
        }
        renameSync(at('node_modules'), at('node_modules.old'));
        cpSync(join(modules, 'zod'), at('node_modules/zod'), { recursive: true });
        rmSync(at('node_modules.old/yaml'), { recursive: true, force: true });
        renameSync(at('node_modules.old'), at('node_modules/nested'));
      }),
    );
    const held = await group.identical({ timeoutMs: 90_000 });
    expect(held.has('project of alpha/node_modules/nested/zod/package.json')).toBe(true);
    expect(held.has('project of beta/node_modules/zod/package.json')).toBe(true);
    for (const member of group.members) expect(await preservedItems(member)).toEqual([]);
  });

  test('rsync and tar write into both sides', { timeout: 120_000 }, async ({ skip }) => {
    if (!haveProgram('rsync')) return skip('rsync is not installed');
    const group = await workGroup('rsync');
    const source = join(group.workspace.path, 'source');
    makePlainTree(source, 800, createChance(seedOfRun(50)));
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await Promise.all([
      runWell('rsync', ['-a', `${source}/`, `${alpha.root}/by rsync/`]),
      runWell('sh', [
        '-c',
        'mkdir "$2/by tar" && tar -C "$1" -cf - . | tar -C "$2/by tar" -xf -',
        'sh',
        source,
        beta.root,
      ]),
    ]);
    rmSync(join(source, 'd1'), { recursive: true, force: true });
    makePlainTree(join(source, 'more'), 100, createChance(seedOfRun(51)));
    await runWell('rsync', ['-a', '--delete', `${source}/`, `${alpha.root}/by rsync/`]);
    const wanted = readTree(source, { contents: true });
    await group.identical({ timeoutMs: 60_000 });
    expect(readTree(join(beta.root, 'by rsync'), { contents: true })).toEqual(wanted);
  });
});

describe('stress', () => {
  const seconds = Number(process.env.TANDEM_E2E_STRESS_SECONDS ?? 5);

  test(`file-system stressors on two members at once for ${seconds} s, ended in mid-work, leave one tree`, {
    timeout: 120_000 + seconds * 2000,
  }, async ({ skip }) => {
    if (!haveProgram('stress-ng')) return skip('stress-ng is not installed');
    const group = await workGroup('stress');
    const runs = group.members.map(({ root, name }) => {
      const directory = join(root, `stress of ${name}`);
      mkdirSync(directory);
      const child = spawn(
        'stress-ng',
        [
          '--temp-path',
          directory,
          '--quiet',
          '--timeout',
          `${seconds * 4}s`,
          ...stressors('dir', 'dentry', 'rename', 'link', 'symlink', 'utime', 'chmod', 'filename'),
          '--dentries',
          '200',
        ],
        { detached: true, stdio: 'ignore' },
      );
      outliveNothing(child);
      return child;
    });
    await pause(seconds * 1000);
    // Whole process groups die, so that trees are left as they are in mid-work.
    for (const child of runs) process.kill(-child.pid!, 'SIGKILL');
    await Promise.all(
      runs.map(
        child =>
          new Promise(resolve =>
            child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve(null),
          ),
      ),
    );
    const held = await group.identical({ timeoutMs: 90_000 });
    expect(held.size).toBeGreaterThan(10);
    for (const { name } of group.members)
      expect(existsSync(join(group.member('alpha').root, `stress of ${name}`))).toBe(true);
    const rescans = await Promise.all(group.members.map(member => member.tandem('folder', 'rescan', 'docs')));
    expect(rescans.map(ran => ran.exitCode)).toEqual([0, 0]);
    expect(await group.identical()).toEqual(held);
  });
});

function stressors(...names: string[]): string[] {
  return names.flatMap(name => [`--${name}`, '1']);
}
