/** Volumes on a disk that is full: the file system itself says so, and what it cannot hold takes nothing else along. */
import { rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect } from 'vitest';
import { MODES, numberOf } from '../../src/model/replica-values.ts';
import { startGroup } from './harness/scenario.ts';
import { testUnless } from './harness/test-unless.ts';
import {
  contentOf,
  createReplica,
  createVolume,
  inStep,
  MIB,
  missingPrograms,
  orderWell,
  qemuIoWell,
  replicaOf,
  statesAre,
  uriOf,
} from './harness/volumes.ts';

const clientTest = testUnless(missingPrograms('qemu-io', 'nbdcopy'));

clientTest(
  'a full disk breaks the mirror whose target it cannot hold, and of a snapshot no more than the snapshot',
  async ({ skip }) => {
    const group = await startGroup({ label: 'full-disks', members: ['alpha', 'beta'], start: false });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const both = [alpha, beta];
    const small = group.workspace.mountSmall(relative(group.workspace.path, join(beta.home, 'volumes')), 24);
    if (small === null) return skip('mounting needs privileges this machine does not give');
    const ballast = join(small, 'ballast');
    writeFileSync(ballast, Buffer.alloc(18 * MIB));
    await group.start();
    await createVolume(alpha, 'disk1', 8 * MIB);
    const uri = await uriOf(alpha, 'disk1');
    await qemuIoWell(uri, 'write -P 1 0 1M', 'flush');
    const wish = { mode: numberOf(MODES, 'Synchronous'), source: 'disk1', target: 'beta:disk1' };
    const pair = (await createReplica(alpha, { syncType: 'Mirror', ...wish })).Synchronization!;
    await inStep(both, pair);

    // The source's clients are not stopped by it.
    await qemuIoWell(uri, 'write -P 2 1M 7M', 'flush', 'write -P 3 0 4k');
    await statesAre(both, pair, ['Broken', 'Broken']);
    for (const member of both) {
      expect((await replicaOf(member, pair))!.StatusReason).toMatch(/no space; make some/);
    }
    rmSync(ballast);
    await orderWell(alpha, pair, 'Resync Replica', { wait: 'Synchronized' });
    await inStep(both, pair);
    const moment = await contentOf(alpha, 'disk1');
    expect(await contentOf(beta, 'disk1')).toBe(moment);

    writeFileSync(ballast, Buffer.alloc(12 * MIB));
    const monday = (await createReplica(beta, { syncType: 'Snapshot', source: 'disk1', target: 'monday' }))
      .Synchronization!;
    await qemuIoWell(uri, 'write -P 4 0 1M', 'flush');
    expect(await contentOf(beta, 'monday')).toBe(moment);
    await qemuIoWell(uri, 'write -P 5 1M 7M', 'flush');
    await statesAre([beta], monday, ['Broken']);
    expect((await replicaOf(beta, monday))!.StatusReason).toMatch(/space/);
    await inStep(both, pair);
    // Neither is a full disk in the way of the next start.
    await beta.kill();
    await beta.start();
    expect((await replicaOf(beta, monday))!.StatusReason).toMatch(/space/);
    expect(await contentOf(beta, 'disk1')).toBe(await contentOf(alpha, 'disk1'));
    await orderWell(beta, monday, 'Return To ResourcePool');
  },
);
