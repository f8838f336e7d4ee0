/** ReplicaSync between real daemons: orders, results, force, full, and a queue that outlasts a restart. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { arrives, get, put } from './harness/files.ts';
import type { Member } from './harness/member.ts';
import { startGroup } from './harness/scenario.ts';
import { pause, until } from './harness/until.ts';

interface Report {
  readonly ReturnValue: number;
  readonly Message: string;
  readonly SerialNumber: number;
}

interface Source {
  readonly SourceName: string;
  readonly LastSyncResult: number;
  readonly NumConsecutiveSyncFailures: number;
  readonly IsOpen: boolean;
}

async function sync(member: Member, ...args: string[]): Promise<Report & { readonly exitCode: number | null }> {
  const ran = await member.tandem('sync', ...args, '--json');
  expect(ran.stdout, ran.stderr).not.toBe('');
  return { ...(JSON.parse(ran.stdout) as Report), exitCode: ran.exitCode };
}

const source = async (member: Member) => (await member.json<Source[]>('replica-source', 'list'))[0]!;
const queue = (member: Member) => member.json<{ SerialNumber: number }[]>('queue', 'list');

test('a folder is brought up to date from a source, and what is in the way is told by number', async () => {
  const group = await startGroup({ members: ['alpha', 'beta'] });
  const [alpha, beta] = [group.member('alpha'), group.member('beta')];
  put(alpha.root, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`many/${i}`, `content ${i}`])));
  await until('alpha has seen its files', async () => {
    const [folder] = await alpha.json<{ FileCount: number }[]>('folder', 'list');
    return folder!.FileCount === 300;
  });
  expect(await sync(beta, 'docs', '--from', 'alpha', '--add-reference')).toMatchObject({ ReturnValue: 0, exitCode: 0 });
  expect(get(beta.root, 'many/299')).toBe('content 299');
  const full = await sync(beta, 'docs', '--from', alpha.identity.guid, '--full', '--urgent');
  expect(full).toMatchObject({
    ReturnValue: 0,
    Message: expect.stringMatching(/301 updates were compared, 0 had again/),
  });
  expect(await sync(beta, 'docs', '--from', 'gamma')).toMatchObject({ ReturnValue: 8452, exitCode: 6 });
  expect(await sync(beta, 'nope', '--from', 'alpha')).toMatchObject({ ReturnValue: 8440, exitCode: 6 });
  expect(await sync(beta, 'docs')).toMatchObject({ ReturnValue: 8437, exitCode: 2 });
  expect(await sync(beta, 'docs', '--from', 'alpha', '--options', '0x800')).toMatchObject({
    ReturnValue: 87,
    exitCode: 2,
  });
  expect(await sync(beta, 'docs', '--from', 'alpha', '--intersite-messaging')).toMatchObject({ ReturnValue: 8454 });
  await alpha.stop();
  expect(await sync(beta, 'docs', '--from', 'alpha', '--urgent')).toMatchObject({ ReturnValue: 8444, exitCode: 8 });
  expect(await source(beta)).toMatchObject({ SourceName: 'alpha', LastSyncResult: 8444 });
});

test('a connection that is disabled on both sides is forced for this time; orders outlast the daemon', async () => {
  const group = await startGroup({ members: ['alpha', 'beta'], start: false });
  group.groupFile.connections = [
    { from: 'alpha', to: 'beta', enabled: false },
    { from: 'beta', to: 'alpha' },
  ];
  group.writeGroupFile();
  await group.start();
  const [alpha, beta] = [group.member('alpha'), group.member('beta')];
  put(beta.root, { back: '1' });
  await arrives(alpha, 'back', '1');
  put(alpha.root, { first: '1' });
  await until('alpha has seen its file', async () => {
    const [folder] = await alpha.json<{ FileCount: number }[]>('folder', 'list');
    return folder!.FileCount === 2;
  });
  expect(await sync(beta, 'docs', '--from', 'alpha')).toMatchObject({ ReturnValue: 8457, exitCode: 7 });
  expect(get(beta.root, 'first')).toBeNull();
  expect(await sync(beta, 'docs', '--from', 'alpha', '--force', '--urgent')).toMatchObject({ ReturnValue: 0 });
  expect(get(beta.root, 'first')).toBe('1');
  put(alpha.root, { second: '2' });
  await pause(1000);
  expect(get(beta.root, 'second')).toBeNull();
  // Its source does not answer; the daemon is killed meanwhile.
  put(alpha.root, { third: '3' });
  alpha.signal('SIGSTOP');
  const accepted = await sync(beta, 'docs', '--from', 'alpha', '--force', '--async');
  expect(accepted).toMatchObject({ ReturnValue: 0, exitCode: 0 });
  expect(await queue(beta)).toMatchObject([{ SerialNumber: accepted.SerialNumber }]);
  await beta.kill();
  alpha.signal('SIGCONT');
  rmSync(join(beta.home, 'admin.sock'), { force: true });
  await beta.start();
  await arrives(beta, 'third', '3');
  await until('the queue is empty', async () => (await queue(beta)).length === 0);
  expect(await source(beta)).toMatchObject({ LastSyncResult: 0, NumConsecutiveSyncFailures: 0, IsOpen: false });
});

test('a connection that only the source has disabled is forced for this time; a read-only folder is none to be written', async () => {
  const group = await startGroup({
    members: ['alpha', 'beta'],
    folders: { docs: {}, mirror: { readOnly: ['beta'] } },
    start: false,
  });
  group.writeGroupFile((file, member) => {
    const enabled = member !== 'alpha';
    file.connections = [
      { from: 'alpha', to: 'beta', guid: '2b1f7c52-9a41-4c8b-8b0e-2f4f0f6d1c33', enabled },
      { from: 'beta', to: 'alpha', guid: '3b1f7c52-9a41-4c8b-8b0e-2f4f0f6d1c33' },
    ];
  });
  await group.start();
  const [alpha, beta] = [group.member('alpha'), group.member('beta')];
  put(alpha.roots.docs!, { first: '1' });
  put(alpha.roots.mirror!, { other: '2' });
  await until('alpha has seen its files', async () => {
    const folders = await alpha.json<{ FileCount: number }[]>('folder', 'list');
    return folders.every(({ FileCount }) => FileCount === 1);
  });
  const refused = await sync(beta, 'docs', '--from', 'alpha');
  expect(refused).toMatchObject({ ReturnValue: 8456, exitCode: 7, Message: expect.stringContaining('disabled') });
  expect(await sync(beta, 'docs', '--from', 'alpha', '--force', '--writeable', '--urgent')).toMatchObject({
    ReturnValue: 0,
  });
  expect(get(beta.roots.docs!, 'first')).toBe('1');
  // Only what was ordered comes though the connection is disabled.
  await pause(500);
  expect(get(beta.roots.mirror!, 'other')).toBeNull();
  expect(await sync(beta, 'docs', '--from', 'alpha', '--urgent')).toMatchObject({ ReturnValue: 8456 });
  expect(await sync(beta, 'mirror', '--from', 'alpha', '--force', '--writeable')).toMatchObject({ ReturnValue: 8440 });
  expect(await sync(beta, 'mirror', '--from', 'alpha', '--force', '--urgent')).toMatchObject({ ReturnValue: 0 });
  expect(get(beta.roots.mirror!, 'other')).toBe('2');
});
