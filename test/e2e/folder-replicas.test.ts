/** Replicated folders as pairs of storage elements, ordered by the CLI of real daemons. */
import { expect, test } from 'vitest';
import { withCliHere } from './harness/cli-here.ts';
import { arrives, get, put } from './harness/files.ts';
import type { Member } from './harness/member.ts';
import { startGroup } from './harness/scenario.ts';
import { pause, until } from './harness/until.ts';

interface Replica {
  readonly InstanceID: string;
  readonly SystemElement: string;
  readonly SyncedElement: string;
  readonly CopyStateName: string;
  readonly ModeName: string;
  readonly PercentSynced: number | null;
}

interface Outcome {
  readonly ReturnValue: number;
  readonly Message: string;
  readonly exitCode: number | null;
}

const list = (member: Member) => member.json<Replica[]>('replica', 'list');

async function ordered(member: Member, ...words: string[]): Promise<Outcome> {
  const ran = await member.tandem('replica', ...words, '--json');
  expect(ran.stdout, ran.stderr).not.toBe('');
  return { ...(JSON.parse(ran.stdout) as Outcome), exitCode: ran.exitCode };
}

const becomes = (member: Member, state: string) =>
  until(`the pair is ${state}`, async () => (await list(member))[0]?.CopyStateName === state, {
    timeoutMs: 30_000,
    explain: () => member.log(),
  });

test('a folder is suspended, resumed, split, edited on both sides and resynchronised, and every sentence names its command', async () => {
  const group = await startGroup({ label: 'folder-replicas', members: ['alpha', 'beta'], start: false });
  // One pair: what beta writes does not reach alpha by another one.
  group.groupFile.connections = [{ from: 'alpha', to: 'beta' }];
  group.writeGroupFile();
  await group.start();
  const [alpha, beta] = [withCliHere(group.member('alpha')), withCliHere(group.member('beta'))];
  put(alpha.root, { first: 'one' });
  await arrives(beta, 'first', 'one');
  await becomes(beta, 'Synchronized');
  const [pair] = await list(beta);
  expect(pair).toMatchObject({ ModeName: 'Asynchronous', PercentSynced: 100 });
  expect(pair!.SystemElement).toMatch(/^alpha:/);
  expect(pair!.SyncedElement).toMatch(/^beta:/);
  const id = pair!.InstanceID;
  expect(await beta.json('replica', 'show', id.slice(0, 8))).toMatchObject({ InstanceID: id });
  const operations = await beta.json<{ OperationName: string }[]>('replica', 'operations', id);
  expect(operations.map(({ OperationName }) => OperationName)).toEqual(expect.arrayContaining(['Suspend', 'Split']));

  // What makes no sense, and what cannot be now.
  expect(await ordered(beta, 'modify', id, 'failover')).toMatchObject({ ReturnValue: 1, exitCode: 7 });
  expect(await ordered(beta, 'modify', id, 'add-sync-pair')).toMatchObject({ ReturnValue: 1 });
  expect(await ordered(beta, 'modify', id, 'resume')).toMatchObject({ ReturnValue: 4 });
  expect(await ordered(beta, 'modify', id, '24')).toMatchObject({ ReturnValue: 5 });
  expect(await ordered(beta, 'modify', id, 'suspend', '--wait', 'failedover')).toMatchObject({ ReturnValue: 5 });
  expect(await ordered(beta, 'set', id, '--priority', 'low')).toMatchObject({ ReturnValue: 1 });

  expect(await ordered(beta, 'modify', id, 'suspend')).toMatchObject({ ReturnValue: 0 });
  await becomes(beta, 'Suspended');
  put(alpha.root, { second: 'two' });
  await pause(1500);
  expect(get(beta.root, 'second')).toBeNull();
  const { stdout } = await beta.tandem('status');
  // The sentence names a command that exists: it is carried out as it is written.
  const command = /tandem (replica modify \S+ resume)/.exec(stdout)?.[1] ?? `replica modify ${id} resume`;
  expect(stdout).toContain(`tandem ${command}`);
  expect((await beta.tandem(...command.split(' '), '--wait', 'synchronized')).exitCode).toBe(0);
  await arrives(beta, 'second', 'two');
  await becomes(beta, 'Synchronized');

  await until('it is split', async () => {
    const { ReturnValue } = await ordered(beta, 'modify', id, 'split');
    return ReturnValue === 0;
  });
  put(alpha.root, { first: 'of alpha', third: 'three' });
  put(beta.root, { first: 'of beta', own: 'mine' });
  await becomes(beta, 'Skewed');
  expect(get(beta.root, 'third')).toBeNull();
  // What was written here would be given up.
  expect(await ordered(beta, 'modify', id, 'resync-replica')).toMatchObject({ ReturnValue: 4 });
  const resynced = await ordered(beta, 'modify', id, 'resync-replica', '--force', '--wait', 'synchronized');
  expect([0, 4096]).toContain(resynced.ReturnValue);
  await arrives(beta, 'third', 'three');
  await arrives(beta, 'first', 'of alpha');
  await until('what only beta had is gone', () => get(beta.root, 'own') === null);
  await becomes(beta, 'Synchronized');
  const unverified = await ordered(beta, 'verify', id);
  expect(unverified).toMatchObject({
    ReturnValue: 1,
    Message: expect.stringContaining('tandem sync docs --from alpha --full'),
  });

  expect(await ordered(beta, 'modify', id, 'detach')).toMatchObject({ ReturnValue: 0 });
  expect(await list(beta)).toEqual([]);
  expect((await beta.tandem('replica', 'attach', 'ffffffff')).stderr).toContain(id);
  expect(await ordered(beta, 'attach', id.slice(0, 8))).toMatchObject({ ReturnValue: 0 });
  await becomes(beta, 'Synchronized');
  const jobs = await beta.json<{ JobStateName: string }[]>('job', 'list');
  expect(jobs.filter(({ JobStateName }) => JobStateName === 'Running')).toEqual([]);
});
