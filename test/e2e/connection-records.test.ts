/** Records of connections against what really happens to them: each state, each error. [DfsrConnectionInfo] */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { NEVER } from '../../src/admin/records/column.ts';
import { eventOf } from './harness/admin-view.ts';
import { arrives, put } from './harness/files.ts';
import type { Group } from './harness/group.ts';
import { createMember, type Member } from './harness/member.ts';
import { buildOfNextProtocol } from './harness/other-build.ts';
import { findFreePort } from './harness/proxy.ts';
import { type Connection, connection, connections, connectionThat, traceConnection } from './harness/records.ts';
import { startGroup, testWorkspace } from './harness/scenario.ts';
import { until } from './harness/until.ts';

const STATE = { connecting: 0, online: 1, offline: 2, inError: 3 } as const;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const { words } = (
  JSON.parse(readFileSync(new URL('../data/dfsr-classes.json', import.meta.url), 'utf8')) as {
    DfsrConnectionInfo: { properties: { Status: { words: readonly string[] } } };
  }
).DfsrConnectionInfo.properties.Status;

/** What holds of every connection at any time. */
function expectWhole(
  record: Connection,
  group: Group,
  ends: { readonly member: Member; readonly partner: Member },
): void {
  const { member, partner } = ends;
  const inbound = record.Inbound;
  const [from, to] = inbound ? [partner, member] : [member, partner];
  expect(record).toMatchObject({
    Caption: expect.stringContaining(partner.name),
    Description: expect.stringContaining(member.name),
    Name: `${from.name} → ${to.name}`,
    ConnectionGuid: expect.stringMatching(GUID),
    MemberGuid: member.identity.guid,
    MemberName: member.name,
    PartnerGuid: partner.identity.guid,
    PartnerName: partner.name,
    ReplicationGroupGuid: group.groupFile.group.guid,
    ReplicationGroupName: group.groupFile.group.name,
    StateName: ['Connecting', 'Online', 'Offline', 'In Error'][record.State],
  });
  expect(words).toContain(record.Status);
  if (inbound) return;
  expect(record).toMatchObject({
    LastSyncTime: NEVER,
    LastSyncDuration: 0,
    LastSuccessfulSyncTime: NEVER,
    NextSyncTime: NEVER,
    LastErrorCode: 0,
    LastErrorMessageId: 0,
  });
}

function expectBetween(time: string, from: number, to: number): void {
  const at = new Date(time).getTime();
  // Times are told by another process.
  expect(at).toBeGreaterThanOrEqual(from - 50);
  expect(at).toBeLessThanOrEqual(to + 50);
}

/** Whose daemon starts first may find nobody there yet, which is an error of its own. */
const NOBODY_YET = 1722;

