/** Clones, here and on another member, that are renewed as a group while clients write to their sources. */
import { expect, test } from 'vitest';
import { numberOf, REPLICA_OPERATIONS, SYNC_TYPES } from '../../../src/model/replica-values.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { BLOCK, Members } from './members.ts';

const CLONE = numberOf(SYNC_TYPES, 'Clone');
const TARGETS = ['beta:data-copy', 'beta:log-copy', 'log-here'] as const;

class Clones extends Members {
  #over = false;
  #done: Promise<void> = Promise.resolve();

  static async begin(): Promise<Clones> {
    const clones = await Clones.start('data', 'log');
    const { replicas, pairs } = clones.members.alpha.on;
    for (const target of TARGETS) {
      const outcome = await clones.pass(
        replicas.create({
          ...{ syncType: CLONE, mode: null, source: target.includes('data') ? 'data' : 'log', target, settings: null },
          ...{ waitForCopyState: 4, writable: false, detachWhenCopied: false, force: false },
        }),
      );
      expect(outcome.returnCode, outcome.sentence).toBe(0);
    }
    const ids = pairs.list().map(({ id }) => id);
    await clones.pass(
      replicas.groups.create({ name: 'all', syncType: CLONE, deleteOnEmptyElement: false, pairs: ids }),
    );
    return clones;
  }

  /** 1, 3, 5, … to the one and 2, 4, 6, … to the other, each when the one before is answered. */
  startWriting(): void {
    const sources = [this.members.alpha.connect('log'), this.members.alpha.connect('data')];
    const write = async (): Promise<void> => {
      for (let number = 1; !this.#over; number++) {
        const data = Buffer.alloc(BLOCK);
        data.writeUInt32LE(number);
        await sources[number % 2]!.write(0, data);
        await this.time.wait(1);
      }
      for (const source of sources) source.leave();
    };
    this.#done = write();
  }

  async stopWriting(): Promise<void> {
    this.#over = true;
    await this.pass(this.#done);
  }

  renew() {
    const { groups } = this.members.alpha.on.replicas;
    return groups.modify(groups.find('all')!, {
      operation: numberOf(REPLICA_OPERATIONS, 'Resync Replica'),
      settings: 'instance of CIM_ReplicationSettingData { ConsistentPointInTime = true; };',
      ...{ force: true, waitForCopyState: null, syncPairs: [] },
    });
  }

  get copyStates(): string[] {
    return this.members.alpha.on.pairs.list().map(({ record }) => record.copyState);
  }

  /** The number in a volume or a snapshot. */
  async holding(member: 'alpha' | 'beta', name: string): Promise<number> {
    const block = Buffer.alloc(4);
    const { shelf, pairs } = this.members[member].on;
    const taken = pairs.list().find(({ record }) => record.syncType === 'Snapshot' && record.target.name === name);
    const device =
      taken === undefined ? shelf.usable(name) : shelf.usable(taken.record.source.name).snapshot(taken.kept.snapshot!)!;
    await device.read(0, block);
    return block.readUInt32LE(0);
  }

  async expectOneMoment(): Promise<number> {
    const [data, log, here] = [
      await this.holding('beta', 'data-copy'),
      await this.holding('beta', 'log-copy'),
      await this.holding('alpha', 'log-here'),
    ];
    expect(here).toBe(log);
    expect(Math.abs(data - log), `${data} and ${log}`).toBe(1);
    return Math.max(data, log);
  }
}

test('clones of a group are of one moment, again and again', async () => {
  const clones = await Clones.begin();
  clones.startWriting();
  let last = 0;
  for (let round = 0; round < 8; round++) {
    await clones.rest(200 + round * 7);
    const outcome = await clones.pass(clones.renew());
    expect([0, 4096], outcome.sentence).toContain(outcome.returnCode);
    await clones.rest(5000);
    expect(clones.copyStates).toEqual(['Synchronized', 'Synchronized', 'Synchronized']);
    const now = await clones.expectOneMoment();
    expect(now).toBeGreaterThan(last);
    last = now;
  }
  await clones.stopWriting();
});

for (const syncType of ['Clone', 'Snapshot'] as const) {
  test(`${syncType.toLowerCase()}s that are made as a group are of one moment from the beginning`, async () => {
    const clones = await Clones.start('data', 'log');
    const { replicas } = clones.members.alpha.on;
    clones.startWriting();
    for (const at of syncType === 'Clone' ? ['alpha', 'beta'] : ['alpha']) {
      for (let round = 0; round < 6; round++) {
        await clones.rest(20 + round * 3);
        const outcome = await clones.pass(
          replicas.createGroup({
            ...{
              name: `${at}${round}`,
              syncType: numberOf(SYNC_TYPES, syncType),
              sources: ['data', 'log'],
              mode: null,
            },
            ...{ target: `${at}:${round}-*`, settings: null, waitForCopyState: round % 2 === 0 ? null : 4 },
            ...{ writable: false, force: false, deleteOnEmptyElement: false },
          }),
        );
        expect([0, 4096], outcome.sentence).toContain(outcome.returnCode);
        await clones.rest(5000);
        expect(new Set(clones.copyStates)).toEqual(new Set(['Synchronized']));
        const places = ['data', 'log'].map(name => `${round}-${name}`);
        const [data, log] = await Promise.all(places.map(name => clones.holding(at as 'alpha' | 'beta', name)));
        expect(Math.abs(data! - log!), `${data} and ${log}`).toBe(1);
      }
    }
    await clones.stopWriting();
  });
}

test('a line that is cut while the moment is passed keeps nobody waiting, and the next order has one', async () => {
  const random = createSimRandom(1, 'clone moments');
  const clones = await Clones.begin();
  clones.startWriting();
  for (let round = 0; round < 8; round++) {
    await clones.rest(100);
    const renewing = clones.renew();
    await clones.rest(random.below(12));
    clones.cut();
    const cut = await clones.pass(renewing);
    expect([0, 4, 4096], cut.sentence).toContain(cut.returnCode);
    clones.restore();
    await clones.rest(40_000);
    expect(clones.copyStates).toEqual(['Synchronized', 'Synchronized', 'Synchronized']);
    const outcome = await clones.pass(clones.renew());
    expect([0, 4096], outcome.sentence).toContain(outcome.returnCode);
    await clones.rest(5000);
    await clones.expectOneMoment();
  }
  await clones.stopWriting();
});
