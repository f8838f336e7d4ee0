/** The methods of the replication service between real daemons, by the CLI: what a client needs, and what each mistake answers. */
import { expect, test } from 'vitest';
import { withCliHere } from './harness/cli-here.ts';
import type { Member } from './harness/member.ts';
import { startGroup } from './harness/scenario.ts';
import { until } from './harness/until.ts';

interface Replica {
  readonly InstanceID: string;
  readonly SyncedElement: string;
  readonly CopyStateName: string;
}

interface Outcome {
  readonly ReturnValue: number;
  readonly Message: string;
  readonly SettingsState: string | null;
}

async function ordered(member: Member, ...words: string[]): Promise<Outcome> {
  const ran = await member.tandem('replica', ...words, '--json');
  expect(ran.stdout, ran.stderr).not.toBe('');
  return JSON.parse(ran.stdout) as Outcome;
}

const list = (member: Member, ...filters: string[]) => member.json<Replica[]>('replica', 'list', ...filters);

async function becomes(member: Member, target: string, state: string): Promise<void> {
  await until(
    `${target} is ${state}`,
    async () => (await list(member)).find(each => each.SyncedElement === target)?.CopyStateName === state,
    { timeoutMs: 60_000, explain: () => member.log() },
  );
}

test('targets, peers, filters, several pairs at once, settings, confirmation, groups and aspects', {
  timeout: 240_000,
}, async () => {
  const group = await startGroup({ label: 'replica-methods', members: ['alpha', 'beta'], start: false });
  group.groupFile.connections = [];
  group.writeGroupFile();
  await group.start();
  const [alpha, beta] = [withCliHere(group.member('alpha')), withCliHere(group.member('beta'))];
  for (const name of ['disk1', 'disk2', 'spare']) await alpha.json('volume', 'create', name, '--size', '4MiB');
  expect(await alpha.json('replica', 'peers')).toMatchObject([{ Name: 'beta', Replicas: 0, Reachable: true }]);
  expect(await alpha.json('replica', 'targets', '--source', 'disk1', '--type', 'clone')).toMatchObject([
    { TargetElement: 'alpha:disk2', Exists: true, RequiresForce: false },
    { TargetElement: 'alpha:spare' },
    { TargetElement: 'beta:disk1', Exists: false, StatusReason: '' },
  ]);
  await beta.json('volume', 'create', 'free', '--size', '4MiB');
  expect(await alpha.json('replica', 'targets', '--source', 'disk1', '--type', 'mirror')).toMatchObject([
    { TargetElement: 'beta:free', Exists: true, SizeInBytes: 4 * 1024 * 1024, RequiresForce: false },
    { TargetElement: 'beta:disk1', Exists: false },
  ]);
  await beta.json('volume', 'delete', 'free');

  // A pair for each source, in a group.
  const mirrors = ['group', 'create-replica', 'away', '--type', 'mirror', '--source', 'disk1,disk2'];
  expect(await ordered(alpha, ...mirrors, '--target', 'beta:same')).toMatchObject({ ReturnValue: 5 });
  expect(await ordered(alpha, ...mirrors, '--target', 'alpha:*-copy')).toMatchObject({ ReturnValue: 1 });
  expect((await list(alpha)).length).toBe(0);
  expect([0, 4096]).toContain((await ordered(alpha, ...mirrors, '--target', 'beta:*')).ReturnValue);
  expect(await ordered(alpha, ...mirrors, '--target', 'beta:*-2')).toMatchObject({ ReturnValue: 5 });
  for (const target of ['beta:disk1', 'beta:disk2']) await becomes(alpha, target, 'Synchronized');
  expect(await alpha.json('replica', 'group', 'list')).toMatchObject([{ ElementName: 'away', Pairs: 2 }]);

  // Filters.
  expect(await ordered(alpha, 'create', '--type', 'snapshot', '--source', 'spare', '--target', 'monday')).toMatchObject(
    {
      ReturnValue: 0,
    },
  );
  expect((await list(alpha, '--type', 'mirror')).length).toBe(2);
  expect((await list(alpha, '--locality', 'local')).map(({ SyncedElement }) => SyncedElement)).toEqual([
    'alpha:monday',
  ]);
  expect((await list(alpha, '--mode', 'sync')).length).toBe(0);
  expect((await list(alpha, '--copy-state', 'synchronized')).length).toBe(3);
  expect((await list(alpha, '--kind', '3')).length).toBe(0);
  const wrong = await alpha.tandem('replica', 'list', '--copy-state', '99');
  expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('99 is no CopyState') });

  // What was written so far is held.
  expect(await ordered(alpha, 'confirm', 'beta:disk1', '--timeout', '20')).toMatchObject({ ReturnValue: 0 });
  expect(await ordered(alpha, 'confirm', 'monday')).toMatchObject({ ReturnValue: 1 });
  const idOf = async (target: string) => (await list(alpha)).find(each => each.SyncedElement === target)!.InstanceID;
  const [one, two] = [await idOf('beta:disk1'), await idOf('beta:disk2')];
  expect(await ordered(beta, 'confirm', one)).toMatchObject({ ReturnValue: 4 });

  // Settings of an order, which last; wrong ones.
  const recovery = ['modify', one, 'reset-to-sync', '--recovery', 'manual', '--priority', 'urgent', '--rpo', '90s'];
  expect(await ordered(alpha, ...recovery, '--stop-host-io')).toMatchObject({ ReturnValue: 0 });
  const kept = { CopyRecoveryModeName: 'Manual', CopyPriorityName: 'Urgent', FailedCopyStopsHostIO: true };
  expect(await alpha.json('replica', 'show', one)).toMatchObject({ ...kept, ModeName: 'Synchronous' });
  expect(await ordered(alpha, 'modify', one, 'reset-to-async', '--stop-host-io', 'maybe')).toMatchObject({
    ReturnValue: 5,
    Message: expect.stringContaining('true or false'),
  });
  expect(await ordered(beta, 'modify', one, 'reset-to-async', '--recovery', 'manual')).toMatchObject({
    ReturnValue: 4,
  });
  expect(await ordered(beta, 'modify', one, 'reset-to-async')).toMatchObject({ ReturnValue: 0 });
  // The partner decided this one, and the source’s settings and group stay.
  const group1 = await alpha.json<{ ReplicationGroup: string }>('replica', 'show', one);
  expect(group1).toMatchObject({ ...kept, ModeName: 'Asynchronous', ReplicationGroup: expect.any(String) });

  // Several at once: all or none.
  expect(await ordered(alpha, 'modify', `${one},${two}`, 'activate-consistency')).toMatchObject({ ReturnValue: 1 });
  expect(await ordered(alpha, 'modify', `${one},${one}`, 'suspend')).toMatchObject({ ReturnValue: 5 });
  expect(await ordered(alpha, 'modify', `${one},nobody`, 'suspend')).toMatchObject({ ReturnValue: 5 });
  expect(await ordered(alpha, 'modify', `${one},${two},monday`, 'suspend')).toMatchObject({ ReturnValue: 1 });
  expect((await list(alpha, '--copy-state', 'synchronized')).length).toBe(3);
  expect(await ordered(alpha, 'modify', `${one},${two}`, 'suspend')).toMatchObject({ ReturnValue: 0 });
  expect((await list(alpha, '--copy-state', 'suspended')).length).toBe(2);
  expect(await ordered(alpha, 'confirm', one)).toMatchObject({ ReturnValue: 4 });

  // What a dissolved pair leaves.
  expect(await ordered(alpha, 'modify', two, 'dissolve')).toMatchObject({ ReturnValue: 0, SettingsState: two });
  expect(await alpha.json('replica', 'aspects')).toMatchObject([{ InstanceID: two, TargetElement: 'beta:disk2' }]);

  // Capabilities, of the table that judges.
  expect(await alpha.json('replica', 'capabilities')).toHaveLength(5);
  const now = await alpha.json<{ OperationName: string }[]>('replica', 'capabilities', '--type', '5', '--state', '4');
  expect(now.map(({ OperationName }) => OperationName)).toContain('Split');
  expect((await alpha.tandem('replica', 'capabilities', '--type', '9')).exitCode).toBe(2);
  expect((await alpha.tandem('replica', 'capabilities', '--type', '5', '--state', '1')).exitCode).toBe(2);
  expect((await alpha.tandem('replica', 'capabilities', '--type', '5', '--operation', '24')).exitCode).toBe(2);
});