describe('records of connections', () => {
  test('from the first call, through giving up, to being online: every property of both ends', async () => {
    const group = await startGroup({ label: 'connection', members: ['alpha', 'beta'], start: false });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const begun = Date.now();
    await beta.start();

    // Nothing listens on alpha.
    const calling = await connectionThat(beta, 'alpha:beta', ({ LastErrorCode }) => LastErrorCode !== 0);
    expectWhole(calling, group, { member: beta, partner: alpha });
    expect(calling).toMatchObject({ Inbound: true, InstallDate: null, LastErrorCode: 1722, LastErrorMessageId: 5008 });
    expect(calling).toMatchObject({ LastSuccessfulSyncTime: NEVER, LastSyncDuration: 0 });
    expectBetween(calling.LastSyncTime, begun, Date.now());
    expect(['No Contact', 'Error']).toContain(calling.Status);
    expect(calling.StateReason).toMatch(/refused|running/);
    await eventOf(beta, 'CONNECTION_UNREACHABLE');

    const failed = await connectionThat(beta, 'alpha:beta', ({ State }) => State === STATE.inError);
    expect(failed).toMatchObject({ Status: 'Error', LastErrorCode: 1722, LastErrorMessageId: 5008 });
    expect(new Date(failed.NextSyncTime).getTime()).toBeGreaterThan(Date.now() - 1000);
    expect(failed.NextSyncTime).not.toBe(NEVER);
    // Nobody has called: there is nothing but the configured inbound connection.
    expect((await connections(beta)).map(({ Name }) => Name)).toEqual(['alpha → beta']);

    put(alpha.root, { file: 'x' });
    await alpha.start();
    const online = await connectionThat(
      beta,
      'alpha:beta',
      ({ State, LastSuccessfulSyncTime }) => State === STATE.online && LastSuccessfulSyncTime !== NEVER,
    );
    await arrives(beta, 'file', 'x');
    expectWhole(online, group, { member: beta, partner: alpha });
    expect(online).toMatchObject({ Status: 'OK', StateReason: '', LastErrorCode: 0, LastErrorMessageId: 0 });
    expect(online).toMatchObject({ NextSyncTime: NEVER, PartnerAddress: alpha.identity.address });
    expectBetween(online.InstallDate!, begun, Date.now());
    expectBetween(online.LastSuccessfulSyncTime, new Date(online.LastSyncTime).getTime(), Date.now());
    expect(online.LastSyncDuration).toBeLessThan(30);

    const outbound = await connectionThat(alpha, 'alpha:beta', ({ State }) => State === STATE.online);
    expectWhole(outbound, group, { member: alpha, partner: beta });
    expect(outbound).toMatchObject({ Inbound: false, Status: 'OK', ConnectionGuid: online.ConnectionGuid });
    // The end of the socket from which beta calls, which is none that anybody listens on.
    expect(outbound.PartnerAddress).toMatch(/^127\.0\.0\.1:\d+$/);
    expect([alpha.identity.address, beta.identity.address]).not.toContain(outbound.PartnerAddress);
    expect((await connections(alpha)).map(({ Name }) => Name).sort()).toEqual(['alpha → beta', 'beta → alpha']);
  });

  test('a link that breaks is an error of its own, and the state goes through Connecting back to Online', async () => {
    const group = await startGroup({ label: 'broken', members: ['alpha', 'beta'], proxied: true });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await connectionThat(beta, 'alpha:beta', ({ State }) => State === STATE.online);
    const trace = await traceConnection(beta, 'alpha:beta');
    onTestFinished(trace.stop);
    // New calls hang until it is refused to them.
    group.proxy('beta', 'alpha').set('silent');
    group.proxy('beta', 'alpha').tear();
    await until('the link is gone', () => trace.looks.at(-1)?.LastErrorMessageId === 5002, { everyMs: 5 });
    group.proxy('beta', 'alpha').set('cut');
    await until('a call fails', () => trace.looks.at(-1)?.LastErrorMessageId === 5008, { everyMs: 5 });
    group.proxy('beta', 'alpha').set('open');
    await until('the link is up again', () => trace.looks.at(-1)?.State === STATE.online, { everyMs: 5 });
    expect(await eventOf(beta, 'CONNECTION_ERROR')).toMatchObject({ EventId: 5002 });
    put(alpha.root, { after: 'x' });
    await arrives(beta, 'after', 'x');
    trace.stop();
    expect(trace.states()).toEqual([STATE.online, STATE.connecting, STATE.online]);
    const errors = trace.looks.map(({ LastErrorCode, LastErrorMessageId }) => [LastErrorCode, LastErrorMessageId]);
    expect(errors).toEqual([
      [0, 0],
      [1726, 5002],
      [1722, 5008],
      [0, 0],
    ]);
    // The proxies’ addresses make the members’ group.yaml differ.
    expect(trace.looks.map(({ Status }) => Status)).toEqual(['Degraded', 'Lost Comm', 'Lost Comm', 'Degraded']);
  });

  test('a partner that does not know the connection, or is in another group, does not recognise it', async () => {
    const group = await startGroup({ label: 'unknown', members: ['alpha', 'beta'], start: false });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    group.writeGroupFile((file, member) => {
      if (member === 'alpha') file.connections = [{ from: 'beta', to: 'alpha' }];
    });
    await group.start();
    const unknown = await connectionThat(
      beta,
      'alpha:beta',
      ({ LastErrorCode }) => ![0, NOBODY_YET].includes(LastErrorCode),
    );
    expect(unknown).toMatchObject({ LastErrorCode: 9026, LastErrorMessageId: 5012 });
    expect(unknown.StateReason).toMatch(/knows no connection/);
    expect(await eventOf(beta, 'CONNECTION_UNRECOGNIZED')).toMatchObject({ EventId: 5012 });

    group.writeGroupFile((file, member) => {
      if (member === 'alpha') file.group.guid = '00000000-0000-4000-8000-000000000001';
    });
    alpha.signal('SIGHUP');
    await connectionThat(
      beta,
      'alpha:beta',
      ({ LastErrorCode, State }) => LastErrorCode === 9026 && State !== STATE.online,
    );
    group.writeGroupFile();
    alpha.signal('SIGHUP');
    const online = await connectionThat(beta, 'alpha:beta', ({ State }) => State === STATE.online, 60_000);
    expect(online).toMatchObject({ Status: 'OK', LastErrorCode: 0, LastErrorMessageId: 0 });
  });

  test('a partner with another version of the protocol is told from one that cannot be reached', async () => {
    const workspace = testWorkspace('protocol');
    const program = buildOfNextProtocol(join(workspace.path, 'next'));
    const group = await startGroup({ label: 'protocol', members: ['alpha', 'beta'], programs: { alpha: program } });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    for (const [member, name] of [
      [beta, 'alpha:beta'],
      [alpha, 'beta:alpha'],
    ] as const) {
      const record = await connectionThat(
        member,
        name,
        ({ LastErrorCode }) => ![0, NOBODY_YET].includes(LastErrorCode),
      );
      expect(record).toMatchObject({ LastErrorCode: 9050, LastErrorMessageId: 5102 });
      expect(await eventOf(member, 'CONNECTION_INCOMPATIBLE')).toMatchObject({ EventId: 5102 });
    }
  });

  test('a partner that refuses this member’s key is an error of the connection', async () => {
    const group = await startGroup({ label: 'refused', members: ['alpha', 'beta'], start: false });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const directory = join(group.workspace.path, 'other');
    const other = await createMember({ name: 'other', directory, port: await findFreePort(), roots: {} });
    group.writeGroupFile((file, member) => {
      if (member === 'alpha') file.members.beta!.certificate = other.identity.certificate;
    });
    await group.start();
    const refused = await connectionThat(
      beta,
      'alpha:beta',
      ({ LastErrorCode }) => ![0, NOBODY_YET].includes(LastErrorCode),
    );
    expect(refused).toMatchObject({ LastErrorCode: 5, LastErrorMessageId: 5002 });
    expect(await eventOf(beta, 'CONNECTION_ERROR')).toMatchObject({ EventId: 5002 });
    await eventOf(beta, 'PEER_REFUSED');
    await eventOf(alpha, 'PEER_REFUSED');
  });

  test('an outbound connection is forgotten when its partner has not called for long, and comes back with it', async () => {
    const group = await startGroup({ label: 'idle', members: ['alpha', 'beta'], start: false });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    appendFileSync(join(alpha.home, 'member.yaml'), '\noutboundIdle: 3s\n');
    await group.start();
    await connectionThat(alpha, 'alpha:beta', ({ State }) => State === STATE.online);
    await beta.kill();
    const waiting = await connectionThat(alpha, 'alpha:beta', ({ State }) => State === STATE.connecting);
    expect(waiting).toMatchObject({ Inbound: false, Status: 'Lost Comm' });
    expect(waiting.StateReason).toContain('waits for beta to call again');
    await expect(connectionThat(alpha, 'alpha:beta', () => false, 5000)).rejects.toThrow();
    // The inbound one stays as long as it is configured.
    expect((await connections(alpha)).map(({ Name }) => Name)).toEqual(['beta → alpha']);
    await beta.start();
    const back = await connectionThat(alpha, 'alpha:beta', ({ State }) => State === STATE.online);
    expect(new Date(back.InstallDate!).getTime()).toBeGreaterThan(new Date(waiting.InstallDate!).getTime());
  });

  test('a disabled connection is Offline, and its configuration’s change takes it there', async () => {
    const group = await startGroup({ label: 'disabled', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await connectionThat(beta, 'alpha:beta', ({ State }) => State === STATE.online);
    const both = (enabled: boolean) => {
      group.writeGroupFile(file => {
        file.connections = [
          { from: 'alpha', to: 'beta', enabled },
          { from: 'beta', to: 'alpha' },
        ];
      });
      for (const member of group.members) member.signal('SIGHUP');
    };
    both(false);
    const off = await connectionThat(beta, 'alpha:beta', ({ State }) => State === STATE.offline);
    expect(off).toMatchObject({
      Status: 'Service',
      StateReason: 'disabled in group.yaml',
      LastSyncTime: NEVER,
      NextSyncTime: NEVER,
    });
    put(beta.root, { upstream: 'u' });
    await arrives(alpha, 'upstream', 'u', 40_000);
    both(true);
    await connectionThat(beta, 'alpha:beta', ({ State }) => State === STATE.online);
    put(alpha.root, { downstream: 'd' });
    await arrives(beta, 'downstream', 'd', 40_000);
    await expect(connection(beta, 'alpha:gamma')).rejects.toThrow(/no connection|alpha → beta/);
  });
});
