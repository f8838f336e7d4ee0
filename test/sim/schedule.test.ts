/** Schedules and orders on simulated time: two members, one of which receives only when it may. */
import { afterEach, describe, expect, test } from 'vitest';
import { loadXxh64 } from '../../src/base/xxh64.ts';
import { type ForceOrder, orderFolderForce, orderForce } from '../../src/model/force.ts';
import { ALWAYS, NEVER_OPEN, type Schedule } from '../../src/model/schedule.ts';
import { parseWeek } from '../../src/model/schedule-text.ts';
import type { InboundConnection } from '../../src/replication/inbound-connection.ts';
import { openStore } from '../../src/store/open-store.ts';
import { createMemoryKeyValue } from './memory-kv.ts';
import { SimNetwork } from './memory-link.ts';
import { HostClock, SimTime } from './sim-clock.ts';
import { SIM_ROOT, SimMember } from './sim-member.ts';
import { groupOf, planOf } from './sim-plan.ts';
import { createSimRandom } from './sim-random.ts';

const MINUTE = 60_000;
const SEED = 7;
const MIB = 2 ** 20;
const BIG_BYTES = 24 * MIB;
/** In the middle of its transfer, counted from when it was written. */
const CUT_MS = 400;

let world: World | null = null;

afterEach(() => {
  world?.end();
  world = null;
});

/** alpha sends, beta receives; simulated time begins on a Monday at 08:00 UTC. */
class World {
  readonly time = new SimTime();
  readonly trace: string[] = [];
  readonly members: readonly SimMember[];
  /** Messages with content that arrived at beta. */
  content = 0;
  readonly #network: SimNetwork;

  static async create(schedule: Schedule): Promise<World> {
    return new World(schedule, await loadXxh64());
  }

  private constructor(schedule: Schedule, xxh64: Awaited<ReturnType<typeof loadXxh64>>) {
    const plan = planOf(SEED, {
      members: ['alpha', 'beta'],
      topology: 'mesh',
      primary: null,
      quietMs: 0,
      brakes: false,
    });
    const base = groupOf(SEED, plan);
    const connections = base.connections.map(each => (each.to === 'beta' ? { ...each, schedule } : each));
    const note = (line: string) => void this.trace.push(`${this.time.now.toFixed(0)} ${line}`);
    const bug = (what: string) => note(`BUG ${what}`);
    this.#network = new SimNetwork({
      time: this.time,
      random: createSimRandom(SEED, 'network'),
      note: line => {
        if (line === 'beta<-alpha content') this.content++;
      },
      bug,
    });
    this.members = plan.members.map(name => {
      const random = createSimRandom(SEED, name);
      const kv = createMemoryKeyValue({ pause: async () => {} });
      return new SimMember({
        name,
        group: { ...base, connections },
        time: this.time,
        clock: new HostClock(this.time, 0, 1),
        network: this.#network,
        home: {
          open: () => openStore({ kv, random }),
          kill: () => {},
          crash: () => {},
          lose: () => {},
          backUp: () => () => {},
        },
        random,
        xxh64,
        note,
        bug,
      });
    });
    for (const member of this.members) member.start();
  }

  get connection(): InboundConnection {
    return this.members[1]!.member!.inbound[0]!;
  }

  get session() {
    return this.connection.sessions[0]!;
  }

  /** Sessions of that connection that are over, oldest first. */
  get ended() {
    const { guid } = this.connection.parts;
    return this.members[1]!.member!.sessions.ended().filter(({ connection }) => connection === guid);
  }

  order(order: ForceOrder): void {
    this.connection.window.order(orderForce(order, this.members[1]!.clock.now()));
  }

  write(path: string, content: Uint8Array | string): void {
    this.members[0]!.files.user.writeFile(`${SIM_ROOT}/${path}`, content);
    this.members[0]!.hint('');
  }

  holds(path: string): boolean {
    return this.members[1]!.files.user.exists(`${SIM_ROOT}/${path}`);
  }

  end(): void {
    for (const member of this.members) member.crash('kill');
    expect(this.trace.filter(line => line.includes('BUG'))).toEqual([]);
  }
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
    world = await World.create({ week: parseWeek('mon 08:00-08:15: full, mon 09:00-10:00: full'), time: 'utc' });
    const { time } = await started(world);
    world.write('first', 'one');
    await time.run(5 * MINUTE);
    expect(world.holds('first')).toBe(true);
    expect(world.connection.state).toBe('online');
    const big = noise(BIG_BYTES);
    await time.run(15 * MINUTE - CUT_MS);
    world.write('big', big);
    await time.run(15 * MINUTE + 5000);
    const before = world.content;
    expect(before).toBeGreaterThan(4);
    expect(before).toBeLessThan(44);
    expect(world.holds('big')).toBe(false);
    expect(world.connection.state).toBe('offline');
    expect(world.ended.at(-1)).toMatchObject({ state: 'completed', force: null });
    expect(new Date(world.connection.window.nextStart()!).toISOString()).toBe('2026-01-05T09:00:00.000Z');
    world.write('second', 'two');
    await time.run(60 * MINUTE - 1000);
    expect(world.content).toBe(before);
    expect(world.holds('second')).toBe(false);
    await time.run(62 * MINUTE);
    expect(world.holds('second')).toBe(true);
    expect(world.members[1]!.files.user.readFile(`${SIM_ROOT}/big`).equals(big)).toBe(true);
    // 48 pieces of 512 KiB, a few messages beside them, and few of them twice.
    expect(world.content).toBeLessThan(48 + 14);
    expect(world.ended.at(-1)).toMatchObject({ state: 'in-sync' });
  });

  test('a session outlasts a change of the level', async () => {
    world = await World.create({ week: parseWeek('mon 08:00-08:15: full, mon 08:15-09:00: 256Mbps'), time: 'utc' });
    const { time } = await started(world);
    await time.run(15 * MINUTE - CUT_MS);
    world.write('big', noise(BIG_BYTES));
    await time.run(17 * MINUTE);
    expect(world.holds('big')).toBe(true);
    const brought = world.ended.filter(({ bytesTransferred }) => bytesTransferred > 0);
    expect(brought.map(({ state }) => state)).toEqual(['in-sync']);
  });

  test('is noticed within a minute when the clock is set', async () => {
    world = await World.create({ week: parseWeek('mon 12:00-13:00: full'), time: 'utc' });
    const { time } = await started(world);
    world.write('first', 'one');
    await time.run(5 * MINUTE);
    expect(world.holds('first')).toBe(false);
    world.members[1]!.clock.jump(4 * 60 * MINUTE);
    await time.run(7 * MINUTE);
    expect(world.holds('first')).toBe(true);
  });
});

