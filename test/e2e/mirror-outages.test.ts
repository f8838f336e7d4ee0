/** Lines between the daemons of a mirror that are away again and again, or too slow for what is written. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { COPY_STATES, MODES, numberOf, PROGRESS_STATUSES } from '../../src/model/replica-values.ts';
import { filesIn, type MountedVolume, mountVolume, whyNoFileSystem } from './harness/file-system.ts';
import type { Member } from './harness/member.ts';
import { run, runWell } from './harness/program.ts';
import { startGroup } from './harness/scenario.ts';
import { testUnless } from './harness/test-unless.ts';
import { pause, until } from './harness/until.ts';
import {
  contentOf,
  createReplica,
  createVolume,
  inStep,
  MIB,
  missingPrograms,
  order,
  orderWell,
  replicaOf,
  stateOf,
  statesAre,
  uriOf,
} from './harness/volumes.ts';

const clientTest = testUnless(missingPrograms('fio', 'nbdcopy'));
const fileSystemTest = testUnless(whyNoFileSystem());

clientTest(
  'a line that is cut for half a second again and again, beside a writer, is no reason for another state',
  async () => {
    const group = await startGroup({ label: 'cuts', members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const both = [alpha, beta];
    await createVolume(alpha, 'disk1', 32 * MIB);
    const wish = { syncType: 'Mirror', source: 'disk1', target: 'beta:disk1' } as const;
    const { Synchronization } = await createReplica(alpha, { ...wish, mode: numberOf(MODES, 'Synchronous') });
    const pair = Synchronization!;
    await inStep(both, pair);
    for (const order of ['Reset To Sync', 'Reset To Async'] as const) {
      await orderWell(alpha, pair, order);
      const writes = ['--rw=randwrite', '--bsrange=512-64k', '--norandommap', '--iodepth=8', '--rate_iops=1500'];
      const until = ['--name=cuts', '--size=32M', '--time_based', '--runtime=7', '--fsync=64'];
      const uri = await uriOf(alpha, 'disk1');
      let over = false;
      const writing = run('fio', [...until, '--ioengine=nbd', `--uri=${uri}`, ...writes], {
        cwd: group.workspace.path,
      }).finally(() => {
        over = true;
      });
      const seen = new Set<string>();
      let cuts = 0;
      while (!over) {
        for (const proxy of group.border(['alpha'])) proxy.set('cut');
        await pause(500);
        for (const proxy of group.border(['alpha'])) proxy.set('open');
        // Away again before the members have met, while they copy, or when they are in step.
        await pause([100, 1200, 2000][cuts++ % 3]!);
        for (const member of both) seen.add(await stateOf(member, pair));
      }
      const { exitCode, stdout, stderr } = await writing;
      expect(exitCode, stdout + stderr).toBe(0);
      expect(cuts).toBeGreaterThan(3);
      expect([...seen].filter(state => state !== 'Unsynchronized')).toEqual(['Synchronized']);
      await inStep(both, pair);
      expect(await contentOf(beta, 'disk1')).toBe(await contentOf(alpha, 'disk1'));
    }
  },
);

interface Flow {
  readonly source: Member;
  readonly pair: string;
}

/** Writes more than the queue holds, beside what else is written. */
async function overflow({ root }: MountedVolume, { source, pair }: Flow): Promise<void> {
  await runWell('dd', ['if=/dev/urandom', `of=${root}/bulk`, 'bs=1M', 'count=72', 'conv=fsync']);
  await until('the mirror is outrun', async () => (await stateOf(source, pair)) === 'Unsynchronized');
}

async function untilHalfCopied({ source, pair }: Flow): Promise<void> {
  const lacking = async (): Promise<number> => (await replicaOf(source, pair))!.OutOfSyncBytes!;
  const most = await lacking();
  await until('a part is copied', async () => (await lacking()) < most - 8 * MIB, { everyMs: 20, timeoutMs: 30_000 });
}

