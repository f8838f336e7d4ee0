/** Bundles between real daemons that no network joins. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventOf, preservedItems } from './harness/admin-view.ts';
import { get, put } from './harness/files.ts';
import type { Member } from './harness/member.ts';
import { CLI, run } from './harness/program.ts';
import { connections } from './harness/records.ts';
import { startGroup } from './harness/scenario.ts';
import { compareTrees, readTree } from './harness/tree.ts';
import { pause, until } from './harness/until.ts';

/** Each command is a program of its own, and there are many. */
const SLOW_MS = 240_000;

interface Report {
  readonly Done: boolean;
  readonly Complete: boolean;
  readonly Updates: number;
  readonly ContentBytes: number;
  readonly BundleBytes: number;
  readonly Message: string;
}

const exported = (member: Member, to: string, path: string, ...more: string[]) =>
  member.json<Report>('bundle', 'export', '--folder', 'docs', '--for', to, '--out', path, ...more);
const imported = (member: Member, path: string) => member.json<Report>('bundle', 'import', path);

async function sees(member: Member, files: number): Promise<void> {
  await until(`${member.name} has seen ${files} files`, async () => {
    const [folder] = await member.json<{ FileCount: number }[]>('folder', 'list');
    return folder!.FileCount === files;
  });
}

function content(bytes: number, seed: number): Buffer {
  const data = Buffer.allocUnsafe(bytes);
  for (let i = 0, state = seed; i < bytes; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    data[i] = state >>> 16;
  }
  return data;
}

const same = (a: Member, b: Member) =>
  compareTrees(readTree(a.root, { contents: true }), readTree(b.root, { contents: true }));

test(
  'what changes on two members goes to and fro by hand; when a link comes up nothing is left to transfer',
  async () => {
    const group = await startGroup({
      members: ['alpha', 'beta'],
      folders: { docs: { primary: 'alpha' } },
      proxied: true,
      start: false,
    });
    for (const proxy of group.border(['alpha'])) proxy.set('cut');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const stick = join(group.workspace.path, 'stick');
    mkdirSync(stick);
    const bundle = (name: string) => join(stick, `${name}.tandem`);
    put(alpha.root, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`many/${i % 7}/${i}`, `content ${i}`])));
    put(alpha.root, { large: content(3_000_000, 1), empty: '' });
    // What lies on beta before its first synchronisation: equal, and not.
    put(beta.root, { 'many/0/0': 'content 0', large: content(3_000_000, 1), extra: 'only here' });
    await group.start();
    await sees(alpha, 302);

    const first = await exported(alpha, 'beta', bundle('first'));
    expect(first).toMatchObject({ Done: true, Complete: true });
    expect(first.BundleBytes).toBeGreaterThan(3_000_000);
    expect(await beta.tandem('bundle', 'import', bundle('first'))).toMatchObject({ exitCode: 0 });
    expect(same(alpha, beta)).toEqual([]);
    expect((await preservedItems(beta)).map(({ path }) => path)).toEqual(['extra']);
    await eventOf(alpha, 'BUNDLE_MADE');
    await eventOf(beta, 'BUNDLE_TAKEN', /alpha/);
    await eventOf(beta, 'INITIAL_SYNC_FINISHED');
    expect(await imported(beta, bundle('first'))).toMatchObject({ Complete: true, Updates: 0, ContentBytes: 0 });

    // Both go on, and change the same file.
    put(beta.root, { both: 'by beta', 'from/beta': '1', 'many/1/1': 'changed by beta' });
    await sees(beta, 304);
    await exported(beta, 'alpha', bundle('back'));
    put(alpha.root, { 'many/1/1': 'changed by alpha, and later', large: content(3_000_001, 1) });
    rmSync(join(alpha.root, 'many/2'), { recursive: true });
    const gone = Array.from({ length: 300 }, (_, i) => i).filter(i => i % 7 === 2).length;
    await sees(alpha, 302 - gone);
    expect(await imported(alpha, bundle('back'))).toMatchObject({ Complete: true });
    expect(get(alpha.root, 'both')).toBe('by beta');
    // Alpha knows by now what beta has.
    const second = await exported(alpha, 'beta', bundle('second'));
    expect(second.Updates).toBeLessThan(gone + 10);
    const full = await exported(alpha, 'beta', bundle('full'), '--full');
    expect(full.Updates).toBeGreaterThan(300);
    expect(await imported(beta, bundle('second'))).toMatchObject({ Complete: true });
    expect(same(alpha, beta)).toEqual([]);
    expect(get(beta.root, 'many/1/1')).toBe('changed by alpha, and later');
    const preserved = [...(await preservedItems(alpha)), ...(await preservedItems(beta))];
    expect(preserved.map(({ path }) => path).sort()).toEqual(['extra', 'many/1/1']);

    for (const proxy of group.border(['alpha'])) proxy.set('open');
    await until(
      'both are in sync over the link',
      async () => {
        const all = [...(await connections(alpha)), ...(await connections(beta))];
        return all.filter(({ Inbound, StateName }) => Inbound && StateName === 'Online').length === 2;
      },
      { timeoutMs: 60_000 },
    );
    put(alpha.root, { afterwards: '1' });
    await until('what changes now comes by the link', () => get(beta.root, 'afterwards') === '1', {
      timeoutMs: 60_000,
    });
    expect(same(alpha, beta)).toEqual([]);
    const carried = group.border(['alpha']).reduce((sum, { counted }) => sum + counted.toCaller, 0);
    expect(carried).toBeLessThan(200_000);
  },
  SLOW_MS,
);

