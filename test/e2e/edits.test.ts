/** Edits on every side while all members run. */
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { preservedItems, versionsMade } from './harness/admin-view.ts';
import { createChance, seedOfRun } from './harness/chance.ts';
import { makeEdits } from './harness/edits.ts';
import { arrives, contentsBelow, get, put, sha256Of, vanishes } from './harness/files.ts';
import { makePlainTree } from './harness/generate.ts';
import { startGroup } from './harness/scenario.ts';
import { bytesOf } from './harness/tree.ts';

describe('edits', () => {
  test('every kind of change crosses, from either side', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    for (const [here, there] of [group.members, [...group.members].reverse()] as const) {
      const from = here!.name;
      const at = (path: string) => join(here!.root, `${from}/${path}`);
      put(here!.root, {
        [`${from}/a`]: 'one',
        [`${from}/b`]: 'two',
        [`${from}/sub/c`]: 'three',
        [`${from}/run`]: '#!/bin/sh',
      });
      mkdirSync(at('empty'));
      symlinkSync('a', at('link'));
      await group.identical();
      writeFileSync(at('a'), 'one, changed');
      appendFileSync(at('b'), ' and more');
      truncateSync(at('sub/c'), 2);
      chmodSync(at('run'), 0o755);
      rmSync(at('empty'), { recursive: true });
      unlinkSync(at('link'));
      symlinkSync('sub/c', at('link'));
      await group.identical();
      renameSync(at('a'), at('sub/a moved'));
      renameSync(at('sub'), at('sub moved'));
      utimesSync(at('b'), 1_000_000_000, 1_000_000_000);
      const held = await group.identical();
      expect(get(there!.root, `${from}/sub moved/a moved`)).toBe('one, changed');
      expect(held.get(`${from}/b`)?.mtimeUs).toBe(1_000_000_000_000_000n);
      rmSync(at('sub moved'), { recursive: true });
      await vanishes(there!, `${from}/sub moved`);
      await group.identical();
    }
  });

  test('a file becomes a directory, a directory a link, a link a file', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { file: 'f', 'directory/inside': 'i' });
    symlinkSync('file', join(alpha.root, 'link'));
    await group.identical();
    rmSync(join(beta.root, 'file'));
    put(beta.root, { 'file/now a directory': 'yes' });
    rmSync(join(beta.root, 'directory'), { recursive: true });
    symlinkSync('file', join(beta.root, 'directory'));
    rmSync(join(beta.root, 'link'));
    put(beta.root, { link: 'now a file' });
    const held = await group.identical();
    expect([held.get('file')?.kind, held.get('directory')?.kind, held.get('link')?.kind]).toEqual([
      'directory',
      'symlink',
      'file',
    ]);
  });

  test('names are exchanged between two files and between two directories', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { left: 'L', right: 'R', 'one/l': 'in one', 'two/r': 'in two' });
    await group.identical();
    for (const [a, b] of [
      ['left', 'right'],
      ['one', 'two'],
    ] as const) {
      renameSync(join(beta.root, a), join(beta.root, 'aside'));
      renameSync(join(beta.root, b), join(beta.root, a));
      renameSync(join(beta.root, 'aside'), join(beta.root, b));
    }
    await arrives(alpha, 'left', 'R');
    const held = await group.identical();
    expect([...held.keys()].sort()).toEqual(['left', 'one', 'one/r', 'right', 'two', 'two/l']);
    expect(await preservedItems(alpha)).toEqual([]);
  });

  test('a directory moves into a new directory that took its old name', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { 'modules/a/file': 'first', beside: 'b' });
    await group.identical();
    renameSync(join(alpha.root, 'modules'), join(alpha.root, 'modules.old'));
    put(alpha.root, { 'modules/b/file': 'second' });
    renameSync(join(alpha.root, 'modules.old'), join(alpha.root, 'modules/nested'));
    await arrives(beta, 'modules/nested/a/file', 'first');
    const held = await group.identical();
    expect([...held.keys()].filter(path => path.endsWith('file')).sort()).toEqual([
      'modules/b/file',
      'modules/nested/a/file',
    ]);
  });

  test('edits of both sides at once come together', async () => {
    const group = await startGroup({
      label: 'storm',
      members: ['alpha', 'beta', 'gamma'],
      folders: { docs: { brakes: { deletedShare: 1, changedShare: 1 } } },
    });
    const seed = seedOfRun(21);
    for (const { root } of group.members) put(root, { 'always here': 'so that no root is ever empty' });
    await group.identical();
    for (let round = 0; round < 4; round += 1) {
      for (const [index, { root, name }] of group.members.entries()) {
        const own = join(root, `of ${name}`);
        mkdirSync(own, { recursive: true });
        mkdirSync(join(root, 'of all'), { recursive: true });
        makeEdits(own, 30, createChance(seed + round * 10 + index));
        makeEdits(join(root, 'of all'), 30, createChance(seed + round * 10 + index + 5000));
      }
    }
    await group.identical({ timeoutMs: 90_000 });
  });

  test('a file that is written in pieces arrives once it rests, and never torn', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], folders: { docs: { quiet: '300ms' } } });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const line = `${'x'.repeat(99)}\n`;
    const seen = new Set<number>();
    for (let piece = 0; piece < 40; piece += 1) {
      appendFileSync(join(alpha.root, 'log'), line.repeat(20));
      await new Promise(resolve => setTimeout(resolve, 25));
      seen.add(get(beta.root, 'log')?.length ?? 0);
    }
    await arrives(beta, 'log', line.repeat(800));
    for (const length of seen) expect(length % line.length).toBe(0);
    expect(seen.size).toBeLessThanOrEqual(4);
  });

  test('what editors do ends as one file: write beside and rename over, back up and rewrite, truncate and rewrite', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const at = (path: string) => join(alpha.root, path);
    put(alpha.root, { beside: 'first', backup: 'first', rewrite: 'first' });
    await group.identical();

    put(alpha.root, { '.beside.swp': 'second' });
    renameSync(at('.beside.swp'), at('beside'));

    renameSync(at('backup'), at('backup~'));
    writeFileSync(at('backup'), 'second');
    unlinkSync(at('backup~'));

    truncateSync(at('rewrite'), 0);
    writeFileSync(at('rewrite'), 'second');

    put(alpha.root, { '4913': '' });
    unlinkSync(at('4913'));
    for (const path of ['beside', 'backup', 'rewrite']) await arrives(beta, path, 'second');
    const held = await group.identical();
    expect([...held.keys()].sort()).toEqual(['backup', 'beside', 'rewrite']);
    for (const member of group.members) expect(await preservedItems(member)).toEqual([]);
  });

  test('a link added to a file leaves two independent files on the other side', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { one: 'content' });
    await group.identical();
    linkSync(join(alpha.root, 'one'), join(alpha.root, 'two'));
    await arrives(beta, 'two', 'content');
    rmSync(join(alpha.root, 'one'));
    await vanishes(beta, 'one');
    await group.identical();
    expect(get(beta.root, 'two')).toBe('content');
  });

  test('a copy or a move of large content sends no content', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const content = createChance(4).bytes(6 << 20);
    put(alpha.root, { big: content });
    await arrives(beta, 'big', content);
    await group.identical();
    const before = group.proxy('beta', 'alpha').counted.toCaller;
    put(alpha.root, { 'a copy': content });
    await arrives(beta, 'a copy', content);
    put(alpha.root, { 'a longer copy': Buffer.concat([Buffer.from('!'), content]) });
    await arrives(beta, 'a longer copy', Buffer.concat([Buffer.from('!'), content]));
    expect(group.proxy('beta', 'alpha').counted.toCaller - before).toBeLessThan(512 << 10);
  });
});

