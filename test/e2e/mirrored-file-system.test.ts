/** A file system on a mirrored volume: whatever happens to the members, the other one has it, sound, with all that was promised. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { MODES, numberOf } from '../../src/model/replica-values.ts';
import { type FileWriter, filesIn, mountVolume, whyNoFileSystem } from './harness/file-system.ts';
import type { Member } from './harness/member.ts';
import { runWell } from './harness/program.ts';
import { startGroup } from './harness/scenario.ts';
import { testUnless } from './harness/test-unless.ts';
import { ask, createReplica, createVolume, inStep, MIB, orderWell, statesAre, uriOf } from './harness/volumes.ts';

const fileSystemTest = testUnless(whyNoFileSystem());

fileSystemTest(
  'a file system written in step, while it is copied and through failovers either way is sound on the other member',
  async () => {
    const group = await startGroup({ label: 'file-system', members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const both = [alpha, beta];
    let mounts = 0;
    const place = (): string => join(group.workspace.path, `mount-${++mounts}`);
    const mount = async (member: Member, make = false) =>
      await mountVolume(await uriOf(member, 'disk1'), place(), { make });
    const filesOn = async (member: Member): Promise<number> => {
      const image = join(group.workspace.path, 'image');
      await runWell('nbdcopy', [await uriOf(member, 'disk1'), image]);
      const count = await filesIn(image, place());
      rmSync(image);
      return count;
    };
    /** Some more are on the way while the next step is taken. */
    const begin = async (volume: { write(first: number): FileWriter }, first: number): Promise<FileWriter> => {
      const writer = volume.write(first);
      await writer.more(15);
      return writer;
    };

    await createVolume(alpha, 'disk1', 32 * MIB);
    const { Synchronization } = await createReplica(alpha, {
      syncType: 'Mirror',
      mode: numberOf(MODES, 'Synchronous'),
      source: 'disk1',
      target: 'beta:disk1',
      // A copy gives way to its clients otherwise, and takes its time.
      settings: 'instance of CIM_ReplicationSettingData { CopyPriority = 4; };',
    });
    const pair = Synchronization!;
    await statesAre(both, pair, ['Synchronized', 'Synchronized']);

    // Synchronous, and the source dies: all that was fsynced is on the target.
    let volume = await mount(alpha, true);
    let writer = await begin(volume, 1);
    await alpha.kill();
    await orderWell(beta, pair, 'Failover', { force: true });
    await volume.leave();
    let files = await filesOn(beta);
    expect(files).toBeGreaterThanOrEqual(writer.synced);

    // The former target is used, and copied back meanwhile; the switch is between two writes.
    volume = await mount(beta);
    writer = await begin(volume, files + 1);
    await alpha.start();
    await statesAre(both, pair, ['Failedover', 'Failedover']);
    await orderWell(beta, pair, 'Failback', { force: true, wait: 'Synchronized' });
    await volume.leave();
    files = await filesOn(alpha);
    expect(files).toBeGreaterThanOrEqual(writer.synced);
    expect(await filesOn(beta)).toBe(files);

    // Asynchronous: a split gives the target one moment, a copy beside a writer all of it.
    await orderWell(alpha, pair, 'Reset To Async');
    volume = await mount(alpha);
    writer = await begin(volume, files + 1);
    const before = writer.synced;
    await orderWell(alpha, pair, 'Split');
    expect(await filesOn(beta)).toBeGreaterThanOrEqual(before);
    await writer.more(15);
    await orderWell(alpha, pair, 'Resync Replica');
    await writer.more(15);
    await statesAre(both, pair, ['Synchronized', 'Synchronized']);
    const copied = writer.synced;
    const { outcome } = await ask(alpha, client => client.confirmTargetData({ replica: pair, waitMs: 30_000 }));
    expect(outcome.ReturnValue, outcome.Message).toBe(0);
    await writer.more(15);

    // The line is cut: the target is as the source was a moment ago.
    for (const proxy of group.border(['alpha'])) proxy.set('cut');
    await orderWell(beta, pair, 'Failover', { force: true });
    files = await filesOn(beta);
    expect(files).toBeLessThanOrEqual(writer.synced + 1);
    expect(files).toBeGreaterThanOrEqual(copied);
    await volume.leave();

    // What the former source wrote alone is given up for what is used now.
    volume = await mount(beta);
    writer = await begin(volume, files + 1);
    for (const proxy of group.border(['alpha'])) proxy.set('open');
    await statesAre(both, pair, ['Failedover', 'Failedover']);
    await orderWell(beta, pair, 'Reverse Roles', { force: true });
    await statesAre(both, pair, ['Synchronized', 'Synchronized']);
    await writer.more(15);

    // A failover of the other direction, by order: nothing is lost, though it is asynchronous.
    await orderWell(alpha, pair, 'Failover', { force: true, wait: 'Failedover' });
    await volume.leave();
    files = await filesOn(alpha);
    expect(files).toBeGreaterThanOrEqual(writer.synced);
    expect(await filesOn(beta)).toBe(files);
    await orderWell(alpha, pair, 'Failback', { wait: 'Synchronized' });
    await inStep(both, pair);
  },
);
