/** Clones on another member: what they hold, through cuts, power failures and whatever is ordered. */
import { describe, expect, test } from 'vitest';
import type { PairCreation } from '../../../src/mirror/pair-creation.ts';
import type { Association } from '../../../src/model/association.ts';
import type { ReplicaOperation } from '../../../src/model/replica-values.ts';
import { namesIn, numberOf, REPLICA_OPERATIONS, SYNC_TYPES } from '../../../src/model/replica-values.ts';
import { MEMBERS, type MemberName, MirrorWorld } from '../../sim/mirror-world.ts';
import { createSimRandom, type SimRandom } from '../../sim/sim-random.ts';
import { passUntil } from '../../sim/volume-member.ts';
import { tableVerdict } from './table-verdict.ts';

const BLOCK = 4096;
const BLOCKS = 320;
const SEEDS = Number(process.env.TANDEM_SEEDS ?? 5);
const FIRST = Number(process.env.TANDEM_SEED ?? 1);
const ORDER = { waitForCopyState: null, syncPairs: [], settings: null } as const;
const CREATION: PairCreation = {
  syncType: numberOf(SYNC_TYPES, 'Clone'),
  mode: null,
  source: 'disk',
  target: 'beta:disk',
  waitForCopyState: null,
  settings: null,
  writable: true,
  detachWhenCopied: false,
  force: true,
};

class Life {
  readonly world: MirrorWorld;
  readonly random: SimRandom;
  readonly told: string[] = [];
  /** Every content that either volume was known to have. */
  readonly seen = new Set<string>();
  #serial = 0;

  constructor(seed: number) {
    this.random = createSimRandom(seed, 'life');
    this.world = new MirrorWorld(createSimRandom(seed, 'world'));
  }

  static async begin(seed: number): Promise<Life> {
    const life = new Life(seed);
    for (const name of MEMBERS) await life.world.members[name].start();
    await life.pass(life.world.members.alpha.on.shelf.create({ name: 'disk', size: BLOCK * BLOCKS }));
    for (let block = 0; block < BLOCKS; block += 8) await life.write('alpha', block);
    return life;
  }

  pass<T>(done: Promise<T>): Promise<T> {
    return passUntil(this.world.time, done);
  }

  async rest(ms = 25_000): Promise<void> {
    await this.world.time.run(this.world.time.now + ms);
  }

  record(name: MemberName): Association | null {
    return this.world.members[name].on.pairs.list()[0]?.record ?? null;
  }

  async create(more: Partial<PairCreation> = {}): Promise<number> {
    const { returnCode, sentence } = await this.pass(
      this.world.members.alpha.on.replicas.create({ ...CREATION, ...more }),
    );
    this.told.push(`create: ${returnCode} ${sentence}`);
    return returnCode;
  }

  async order(name: MemberName, operation: ReplicaOperation, force = false): Promise<number> {
    const { replicas, pairs } = this.world.members[name].on;
    const pair = pairs.list()[0]!;
    const order = { ...ORDER, operation: numberOf(REPLICA_OPERATIONS, operation), force };
    const judged = await tableVerdict(this.world, name, order);
    const before = pair.record;
    const { returnCode, sentence } = await this.pass(replicas.orders.modify(pair, order));
    const text = `${operation}${force ? ' with Force' : ''} on ${name} (${before.here}, ${before.copyState})`;
    this.told.push(`${text}: ${returnCode} ${sentence}`);
    if (judged.verdict === 'refused') expect(returnCode, text).toBe(judged.returnCode);
    else expect([0, 4096, 4, 6], text).toContain(returnCode);
    return returnCode;
  }

