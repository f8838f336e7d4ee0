/** Members that stop, die, are cut off, and forget. */
import { cpSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventOf, preservedItems } from './harness/admin-view.ts';
import { createChance, seedOfRun } from './harness/chance.ts';
import { makeEdits, moveDirectoriesAbout } from './harness/edits.ts';
import { arrives, get, put, vanishes } from './harness/files.ts';
import { makePlainTree } from './harness/generate.ts';
import type { Member } from './harness/member.ts';
import { startGroup } from './harness/scenario.ts';
import { bytesOf, type Manifest, readTree } from './harness/tree.ts';
import { pause, until } from './harness/until.ts';

describe('stop and start', () => {
  test('a clean stop takes seconds and leaves nothing to recover', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    makePlainTree(alpha.root, 300, createChance(1));
    await group.identical();
    const started = Date.now();
    await beta.stop();
    expect(Date.now() - started).toBeLessThan(5000);
    expect(existsSync(join(beta.home, 'admin.sock'))).toBe(false);
    await beta.start();
    put(beta.root, { 'after the restart': 'x' });
    await arrives(alpha, 'after the restart', 'x');
    await group.identical();
  });

  test('edits, moves and deletions made while the daemon was down are found at start', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { 'a/1': 'one', 'a/2': 'two', 'b/3': 'three', 'keep/4': 'four' });
    await group.identical();
    await beta.stop();
    put(beta.root, { 'a/1': 'one, edited while down', 'new/5': 'five' });
    rmSync(join(beta.root, 'b'), { recursive: true });
    renameSync(join(beta.root, 'keep'), join(beta.root, 'kept'));
    put(alpha.root, { 'a/2': 'two, edited on the other side' });
    await beta.start();
    await arrives(alpha, 'a/1', 'one, edited while down');
    await arrives(beta, 'a/2', 'two, edited on the other side');
    await vanishes(alpha, 'b');
    await arrives(alpha, 'kept/4', 'four');
    const held = await group.identical();
    expect([...held.keys()].sort()).toEqual(['a', 'a/1', 'a/2', 'kept', 'kept/4', 'new', 'new/5']);
    for (const member of group.members) expect(await preservedItems(member)).toEqual([]);
  });

  test('a restart sends nothing that is already there', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    makePlainTree(alpha.root, 500, createChance(2));
    const held = await group.identical();
    await Promise.all([alpha.stop(), beta.stop()]);
    const proxies = [group.proxy('beta', 'alpha'), group.proxy('alpha', 'beta')];
    const sum = () => proxies.reduce((bytes, proxy) => bytes + proxy.counted.toCaller + proxy.counted.toServer, 0);
    const before = sum();
    await group.start();
    put(alpha.root, { 'after the restart': 'x' });
    await arrives(beta, 'after the restart', 'x');
    expect(bytesOf(held)).toBeGreaterThan(500_000);
    expect(sum() - before).toBeLessThan(100_000);
  });
});

