/** Schedules, bandwidth levels and the methods of connections, between real daemons. */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { arrives, get, put } from './harness/files.ts';
import type { Group, GroupOptions } from './harness/group.ts';
import type { Member } from './harness/member.ts';
import { startGroup } from './harness/scenario.ts';
import { pause, until } from './harness/until.ts';

interface MethodResult {
  readonly ReturnValue: number;
  readonly ReturnValueName: string;
  readonly Message: string;
}

interface ConnectionRecord {
  readonly ConnectionGuid: string;
  readonly Inbound: boolean;
  readonly State: number;
  readonly StateReason: string;
  readonly NextSyncTime: string;
}

interface SessionRecord {
  readonly State: number;
  readonly InitiationReason: number;
  readonly ForceReplicationBandwidthlevel: number;
}

/** What a method answers and how the command ends. */
async function order(member: Member, ...args: string[]): Promise<MethodResult & { readonly exitCode: number | null }> {
  const ran = await member.tandem(...args, '--json');
  expect(ran.stdout, ran.stderr).not.toBe('');
  const result = JSON.parse(ran.stdout) as MethodResult;
  if (result.ReturnValue !== 0) expect(ran.stderr).toBe(`tandem: ${result.Message}\n`);
  return { ...result, exitCode: ran.exitCode };
}

async function inbound(member: Member): Promise<ConnectionRecord> {
  return (await member.json<ConnectionRecord[]>('connection', 'list')).find(({ Inbound }) => Inbound)!;
}

const latestSession = async (member: Member) =>
  (await member.json<SessionRecord[]>('session', 'list', '--connection', 'alpha:beta'))[0];

function reaches(member: Member, state: number): Promise<unknown> {
  return until(`${member.name}'s connection is in state ${state}`, async () => (await inbound(member)).State === state);
}

/** Bytes that have crossed the wire for what beta takes from alpha. */
const taken = (group: Group): number => {
  const { toCaller, toServer } = group.proxy('beta', 'alpha').counted;
  return toCaller + toServer;
};

async function startScheduled({ schedule, ...options }: GroupOptions & { readonly schedule: string }): Promise<Group> {
  const group = await startGroup({ ...options, start: false });
  group.groupFile.group.schedule = schedule;
  group.writeGroupFile();
  await group.start();
  return group;
}

const noise = (bytes: number): Buffer => {
  const data = Buffer.alloc(bytes);
  for (let i = 0, x = 1; i < bytes; i += 4) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    data.writeUInt32LE(x, i);
  }
  return data;
};

/** As `taken`, when what was on its way has come. */
async function takenAtRest(group: Group): Promise<number> {
  for (let before = -1; ; ) {
    const now = taken(group);
    if (now === before) return now;
    before = now;
    await pause(300);
  }
}

