/** Volumes mirrored between real daemons, written and read by real NBD clients. Those need Debian's libnbd-bin and qemu-utils. */
import { expect } from 'vitest';
import { MODES, numberOf } from '../../src/model/replica-values.ts';
import type { Group } from './harness/group.ts';
import type { Member } from './harness/member.ts';
import { startGroup } from './harness/scenario.ts';
import { testUnless } from './harness/test-unless.ts';
import {
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
  statesAre,
  uriOf,
} from './harness/volumes.ts';

const clientTest = testUnless(missingPrograms('qemu-io', 'nbdcopy'));

interface Mirror {
  readonly group: Group;
  readonly alpha: Member;
  readonly beta: Member;
  /** The source’s and the target’s member when it was made. */
  readonly both: readonly [Member, Member];
  readonly pair: string;
  readonly alphaUri: string;
  readonly betaUri: string;
}

/** disk1 on alpha and its mirror on beta, Synchronized, with a pattern in the first 4 MiB. */
async function startMirror(
  label: string,
  mode: 'Synchronous' | 'Asynchronous',
  { sizeMiB = 16, settings }: { readonly sizeMiB?: number; readonly settings?: string } = {},
): Promise<Mirror> {
  const group = await startGroup({ label, members: ['alpha', 'beta'], proxied: true });
  const [alpha, beta] = [group.member('alpha'), group.member('beta')];
  await createVolume(alpha, 'disk1', sizeMiB * MIB);
  const alphaUri = await uriOf(alpha, 'disk1');
  await qemuIoWell(alphaUri, 'write -P 1 0 4M', 'flush');
  const { Synchronization } = await createReplica(alpha, {
    syncType: 'Mirror',
    mode: numberOf(MODES, mode),
    source: 'disk1',
    target: 'beta:disk1',
    settings,
  });
  const pair = Synchronization!;
  await statesAre([alpha, beta], pair, ['Synchronized', 'Synchronized']);
  return { group, alpha, beta, both: [alpha, beta], pair, alphaUri, betaUri: await uriOf(beta, 'disk1') };
}

async function expectSame({ alpha, beta }: Mirror): Promise<void> {
  expect(await contentOf(beta, 'disk1')).toBe(await contentOf(alpha, 'disk1'));
}

async function expectReadOnly(uri: string): Promise<void> {
  const refused = await qemuIo(uri, 'write 0 4k');
  expect(refused.exitCode, 'a client can write').not.toBe(0);
}

for (const mode of ['Synchronous', 'Asynchronous'] as const) {
  clientTest(`a ${mode.toLowerCase()} mirror obeys each order on both members`, async () => {
    const mirror = await startMirror(`orders-${mode.slice(0, 3)}`, mode);
    const { alpha, beta, both, pair, alphaUri, betaUri } = mirror;
    await expectSame(mirror);
    await expectReadOnly(betaUri);
    const [ours, theirs] = [await replicaOf(alpha, pair), await replicaOf(beta, pair)];
    expect(Object.keys(ours!)).toEqual(expect.arrayContaining([...PROPERTIES]));
    const settled = { PercentSynced: 100, SyncMaintained: true, SyncState: 6, ReadOnly: 3, RequestedCopyState: 15 };
    const made = { ...settled, SystemElement: 'alpha:disk1', SyncedElement: 'beta:disk1', CopyMethodology: 8 };
    for (const told of [ours, theirs]) expect(told).toMatchObject(made);

    await orderWell(alpha, pair, 'Suspend');
    await statesAre(both, pair, ['Suspended', 'Suspended']);
    await qemuIoWell(alphaUri, 'write -P 2 1M 1M', 'flush');
    await qemuIoWell(betaUri, 'read -P 1 1M 1M');
    await expectReadOnly(betaUri);
    await orderWell(beta, pair, 'Resume');
    await statesAre(both, pair, ['Synchronized', 'Synchronized']);
    await qemuIoWell(betaUri, 'read -P 2 1M 1M');

    await orderWell(alpha, pair, 'Split');
    await statesAre(both, pair, ['Split', 'Split']);
    await expectSame(mirror);
    await qemuIoWell(alphaUri, 'write -P 3 2M 1M', 'flush');
    await qemuIoWell(betaUri, 'write -P 4 3M 1M', 'flush', 'read -P 1 2M 1M');
    await statesAre(both, pair, ['Skewed', 'Skewed']);
    for (const member of both) {
      expect(await order(member, pair, 'Resync Replica')).toMatchObject({ ReturnValue: 4, Detail: 'force_required' });
    }
    await qemuIoWell(betaUri, 'read -P 4 3M 1M');
    await orderWell(alpha, pair, 'Resync Replica', { force: true });
    await statesAre(both, pair, ['Synchronized', 'Synchronized']);
    await qemuIoWell(betaUri, 'read -P 1 3M 1M', 'read -P 3 2M 1M');
    await expectSame(mirror);

    await orderWell(alpha, pair, 'Fracture');
    await statesAre(both, pair, ['Fractured', 'Fractured']);
    await orderWell(alpha, pair, 'Resync Replica');
    await statesAre(both, pair, ['Synchronized', 'Synchronized']);

    await orderWell(beta, pair, 'Failover');
    await statesAre(both, pair, ['Failedover', 'Failedover']);
    await expectReadOnly(alphaUri);
    await qemuIoWell(betaUri, 'write -P 5 5M 1M', 'flush');
    expect(await replicaOf(alpha, pair)).toMatchObject({ ReadOnly: 2, SyncMaintained: false });
    await orderWell(beta, pair, 'Failback', { wait: 'Synchronized' });
    await statesAre(both, pair, ['Synchronized', 'Synchronized']);
    await qemuIoWell(alphaUri, 'read -P 5 5M 1M', 'write -P 6 6M 1M', 'flush');
    await expectReadOnly(betaUri);

    await orderWell(alpha, pair, 'Reverse Roles');
    await statesAre(both, pair, ['Synchronized', 'Synchronized']);
    expect(await replicaOf(alpha, pair)).toMatchObject({ SystemElement: 'beta:disk1', SyncedElement: 'alpha:disk1' });
    await expectReadOnly(alphaUri);
    await qemuIoWell(betaUri, 'read -P 6 6M 1M', 'write -P 7 7M 1M', 'flush');

    await orderWell(alpha, pair, 'Detach');
    await statesAre(both, pair, ['none', 'none']);
    await expectSame(mirror);
    await qemuIoWell(alphaUri, 'read -P 7 7M 1M', 'write -P 8 8M 1M', 'flush');
    await qemuIoWell(betaUri, 'write -P 9 8M 1M', 'flush');
    await qemuIoWell(alphaUri, 'read -P 8 8M 1M');
  });
}