describe('sudden death', () => {
  const rounds = Number(process.env.TANDEM_E2E_KILLS ?? 6);

  for (const [victims, seed] of [
    [['beta'], 101],
    [['alpha'], 102],
    [['alpha', 'beta'], 103],
  ] as const) {
    test(`${victims.join(' and ')} killed ${rounds} times in mid-transfer, at random instants: nothing torn, nothing lost`, {
      timeout: 120_000,
    }, async () => {
      const chance = createChance(seedOfRun(seed));
      const group = await startGroup({
        label: 'kill',
        members: ['alpha', 'beta'],
        folders: { docs: { primary: 'alpha', brakes: { deletedShare: 1, changedShare: 1 } } },
        start: false,
      });
      const [alpha, beta] = [group.member('alpha'), group.member('beta')];
      makePlainTree(join(alpha.root, 'small'), 1500, chance);
      for (let index = 0; index < 5; index += 1) put(alpha.root, { [`large/${index}`]: chance.bytes(6 << 20) });
      const source = readTree(alpha.root, { contents: true });
      await group.start();
      for (let round = 0; round < rounds; round += 1) {
        await pause(chance.between(50, 900));
        await Promise.all(victims.map(name => group.member(name).kill()));
        expectNothingTorn(beta, source);
        await Promise.all(victims.map(name => group.member(name).start()));
      }
      await group.identical({ timeoutMs: 60_000 });
      expect(readTree(alpha.root, { contents: true })).toEqual(source);
      for (const member of group.members) expect(await preservedItems(member)).toEqual([]);
    });
  }

  test('edits on both sides with both killed again and again end in one tree', { timeout: 120_000 }, async () => {
    const seed = seedOfRun(104);
    const chance = createChance(seed);
    const group = await startGroup({
      label: 'kill-edits',
      members: ['alpha', 'beta'],
      folders: { docs: { brakes: { deletedShare: 1, changedShare: 1 } } },
    });
    for (const { root, name } of group.members) {
      put(root, { [`of ${name}/first`]: name, 'of all/first': 'f' });
    }
    await group.identical();
    for (let round = 0; round < rounds; round += 1) {
      for (const { root, name } of group.members) {
        makeEdits(join(root, `of ${name}`), 25, chance);
        makeEdits(join(root, 'of all'), 10, chance);
      }
      await pause(chance.between(20, 400));
      const victim = chance.pick(group.members);
      await victim.kill();
      makeEdits(join(victim.root, `of ${victim.name}`), 5, chance);
      await victim.start();
    }
    const own = group.members.map(({ root, name }) => ({
      name,
      tree: subtree(readTree(root, { contents: true }), `of ${name}/`),
    }));
    const held = await group.identical({ timeoutMs: 60_000 });
    for (const { name, tree } of own) expect(subtree(held, `of ${name}/`), `seed ${seed}`).toEqual(tree);
  });
});

describe('directories', () => {
  const histories = Number(process.env.TANDEM_E2E_HISTORIES ?? 3);

  for (let history = 0; history < histories; history += 1) {
    test(`moved about on both sides at once, and members killed meanwhile, end in one tree (${history})`, {
      timeout: 120_000,
    }, async () => {
      const chance = createChance(seedOfRun(1000 + history));
      const group = await startGroup({
        label: 'directories',
        members: ['alpha', 'beta'],
        folders: { docs: { brakes: { deletedShare: 1, changedShare: 1 } } },
      });
      for (const { root } of group.members) put(root, { 'of all/first': 'f' });
      await group.identical();
      for (let round = 0; round < 8; round += 1) {
        for (const { root } of group.members) moveDirectoriesAbout(join(root, 'of all'), 10, chance);
        await pause(chance.between(20, 400));
        if (chance.next() < 0.5) continue;
        const victim = chance.pick(group.members);
        await victim.kill();
        await victim.start();
      }
      // No look at everything comes round in this time: each hint has to do.
      await group.identical({ timeoutMs: 40_000 });
    });
  }
});

