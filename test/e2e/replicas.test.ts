/** Snapshots and clones of a real daemon, written and read by real NBD clients. Those need Debian's libnbd-bin and qemu-utils. */
import { expect } from 'vitest';
import type { Group } from './harness/group.ts';
import type { Member } from './harness/member.ts';
import { startGroup } from './harness/scenario.ts';
import { testUnless } from './harness/test-unless.ts';
import { until } from './harness/until.ts';
import {
  ask,
  contentOf,
  createReplica,
  createVolume,
  MIB,
  missingPrograms,
  order,
  orderWell,
  qemuIo,
  qemuIoWell,
  replicaOf,
  stateOf,
  statesAre,
  uriOf,
} from './harness/volumes.ts';

const clientTest = testUnless(missingPrograms('qemu-io', 'nbdcopy'));

async function startAlpha(label: string, size: number): Promise<{ group: Group; alpha: Member; uri: string }> {
  const group = await startGroup({ label, members: ['alpha'] });
  const alpha = group.member('alpha');
  await createVolume(alpha, 'disk1', size);
  return { group, alpha, uri: await uriOf(alpha, 'disk1') };
}

clientTest('a snapshot shows its moment whatever is written later, through a restart, and brings it back', async () => {
  const { alpha, uri } = await startAlpha('snapshot', 16 * MIB);
  await qemuIoWell(uri, 'write -P 1 1M 2M', 'flush');
  const moment = await contentOf(alpha, 'disk1');
  const outcome = await createReplica(alpha, { syncType: 'Snapshot', source: 'disk1', target: 'monday' });
  const pair = outcome.Synchronization!;
  expect(outcome).toMatchObject({ ReturnValue: 0, Job: null });
  await qemuIoWell(uri, 'write -P 2 2M 4M', 'write -z 1M 64k', 'flush');
  const later = await contentOf(alpha, 'disk1');
  expect(await contentOf(alpha, 'monday')).toBe(moment);
  expect((await qemuIo(await uriOf(alpha, 'monday'), 'write 0 4k')).exitCode).not.toBe(0);

  await alpha.kill();
  await alpha.start();
  await statesAre([alpha], pair, ['Synchronized']);
  expect(await contentOf(alpha, 'monday')).toBe(moment);
  expect(await contentOf(alpha, 'disk1')).toBe(later);

  await orderWell(alpha, 'monday', 'Restore from Replica', { wait: 'Synchronized' });
  expect(await contentOf(alpha, 'disk1')).toBe(moment);
  expect(await contentOf(alpha, 'monday')).toBe(moment);
  await orderWell(alpha, 'monday', 'Return To ResourcePool');
  await statesAre([alpha], pair, ['none']);
  expect(await contentOf(alpha, 'disk1')).toBe(moment);
});

clientTest(
  'a writable snapshot is written beside its source, taken anew only with Force, and detached to a volume of its own',
  async () => {
    const { alpha, uri } = await startAlpha('writable', 16 * MIB);
    await qemuIoWell(uri, 'write -P 1 0 4M', 'flush');
    const { Synchronization } = await createReplica(alpha, {
      syncType: 'Snapshot',
      source: 'disk1',
      target: 'trial',
      writable: true,
    });
    const pair = Synchronization!;
    const trial = await uriOf(alpha, 'trial');
    await qemuIoWell(trial, 'write -P 7 1M 1M', 'flush');
    await statesAre([alpha], pair, ['Skewed']);
    await qemuIoWell(uri, 'read -P 1 0 4M', 'write -P 3 3M 1M', 'flush');
    await qemuIoWell(trial, 'read -P 7 1M 1M', 'read -P 1 3M 1M');
    expect(await order(alpha, pair, 'Resync Replica')).toMatchObject({ ReturnValue: 4, Detail: 'force_required' });
    await qemuIoWell(trial, 'read -P 7 1M 1M');
    await orderWell(alpha, pair, 'Detach');
    await statesAre([alpha], pair, ['none']);
    const { volumes } = await ask(alpha, client => client.volumes());
    expect(volumes.map(({ ElementName }) => ElementName).sort()).toEqual(['disk1', 'trial']);
    await qemuIoWell(await uriOf(alpha, 'trial'), 'read -P 7 1M 1M', 'read -P 1 3M 1M', 'write -P 9 8M 1M', 'flush');
    await qemuIoWell(uri, 'read -P 3 3M 1M', 'read -P 0 8M 1M');
  },
);

