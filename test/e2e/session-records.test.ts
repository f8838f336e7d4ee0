/** Records of sessions against what really happened in them: states, counters, errors, over restarts. [MSFT_DfsrSyncInfo] */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { NOT_ENDED } from '../../src/admin/records/column.ts';
import { preservedItems } from './harness/admin-view.ts';
import { createChance } from './harness/chance.ts';
import { arrives, put, vanishes } from './harness/files.ts';
import type { Group } from './harness/group.ts';
import type { Member } from './harness/member.ts';
import { connection, connectionThat, type Session, sessions, sessionThat, traceSession } from './harness/records.ts';
import { startGroup } from './harness/scenario.ts';
import { until } from './harness/until.ts';

const STATE = { connecting: 1, inProgress: 2, completed: 3, inSync: 4, interrupted: 5, inError: 6 } as const;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MEBIBYTE = 1 << 20;

function sum(
  records: readonly Session[],
  of: 'UpdatesTransferred' | 'BytesTransferred' | 'ConflictsGenerated' | 'TombstonesGenerated',
): number {
  return records.reduce((total, record) => total + record[of], 0);
}

/** Waits until no session of the inbound connection runs any more: everything the partner has is here. */
function settled(member: Member, name: string): Promise<Session[]> {
  return until(`${member.name} is in sync over ${name}`, async () => {
    const records = await sessions(member, name);
    return records.length > 0 && records.every(({ EndTime }) => EndTime !== NOT_ENDED) ? records : null;
  });
}

/** A large file on its way over a line that has fallen silent when a part of it has come. */
async function transferUnderWay(label: string): Promise<{ group: Group; running: Session }> {
  const group = await startGroup({ label, members: ['alpha', 'beta'], proxied: true });
  const [alpha, beta] = [group.member('alpha'), group.member('beta')];
  await settled(beta, 'alpha:beta');
  const proxy = group.proxy('beta', 'alpha');
  proxy.delay(15);
  const before = proxy.counted.toCaller;
  writeFileSync(join(alpha.root, 'large'), createChance(5).bytes(16 * MEBIBYTE));
  await until('a part of the file comes', () => proxy.counted.toCaller - before > 2 * MEBIBYTE, { everyMs: 5 });
  proxy.set('silent');
  const running = await sessionThat(beta, 'alpha:beta', ({ State }) => State === STATE.inProgress);
  return { group, running };
}