describe('the methods of a connection', () => {
  test('a check calls the partner, only where data arrive', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await reaches(beta, 1);
    expect(await order(beta, 'connection', 'check', 'alpha')).toMatchObject({ ReturnValue: 0, exitCode: 0 });
    const outbound = (await beta.json<ConnectionRecord[]>('connection', 'list')).find(({ Inbound }) => !Inbound)!;
    const refused = await order(beta, 'connection', 'check', outbound.ConnectionGuid);
    expect(refused).toMatchObject({ ReturnValue: 5, ReturnValueName: 'GENERIC_ERROR', exitCode: 7 });
    expect(await order(beta, 'connection', 'check', 'gamma')).toMatchObject({ ReturnValue: 1168, exitCode: 6 });
    await alpha.stop();
    const unreachable = await order(beta, 'connection', 'check', 'alpha');
    expect(unreachable).toMatchObject({ ReturnValue: 1722, exitCode: 8 });
    expect(unreachable.Message).toContain('alpha');
  });

  test('a stop really stops, also over a change of group.yaml and a restart, and is taken back', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { before: '1' });
    await arrives(beta, 'before', '1');
    expect(await order(beta, 'connection', 'force', 'alpha', '--mode', 'stop', '--minutes', '60')).toMatchObject({
      ReturnValue: 0,
    });
    await reaches(beta, 2);
    const before = await takenAtRest(group);
    // A mere handshake would be thousands of bytes; TLS may still be saying goodbye.
    const expectQuiet = () => {
      expect(taken(group)).toBeLessThan(before + 200);
      expect(get(beta.root, 'during')).toBeNull();
    };
    put(alpha.root, { during: '2' });
    put(beta.root, { 'the other way': '3' });
    await arrives(alpha, 'the other way', '3');
    group.writeGroupFile(file => {
      Object.values(file.folders)[0]!.rescan = '2h';
    });
    beta.signal('SIGHUP');
    await until('beta has read group.yaml again', async () => {
      const events = await beta.json<{ EventName: string }[]>('event', 'list');
      return events.some(({ EventName }) => EventName === 'CONFIG_LOADED');
    });
    await pause(1000);
    expect(await inbound(beta)).toMatchObject({ State: 2, StateReason: expect.stringContaining('stopped by order') });
    expectQuiet();
    await beta.stop();
    await beta.start();
    await pause(1000);
    expect(await inbound(beta)).toMatchObject({ State: 2, StateReason: expect.stringContaining('stopped by order') });
    expectQuiet();
    await order(beta, 'connection', 'force', 'alpha', '--mode', 'schedule');
    await arrives(beta, 'during', '2');
  });

  test('a closed connection is opened by orders: for all, until in sync, for a folder', async () => {
    const group = await startScheduled({
      members: ['alpha', 'beta'],
      folders: { docs: {}, media: {} },
      schedule: 'never',
    });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const media = { of: alpha.roots.media!, arrivesAt: join(beta.roots.media!, 'm') };
    put(alpha.roots.docs!, { d: '1' });
    put(media.of, { m: '1' });
    expect(await inbound(beta)).toMatchObject({ State: 2, StateReason: 'never open by its schedule' });
    const folder = ['folder', 'force', 'docs', '--connection', 'alpha', '--minutes', '10'];
    expect(await order(beta, ...folder, '--bandwidth', '4Mbps')).toMatchObject({ ReturnValue: 0 });
    await until('docs arrives', () => statSync(join(beta.roots.docs!, 'd'), { throwIfNoEntry: false }) !== undefined);
    await until('its session is in sync', async () => (await latestSession(beta))?.State === 4);
    expect(await latestSession(beta)).toMatchObject({ InitiationReason: 1, ForceReplicationBandwidthlevel: 8 });
    expect(statSync(media.arrivesAt, { throwIfNoEntry: false })).toBeUndefined();
    await order(beta, 'connection', 'force', 'alpha', '--mode', 'schedule');
    await reaches(beta, 2);
    expect(await order(beta, 'connection', 'force', 'alpha', '--mode', 'until-in-sync')).toMatchObject({
      ReturnValue: 0,
    });
    await until('media arrives', () => statSync(media.arrivesAt, { throwIfNoEntry: false }) !== undefined);
    await reaches(beta, 2);
    expect(await latestSession(beta)).toMatchObject({ InitiationReason: 3, State: 4 });
    for (const args of [
      ['--mode', '7'],
      ['--mode', 'sync', '--minutes', '10081'],
      ['--mode', 'sync', '--minutes', '5', '--bandwidth', '0x10'],
      ['--mode', 'sync', '--minutes', '5', '--bandwidth', 'off'],
    ]) {
      expect(await order(beta, 'connection', 'force', 'alpha', ...args)).toMatchObject({
        ReturnValue: 87,
        ReturnValueName: 'ERROR_INVALID_PARAMETER',
        exitCode: 2,
      });
    }
  });

  test('a forced download moves the bytes again, and puts the file in place in one step', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { small: 'x'.repeat(5000) });
    put(alpha.root, { large: noise(2_000_000) });
    await group.identical();
    for (const [file, size] of [
      ['small', 5000],
      ['large', statSync(join(alpha.root, 'large')).size],
    ] as const) {
      const before = { ino: statSync(join(beta.root, file)).ino, bytes: taken(group) };
      const forced = ['update', 'force-download', file, '--folder', 'docs', '--connection', 'alpha'];
      expect(await order(beta, ...forced)).toMatchObject({ ReturnValue: 0 });
      await until('it is in place', () => statSync(join(beta.root, file)).ino !== before.ino);
      expect(taken(group) - before.bytes).toBeGreaterThan(size);
    }
    await group.identical();
    const missing = ['update', 'force-download', 'nothing', '--folder', 'docs', '--connection', 'alpha'];
    expect(await order(beta, ...missing)).toMatchObject({ ReturnValue: 2, exitCode: 6 });
    rmSync(join(alpha.root, 'small'));
    await until(
      'the deletion arrives',
      () => statSync(join(beta.root, 'small'), { throwIfNoEntry: false }) === undefined,
    );
  });
});

describe('bandwidth levels', () => {
  test('a schedule’s level is kept within 5 % over ten seconds by what crosses the wire', {
    timeout: 60_000,
  }, async () => {
    const group = await startScheduled({
      members: ['alpha', 'beta'],
      proxied: true,
      schedule: '00:00-24:00: 1Mbps',
    });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await reaches(beta, 1);
    put(alpha.root, { large: noise(6_000_000) });
    put(alpha.root, Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`many/${i}`, `${i}`.repeat(1000)])));
    const idle = taken(group);
    await until('the transfer has begun', () => taken(group) - idle > 100_000, { everyMs: 20 });
    const start = { bytes: taken(group), at: performance.now() };
    await pause(10_000);
    const rate = (taken(group) - start.bytes) / ((performance.now() - start.at) / 1000);
    expect(rate / 128_000).toBeGreaterThan(0.95);
    expect(rate / 128_000).toBeLessThan(1.05);
    // An order goes before it at once, and what has come is not sent again.
    expect(await order(beta, 'connection', 'force', 'alpha', '--mode', 'until-in-sync')).toMatchObject({
      ReturnValue: 0,
    });
    await group.identical();
    expect(taken(group) - idle).toBeLessThan(1.1 * (statSync(join(alpha.root, 'large')).size + 600_000) + 1_500_000);
  });
});