test(
  'bundles pass through pipes, survive a crash in the middle, and are refused where anything is wrong',
  async () => {
    const group = await startGroup({ members: ['alpha', 'beta', 'gamma'], start: false });
    group.groupFile.connections = ['beta', 'gamma'].flatMap(name => [
      { from: 'alpha', to: name, enabled: false },
      { from: name, to: 'alpha', enabled: false },
    ]);
    group.writeGroupFile();
    const [alpha, beta, gamma] = ['alpha', 'beta', 'gamma'].map(name => group.member(name)) as [Member, Member, Member];
    put(
      alpha.root,
      Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`many/${i}`, `content ${i}`.repeat(50)])),
    );
    put(alpha.root, { large: content(40_000_000, 2) });
    await group.start();
    await sees(alpha, 3001);
    const path = join(group.workspace.path, 'piped.tandem');
    const tandem = `'${process.execPath}' '${CLI}'`;
    const made = await run('bash', [
      '-c',
      `set -o pipefail; ${tandem} bundle export --home '${alpha.home}' --folder docs --for beta --out - | cat > '${path}'`,
    ]);
    expect(made, made.stderr).toMatchObject({ exitCode: 0, stdout: '' });
    expect(made.stderr).toContain('has all there is of folder docs');
    expect(readdirSync(alpha.home).filter(name => name.startsWith('passing-'))).toEqual([]);

    // Cut off, damaged, for somebody else: refused with a sentence, and nothing happens.
    const bytes = readFileSync(path);
    const wrong = join(group.workspace.path, 'wrong.tandem');
    writeFileSync(wrong, bytes.subarray(0, bytes.length - 1000));
    expect(await beta.tandem('bundle', 'import', wrong)).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('is cut off'),
    });
    const damaged = Buffer.from(bytes);
    damaged[20_000_000]! ^= 1;
    writeFileSync(wrong, damaged);
    expect(await beta.tandem('bundle', 'import', wrong)).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('SHA-256'),
    });
    expect(await gamma.tandem('bundle', 'import', path)).toMatchObject({
      exitCode: 8,
      stderr: expect.stringContaining('is for beta, not for gamma'),
    });
    expect(await beta.tandem('bundle', 'import', join(beta.home, 'member.yaml'))).toMatchObject({ exitCode: 8 });
    expect(await beta.tandem('bundle', 'import', '/nowhere')).toMatchObject({ exitCode: 6 });
    expect(await beta.tandem('bundle', 'export', '--folder', 'docs', '--for', 'gamma', '--out', wrong)).toMatchObject({
      exitCode: 7,
    });
    expect(await alpha.tandem('bundle', 'export', '--folder', 'docs', '--for', 'beta', '--out', path)).toMatchObject({
      exitCode: 7,
      stderr: expect.stringContaining('exists already'),
    });
    expect(readdirSync(beta.root).filter(name => name !== '.tandem')).toEqual([]);

    // The daemon is killed while it takes the bundle in.
    const interrupted = beta.tandem('bundle', 'import', path);
    await until('some of it is there', () => existsSync(join(beta.root, 'many/100')), { everyMs: 1 });
    await beta.kill();
    expect((await interrupted).exitCode).not.toBe(0);
    rmSync(join(beta.home, 'admin.sock'), { force: true });
    await beta.start();
    const again = await run('bash', ['-c', `${tandem} bundle import - --json --home '${beta.home}' < '${path}'`]);
    expect(again, again.stderr).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(again.stdout)).toMatchObject({ Done: true, Complete: true });
    expect(readdirSync(beta.home).filter(name => name.startsWith('passing-'))).toEqual([]);
    expect(same(alpha, beta)).toEqual([]);
    expect(await preservedItems(beta)).toEqual([]);
    expect(await imported(beta, path)).toMatchObject({ Complete: true, Updates: 0 });
  },
  SLOW_MS,
);

test(
  'what is asked for through the spool is answered, and what waits there is taken in, by itself or by “sync --intersite-messaging”',
  async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], proxied: true, start: false });
    for (const proxy of group.border(['alpha'])) proxy.set('cut');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const spool = join(group.workspace.path, 'spool');
    mkdirSync(spool);
    for (const { home } of [alpha, beta]) {
      const memberFile = join(home, 'member.yaml');
      writeFileSync(memberFile, `${readFileSync(memberFile, 'utf8')}\nspool: ${JSON.stringify(spool)}\n`);
    }
    put(alpha.root, { first: '1' });
    await group.start();
    await sees(alpha, 1);
    const sync = async (...args: string[]) => {
      const ran = await beta.tandem(
        'sync',
        'docs',
        '--from',
        'alpha',
        '--intersite-messaging',
        '--urgent',
        ...args,
        '--json',
      );
      return { ...(JSON.parse(ran.stdout) as { ReturnValue: number; Message: string }), exitCode: ran.exitCode };
    };
    const asked = await sync();
    expect(asked).toMatchObject({ ReturnValue: 8477, exitCode: 7 });
    expect(asked.Message).toContain('a request to alpha was put into');
    // Alpha answers by itself, and beta takes the answer in by itself.
    await until('it has come', () => get(beta.root, 'first') === '1' && readdirSync(spool).length === 0);
    put(alpha.root, { byHand: 'h' });
    await sees(alpha, 2);
    await exported(alpha, 'beta', join(spool, 'one.tandem'));
    await until('it has come', () => get(beta.root, 'byHand') === 'h' && readdirSync(spool).length === 0);
    put(alpha.root, { second: '2' });
    await sees(alpha, 3);
    await exported(alpha, 'beta', join(spool, 'two.tandem'));
    expect(await sync('--async')).toMatchObject({ ReturnValue: 0 });
    await until('it has come', () => get(beta.root, 'second') === '2');
    await pause(100);
  },
  SLOW_MS,
);