describe('conflicts', () => {
  test('two edits of one file while apart: one wins everywhere, the other is listed and can be restored', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { 'plan.txt': 'agreed' });
    await group.identical();
    await beta.stop();
    put(alpha.root, { 'plan.txt': 'as alpha wants it' });
    put(beta.root, { 'plan.txt': 'as beta wants it' });
    await beta.start();
    await group.identical();
    const winner = get(alpha.root, 'plan.txt');
    expect(['as alpha wants it', 'as beta wants it']).toContain(winner);
    const loser = winner === 'as alpha wants it' ? 'as beta wants it' : 'as alpha wants it';

    const listed = (
      await Promise.all(
        group.members.map(async member => (await preservedItems(member)).map(item => ({ member, item }))),
      )
    ).flat();
    expect(listed.length).toBe(1);
    const { member, item } = listed[0]!;
    expect(item.path).toContain('plan.txt');
    expect(item.area).toBe('conflicts');
    const restored = await member.tandem('conflict', 'restore', item.id, '--to', 'restored.txt');
    expect(restored).toMatchObject({ exitCode: 0 });
    const held = await group.identical();
    expect(held.has('restored.txt')).toBe(true);
    for (const { root } of group.members) expect(get(root, 'restored.txt')).toBe(loser);
    expect(await preservedItems(member)).toEqual([]);
  });

  test('the same names made on both sides while apart: nothing that was written is lost', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], proxied: true });
    await group.identical();
    for (const proxy of group.border(['alpha'])) proxy.set('cut');
    const chance = createChance(seedOfRun(8));
    for (const { root, name } of group.members) {
      for (let index = 0; index < 25; index += 1)
        put(root, { [`d${index % 5}/f${index}`]: `${name} ${index} ${chance.next()}` });
      put(root, { [name === 'alpha' ? 'thing' : 'thing/inside']: `thing of ${name}` });
    }
    const written = group.members.flatMap(({ root }) => [...contentsBelow(root)]);
    for (const proxy of group.border(['alpha'])) proxy.set('open');
    await group.identical({ timeoutMs: 60_000 });
    const anywhere = new Set(group.members.flatMap(({ root }) => [...contentsBelow(root)]));
    expect(written.filter(content => !anywhere.has(content))).toEqual([]);
  });

  test('an edit against a deletion keeps the edit', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { 'dir/kept': 'v1', other: 'o' });
    await group.identical();
    await beta.stop();
    rmSync(join(alpha.root, 'dir'), { recursive: true });
    put(beta.root, { 'dir/kept': 'v2, which alpha had not seen' });
    await beta.start();
    await group.identical();
    const contents = group.members.flatMap(({ root }) => [...contentsBelow(root)]);
    expect(contents).toContain(sha256Of('v2, which alpha had not seen'));
  });
});