  /** Whether it was taken. */
  async write(name: MemberName, block = this.random.below(BLOCKS)): Promise<boolean> {
    this.#serial = (this.#serial % 250) + 1;
    const data = Buffer.alloc(BLOCK, this.#serial);
    try {
      await this.pass(this.world.members[name].write('disk', block * BLOCK, data));
      this.told.push(`write ${this.#serial} to block ${block} of ${name}`);
      await this.see(name);
      return true;
    } catch (error) {
      this.told.push(`no write to ${name}: ${(error as Error).message}`);
      return false;
    }
  }

  async see(name: MemberName): Promise<string> {
    const found = await this.content(name);
    this.seen.add(found);
    return found;
  }

  /** Which serial number each block has. */
  async content(name: MemberName, of = 'disk'): Promise<string> {
    const volume = this.world.members[name].on.shelf.usable(of);
    const bytes = Buffer.alloc(volume.size);
    await volume.read(0, bytes);
    const blocks = Array.from({ length: BLOCKS }, (_, block) => bytes.subarray(block * BLOCK, (block + 1) * BLOCK));
    return blocks.map(block => (block.every(byte => byte === block[0]) ? block[0] : 'mixed')).join(' ');
  }

  /** The line is up and nothing runs. */
  async settle(): Promise<void> {
    this.world.restore();
    await this.rest(60_000);
    const [alpha, beta] = [this.record('alpha'), this.record('beta')];
    this.told.push(`alpha ${alpha?.copyState}, beta ${beta?.copyState}`);
    expect(alpha === null, 'both keep the pair, or neither does').toBe(beta === null);
    if (alpha === null || beta === null) {
      expect(this.world.members.alpha.on.shelf.usable('disk').snapshots).toEqual([]);
      return;
    }
    for (const property of ['copyState', 'revision', 'source', 'targetData', 'sourceData', 'work'] as const) {
      expect(beta[property], property).toEqual(alpha[property]);
    }
    expect(alpha.work).toBeNull();
    if (alpha.copyState !== 'Suspended') {
      expect(this.world.members.alpha.on.shelf.usable('disk').snapshots).toEqual([]);
    }
    expect(this.world.members.beta.on.exports.record('disk') === undefined, 'served while it is not whole').toBe(
      alpha.targetData === 'Inconsistent' || alpha.copyState === 'Initialized' || alpha.copyState === 'Prepared',
    );
    if (alpha.copyState !== 'Synchronized') return;
    for (const name of MEMBERS) {
      expect(this.seen.has(await this.content(name)), `${name} is as it never was`).toBe(true);
    }
  }

  async step(): Promise<void> {
    const { random, world } = this;
    switch (random.pick(['write', 'write', 'write', 'order', 'order', 'order', 'order', 'line', 'power'])) {
      case 'write':
        await this.write(random.pick(['alpha', 'alpha', 'alpha', 'beta'] as const));
        return await this.rest(random.pick([0, 5, 3000]));
      case 'order': {
        const name = random.pick(MEMBERS);
        if (this.record(name) !== null) {
          await this.order(name, random.pick(namesIn(REPLICA_OPERATIONS)), random.chance(0.2));
        } else if (world.up && MEMBERS.every(member => this.record(member) === null)) await this.create();
        return await this.rest(random.pick([0, 20, 25_000]));
      }
      case 'line':
        this.told.push(world.up ? 'cut' : 'restore');
        if (world.up) world.cut();
        else world.restore();
        return await this.rest(random.pick([10, 25_000]));
      default: {
        const name = random.pick(MEMBERS);
        this.told.push(`power of ${name}`);
        world.powerFails(name);
        await world.members[name].start();
        return await this.rest(random.pick([10, 25_000]));
      }
    }
  }
}

describe('a clone on another member', () => {
  test('is what its source was when the order came, however that is written meanwhile', async () => {
    const life = await Life.begin(1);
    const was = await life.see('alpha');
    expect(await life.create()).toBe(4096);
    expect(life.record('alpha')!.copyState).toBe('Unsynchronized');
    expect(life.world.members.beta.on.exports.record('disk')).toBeUndefined();
    for (const block of [0, 3, 100, 319]) expect(await life.write('alpha', block)).toBe(true);
    await life.settle();
    expect(life.record('alpha')).toMatchObject({ copyState: 'Synchronized', targetData: 'UpToDate', mode: null });
    expect(await life.content('beta')).toBe(was);
    await life.write('alpha', 7);
    await life.rest();
    expect(await life.content('beta')).toBe(was);
    const pair = life.world.members.alpha.on.pairs.list()[0]!;
    expect(pair.progress.dirtyBytes).toBe(5 * BLOCK);
  });

  test('takes a new moment with what either side changed since, and gives its source back what it holds', async () => {
    const life = await Life.begin(2);
    await life.create();
    await life.settle();
    await life.write('alpha', 1);
    await life.write('beta', 2);
    expect(life.record('beta')!.copyState).toBe('Skewed');
    await life.rest(100);
    expect(life.record('alpha')!.copyState).toBe('Skewed');
    expect(await life.order('beta', 'Resync Replica')).toBe(4);
    expect(await life.order('beta', 'Resync Replica', true)).toBe(4096);
    await life.settle();
    const now = await life.see('alpha');
    expect(await life.content('beta')).toBe(now);
    await life.write('alpha', 3);
    await life.write('beta', 4);
    await life.rest(100);
    const theirs = await life.see('beta');
    expect(await life.order('alpha', 'Restore from Replica')).toBe(4096);
    expect(await life.write('alpha', 5)).toBe(false);
    await life.settle();
    expect(await life.content('alpha')).toBe(theirs);
    expect(await life.write('beta', 9)).toBe(true);
    await life.rest();
    expect(await life.content('alpha'), 'nothing flows after the copy').toBe(theirs);
  });

  test('goes on with the moment it began with after cuts, a pause and power failures', async () => {
    const life = await Life.begin(3);
    const was = await life.see('alpha');
    await life.create();
    life.world.cut();
    await life.write('alpha', 0);
    await life.rest();
    expect(life.record('alpha')).toMatchObject({ copyState: 'Broken', brokenBy: 'link' });
    life.world.restore();
    await life.world.time.run(life.world.time.now + 6);
    expect(await life.order('alpha', 'Suspend')).toBeLessThan(5);
    await life.write('alpha', 3);
    for (const name of MEMBERS) {
      life.world.powerFails(name);
      await life.world.members[name].start();
      await life.rest(2000);
    }
    if (life.record('alpha')!.copyState === 'Suspended') await life.order('beta', 'Resume');
    await life.settle();
    expect(life.record('beta')!.copyState).toBe('Synchronized');
    expect(await life.content('beta')).toBe(was);
  });

  test('is a volume of its own when it is complete, if that was wanted', async () => {
    const life = await Life.begin(4);
    const was = await life.see('alpha');
    await life.create({ detachWhenCopied: true });
    await life.settle();
    expect(MEMBERS.map(name => life.record(name))).toEqual([null, null]);
    expect(await life.content('beta')).toBe(was);
    expect(await life.write('beta', 1)).toBe(true);
    const jobs = life.world.members.alpha.on.replicas.jobs.list();
    expect(jobs.map(({ job }) => job.state)).toEqual(['Completed']);
  });
});

test('a clone of the target of a mirror is what the source of that was at one moment, and does the mirror no harm', async () => {
  const life = await Life.begin(5);
  const { alpha, beta } = life.world.members;
  const mirror = { ...CREATION, syncType: numberOf(SYNC_TYPES, 'Mirror'), writable: false };
  await life.pass(alpha.on.replicas.create(mirror));
  await life.rest();
  for (let round = 0; round < 3; round++) {
    await life.write('alpha');
    // Somewhere in the middle of an epoch.
    await life.rest(round * 30);
    const target = `alpha:copy${round}`;
    const { returnCode } = await life.pass(beta.on.replicas.create({ ...CREATION, target, writable: false }));
    expect([0, 4096]).toContain(returnCode);
    await life.write('alpha');
    await life.rest(60_000);
    const states = beta.on.pairs.list().map(({ record }) => record.copyState);
    expect(new Set(states)).toEqual(new Set(['Synchronized']));
    expect(life.seen.has(await life.content('alpha', `copy${round}`)), `copy${round}`).toBe(true);
    expect(await life.content('beta')).toBe(await life.content('alpha'));
  }
});

describe('random lives of a clone on another member', () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    test(`seed ${seed}`, { timeout: 60_000 }, async () => {
      const life = await Life.begin(seed);
      try {
        await life.create();
        for (let round = 0; round < 6; round++) {
          for (let step = 0; step < 6; step++) await life.step();
          await life.settle();
        }
      } catch (error) {
        console.log(`seed ${seed}\n  ${life.told.join('\n  ')}`);
        throw error;
      }
    });
  }
});
