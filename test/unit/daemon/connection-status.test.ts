/** Status and NextSyncTime of an inbound connection, asked of two members joined in memory. */
import { afterEach, expect, test, vi } from 'vitest';
import type { GroupConfig } from '../../../src/config/config.ts';
import { connectionRecords } from '../../../src/daemon/connection-records.ts';
import { parseWeek } from '../../../src/model/schedule-text.ts';
import { GROUP, type Pair, startPair } from './two-members.ts';

const DAY_MS = 86_400_000;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
let pair: Pair;
afterEach(() => pair.stop());

const inboundOf = (member: Pair['beta']['member']) =>
  connectionRecords(member, Date.now()).find(({ Inbound }) => Inbound)!;
const record = () => inboundOf(pair.beta.member);

test('closed by its schedule it is in Service until the next opening', async () => {
  const opens = new Date(Date.now() + 3 * DAY_MS);
  opens.setUTCHours(5, 15, 0, 0);
  const week = parseWeek(`${DAYS[opens.getUTCDay()]} 05:15-06:00: full`);
  const connections = GROUP.connections.map(each => ({ ...each, schedule: { week, time: 'utc' } as const }));
  pair = await startPair({ ...GROUP, connections } satisfies GroupConfig);
  expect(record()).toMatchObject({
    State: 2,
    Status: 'Service',
    NextSyncTime: expect.stringContaining(opens.toISOString().slice(0, 16)),
    LastErrorCode: 0,
  });
});

test('without contact from the start it says so, and what it waits for next', async () => {
  pair = await startPair(GROUP, GROUP, { cut: ['alpha'] });
  await vi.waitFor(() =>
    expect(record()).toMatchObject({ Status: 'No Contact', LastErrorCode: 1722, LastErrorMessageId: 5008 }),
  );
  const { NextSyncTime, LastSyncTime, InstallDate } = record();
  expect(Date.parse(NextSyncTime)).toBeGreaterThanOrEqual(Date.parse(LastSyncTime));
  expect(InstallDate).toBeNull();
});

test('a member that has not begun to call says Starting', async () => {
  pair = await startPair();
  const { member } = pair.beta;
  const unopened = member.inbound.map(each => Object.create(each, { state: { value: 'offline' } }));
  const early = Object.create(member, { inbound: { value: unopened } });
  vi.spyOn(member, 'stopping', 'get').mockReturnValue(false);
  expect(inboundOf(early)).toMatchObject({ State: 2, Status: 'Starting' });
});

test('once online it loses contact, and a member that stops says Stopping', async () => {
  pair = await startPair();
  await vi.waitFor(() => expect(record()).toMatchObject({ State: 1, Status: 'OK' }), { timeout: 10_000 });
  pair.cut('alpha', true);
  await vi.waitFor(() => expect(record().Status).toBe('Lost Comm'));
  pair.cut('alpha', false);
  await vi.waitFor(() => expect(record()).toMatchObject({ Status: 'OK', LastErrorCode: 0 }), { timeout: 10_000 });
  const stopping = pair.beta.member.stop();
  await vi.waitFor(() => expect(record()).toMatchObject({ State: 2, Status: 'Stopping' }));
  await stopping;
});