fileSystemTest(
  'a file system on a mirror that is outrun is sound on the target before the copy and in it',
  async () => {
    const group = await startGroup({ label: 'outrun', members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const both = [alpha, beta];
    let places = 0;
    const place = (): string => join(group.workspace.path, `place-${++places}`);
    await createVolume(alpha, 'disk1', 128 * MIB);
    // A copy gives way to its clients otherwise, and takes its time.
    const settings = 'instance of CIM_ReplicationSettingData { CopyPriority = 4; };';
    const wish = { syncType: 'Mirror', source: 'disk1', target: 'beta:disk1', settings } as const;
    const { Synchronization } = await createReplica(alpha, { ...wish, mode: numberOf(MODES, 'Asynchronous') });
    const pair = Synchronization!;
    await inStep(both, pair);
    const line = (state: 'open' | 'silent' | 'cut'): void => {
      for (const proxy of group.border(['alpha'])) proxy.set(state);
    };

    let files = 0;
    const outrun = async (source: Member, target: Member, when: 'before the copy' | 'in the copy'): Promise<void> => {
      const volume = await mountVolume(await uriOf(source, 'disk1'), place(), { make: files === 0 });
      const writer = volume.write(files + 1);
      await writer.more(15);
      const before = writer.synced;
      await until(
        'what was synced has reached the target',
        async () => (await replicaOf(source, pair))!.LagSeconds === 0,
      );
      // More than the queue holds, beside the small files.
      line('silent');
      await overflow(volume, { source, pair });
      if (when === 'in the copy') {
        for (const proxy of group.border(['alpha'])) proxy.delay(1);
        line('open');
        await untilHalfCopied({ source, pair });
        expect(await stateOf(target, pair)).toBe('Unsynchronized');
      }
      await source.kill();
      line('cut');
      // One that is given while the end of the stream is just being noticed is answered by that, and is given again.
      const ordered = () => order(target, pair, 'Failover', { force: true });
      let outcome = await ordered();
      if (outcome.Message.includes('the stream of the pair ended')) outcome = await ordered();
      expect([0, 4096], outcome.Message).toContain(outcome.ReturnValue);
      await volume.leave();
      const image = join(group.workspace.path, 'image');
      await runWell('nbdcopy', [await uriOf(target, 'disk1'), image]);
      files = await filesIn(image, place());
      rmSync(image);
      expect(files, when).toBeGreaterThanOrEqual(before);
      expect(files, when).toBeLessThanOrEqual(writer.synced + 1);
      for (const proxy of group.border(['alpha'])) proxy.delay(0);
      line('open');
      await source.start();
      await statesAre(both, pair, ['Failedover', 'Failedover']);
      await orderWell(target, pair, 'Reverse Roles', { force: true });
      await statesAre(both, pair, ['Synchronized', 'Synchronized']);
    };
    await outrun(alpha, beta, 'before the copy');
    await outrun(beta, alpha, 'in the copy');
  },
);

fileSystemTest('a file system at the end of a chain is sound while the middle is half copied', async () => {
  const group = await startGroup({ label: 'chain', members: ['alpha', 'beta', 'gamma'], proxied: true });
  const [alpha, beta, gamma] = [group.member('alpha'), group.member('beta'), group.member('gamma')];
  const place = (name: string): string => join(group.workspace.path, name);
  await createVolume(alpha, 'disk1', 128 * MIB);
  // A copy gives way to its clients otherwise, and takes its time.
  const settings = 'instance of CIM_ReplicationSettingData { CopyPriority = 4; };';
  const mirror = async (source: Member, target: Member): Promise<string> => {
    const wish = { syncType: 'Mirror', source: 'disk1', target: `${target.name}:disk1`, settings } as const;
    const { Synchronization } = await createReplica(source, { ...wish, mode: numberOf(MODES, 'Asynchronous') });
    await inStep([source, target], Synchronization!);
    return Synchronization!;
  };
  const first = await mirror(alpha, beta);
  const second = await mirror(beta, gamma);
  const volume = await mountVolume(await uriOf(alpha, 'disk1'), place('mounted'), { make: true });
  const writer = volume.write(1);
  await writer.more(15);
  const before = writer.synced;
  for (const [source, pair] of [
    [alpha, first],
    [beta, second],
  ] as const) {
    await until('what was synced has gone on', async () => (await replicaOf(source, pair))!.LagSeconds === 0);
  }
  const line = group.border(['alpha']);
  for (const proxy of line) proxy.set('silent');
  await overflow(volume, { source: alpha, pair: first });
  for (const proxy of line) proxy.delay(3);
  for (const proxy of line) proxy.set('open');
  await untilHalfCopied({ source: alpha, pair: first });
  // So it stays until it was looked at.
  for (const proxy of line) proxy.set('silent');
  const waits = {
    CopyState: numberOf(COPY_STATES, 'Unsynchronized'),
    ProgressStatus: numberOf(PROGRESS_STATUSES, 'Pending'),
    StatusReason: expect.stringMatching(/half copied by .*alpha/),
  };
  expect(await replicaOf(beta, second)).toMatchObject(waits);
  await Promise.all([alpha.kill(), beta.kill()]);
  await orderWell(gamma, second, 'Failover', { force: true });
  await volume.leave();
  await runWell('nbdcopy', [await uriOf(gamma, 'disk1'), place('image')]);
  const files = await filesIn(place('image'), place('looked-at'));
  expect(files).toBeGreaterThanOrEqual(before);
  expect(files).toBeLessThanOrEqual(writer.synced + 1);
});
