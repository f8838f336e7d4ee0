/** Records of the member, its daemon and its file systems against what really happens. [dfsr.md §3.2–3.4] */
import { readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createAdminClient } from '../../src/admin/client.ts';
import { startGroup } from './harness/scenario.ts';
import { until } from './harness/until.ts';

type Row = Readonly<Record<string, unknown>>;

describe('records of the member', () => {
  test('a refused configuration shows in the member and its daemon until it is mended', async () => {
    const group = await startGroup({ label: 'member', members: ['alpha', 'beta'] });
    const alpha = group.member('alpha');
    const service = async () => (await alpha.json<{ Service: Row }>('status')).Service;
    const before = await alpha.json<Row>('member', 'show');
    expect(before).toMatchObject({
      MemberGuid: alpha.identity.guid,
      MemberName: 'alpha',
      ReplicationGroupGuid: group.groupFile.group.guid,
      ReplicationGroupName: 'test',
      State: 0,
      StateName: 'Initialized',
      LastErrorCode: 0,
      LastErrorMessageId: 0,
    });
    const file = join(alpha.home, 'group.yaml');
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, good.replace('"group"', '"gruop"'));
    alpha.signal('SIGHUP');
    const refused = await until('the member is in error', async () => {
      const record = await alpha.json<Row>('member', 'show');
      return record.State === 2 && record;
    });
    expect(refused).toMatchObject({ StateName: 'In Error', LastErrorCode: 13, LastErrorMessageId: 6002 });
    expect(refused.StateReason).toContain('gruop');
    expect(refused.LastConfigChangeTime).toBe(before.LastConfigChangeTime);
    expect(await service()).toMatchObject({ StateName: 'Degraded', LastErrorCode: 13, LastErrorMessageId: 6002 });
    writeFileSync(file, good.replace('"name": "test"', '"name": "renamed"'));
    alpha.signal('SIGHUP');
    const mended = await until('the new configuration is in force', async () => {
      const record = await alpha.json<Row>('member', 'show');
      return record.ReplicationGroupName === 'renamed' && record;
    });
    expect(mended).toMatchObject({ State: 0, StateReason: '', LastErrorCode: 0, LastErrorMessageId: 0 });
    expect(String(mended.LastConfigChangeTime) > String(before.LastConfigChangeTime)).toBe(true);
    await until('the daemon is well', async () => (await service()).StateName === 'Running');
  });

  test('a member that stops says so to the end', async () => {
    const group = await startGroup({ label: 'stopping', members: ['alpha', 'beta'] });
    const alpha = group.member('alpha');
    const states = new Set<number>();
    // A stop takes milliseconds: it may be over before it could be asked about.
    for (let turn = 0; turn < 8 && states.size === 0; turn++) {
      if (turn > 0) await alpha.start();
      const client = await createAdminClient(join(alpha.home, 'admin.sock'));
      await client.status();
      alpha.signal('SIGTERM');
      await until(
        'the daemon has stopped',
        async () => {
          const answers = await Promise.all([client.localMember(), client.status()]).catch(() => null);
          if (answers && answers[0].member.State === 1) states.add(answers[1].service.State);
          return !alpha.running;
        },
        { everyMs: 1 },
      );
      client.close();
    }
    expect(states).toEqual(new Set([3]));
  });

  test('a member that is told to stop while it takes up another group.yaml still stops cleanly', async () => {
    const group = await startGroup({ label: 'stopped-reading', members: ['alpha', 'beta'] });
    const alpha = group.member('alpha');
    for (const afterMs of [0, 5, 10, 20, 40]) {
      group.writeGroupFile(file => {
        file.group.tombstoneLifetime = `${30 + afterMs}d`;
      });
      alpha.signal('SIGHUP');
      await new Promise(resolve => setTimeout(resolve, afterMs));
      await alpha.stop();
      expect(alpha.log(600)).not.toMatch(/went wrong|the member stops/);
      await alpha.start();
    }
  });

  test('the file system of a folder is told as the host knows it', async () => {
    const group = await startGroup({ label: 'file-system', members: ['alpha', 'beta'] });
    const alpha = group.member('alpha');
    const [record, ...others] = await alpha.json<Row[]>('file-system', 'list');
    expect(others).toEqual([]);
    const space = statfsSync(alpha.root);
    expect(record).toMatchObject({
      VolumeSerialNumber: statSync(alpha.root).dev,
      State: 0,
      StateName: 'Initialized',
      LastErrorCode: 0,
      LastErrorMessageId: 0,
      Folders: 'docs',
      TotalBytes: space.blocks * space.bsize,
    });
    expect(alpha.root.startsWith(String(record!.VolumePath))).toBe(true);
    expect(statSync(String(record!.VolumePath)).dev).toBe(record!.VolumeSerialNumber);
    expect(record!.DatabaseGuid).toBe((await alpha.json<{ Service: Row }>('status')).Service.DatabaseGuid);
  });
});