clientTest(
  'what was flushed outlives SIGKILL of the source, the target and both, and the pair comes back by itself',
  async () => {
    const mirror = await startMirror('killed', 'Synchronous');
    const { alpha, beta, both, pair, alphaUri, betaUri } = mirror;
    for (const [turn, killed] of [[alpha], [beta], [alpha, beta]].entries()) {
      const pattern = 10 + turn;
      const flushed = `-P ${pattern} ${turn + 4}M 1M`;
      await qemuIoWell(alphaUri, `write ${flushed}`, 'flush');
      const writing = qemuIo(
        alphaUri,
        ...Array.from({ length: 40 }, (_, i) => `write -P 77 ${8 * 1024 + i * 100}k 100k`),
      );
      await Promise.all(killed.map(member => member.kill()));
      await writing;
      await Promise.all(killed.map(member => member.start()));
      // A client is there at once.
      await qemuIoWell(alphaUri, `write -P ${pattern} ${turn + 1}M 1M`, 'flush');
      await inStep(both, pair);
      await qemuIoWell(alphaUri, `read ${flushed}`);
      await qemuIoWell(betaUri, `read ${flushed}`, `read -P ${pattern} ${turn + 1}M 1M`);
      await expectReadOnly(betaUri);
      await expectSame(mirror);
    }
  },
);

clientTest(
  'after a failover within an outage, with writes on both sides, nothing is overwritten without Force',
  async () => {
    const mirror = await startMirror('parted', 'Synchronous');
    const { group, beta, both, pair, alphaUri, betaUri } = mirror;
    for (const proxy of group.border(['alpha'])) proxy.set('cut');
    await qemuIoWell(alphaUri, 'write -P 2 1M 1M', 'flush');
    await statesAre(both, pair, ['Broken', 'Partitioned']);
    await expectReadOnly(betaUri);
    expect(await order(beta, pair, 'Failover')).toMatchObject({ ReturnValue: 4, Detail: 'force_required' });
    await orderWell(beta, pair, 'Failover', { force: true });
    await qemuIoWell(betaUri, 'write -P 3 2M 1M', 'flush');
    for (const proxy of group.border(['alpha'])) proxy.set('open');
    await statesAre(both, pair, ['Failedover', 'Failedover']);
    await expectReadOnly(alphaUri);
    await qemuIoWell(alphaUri, 'read -P 2 1M 1M', 'read -P 1 2M 1M');
    await qemuIoWell(betaUri, 'read -P 1 1M 1M', 'read -P 3 2M 1M');
    expect(await order(beta, pair, 'Failback')).toMatchObject({ ReturnValue: 4, Detail: 'force_required' });
    await orderWell(beta, pair, 'Failback', { force: true });
    await inStep(both, pair);
    await qemuIoWell(alphaUri, 'read -P 1 1M 1M', 'read -P 3 2M 1M');
    await expectSame(mirror);
  },
);

/** Of CIM_StorageSynchronized, all 24. */
const PROPERTIES: readonly string[] = [
  ...['WhenSynced', 'SyncMaintained', 'CopyState', 'Mode', 'PercentSynced', 'ProgressStatus', 'RequestedCopyState'],
  ...['SyncType', 'WhenActivated', 'WhenDeactivated', 'WhenEstablished', 'WhenSuspended', 'WhenSynchronized'],
  ...['CopyRecoveryMode', 'FailedCopyStopsHostIO', 'SystemElement', 'SyncedElement', 'CopyType', 'ReplicaType'],
  ...['SyncState', 'CopyPriority', 'CopyMethodology', 'UndiscoveredElement', 'ReadOnly'],
];