describe('many files', () => {
  const files = Number(process.env.TANDEM_E2E_FILES ?? 20_000);

  test(`a directory of ${files} files is renamed as one update, moving no data`, { timeout: 180_000 }, async () => {
    const group = await startGroup({ label: 'rename', members: ['alpha', 'beta'], proxied: true, start: false });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { beside: 'so that the root is never empty' });
    makePlainTree(join(alpha.root, 'tree'), files, createChance(seedOfRun(7)));
    await group.start();
    const held = await group.identical({ timeoutMs: 120_000, everyMs: 500 });
    expect(bytesOf(held)).toBeGreaterThan(files * 1000);
    const proxy = group.proxy('beta', 'alpha');
    const before = proxy.counted.toCaller + proxy.counted.toServer;
    const versions = await versionsMade(beta);
    const started = Date.now();
    renameSync(join(alpha.root, 'tree'), join(alpha.root, 'moved'));
    await vanishes(beta, 'tree');
    const tookMs = Date.now() - started;
    await group.identical({ timeoutMs: 60_000 });
    expect(proxy.counted.toCaller + proxy.counted.toServer - before).toBeLessThan(64 << 10);
    expect(tookMs).toBeLessThan(5000);
    expect(await versionsMade(beta)).toBe(versions + 1);
  });
});
