/** What disks really do: fill up, hold strangers, refuse to be read. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventOf, folderShows } from './harness/admin-view.ts';
import { createChance } from './harness/chance.ts';
import { arrives, get, put } from './harness/files.ts';
import { startGroup, testWorkspace } from './harness/scenario.ts';

describe('a full disk', () => {
  test('the folder pauses with a reason, takes nothing torn, and goes on by itself when there is space', {
    timeout: 120_000,
  }, async ({ skip }) => {
    const workspace = testWorkspace('full');
    const small = workspace.mountSmall('small', 24);
    if (small === null) return skip('mounting needs privileges this machine does not give');
    const root = join(small, 'docs');
    mkdirSync(root);
    const group = await startGroup({ label: 'full', members: ['alpha', 'beta'], roots: { 'beta/docs': root } });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { fits: 'small' });
    await group.identical();
    writeFileSync(join(small, 'ballast'), Buffer.alloc(12 << 20));
    const content = createChance(3).bytes(14 << 20);
    put(alpha.root, { large: content });
    for (let index = 0; index < 20; index += 1)
      put(alpha.root, { [`many/${index}`]: createChance(index).bytes(30_000) });
    await eventOf(beta, 'DISK_FULL');
    await folderShows(beta, /DISK_FULL|full/i);
    expect(existsSync(join(beta.root, 'large'))).toBe(false);
    expect(get(beta.root, 'fits')).toBe('small');
    rmSync(join(small, 'ballast'));
    await arrives(beta, 'large', content, 60_000);
    await group.identical();
  });
});

describe('strangers in the folder', () => {
  test('devices, sockets, fifos and names that are not UTF-8 are reported and left where they are', async () => {
    const group = await startGroup({ label: 'strangers', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const at = (name: string) => join(alpha.root, 'dir', name);
    mkdirSync(join(alpha.root, 'dir'));
    execFileSync('mkfifo', [at('fifo')]);
    const server = createServer().listen(at('socket'));
    onTestFinished(() => void server.close());
    const odd = Buffer.concat([Buffer.from(`${at('latin-')}`), Buffer.from([0xe9])]);
    writeFileSync(odd, 'not UTF-8');
    const device = isRoot();
    if (device) execFileSync('mknod', [at('device'), 'c', '1', '3']);
    put(alpha.root, { 'dir/plain': 'travels' });
    await arrives(beta, 'dir/plain', 'travels');
    for (const reason of ['fifo', 'socket', ...(device ? ['device'] : [])])
      await eventOf(alpha, 'FILE_UNSUPPORTED', new RegExp(reason));
    await eventOf(alpha, 'FILE_UNSUPPORTED', /\\xe9|UTF-8/i);
    expect(readdirSync(join(beta.root, 'dir'))).toEqual(['plain']);
    expect(lstatSync(at('fifo')).isFIFO()).toBe(true);
    expect(lstatSync(odd).isFile()).toBe(true);
  });

  test('a directory that others delete stays where it holds a stranger', async () => {
    const group = await startGroup({ label: 'strangers', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { 'dir/plain': 'p', beside: 'b' });
    await group.identical();
    execFileSync('mkfifo', [join(beta.root, 'dir/fifo')]);
    await eventOf(beta, 'FILE_UNSUPPORTED', /fifo/);
    rmSync(join(alpha.root, 'dir'), { recursive: true });
    put(alpha.root, { after: 'a' });
    await arrives(beta, 'after', 'a');
    expect(lstatSync(join(beta.root, 'dir/fifo')).isFIFO()).toBe(true);
  });

  test('a file with several links travels as independent files, and that is reported', async () => {
    const group = await startGroup({ label: 'links', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { one: 'linked' });
    execFileSync('ln', [join(alpha.root, 'one'), join(alpha.root, 'two')]);
    await arrives(beta, 'two', 'linked');
    await eventOf(alpha, 'HARD_LINK_LOST');
    expect(lstatSync(join(beta.root, 'one')).nlink).toBe(1);
    writeFileSync(join(alpha.root, 'one'), 'changed through one name');
    await arrives(beta, 'two', 'changed through one name');
    await group.identical();
  });

  test('symlinks are never followed, neither out of the root nor in it', async () => {
    const group = await startGroup({ label: 'symlinks', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const outside = join(group.workspace.path, 'outside');
    put(outside, { secret: 'not ours' });
    put(alpha.root, { 'dir/file': 'inside' });
    await group.identical();
    // On beta the directory is exchanged for a link to the outside while alpha writes into it.
    await beta.stop();
    rmSync(join(beta.root, 'dir'), { recursive: true });
    execFileSync('ln', ['-s', outside, join(beta.root, 'dir')]);
    put(alpha.root, { 'dir/file': 'edited', 'dir/new': 'made' });
    await beta.start();
    await group.identical();
    expect(readdirSync(outside)).toEqual(['secret']);
  });
});

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
