/** Random lives of a mirror: operations, writes, cuts and power failures; each seed is one life, and tells what was done in it. */
import { describe, expect, test } from 'vitest';
import type { Association } from '../../../src/model/association.ts';
import type { CopyState, ReplicaOperation } from '../../../src/model/replica-values.ts';
import { namesIn, numberOf, REPLICA_OPERATIONS, SYNC_TYPES } from '../../../src/model/replica-values.ts';
import { MEMBERS, type MemberName, MirrorWorld } from '../../sim/mirror-world.ts';
import { createSimRandom, type SimRandom } from '../../sim/sim-random.ts';
import { passUntil } from '../../sim/volume-member.ts';
import { tableVerdict } from './table-verdict.ts';

const BLOCK = 4096;
const BLOCKS = 64;
const SEEDS = Number(process.env.TANDEM_SEEDS ?? 12);
const FIRST = Number(process.env.TANDEM_SEED ?? 1);
const STEPS = 30;
const ORDER = { waitForCopyState: null, syncPairs: [], settings: null } as const;
/** Both sides may be written here, and only here, while they reach each other. */
const APART: ReadonlySet<CopyState> = new Set(['Split', 'Fractured', 'Skewed']);

class Life {
  readonly world: MirrorWorld;
  readonly random: SimRandom;
  /** Of its own, so that the lives are what they were without it. */
  readonly #verifies: SimRandom;
  readonly told: string[] = [];
  /** What was last acknowledged on each block of a side; forgotten where an operation may have taken it away. */
  #acknowledged = new Map<number, number>();
  #serial = 0;

  constructor(seed: number) {
    this.random = createSimRandom(seed, 'life');
    this.#verifies = createSimRandom(seed, 'verify');
    this.world = new MirrorWorld(createSimRandom(seed, 'world'));
  }

  async begin(): Promise<void> {
    for (const name of MEMBERS) {
      await this.world.members[name].start();
      await this.pass(this.world.members[name].on.shelf.create({ name: 'disk', size: BLOCK * BLOCKS }));
    }
    await this.create();
  }

  async create(): Promise<void> {
    const outcome = await this.pass(
      this.world.members.alpha.on.replicas.create({
        syncType: numberOf(SYNC_TYPES, 'Mirror'),
        mode: this.random.pick([2, 3]),
        source: 'disk',
        target: 'beta:disk',
        waitForCopyState: null,
        settings: null,
        writable: false,
        detachWhenCopied: false,
        force: true,
      }),
    );
    // What the target held is replaced.
    this.#acknowledged.clear();
    this.told.push(`create: ${outcome.returnCode} ${outcome.sentence}`);
    await this.rest();
  }

  pass<T>(done: Promise<T>): Promise<T> {
    return passUntil(this.world.time, done);
  }

  async rest(): Promise<void> {
    await this.world.time.run(this.world.time.now + 25_000);
  }

  record(name: MemberName): Association | null {
    return this.world.members[name].on.pairs.list()[0]?.record ?? null;
  }

  async step(): Promise<void> {
    const { random, world } = this;
    switch (random.pick(['write', 'write', 'order', 'order', 'order', 'order', 'line', 'power'])) {
      case 'write':
        return await this.write(random.pick(MEMBERS));
      case 'order':
        return await this.order(random.pick(MEMBERS));
      case 'line':
        this.told.push(world.up ? 'cut' : 'restore');
        if (world.up) world.cut();
        else world.restore();
        if (random.chance(0.7)) await this.rest();
        return;
      default: {
        const name = random.pick(MEMBERS);
        this.told.push(`power of ${name}`);
        world.powerFails(name);
        await world.members[name].start();
        await this.rest();
      }
    }
  }

