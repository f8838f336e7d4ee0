/** Consistent groups: rising numbers are written to two volumes in turn, and wherever the targets are stopped they have no number without all before it. */
import { describe, expect, test } from 'vitest';
import { numberOf, REPLICA_OPERATIONS, type ReplicaOperation, SYNC_TYPES } from '../../../src/model/replica-values.ts';
import { MEMBERS, type MemberName, MirrorWorld } from '../../sim/mirror-world.ts';
import { createSimRandom, type SimRandom } from '../../sim/sim-random.ts';
import { passUntil } from '../../sim/volume-member.ts';

const SECTOR = 512;
const SECTORS = 4096;
const VOLUMES = ['data', 'log'] as const;
const SEEDS = Number(process.env.TANDEM_SEEDS ?? 4);
const FIRST = Number(process.env.TANDEM_SEED ?? 1);
const ORDER = { force: false, waitForCopyState: null, syncPairs: [], settings: null } as const;

class Life {
  readonly world: MirrorWorld;
  readonly random: SimRandom;
  /** The next number. */
  next = 1;
  #writer: { over: boolean; done: Promise<void> } | null = null;

  private constructor(seed: number) {
    this.random = createSimRandom(seed, 'life');
    this.world = new MirrorWorld(createSimRandom(seed, 'world'));
  }

  static async begin(seed: number, mode: number): Promise<Life> {
    const life = new Life(seed);
    for (const name of MEMBERS) await life.world.members[name].start();
    const { shelf, replicas, pairs } = life.world.members.alpha.on;
    for (const name of VOLUMES) {
      await life.pass(shelf.create({ name, size: SECTOR * SECTORS }));
      const creation = { source: name, target: `beta:${name}`, waitForCopyState: 4, settings: null };
      const more = { writable: false, detachWhenCopied: false, force: true };
      const syncType = numberOf(SYNC_TYPES, 'Mirror');
      expect((await life.pass(replicas.create({ ...creation, ...more, syncType, mode }))).returnCode).toBe(0);
    }
    const wish = { name: 'base', syncType: numberOf(SYNC_TYPES, 'Mirror'), deleteOnEmptyElement: false };
    await life.pass(replicas.groups.create({ ...wish, pairs: pairs.list().map(({ id }) => id) }));
    expect(await life.order('Activate Consistency')).toBe(0);
    return life;
  }

  pass<T>(done: Promise<T>): Promise<T> {
    return passUntil(this.world.time, done);
  }

  async rest(ms: number): Promise<void> {
    await this.world.time.run(this.world.time.now + ms);
  }

  async order(operation: ReplicaOperation, force = false): Promise<number> {
    const { groups } = this.world.members.alpha.on.replicas;
    const order = { ...ORDER, force, operation: numberOf(REPLICA_OPERATIONS, operation) };
    return (await this.pass(groups.modify(groups.find('base')!, order))).returnCode;
  }

  get state(): string {
    const { groups } = this.world.members.alpha.on.replicas;
    return groups.condition(groups.find('base')!).consistencyState;
  }

  async becomes(state: string, ms = 120_000): Promise<void> {
    const end = this.world.time.now + ms;
    while (this.state !== state && this.world.time.now < end) await this.rest(100);
    expect(this.state).toBe(state);
  }

  /** Each number when the one before is answered. */
  startWriting(): void {
    const { alpha } = this.world.members;
    const clients = VOLUMES.map(name => alpha.connect(name));
    const writer = { over: false, done: Promise.resolve() };
    const write = async (): Promise<void> => {
      while (!writer.over) {
        const data = Buffer.alloc(SECTOR);
        data.writeUInt32LE(this.next);
        await clients[this.next % 2]!.write(Math.floor(this.next / 2) * SECTOR, data);
        this.next++;
        if (this.random.chance(0.05)) await clients[this.next % 2]!.flush();
        await this.world.time.wait(this.random.pick([0, 1, 1, 30]));
      }
      for (const client of clients) client.leave();
    };
    writer.done = write().catch(() => {});
    this.#writer = writer;
  }