test('each wrong parameter has its return code and a sentence', async () => {
  const group = await startGroup({ label: 'replica-input', members: ['alpha'] });
  const alpha = withCliHere(group.member('alpha'));
  await alpha.json('volume', 'create', 'disk1', '--size', '1MiB');
  const create = (...words: string[]) => ordered(alpha, 'create', '--source', 'disk1', '--target', 'x', ...words);
  const refusals: [Outcome, number, RegExp][] = [
    [await create('--type', '9'), 5, /no SyncType; they are 6, 7 and 8/],
    [await create('--type', 'snapshot', '--mode', 'sync'), 5, /has no Mode/],
    [await create('--type', 'mirror', '--mode', '7'), 5, /no Mode/],
    [await create('--type', 'mirror'), 1, /another member/],
    [await create('--type', 'clone', '--priority', '9'), 5, /CopyPriority is 0 to 4/],
    [await create('--type', 'clone', '--stop-host-io'), 5, /of mirrors, not of a clone/],
    [await create('--type', 'clone', '--recovery', 'manual'), 5, /none between volumes of one member/],
    [await create('--type', 'clone', '--rpo', '9s'), 5, /of mirrors, not of a clone/],
    [await create('--type', 'clone', '--wait', 'failedover'), 5, /can wait for/],
    [await create('--type', 'clone', '--target', 'nobody:x'), 5, /nobody/],
    [await create('--type', 'clone', '--target', 'disk1'), 5, /same volume/],
    [await create('--type', 'clone', '--source', 'disk9'), 5, /disk9/],
    [await ordered(alpha, 'modify', 'nobody', 'split'), 5, /names no association/],
    [await ordered(alpha, 'modify', 'nobody', '1'), 5, /2 to 23/],
    [await ordered(alpha, 'group', 'create', 'g', '--type', '9'), 5, /no SyncType/],
  ];
  for (const [{ ReturnValue, Message }, code, sentence] of refusals) {
    expect(Message).toMatch(sentence);
    expect(ReturnValue, Message).toBe(code);
  }
  expect(await list(alpha)).toEqual([]);
  const unknown = await alpha.tandem('replica', 'show', 'nobody');
  expect(unknown.exitCode).toBe(6);
});
