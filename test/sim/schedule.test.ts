/** Schedules and orders on simulated time: two members, one of which receives only when it may. */
import { afterEach, describe, expect, test } from 'vitest';
import { type ForceOrder, orderFolderForce, orderForce } from '../../src/model/force.ts';
import { ALWAYS, NEVER_OPEN, type Schedule } from '../../src/model/schedule.ts';
import { parseWeek } from '../../src/model/schedule-text.ts';
import type { InboundConnection } from '../../src/replication/inbound-connection.ts';
import type { SimTime } from './sim-clock.ts';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

const MINUTE = 60_000;
const MIB = 2 ** 20;
const BIG_BYTES = 24 * MIB;
/** In the middle of its transfer, counted from when it was written. */
const CUT_MS = 400;

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

/** alpha sends, beta receives; simulated time begins on a Monday at 08:00 UTC. */
async function begin(schedule: Schedule): Promise<SimTime> {
  world = await SmallWorld.create({ schedules: { beta: schedule } });
  world.start();
  await world.pass(20_000);
  expect(['alpha', 'beta'].map(name => world.member(name).running)).toEqual([true, true]);
  return world.time;
}

function connection(): InboundConnection {
  return world.member('beta').member!.inbound[0]!;
}

/** Sessions of that connection that are over, oldest first. */
function ended() {
  const { guid } = connection().parts;
  return world
    .member('beta')
    .member!.sessions.ended()
    .filter(session => session.connection === guid);
}

function order(given: ForceOrder): void {
  connection().window.order(orderForce(given, world.member('beta').clock.now()));
}

function write(path: string, content: Uint8Array | string): void {
  world.write('alpha', path, content);
}

function holds(path: string): boolean {
  return world.member('beta').files.user.exists(`${SIM_ROOT}/${path}`);
}

/** Messages with content that arrived at beta. */
function content(): number {
  return world.messages.get('beta<-alpha content') ?? 0;
}

/** Content that shares no chunks with itself. */
function noise(bytes: number): Buffer {
  const data = Buffer.alloc(bytes);
  let x = 12_345;
  for (let i = 0; i < bytes; i += 4) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    data.writeUInt32LE(x, i);
  }
  return data;
}

describe('a schedule', () => {
  test('opens and closes the connection; a transfer cut by it goes on where it was', async () => {
    const time = await begin({ week: parseWeek('mon 08:00-08:15: full, mon 09:00-10:00: full'), time: 'utc' });
    write('first', 'one');
    await time.run(5 * MINUTE);
    expect(holds('first')).toBe(true);
    expect(connection().state).toBe('online');
    const big = noise(BIG_BYTES);
    await time.run(15 * MINUTE - CUT_MS);
    write('big', big);
    await time.run(15 * MINUTE + 5000);
    const before = content();
    expect(before).toBeGreaterThan(4);
    expect(before).toBeLessThan(44);
    expect(holds('big')).toBe(false);
    expect(connection().state).toBe('offline');
    expect(ended().at(-1)).toMatchObject({ state: 'completed', force: null });
    expect(new Date(connection().window.nextStart()!).toISOString()).toBe('2026-01-05T09:00:00.000Z');
    write('second', 'two');
    await time.run(60 * MINUTE - 1000);
    expect(content()).toBe(before);
    expect(holds('second')).toBe(false);
    await time.run(62 * MINUTE);
    expect(holds('second')).toBe(true);
    expect(world.member('beta').files.user.readFile(`${SIM_ROOT}/big`).equals(big)).toBe(true);
    // 48 pieces of 512 KiB, a few messages beside them, and few of them twice.
    expect(content()).toBeLessThan(48 + 14);
    expect(ended().at(-1)).toMatchObject({ state: 'in-sync' });
  });

  test('a session outlasts a change of the level', async () => {
    const time = await begin({ week: parseWeek('mon 08:00-08:15: full, mon 08:15-09:00: 256Mbps'), time: 'utc' });
    await time.run(15 * MINUTE - CUT_MS);
    write('big', noise(BIG_BYTES));
    await time.run(17 * MINUTE);
    expect(holds('big')).toBe(true);
    const brought = ended().filter(({ bytesTransferred }) => bytesTransferred > 0);
    expect(brought.map(({ state }) => state)).toEqual(['in-sync']);
  });

  test('is noticed within a minute when the clock is set', async () => {
    const time = await begin({ week: parseWeek('mon 12:00-13:00: full'), time: 'utc' });
    write('first', 'one');
    await time.run(5 * MINUTE);
    expect(holds('first')).toBe(false);
    world.member('beta').clock.jump(4 * 60 * MINUTE);
    await time.run(7 * MINUTE);
    expect(holds('first')).toBe(true);
  });
});

