/** Events about the daemon itself, from what really causes them: kills, damage, bugs, stops. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventOf, events, folderOf } from './harness/admin-view.ts';
import { put } from './harness/files.ts';
import type { Member } from './harness/member.ts';
import { buildWithBug } from './harness/other-build.ts';
import { connectionThat } from './harness/records.ts';
import { startGroup, testWorkspace } from './harness/scenario.ts';
import { until } from './harness/until.ts';

const ONLINE = 1;
const FILES = 3000;
const filesBelow = (root: string) => readdirSync(root).filter(name => name !== '.tandem').length;

describe('events of the daemon', () => {
  test('a daemon that was killed while it installed looks after the interrupted work, and says so', async () => {
    const group = await startGroup({ label: 'recovery', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const started = async () => (await events(beta)).some(event => event.EventName === 'RECOVERY_STARTED');
    for (let turn = 0; turn < 6; turn++) {
      const before = filesBelow(beta.root);
      put(alpha.root, Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`${turn}-${i}`, `${turn} ${i}`])));
      await until('some of it is there', () => filesBelow(beta.root) > before + 50, { everyMs: 1 });
      await beta.kill();
      await beta.start();
      if (await started()) break;
    }
    expect(await eventOf(beta, 'RECOVERY_STARTED')).toMatchObject({ EventId: 2212 });
    expect(await eventOf(beta, 'RECOVERY_FINISHED')).toMatchObject({ EventId: 2214 });
    await group.identical({ timeoutMs: 60_000 });
  });

  test('a stop ends the communication, and both ends tell of it', async () => {
    const group = await startGroup({ label: 'stopped', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    for (const [member, name] of [
      [beta, 'alpha:beta'],
      [alpha, 'alpha:beta'],
    ] as const)
      await connectionThat(member, name, ({ State }) => State === ONLINE);
    await alpha.stop();
    expect(await eventOf(beta, 'CONNECTION_STOPPED', /it stops, or takes up/)).toMatchObject({ EventId: 5014 });
    await alpha.start();
    await eventOf(alpha, 'CONNECTION_STOPPED', /alpha → beta ends: this member stops/);
    await eventOf(alpha, 'CONNECTION_STOPPED', /beta → alpha ends: this member stops/);
    group.writeGroupFile(file => {
      file.connections = [
        { from: 'alpha', to: 'beta', enabled: false },
        { from: 'beta', to: 'alpha' },
      ];
    });
    for (const member of group.members) {
      member.signal('SIGHUP');
      await eventOf(member, 'CONNECTION_STOPPED', /alpha → beta ends: it was disabled in group.yaml/);
    }
  });

  test('a database that cannot be opened ends the daemon with its event in the log', async () => {
    const group = await startGroup({ label: 'unopened', members: ['alpha', 'beta'] });
    const alpha = group.member('alpha');
    await alpha.stop();
    const directory = join(alpha.home, 'database');
    for (const name of readdirSync(directory)) if (name.startsWith('MANIFEST')) spoil(join(directory, name));
    const { exitCode, stderr } = await alpha.startToEnd();
    expect(exitCode).toBe(10);
    expect(stderr).toContain('"event":"DATABASE_ERROR"');
  });

  test('a database that fails while it is used ends the daemon, with an event that says so', async () => {
    const group = await startGroup({ label: 'lost', members: ['alpha', 'beta'] });
    const alpha = group.member('alpha');
    rmSync(join(alpha.home, 'database'), { recursive: true });
    // More than it keeps in memory: it has to begin new files.
    for (let turn = 0; turn < 10 && alpha.running; turn++) {
      put(alpha.root, Object.fromEntries(Array.from({ length: FILES }, (_, i) => [`${turn}/${i}`, `${turn} ${i}`])));
      await until(
        'it is recorded, or the daemon has ended',
        async () => !alpha.running || (await isRecorded(alpha, turn)),
      );
    }
    await until('the daemon has ended', () => !alpha.running);
    expect(alpha.log(20_000)).toMatch(/"event":"DATABASE_ERROR".*No such file or directory/);
  });

  test('a bug ends the daemon, with an event that says so', async () => {
    const workspace = testWorkspace('bug');
    const program = buildWithBug(join(workspace.path, 'buggy'));
    const group = await startGroup({
      label: 'bug',
      members: ['alpha', 'beta'],
      programs: { alpha: program },
      start: false,
    });
    const alpha = group.member('alpha');
    const { exitCode, stderr } = await alpha.startToEnd();
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/"event":"SERVICE_INTERNAL_ERROR".*a bug was planted here/);
  });
});

/** Overwrites the middle of a file, as a failing disk does. */
function spoil(path: string): void {
  const bytes = readFileSync(path);
  bytes.fill(0x5a, Math.floor(bytes.length / 4), Math.ceil((3 * bytes.length) / 4));
  writeFileSync(path, bytes);
}

async function isRecorded(member: Member, turn: number): Promise<boolean> {
  const { FileCount } = await folderOf(member).catch(() => ({ FileCount: 0 }));
  return FileCount >= (turn + 1) * FILES;
}