describe('partition', () => {
  test('members cut off from each other go on working, and come together when the network heals', async () => {
    const group = await startGroup({ label: 'partition', members: ['alpha', 'beta', 'gamma'], proxied: true });
    const [alpha, beta, gamma] = [group.member('alpha'), group.member('beta'), group.member('gamma')];
    put(alpha.root, { shared: 'before' });
    await group.identical();
    for (const proxy of group.border(['gamma'])) proxy.set('cut');
    put(alpha.root, { 'majority/a': 'a' });
    put(gamma.root, { 'alone/g': 'g' });
    await arrives(beta, 'majority/a', 'a');
    expect(get(gamma.root, 'majority/a')).toBeNull();
    for (const proxy of group.border(['gamma'])) proxy.set('open');
    await group.identical({ timeoutMs: 60_000 });
    expect(get(alpha.root, 'alone/g')).toBe('g');
  });

  test('a network that falls silent in mid-transfer is noticed, and the transfer goes on where it was', {
    timeout: 120_000,
  }, async () => {
    const group = await startGroup({ label: 'silent', members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await group.identical();
    const content = createChance(9).bytes(24 << 20);
    const proxy = group.proxy('beta', 'alpha');
    proxy.delay(10);
    writeFileSync(join(alpha.root, 'large'), content);
    const before = proxy.counted.toCaller;
    await until('a part of the file has crossed', () => proxy.counted.toCaller - before > 4 << 20, { everyMs: 5 });
    proxy.set('silent');
    await pause(500);
    expect(existsSync(join(beta.root, 'large'))).toBe(false);
    proxy.tear();
    proxy.set('open');
    proxy.delay(0);
    await arrives(beta, 'large', content, 60_000);
    expect(proxy.counted.toCaller - before).toBeLessThan(40 << 20);
  });

  test('a slow line is only slow', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], proxied: true });
    for (const proxy of group.border(['alpha'])) proxy.delay(60);
    makePlainTree(group.member('alpha').root, 200, createChance(3));
    await group.identical();
    put(group.member('beta').root, { answer: 'yes' });
    await arrives(group.member('alpha'), 'answer', 'yes');
  });

  test('a partner that comes back is met at once, because it calls', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { first: '1' });
    await group.identical();
    await beta.kill();
    await eventOf(alpha, 'CONNECTION_UNREACHABLE');
    await pause(5000);
    await beta.start();
    put(alpha.root, { second: '2' });
    put(beta.root, { third: '3' });
    await arrives(beta, 'second', '2', 5000);
    await arrives(alpha, 'third', '3', 5000);
  });
});

describe('a lost database', () => {
  test('identical content is adopted: no conflict, nothing sent again, and a new identity is reported', async () => {
    const group = await startGroup({ label: 'lost-db', members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    makePlainTree(alpha.root, 500, createChance(6));
    put(beta.root, { 'from beta': 'b' });
    const held = await group.identical();
    await beta.stop();
    rmSync(join(beta.home, 'database'), { recursive: true });
    const proxy = group.proxy('beta', 'alpha');
    const before = proxy.counted.toCaller;
    await beta.start();
    await eventOf(beta, 'DATABASE_RENEWED');
    put(alpha.root, { 'after the loss': 'x' });
    await arrives(beta, 'after the loss', 'x');
    put(beta.root, { 'and back': 'y' });
    await arrives(alpha, 'and back', 'y');
    const after = await group.identical();
    expect(after.size).toBe(held.size + 2);
    expect(proxy.counted.toCaller - before).toBeLessThan(bytesOf(held) / 3);
    for (const member of group.members) expect(await preservedItems(member)).toEqual([]);
  });

  test('an old copy of the database put back does not undo what happened since', async () => {
    const group = await startGroup({ label: 'old-db', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { kept: 'v1', removed: 'soon' });
    await group.identical();
    await beta.stop();
    const database = join(beta.home, 'database');
    cpSync(database, `${database}.old`, { recursive: true });
    await beta.start();
    put(beta.root, { kept: 'v2', 'made since': 'by beta' });
    rmSync(join(beta.root, 'removed'));
    await arrives(alpha, 'kept', 'v2');
    await vanishes(alpha, 'removed');
    await group.identical();
    await beta.stop();
    rmSync(database, { recursive: true });
    renameSync(`${database}.old`, database);
    await beta.start();
    await eventOf(beta, 'DATABASE_RENEWED');
    put(beta.root, { 'after the return': 'z' });
    await arrives(alpha, 'after the return', 'z');
    const held = await group.identical();
    expect([...held.keys()].sort()).toEqual(['after the return', 'kept', 'made since']);
    expect(get(alpha.root, 'kept')).toBe('v2');
  });
});

/** Promise: a file is never visible under its name unless complete. */
function expectNothingTorn(member: Member, source: Manifest): void {
  for (const [path, entry] of readTree(member.root, { contents: true })) {
    if (entry.kind === 'file') expect(entry.sha256, `${path} on ${member.name}`).toBe(source.get(path)?.sha256);
  }
}

function subtree(manifest: Manifest, prefix: string): Record<string, unknown> {
  return Object.fromEntries([...manifest].filter(([path]) => path.startsWith(prefix)));
}
