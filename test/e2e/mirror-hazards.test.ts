/** Real daemons of a mirror killed, parted and set back at bad moments. Needs Debian's libnbd-bin, qemu-utils and fio. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { MODES, numberOf, type ReplicaOperation } from '../../src/model/replica-values.ts';
import { createChance, seedOfRun } from './harness/chance.ts';
import type { Member } from './harness/member.ts';
import { run } from './harness/program.ts';
import { startGroup } from './harness/scenario.ts';
import { testUnless } from './harness/test-unless.ts';
import { pause, until } from './harness/until.ts';
import {
  ask,
  contentOf,
  createReplica,
  createVolume,
  inStep,
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

const clientTest = testUnless(missingPrograms('qemu-io', 'nbdcopy', 'fio'));

async function mayWrite(member: Member): Promise<boolean> {
  const { volumes } = await ask(member, client => client.volumes());
  return volumes[0]!.Uri !== '' && volumes[0]!.Access === 3;
}

clientTest(
  'a mirror outlives kills within its orders, outages that hold its clients, writers beside a copy, and a lost database',
  async () => {
    const group = await startGroup({ label: 'hazards', members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const both = [alpha, beta];
    const chance = createChance(seedOfRun(7));
    await createVolume(alpha, 'disk1', 16 * MIB);
    const alphaUri = await uriOf(alpha, 'disk1');
    await qemuIoWell(alphaUri, 'write -P 1 0 4M', 'flush');
    const { Synchronization } = await createReplica(alpha, {
      syncType: 'Mirror',
      mode: numberOf(MODES, 'Synchronous'),
      source: 'disk1',
      target: 'beta:disk1',
      settings: 'instance of CIM_ReplicationSettingData { FailedCopyStopsHostIO = true; CopyPriority = 4; };',
    });
    const pair = Synchronization!;
    await inStep(both, pair);
    const betaUri = await uriOf(beta, 'disk1');

    // A write that must reach both members waits for the other one.
    for (const proxy of group.border(['alpha'])) proxy.set('cut');
    await until('the link is missed', async () => (await replicaOf(alpha, pair))!.ProgressStatus === 20);
    let answered = false;
    const held = qemuIoWell(alphaUri, 'write -P 2 1M 64k', 'flush').then(() => {
      answered = true;
    });
    await until(
      'its client is there',
      async () => (await ask(alpha, client => client.volumes())).volumes[0]!.Clients > 0,
    );
    await pause(300);
    expect(answered, 'a write was answered that only one member has').toBe(false);
    for (const proxy of group.border(['alpha'])) proxy.set('open');
    await held;
    await inStep(both, pair);
    await qemuIoWell(betaUri, 'read -P 2 1M 64k');

    // Killed at any moment of an order, at most one of them may be written, and the order is done or can be given again.
    const killings: readonly (readonly [ReplicaOperation, Member, Member])[] = [
      ['Failover', alpha, beta],
      ['Failover', beta, beta],
      ['Reverse Roles', alpha, beta],
      ['Split', beta, alpha],
    ];
    for (const [operation, killed, gaining] of killings) {
      const note = `${operation}, killing ${killed.name}`;
      const losing = gaining === alpha ? beta : alpha;
      const before = (await replicaOf(alpha, pair))!.SystemElement;
      order(alpha, pair, operation, { force: true }).catch(() => {});
      await pause(chance.between(0, 40));
      await killed.kill();
      await killed.start();
      const settled = async (): Promise<boolean> => {
        // Asked in this order: who gains the right to write has it only after the other one has lost it.
        const wrote = await mayWrite(gaining);
        if (operation !== 'Split') expect(wrote && (await mayWrite(losing)), `both may write: ${note}`).toBe(false);
        const records = await Promise.all(both.map(member => replicaOf(member, pair)));
        const [ours, theirs] = records;
        const idle = records.every(record => record!.ProgressStatus === 2 || record!.ProgressStatus === 18);
        return idle && ours!.CopyState === theirs!.CopyState && ours!.SystemElement === theirs!.SystemElement;
      };
      await until(`both have settled after ${note}`, settled, {
        explain: async () => JSON.stringify(await Promise.all(both.map(member => replicaOf(member, pair)))),
      });
      const state = await stateOf(alpha, pair);
      const done = state !== 'Synchronized' || (await replicaOf(alpha, pair))!.SystemElement !== before;
      if (!done) await orderWell(alpha, pair, operation, { force: true });
      if (operation === 'Failover') {
        await statesAre(both, pair, ['Failedover', 'Failedover']);
        await orderWell(beta, pair, 'Failback', { force: true, wait: 'Synchronized' });
      } else if (operation === 'Split') {
        await statesAre(both, pair, ['Split', 'Split']);
        await orderWell(alpha, pair, 'Resync Replica', { force: true });
      } else if ((await replicaOf(alpha, pair))!.SystemElement === 'beta:disk1') {
        await inStep(both, pair);
        await orderWell(alpha, pair, 'Reverse Roles', { force: true });
      }
      await inStep(both, pair);
    }

    // Writes that overlap, many at once, while a copy goes on.
    await orderWell(alpha, pair, 'Suspend');
    await qemuIoWell(alphaUri, 'write -P 3 0 16M', 'flush');
    const job = ['--ioengine=nbd', `--uri=${alphaUri}`, '--rw=randwrite', '--bsrange=512-64k', '--iodepth=32'];
    const beside = ['--name=over', '--norandommap', '--numjobs=2', '--size=16M', '--time_based', '--runtime=2'];
    const writing = run('fio', [...beside, ...job], { cwd: group.workspace.path });
    await orderWell(alpha, pair, 'Resume');
    const { exitCode, stdout, stderr } = await writing;
    expect(exitCode, stdout + stderr).toBe(0);
    await inStep(both, pair);
    expect(await contentOf(beta, 'disk1')).toBe(await contentOf(alpha, 'disk1'));

    // A database of yesterday: nobody can tell whose data counts, so nothing is overwritten before somebody says it.
    const [database, yesterday] = [join(alpha.home, 'database'), join(group.workspace.path, 'yesterday')];
    await alpha.stop();
    cpSync(database, yesterday, { recursive: true });
    await alpha.start();
    await inStep(both, pair);
    await orderWell(alpha, pair, 'Suspend');
    await qemuIoWell(alphaUri, 'write -P 4 2M 1M', 'flush');
    await orderWell(alpha, pair, 'Resume', { wait: 'Synchronized' });
    await inStep(both, pair);
    await alpha.stop();
    rmSync(database, { recursive: true });
    cpSync(yesterday, database, { recursive: true });
    await alpha.start();
    await statesAre(both, pair, ['Invalid', 'Invalid']);
    for (const uri of [alphaUri, betaUri]) expect((await qemuIo(uri, 'write 0 4k')).exitCode).not.toBe(0);
    for (const operation of ['Resync Replica', 'Restore from Replica'] as const) {
      expect(await order(alpha, pair, operation)).toMatchObject({ ReturnValue: 4, Detail: 'force_required' });
    }
    await orderWell(alpha, pair, 'Restore from Replica', { force: true });
    await inStep(both, pair);
    await qemuIoWell(alphaUri, 'read -P 4 2M 1M', 'write -P 5 2M 4k', 'flush');
    await qemuIoWell(betaUri, 'read -P 5 2M 4k');
    expect(await contentOf(beta, 'disk1')).toBe(await contentOf(alpha, 'disk1'));
  },
);