describe('an order', () => {
  test('to stop interrupts at once, and really stops until its time is over', async () => {
    world = await World.create(ALWAYS);
    const { time } = await started(world);
    await time.run(MINUTE);
    world.write('big', noise(BIG_BYTES));
    await time.run(MINUTE + CUT_MS);
    expect(world.session.running).toHaveLength(1);
    world.order({ mode: 3, durationMinutes: 30, level: 0 });
    await time.run(MINUTE + 1000);
    expect(world.ended.at(-1)).toMatchObject({ state: 'interrupted' });
    const before = world.content;
    await time.run(30 * MINUTE);
    expect(world.content).toBe(before);
    expect(world.connection.state).toBe('offline');
    await time.run(33 * MINUTE);
    expect(world.holds('big')).toBe(true);
    expect(world.trace.filter(line => line.includes('FORCE_ENDED'))).toHaveLength(1);
  });

  test('to synchronise now goes before a closed schedule, and ends', async () => {
    world = await World.create(NEVER_OPEN);
    const { time } = await started(world);
    world.write('first', 'one');
    await time.run(MINUTE);
    expect(world.holds('first')).toBe(false);
    world.order({ mode: 2, durationMinutes: 10, level: 15 });
    await time.run(5 * MINUTE);
    expect(world.holds('first')).toBe(true);
    expect(world.ended.at(-1)).toMatchObject({ state: 'in-sync', force: { reason: 'forced', level: 15 } });
    await time.run(12 * MINUTE);
    world.write('second', 'two');
    await time.run(20 * MINUTE);
    expect(world.holds('second')).toBe(false);
    expect(world.connection.window.forces.connection).toBeNull();
  });

  test('to synchronise until in sync ends when that is so', async () => {
    world = await World.create(NEVER_OPEN);
    const { time } = await started(world);
    world.write('big', noise(8 * MIB));
    world.order({ mode: 4, durationMinutes: 0, level: 15 });
    await time.run(2 * MINUTE);
    expect(world.holds('big')).toBe(true);
    expect(world.connection.window.forces.connection).toBeNull();
    expect(world.connection.state).toBe('offline');
    expect(world.ended.at(-1)).toMatchObject({ state: 'in-sync', force: { reason: 'forced-until-sync' } });
    world.write('second', 'two');
    await time.run(30 * MINUTE);
    expect(world.holds('second')).toBe(false);
  });

  test('takes the place of a running session, which ends as interrupted', async () => {
    world = await World.create(ALWAYS);
    const { time } = await started(world);
    await time.run(MINUTE);
    world.write('big', noise(BIG_BYTES));
    await time.run(MINUTE + CUT_MS);
    world.order({ mode: 2, durationMinutes: 5, level: 15 });
    await time.run(4 * MINUTE);
    expect(world.holds('big')).toBe(true);
    expect(world.ended.slice(-2)).toMatchObject([
      { state: 'interrupted', force: null },
      { state: 'in-sync', force: { reason: 'forced' } },
    ]);
  });

  test('for a folder opens a stopped connection for that folder', async () => {
    world = await World.create(ALWAYS);
    const { time } = await started(world);
    await time.run(MINUTE);
    world.order({ mode: 3, durationMinutes: 60, level: 0 });
    world.write('first', 'one');
    await time.run(2 * MINUTE);
    expect(world.holds('first')).toBe(false);
    const { window, sessions } = world.connection;
    const now = world.members[1]!.clock.now();
    window.order(orderFolderForce(window.forces, 'another', { durationMinutes: 1, level: 15 }, now));
    await time.run(4 * MINUTE);
    expect(world.holds('first')).toBe(false);
    const later = world.members[1]!.clock.now();
    window.order(orderFolderForce(window.forces, sessions[0]!.guid, { durationMinutes: 5, level: 15 }, later));
    await time.run(6 * MINUTE);
    expect(world.holds('first')).toBe(true);
    await time.run(15 * MINUTE);
    expect(world.connection.state).toBe('offline');
    expect(window.forces.connection?.reason).toBe('paused');
  });
});

async function started(running: World): Promise<World> {
  await running.time.run(20_000);
  expect(running.members.map(member => member.running)).toEqual([true, true]);
  return running;
}