  async stopWriting(): Promise<void> {
    if (this.#writer === null) return;
    this.#writer.over = true;
    await this.pass(this.#writer.done);
    this.#writer = null;
  }

  async numbers(name: MemberName): Promise<number[]> {
    const found: number[] = [];
    for (const [index, volume] of VOLUMES.entries()) {
      const bytes = Buffer.alloc(SECTOR * SECTORS);
      await this.world.members[name].on.shelf.usable(volume).read(0, bytes);
      for (let sector = 0; sector < SECTORS; sector++) {
        const number = bytes.readUInt32LE(sector * SECTOR);
        if (number !== 0) expect(number, `${name}:${volume}`).toBe(sector * 2 + index);
        if (number !== 0) found.push(number);
      }
    }
    return found.sort((a, b) => a - b);
  }

  /** What the targets hold is what was written until one moment. */
  async expectOneMoment(): Promise<number> {
    const found = await this.numbers('beta');
    const missing = found.findIndex((number, index) => number !== index + 1);
    expect(missing, `number ${found[missing]} is there, and ${missing + 1} is not`).toBe(-1);
    return found.length;
  }
}

describe.each([
  ['asynchronous', 3],
  ['synchronous', 2],
] as const)('a consistent group of %s mirrors', (_, mode) => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    test(`has targets of one moment whatever comes between, seed ${seed}`, { timeout: 60_000 }, async () => {
      const life = await Life.begin(seed, mode);
      const { world, random } = life;
      const told: string[] = [];
      try {
        await life.becomes('Consistent');
        life.startWriting();
        for (let round = 0; round < 5; round++) {
          await life.becomes('Consistent');
          await life.rest(random.pick([50, 400, 1500, 4000]));
          if (life.state !== 'Consistent') continue;
          // What was not flushed a disk may lose in any order.
          const what = random.pick(mode === 3 ? (['line', 'stream', 'power'] as const) : (['line', 'stream'] as const));
          const { pairs } = world.members.alpha.on;
          told.push(`${what} at ${life.next}`);
          if (what === 'line') world.cut();
          else if (what === 'power') world.powerFails('beta');
          else world.cutStream(random.pick(pairs.list()).id);
          if (what === 'power') await world.members.beta.start();
          // Longer than the way to the partner, and less than it takes to be back.
          await life.rest(what === 'stream' ? random.pick([20, 400]) : random.pick([20, 600, 12_000]));
          if (what === 'line' || life.state === 'Consistent') told.push(`${await life.expectOneMoment()} numbers`);
          world.restore();
        }
        await life.stopWriting();
        await life.becomes('Consistent');
        await life.rest(5000);
        expect(await life.expectOneMoment()).toBe(life.next - 1);
        life.startWriting();
        await life.rest(random.pick([30, 700, 2500]));
        world.powerFails('alpha');
        await life.rest(100);
        told.push(`alpha is lost at ${life.next}: ${await life.expectOneMoment()} numbers`);
      } catch (error) {
        console.log(`seed ${seed}\n  ${told.join('\n  ')}`);
        throw error;
      }
    });
  }
});

test('a pair that leaves the group, and another that joins, leave the others consistent', async () => {
  const life = await Life.begin(2, 3);
  await life.becomes('Consistent');
  const { groups } = life.world.members.alpha.on.replicas;
  const { pairs } = life.world.members.alpha.on;
  const [first] = pairs.list();
  life.startWriting();
  await life.rest(300);
  const change = (operation: ReplicaOperation) => ({
    ...ORDER,
    operation: numberOf(REPLICA_OPERATIONS, operation),
    syncPairs: [first!.record],
  });
  expect((await life.pass(groups.modify(groups.find('base')!, change('RemoveSyncPair')))).returnCode).toBe(0);
  await life.rest(300);
  await life.becomes('Consistent');
  expect((await life.pass(groups.modify(groups.find('base')!, change('AddSyncPair')))).returnCode).toBe(0);
  await life.becomes('Consistent');
  await life.rest(500);
  life.world.cutStream(first!.id);
  await life.rest(300);
  await life.expectOneMoment();
  await life.stopWriting();
  expect(await life.order('Deactivate Consistency')).toBe(0);
  expect(life.state).toBe('Not Applicable');
  await life.rest(60_000);
  expect(await life.expectOneMoment()).toBe(life.next - 1);
});
