/** Block volumes of a real daemon, used by real NBD clients. Those need Debian's libnbd-bin and qemu-utils. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Member } from './harness/member.ts';
import { startGroup } from './harness/scenario.ts';
import { until } from './harness/until.ts';

interface Volume {
  readonly ElementName: string;
  readonly DeviceID: string;
  readonly SizeInBytes: number;
  readonly AllocatedBytes: number;
  readonly OperationalStatus: string;
  readonly StatusReason: string;
  readonly Clients: number;
  readonly Uri: string;
}

const list = (member: Member) => member.json<Volume[]>('volume', 'list');
const show = (member: Member, name: string) => member.json<Volume>('volume', 'show', name);

function has(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  expect(status, `${program} ${args.join(' ')}: ${stdout}${stderr}`).toBe(0);
  return stdout;
}

test('volumes are created, grown, shrunk and deleted, and each mistake gets a sentence', async () => {
  const group = await startGroup({ label: 'volumes', members: ['alpha'] });
  const alpha = group.member('alpha');
  expect(await list(alpha)).toEqual([]);
  const made = await alpha.json<Volume>('volume', 'create', 'disk1', '--size', '64MiB');
  expect(made).toMatchObject({ ElementName: 'disk1', SizeInBytes: 64 * 2 ** 20, OperationalStatus: 'OK' });

  const refused = async (...args: string[]) => (await alpha.tandem('volume', ...args)).stderr;
  expect(await refused('create', 'disk1', '--size', '64MiB')).toContain('there is a volume disk1 already');
  expect(await refused('create', '../x', '--size', '64MiB')).toContain('cannot be a volume’s name');
  expect(await refused('create', 'odd', '--size', '1000')).toMatch(/1000/);
  expect(await refused('show', 'disk2')).toContain('did you mean “disk1”');
  expect(await refused('resize', 'disk1', '--size', '32MiB')).toMatch(/smaller|loses/);

  await alpha.json('volume', 'resize', 'disk1', '--size', '128MiB');
  expect(await show(alpha, 'disk1')).toMatchObject({ SizeInBytes: 128 * 2 ** 20 });
  await alpha.json('volume', 'resize', 'disk1', '--size', '32MiB', '--discard');
  expect(await show(alpha, made.DeviceID)).toMatchObject({ ElementName: 'disk1', SizeInBytes: 32 * 2 ** 20 });
  await alpha.json('volume', 'delete', 'disk1');
  expect(await list(alpha)).toEqual([]);
  expect(existsSync(join(alpha.home, 'volumes/disk1'))).toBe(false);
});

test('a volume whose backing is gone is listed with the reason, and comes back by itself with its backing', async () => {
  const group = await startGroup({ label: 'backing', members: ['alpha'] });
  const alpha = group.member('alpha');
  const backing = join(group.workspace.path, 'backing.img');
  writeFileSync(backing, 'what was here');
  truncateSync(backing, 2 ** 20);
  expect((await alpha.tandem('volume', 'create', 'old', '--size', '1MiB', '--backing', backing)).stderr).toMatch(
    /keeps/,
  );
  await alpha.json('volume', 'create', 'old', '--size', '1MiB', '--backing', backing, '--contents', 'kept');
  await alpha.stop();
  const content = readFileSync(backing);
  truncateSync(backing, 4096);
  await alpha.start();
  expect(await show(alpha, 'old')).toMatchObject({ OperationalStatus: 'Error', Uri: '' });
  truncateSync(backing, 2 ** 20);
  await until(
    'the volume is back',
    async () => {
      const { OperationalStatus } = await show(alpha, 'old');
      return OperationalStatus === 'OK';
    },
    { timeoutMs: 60_000 },
  );
  expect(content.subarray(0, 13).toString()).toBe('what was here');
});

test.skipIf(!has('nbdinfo') || !has('qemu-img'))(
  'real NBD clients read and write a volume, and what they flushed outlives SIGKILL [nbdinfo, qemu-img]',
  async () => {
    const group = await startGroup({ label: 'nbd', members: ['alpha'] });
    const alpha = group.member('alpha');
    const { Uri } = await alpha.json<Volume>('volume', 'create', 'disk1', '--size', '64MiB');
    expect(JSON.parse(run('nbdinfo', '--json', Uri))).toMatchObject({
      exports: [{ 'export-name': 'disk1', 'export-size': 64 * 2 ** 20, is_read_only: false, can_flush: true }],
    });
    const image = join(group.workspace.path, 'image');
    writeFileSync(image, Buffer.alloc(64 * 2 ** 20));
    const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) % 251));
    const whole = readFileSync(image);
    content.copy(whole, 5_000_000);
    writeFileSync(image, whole);
    run('nbdcopy', '--flush', image, Uri);
    await alpha.kill();
    await alpha.start();
    const back = join(group.workspace.path, 'back');
    run('qemu-img', 'convert', '-O', 'raw', Uri, back);
    expect(readFileSync(back).equals(whole)).toBe(true);
    const { AllocatedBytes, Clients } = await show(alpha, 'disk1');
    expect(AllocatedBytes).toBeLessThan(8 * 2 ** 20);
    expect(Clients).toBe(0);
  },
);