  /** Beside writes, and whatever comes next. */
  async verify(): Promise<void> {
    if (!this.#verifies.chance(0.3)) return;
    const name = this.#verifies.pick(MEMBERS);
    const { replicas, pairs } = this.world.members[name].on;
    const pair = pairs.list()[0];
    if (pair === undefined) return;
    const { copyState } = pair.record;
    const ordered = replicas.verifications.begin(pair, this.#verifies.chance(0.5));
    if (copyState === 'Synchronized')
      for (let i = 0; i < 3; i++) await this.write(pair.record.source.member as MemberName);
    const { returnCode, sentence } = await this.pass(ordered);
    this.told.push(`verify on ${name} (${copyState}): ${returnCode} ${sentence}`);
    // 6: one that waits for the link.
    if (copyState !== 'Synchronized') expect([4, 6], 'of what is not in step').toContain(returnCode);
  }

  async write(name: MemberName): Promise<void> {
    const block = this.random.below(BLOCKS);
    this.#serial = (this.#serial % 250) + 1;
    const value = this.#serial;
    const done = this.world.members[name].write('disk', block * BLOCK, Buffer.alloc(BLOCK, value));
    try {
      await this.pass(done);
      this.told.push(`write ${value} to block ${block} of ${name}`);
      this.#acknowledged.set(block, value);
    } catch (error) {
      this.told.push(`no write to ${name}: ${(error as Error).message}`);
    }
    await this.world.time.run(this.world.time.now + this.random.pick([0, 5, 3000]));
  }

  async order(name: MemberName): Promise<void> {
    const { random } = this;
    const { replicas, pairs } = this.world.members[name].on;
    const pair = pairs.list()[0];
    if (pair === undefined) {
      if (this.world.up && MEMBERS.every(member => this.record(member) === null)) await this.create();
      return;
    }
    const legal = namesIn(REPLICA_OPERATIONS);
    const operation: ReplicaOperation = random.pick(legal);
    const force = random.chance(0.3);
    const order = { ...ORDER, operation: numberOf(REPLICA_OPERATIONS, operation), force };
    const judged = await tableVerdict(this.world, name, order);
    const before = pair.record;
    const outcome = await this.pass(replicas.orders.modify(pair, order));
    const text = `${operation}${force ? ' with Force' : ''} on ${name} (${before.here}, ${before.copyState})`;
    this.told.push(`${text}: ${outcome.returnCode} ${outcome.sentence}`);
    if (judged.verdict === 'refused') {
      expect(outcome.returnCode, text).toBe(judged.returnCode);
    } else if (judged.verdict === 'no-effect') {
      expect(outcome.returnCode, text).toBe(0);
    } else {
      expect([0, 4096, 4], text).toContain(outcome.returnCode);
      const ended = outcome.returnCode === 0 && !pair.removed && operation !== 'Failback';
      if (ended) expect(pair.record.copyState, text).toBe(judged.arrows[0]!.arrival);
      if (outcome.returnCode === 0 && judged.arrows[0]!.arrival === 'removed') expect(pair.removed, text).toBe(true);
      // These may give up what one side has.
      if (force || operation === 'Restore from Replica' || !APART_NEVER.has(operation)) this.#acknowledged.clear();
    }
    if (random.chance(0.8)) await this.rest();
  }

  /** The line is up and nothing runs: what both members say and hold. */
  async settle(): Promise<void> {
    this.world.restore();
    await this.world.time.run(this.world.time.now + 60_000);
    const [alpha, beta] = [this.record('alpha'), this.record('beta')];
    this.told.push(`alpha ${alpha?.copyState} (${alpha?.here}), beta ${beta?.copyState} (${beta?.here})`);
    expect(alpha === null, 'both keep the pair, or neither does').toBe(beta === null);
    if (alpha === null || beta === null) return;
    expect(beta.copyState).toBe(alpha.copyState);
    expect(beta.revision).toBe(alpha.revision);
    expect(beta.mode).toBe(alpha.mode);
    expect(beta.source).toEqual(alpha.source);
    expect([alpha.here, beta.here].sort()).toEqual(['source', 'target']);
    expect(alpha.work).toBeNull();
    for (const name of MEMBERS) {
      const { verification } = this.world.members[name].on.pairs.list()[0]!;
      expect(verification?.differentBytes ?? 0, 'of a difference that is none').toBe(0);
      if (alpha.copyState === 'Synchronized') expect(verification?.state).not.toBe('running');
    }
    expect(beta.work).toBeNull();
    const writable = MEMBERS.filter(name => {
      const served = this.world.members[name].on.exports.record('disk');
      return served !== undefined && !served.readOnly;
    });
    if (!APART.has(alpha.copyState)) expect(writable.length, 'members that take writes').toBeLessThan(2);
    if (alpha.copyState !== 'Synchronized') return;
    await this.world.time.run(this.world.time.now + 10_000);
    const [ours, theirs] = [await this.bytes('alpha'), await this.bytes('beta')];
    const differing = Array.from({ length: BLOCKS }, (_, block) => block * BLOCK)
      .filter(at => ours.compare(theirs, at, at + BLOCK, at, at + BLOCK) !== 0)
      .map(at => `block ${at / BLOCK}: ${ours[at]} and ${theirs[at]}`);
    expect(differing, 'where the members differ').toEqual([]);
    for (const [block, value] of this.#acknowledged) expect(ours[block * BLOCK], `block ${block}`).toBe(value);
  }

  async bytes(name: MemberName): Promise<Buffer> {
    const volume = this.world.members[name].on.shelf.usable('disk');
    const bytes = Buffer.alloc(volume.size);
    await volume.read(0, bytes);
    return bytes;
  }
}

/** Operations that leave both sides with the same writes, or one that holds all of them. */
const APART_NEVER: ReadonlySet<ReplicaOperation> = new Set([
  'Reset To Sync',
  'Reset To Async',
  'Suspend',
  'Resume',
  'Reverse Roles',
  'Abort',
  'Activate',
  'Deactivate',
]);

describe('random lives of a mirror', () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    test(`seed ${seed}`, { timeout: 60_000 }, async () => {
      const life = new Life(seed);
      try {
        await life.begin();
        for (let round = 0; round < STEPS / 5; round++) {
          for (let step = 0; step < 5; step++) {
            await life.step();
            await life.verify();
          }
          await life.settle();
        }
      } catch (error) {
        console.log(`seed ${seed}\n  ${life.told.join('\n  ')}`);
        throw error;
      }
    });
  }
});

/** `modify` on the pair of alpha or beta, and what follows from it. */
async function carryOut(life: Life, name: MemberName, operation: ReplicaOperation): Promise<number> {
  const { replicas, pairs } = life.world.members[name].on;
  const order = { ...ORDER, operation: numberOf(REPLICA_OPERATIONS, operation), force: false };
  const { returnCode } = await life.pass(replicas.orders.modify(pairs.list()[0], order));
  await life.rest();
  return returnCode;
}

test('roles are reversed on the stream that brought the first copy, and what is written then reaches the other member', async () => {
  const life = new Life(1);
  await life.begin();
  expect(await carryOut(life, 'alpha', 'Reverse Roles')).toBe(0);
  await life.write('beta');
  await life.settle();
  expect((await life.bytes('alpha')).some(byte => byte !== 0)).toBe(true);
});

test('an order that ends the pair is answered 0 on the member that has it carried out by the other one', async () => {
  const life = new Life(1);
  await life.begin();
  expect(await carryOut(life, 'beta', 'Detach')).toBe(0);
  expect(MEMBERS.map(name => life.record(name))).toEqual([null, null]);
});