describe('an order', () => {
  test('to stop interrupts at once, and really stops until its time is over', async () => {
    const time = await begin(ALWAYS);
    await time.run(MINUTE);
    write('big', noise(BIG_BYTES));
    await time.run(MINUTE + CUT_MS);
    expect(connection().sessions[0]!.running).toHaveLength(1);
    order({ mode: 3, durationMinutes: 30, level: 0 });
    await time.run(MINUTE + 1000);
    expect(ended().at(-1)).toMatchObject({ state: 'interrupted' });
    const before = content();
    // The order is a session itself, which goes nowhere while it lasts.
    const [stopped, ...others] = connection().sessions[0]!.running;
    expect(others).toEqual([]);
    expect(stopped).toMatchObject({ state: 'initialized', force: { reason: 'paused', level: 0 } });
    expect(stopped!.force!.endTime - world.member('beta').clock.now()).toBeGreaterThan(28 * MINUTE);
    await time.run(30 * MINUTE);
    expect(content()).toBe(before);
    expect(connection().state).toBe('offline');
    expect(connection().sessions[0]!.running).toEqual([stopped]);
    await time.run(33 * MINUTE);
    const after = ended().slice(ended().findIndex(({ guid }) => guid === stopped!.guid));
    expect(after.slice(0, 2)).toMatchObject([
      { state: 'completed', force: { reason: 'paused' }, note: 'the order to stop ended' },
      { state: 'in-sync', force: null },
    ]);
    expect(holds('big')).toBe(true);
    expect(world.trace.filter(line => line.includes('FORCE_ENDED'))).toHaveLength(1);
  });

  test('to synchronise now goes before a closed schedule, and ends', async () => {
    const time = await begin(NEVER_OPEN);
    write('first', 'one');
    await time.run(MINUTE);
    expect(holds('first')).toBe(false);
    order({ mode: 2, durationMinutes: 10, level: 15 });
    await time.run(5 * MINUTE);
    expect(holds('first')).toBe(true);
    expect(ended().at(-1)).toMatchObject({ state: 'in-sync', force: { reason: 'forced', level: 15 } });
    await time.run(12 * MINUTE);
    write('second', 'two');
    await time.run(20 * MINUTE);
    expect(holds('second')).toBe(false);
    expect(connection().window.forces.connection).toBeNull();
  });

  test('to synchronise until in sync ends when that is so', async () => {
    const time = await begin(NEVER_OPEN);
    write('big', noise(8 * MIB));
    order({ mode: 4, durationMinutes: 0, level: 15 });
    await time.run(2 * MINUTE);
    expect(holds('big')).toBe(true);
    expect(connection().window.forces.connection).toBeNull();
    expect(connection().state).toBe('offline');
    expect(ended().at(-1)).toMatchObject({ state: 'in-sync', force: { reason: 'forced-until-sync' } });
    write('second', 'two');
    await time.run(30 * MINUTE);
    expect(holds('second')).toBe(false);
  });

  test('takes the place of a running session, which ends as interrupted', async () => {
    const time = await begin(ALWAYS);
    await time.run(MINUTE);
    write('big', noise(BIG_BYTES));
    await time.run(MINUTE + CUT_MS);
    order({ mode: 2, durationMinutes: 5, level: 15 });
    await time.run(4 * MINUTE);
    expect(holds('big')).toBe(true);
    expect(ended().slice(-2)).toMatchObject([
      { state: 'interrupted', force: null },
      { state: 'in-sync', force: { reason: 'forced' } },
    ]);
  });

  test('takes the place of an order to stop, whose session ends as interrupted', async () => {
    const time = await begin(ALWAYS);
    order({ mode: 3, durationMinutes: 30, level: 0 });
    await time.run(MINUTE);
    order({ mode: 2, durationMinutes: 5, level: 15 });
    write('first', 'one');
    await time.run(2 * MINUTE);
    expect(holds('first')).toBe(true);
    expect(ended().slice(-2)).toMatchObject([
      { state: 'interrupted', force: { reason: 'paused' } },
      { state: 'in-sync', force: { reason: 'forced' } },
    ]);
  });

  test('for a folder opens a stopped connection for that folder', async () => {
    const time = await begin(ALWAYS);
    await time.run(MINUTE);
    order({ mode: 3, durationMinutes: 60, level: 0 });
    write('first', 'one');
    await time.run(2 * MINUTE);
    expect(holds('first')).toBe(false);
    const { window, sessions } = connection();
    const now = world.member('beta').clock.now();
    window.order(orderFolderForce(window.forces, 'another', { durationMinutes: 1, level: 15 }, now));
    await time.run(4 * MINUTE);
    expect(holds('first')).toBe(false);
    const later = world.member('beta').clock.now();
    window.order(orderFolderForce(window.forces, sessions[0]!.guid, { durationMinutes: 5, level: 15 }, later));
    await time.run(6 * MINUTE);
    expect(holds('first')).toBe(true);
    await time.run(15 * MINUTE);
    expect(connection().state).toBe('offline');
    expect(window.forces.connection?.reason).toBe('paused');
  });
});