describe('records of sessions', () => {
  test('what was brought is counted to the update and to the byte, at both ends', async () => {
    const group = await startGroup({ label: 'session', members: ['alpha', 'beta'], start: false });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const chance = createChance(7);
    for (let i = 0; i < 20; i++) put(alpha.root, { [`small/${i}`]: chance.bytes(1000 + i) });
    put(alpha.root, { big: chance.bytes(3 * MEBIBYTE) });
    const bytes = 20 * 1000 + 190 + 3 * MEBIBYTE;
    const begun = Date.now();
    await group.start();
    await group.identical();
    const records = await settled(beta, 'alpha:beta');
    const inbound = await connection(beta, 'alpha:beta');
    for (const record of records) {
      expect(record).toMatchObject({
        SyncGuid: expect.stringMatching(GUID),
        ConnectionGuid: inbound.ConnectionGuid,
        MemberGuid: beta.identity.guid,
        MemberName: 'beta',
        PartnerGuid: alpha.identity.guid,
        PartnerName: 'alpha',
        ReplicationGroupGuid: group.groupFile.group.guid,
        ReplicationGroupName: 'test',
        Inbound: true,
        State: STATE.inSync,
        StateName: 'In Sync',
        InitiationReason: 0,
        InitiationReasonName: 'Schedule',
        UpdatesNotTransferred: 0,
        UpdatesToBeTransferred: 0,
        ConflictsGenerated: 0,
        TombstonesGenerated: 0,
        LastErrorCode: 0,
        LastErrorMessageId: 0,
        ForceReplicationEndTime: NOT_ENDED,
        ForceReplicationBandwidthlevel: 0,
        ReplicatedFolderName: 'docs',
        StateReason: '',
      });
      const [start, end] = [new Date(record.StartTime).getTime(), new Date(record.EndTime).getTime()];
      expect(start).toBeGreaterThanOrEqual(begun - 50);
      expect(end).toBeGreaterThanOrEqual(start);
      expect(end).toBeLessThanOrEqual(Date.now() + 50);
    }
    expect(new Set(records.map(({ SyncGuid }) => SyncGuid)).size).toBe(records.length);
    expect(sum(records, 'UpdatesTransferred')).toBe(22);
    expect(sum(records, 'BytesTransferred')).toBe(bytes);
    const last = records.find(({ EndTime }) => EndTime === inbound.LastSuccessfulSyncTime)!;
    const seconds = (new Date(last.EndTime).getTime() - new Date(last.StartTime).getTime()) / 1000;
    expect(inbound.LastSyncDuration).toBe(Math.round(seconds));
    expect(await beta.json('session', 'show', last.SyncGuid)).toEqual(last);

    const [outbound, ...others] = await sessions(alpha, 'alpha:beta');
    expect(others).toEqual([]);
    expect(outbound).toMatchObject({
      Inbound: false,
      State: STATE.inProgress,
      EndTime: NOT_ENDED,
      UpdatesTransferred: 22,
      BytesTransferred: bytes,
      UpdatesNotTransferred: 0,
      UpdatesToBeTransferred: 0,
      ConflictsGenerated: 0,
      TombstonesGenerated: 0,
      LastErrorCode: 0,
    });

    // Deletions, and content that is on beta already, move no bytes.
    for (let i = 0; i < 5; i++) rmSync(join(alpha.root, `small/${i}`));
    await vanishes(beta, 'small/4');
    await group.identical();
    const later = await settled(beta, 'alpha:beta');
    expect(sum(later, 'TombstonesGenerated')).toBe(5);
    expect(sum(later, 'UpdatesTransferred')).toBe(27);
    expect(sum(later, 'BytesTransferred')).toBe(bytes);
    expect(later.length).toBeGreaterThan(records.length);
  });

  test('a conflict is counted in the session that met it', async () => {
    const group = await startGroup({ label: 'conflict', members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { shared: 'agreed', other: 'o' });
    await group.identical();
    for (const proxy of group.border(['alpha'])) proxy.set('cut');
    await connectionThat(beta, 'alpha:beta', ({ State }) => State !== 1);
    put(alpha.root, { shared: 'what alpha thinks' });
    put(beta.root, { shared: 'what beta thinks of it' });
    for (const proxy of group.border(['alpha'])) proxy.set('open');
    await group.identical();
    const preserved = await Promise.all(group.members.map(async member => [...(await preservedItems(member))].length));
    expect(preserved.reduce((total, count) => total + count, 0)).toBe(1);
    const loser = group.members[preserved.indexOf(1)]!;
    const winner = group.members.find(member => member !== loser)!;
    expect(sum(await settled(loser, `${winner.name}:${loser.name}`), 'ConflictsGenerated')).toBe(1);
  });

  test('a session outlives its link: Connecting, and then on to In Sync', async () => {
    const { group, running } = await transferUnderWay('outlives');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const proxy = group.proxy('beta', 'alpha');
    expect(running).toMatchObject({ UpdatesNotTransferred: 1, UpdatesToBeTransferred: 1, EndTime: NOT_ENDED });
    expect(running.BytesTransferred).toBeGreaterThan(0);
    expect(running.BytesTransferred).toBeLessThanOrEqual(proxy.counted.toCaller);
    const outbound = await sessionThat(alpha, 'alpha:beta', ({ State }) => State === STATE.inProgress);
    const traces = await Promise.all([traceSession(beta, running.SyncGuid), traceSession(alpha, outbound.SyncGuid)]);
    onTestFinished(() => {
      for (const trace of traces) trace.stop();
    });
    proxy.delay(0);
    proxy.tear();
    proxy.set('open');
    await group.identical({ timeoutMs: 60_000 });
    const done = await sessionThat(beta, 'alpha:beta', ({ State, SyncGuid }) => {
      return State === STATE.inSync && SyncGuid === running.SyncGuid;
    });
    await until('the last state is seen', () => traces[0].states().at(-1) === STATE.inSync);
    expect(traces[0].states()).toEqual([STATE.inProgress, STATE.connecting, STATE.inProgress, STATE.inSync]);
    expect(traces[1].states()).toEqual([STATE.inProgress, STATE.connecting, STATE.inProgress]);
    const torn = traces[0].looks.find(({ State }) => State === STATE.connecting)!;
    expect(torn.StateReason).not.toBe('');
    expect(torn.UpdatesToBeTransferred).toBe(1);
    expect(traces[1].looks.find(({ State }) => State === STATE.connecting)!.StateReason).toMatch(/beta/);
    expect(done).toMatchObject({ UpdatesTransferred: 1, UpdatesNotTransferred: 0, LastErrorCode: 0, StateReason: '' });
    expect(done.BytesTransferred).toBeGreaterThanOrEqual(16 * MEBIBYTE);
    expect(done.BytesTransferred).toBeLessThanOrEqual(proxy.counted.toCaller);
  });

  test('a partner that stays away ends the session In Error; what follows is another one', async () => {
    const { group, running } = await transferUnderWay('gives-up');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await alpha.kill();
    group.proxy('beta', 'alpha').set('cut');
    const failed = await sessionThat(beta, 'alpha:beta', ({ State }) => State === STATE.inError);
    expect(failed).toMatchObject({ SyncGuid: running.SyncGuid, LastErrorCode: 1722, LastErrorMessageId: 5008 });
    expect(failed.BytesTransferred).toBe(running.BytesTransferred);
    expect(failed.EndTime).not.toBe(NOT_ENDED);
    expect(failed.StateReason).not.toBe('');
    expect(failed.UpdatesToBeTransferred).toBe(1);
    group.proxy('beta', 'alpha').set('open');
    await alpha.start();
    await group.identical();
    const next = await sessionThat(beta, 'alpha:beta', ({ State }) => State === STATE.inSync, 40_000);
    expect(next.SyncGuid).not.toBe(running.SyncGuid);
    // Attempts that came to nothing do not pile up.
    const errors = (await sessions(beta, 'alpha:beta')).filter(({ State }) => State === STATE.inError);
    expect(errors.length).toBeLessThanOrEqual(2);
  });

  test('another configuration interrupts the session, and the next one goes on', async () => {
    const { group, running } = await transferUnderWay('reload');
    const beta = group.member('beta');
    group.writeGroupFile(file => Object.assign(file.folders.docs!, { quietLimit: '4s' }));
    beta.signal('SIGHUP');
    const ended = await sessionThat(beta, 'alpha:beta', ({ State }) => State === STATE.interrupted);
    expect(ended).toMatchObject({ SyncGuid: running.SyncGuid, UpdatesNotTransferred: 1, LastErrorCode: 0 });
    expect(ended.StateReason).toBe('the configuration changed');
    group.member('alpha').signal('SIGHUP');
    group.proxy('beta', 'alpha').delay(0);
    group.proxy('beta', 'alpha').tear();
    group.proxy('beta', 'alpha').set('open');
    await group.identical();
    for (const [from, to] of [group.members, [...group.members].reverse()] as [Member, Member][]) {
      put(from.root, { [`from ${from.name}`]: 'x' });
      await arrives(to, `from ${from.name}`, 'x');
    }
  });

  test('sessions are remembered over a stop, over a death, and say how they ended', async () => {
    const { group, running } = await transferUnderWay('restarts');
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await beta.stop();
    await beta.start();
    const stopped = await sessionThat(beta, 'alpha:beta', ({ SyncGuid }) => SyncGuid === running.SyncGuid);
    expect(stopped).toMatchObject({ State: STATE.completed, StateReason: 'the member stopped' });
    expect(stopped.BytesTransferred).toBeGreaterThanOrEqual(running.BytesTransferred);
    expect(await sessionThat(beta, 'beta:alpha', ({ State }) => State === STATE.completed)).toMatchObject({
      Inbound: false,
    });
    // A session that runs is written within seconds.
    const { SyncGuid } = await sessionThat(alpha, 'beta:alpha', ({ State }) => State === STATE.inSync);
    const begun = await sessionThat(beta, 'alpha:beta', ({ EndTime }) => EndTime === NOT_ENDED);
    await until('the database knows of it', () => Date.now() - new Date(begun.StartTime).getTime() > 7000);
    await beta.kill();
    group.proxy('beta', 'alpha').set('cut');
    await beta.start();
    const died = await sessionThat(beta, 'alpha:beta', record => record.SyncGuid === begun.SyncGuid);
    expect(died.EndTime).not.toBe(NOT_ENDED);
    expect([STATE.interrupted, STATE.completed]).toContain(died.State);
    expect(died.StateReason).toBe('the member ended without stopping cleanly');
    await sessionThat(beta, 'alpha:beta', record => record.SyncGuid === running.SyncGuid);
    expect(SyncGuid).toMatch(GUID);
  });
});