clientTest(
  'a clone goes on where it was when the daemon is killed within it, and becomes a volume like any other',
  async () => {
    const { alpha, uri } = await startAlpha('clone', 64 * MIB);
    await qemuIoWell(uri, 'write -P 1 0 60M', 'flush');
    const moment = await contentOf(alpha, 'disk1');
    const outcome = await createReplica(alpha, {
      syncType: 'Clone',
      source: 'disk1',
      target: 'copy',
      settings: 'instance of CIM_ReplicationSettingData { CopyPriority = 1; };',
    });
    const pair = outcome.Synchronization!;
    expect(outcome.ReturnValue).toBe(4096);
    expect(await stateOf(alpha, pair)).toBe('Unsynchronized');
    await alpha.kill();
    await alpha.start();
    await qemuIoWell(uri, 'write -P 2 40M 20M', 'flush');
    const later = await contentOf(alpha, 'disk1');
    await statesAre([alpha], pair, ['Synchronized']);
    const ended = await until('the job has ended', async () => {
      const told = await ask(alpha, client => client.job({ job: outcome.Job! }));
      return told.job.EndTime === null ? null : told.job;
    });
    expect(ended).toMatchObject({ JobState: 7, PercentComplete: 100, ErrorCode: 0 });
    expect(await contentOf(alpha, 'copy')).toBe(moment);
    expect(await contentOf(alpha, 'disk1')).toBe(later);
    expect(await replicaOf(alpha, pair)).toMatchObject({ PercentSynced: 100, SyncMaintained: false, SyncType: 8 });

    await orderWell(alpha, pair, 'Detach');
    await statesAre([alpha], pair, ['none']);
    await qemuIoWell(await uriOf(alpha, 'copy'), 'write -P 5 0 1M', 'flush', 'read -P 5 0 1M');
    expect(await contentOf(alpha, 'disk1')).toBe(later);
  },
);

clientTest('a clone brings its moment back to the source, and takes a new one in', async () => {
  const { alpha, uri } = await startAlpha('restore', 16 * MIB);
  await qemuIoWell(uri, 'write -P 1 0 8M', 'flush');
  const moment = await contentOf(alpha, 'disk1');
  const { Synchronization } = await createReplica(alpha, { syncType: 'Clone', source: 'disk1', target: 'copy' });
  const pair = Synchronization!;
  await statesAre([alpha], pair, ['Synchronized']);
  await qemuIoWell(uri, 'write -P 2 4M 8M', 'flush');
  await orderWell(alpha, pair, 'Restore from Replica', { wait: 'Synchronized' });
  expect(await contentOf(alpha, 'disk1')).toBe(moment);
  await qemuIoWell(uri, 'write -P 3 6M 8M', 'flush');
  const later = await contentOf(alpha, 'disk1');
  await orderWell(alpha, pair, 'Resync Replica', { wait: 'Synchronized' });
  expect(await contentOf(alpha, 'copy')).toBe(later);
});

clientTest(
  'a clone on another member is of one moment, through the death of both daemons, and takes a new one in',
  async () => {
    const group = await startGroup({ label: 'clone-away', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await createVolume(alpha, 'disk1', 64 * MIB);
    const uri = await uriOf(alpha, 'disk1');
    await qemuIoWell(uri, 'write -P 1 0 24M', 'write -P 2 40M 8M', 'flush');
    const moment = await contentOf(alpha, 'disk1');
    const outcome = await createReplica(alpha, { syncType: 'Clone', source: 'disk1', target: 'beta:copy' });
    const pair = outcome.Synchronization!;
    await qemuIoWell(uri, 'write -P 3 1M 1M', 'write -z 40M 1M', 'flush');
    await Promise.all([alpha.kill(), beta.kill()]);
    await Promise.all([alpha.start(), beta.start()]);
    await statesAre([alpha, beta], pair, ['Synchronized', 'Synchronized']);
    expect(await contentOf(beta, 'copy')).toBe(moment);

    await orderWell(beta, pair, 'Resync Replica');
    await statesAre([alpha, beta], pair, ['Synchronized', 'Synchronized']);
    const later = await contentOf(alpha, 'disk1');
    expect(later).not.toBe(moment);
    expect(await contentOf(beta, 'copy')).toBe(later);
    await orderWell(alpha, pair, 'Detach');
    await statesAre([alpha, beta], pair, ['none', 'none']);
    await qemuIoWell(await uriOf(beta, 'copy'), 'write -P 4 0 1M', 'flush');
  },
);
