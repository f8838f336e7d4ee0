/** A volume that is the target of one mirror and the source of the next: what the first brings or takes back reaches the end of the chain. */
import { describe, expect, test } from 'vitest';
import type { PairOrder } from '../../../src/mirror/pair-orders.ts';
import { LEVEL_FULL } from '../../../src/model/bandwidth.ts';
import type { CopyState, ReplicaOperation } from '../../../src/model/replica-values.ts';
import { MODES, numberOf, SYNC_TYPES } from '../../../src/model/replica-values.ts';
import { type MemberName, THREE_MEMBERS } from '../../sim/mirror-world.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { BLOCK, Members, MIRROR } from './members.ts';

const SIZE = 2 * 1024 * 1024;
type Mode = 'Synchronous' | 'Asynchronous';
const BEGUN = [0, 4096];
const CLONE = numberOf(SYNC_TYPES, 'Clone');
const STOPS_HOST_IO = 'instance of CIM_ReplicationSettingData { FailedCopyStopsHostIO = true; };';
const ONES = Buffer.alloc(SIZE, 1);

class Chain extends Members {
  /** alpha to beta, and beta to gamma. */
  ab = '';
  bc = '';

  /** `settings`: of its second mirror. */
  static async of(mode: Mode, settings: string | null = null): Promise<Chain> {
    const chain = new Chain(createSimRandom(1, 'chain'));
    for (const name of THREE_MEMBERS) await chain.members[name].start();
    await chain.pass(chain.members.alpha.on.shelf.create({ name: 'disk', size: SIZE }));
    await chain.write('alpha', 0, 1);
    chain.ab = await chain.begin('alpha', 'beta', mode);
    chain.bc = await chain.begin('beta', 'gamma', mode, { settings });
    await chain.expectAlike();
    return chain;
  }

  async begin(
    from: MemberName,
    to: MemberName,
    mode: Mode,
    { settings = null, force = false }: { readonly settings?: string | null; readonly force?: boolean } = {},
  ): Promise<string> {
    const wanted = {
      ...{ syncType: MIRROR, mode: numberOf(MODES, mode), source: 'disk', target: `${to}:disk`, settings },
      ...{ waitForCopyState: null, writable: false, detachWhenCopied: false, force },
    };
    const { synchronization, sentence } = await this.pass(this.members[from].on.replicas.create(wanted));
    await this.rest(5000);
    expect(this.pair(from, synchronization!)?.record.copyState, sentence).toBe('Synchronized');
    return synchronization!;
  }

  async fill(name: MemberName, value: number): Promise<void> {
    await this.pass(this.members[name].write('disk', 0, Buffer.alloc(SIZE, value)));
  }

  async does(
    name: MemberName,
    id: string,
    operation: ReplicaOperation,
    more: Partial<PairOrder> = {},
    restMs?: number,
  ): Promise<void> {
    const { returnCode, sentence } = await this.order(name, id, operation, more);
    expect(BEGUN, `${operation}: ${sentence}`).toContain(returnCode);
    await this.rest(restMs);
  }

  /** What the volume holds, whether it is served or not. */
  async bytes(name: MemberName, length = SIZE): Promise<Buffer> {
    const volume = this.members[name].on.shelf.usable('disk');
    const bytes = Buffer.alloc(length);
    await volume.read(0, bytes);
    return bytes;
  }

  expectStates(ab: CopyState, bc: CopyState): void {
    expect(this.record('alpha', this.ab)?.copyState).toBe(ab);
    expect(this.record('beta', this.ab)?.copyState).toBe(ab);
    expect(this.record('beta', this.bc)?.copyState).toBe(bc);
    expect(this.record('gamma', this.bc)?.copyState).toBe(bc);
  }

  /** All ones, and said to be whole, though not in step. */
  async expectWhole(name: MemberName): Promise<void> {
    expect((await this.bytes(name)).equals(ONES), `${name} is whole`).toBe(true);
    expect(this.record(name, this.bc)?.copyState).not.toBe('Synchronized');
    expect(this.record(name, this.bc)?.targetData).not.toBe('Inconsistent');
  }

  /** Blocks where these differ from beta: none. */
  async expectAlike(...names: readonly MemberName[]): Promise<void> {
    const wanted = await this.bytes('beta');
    for (const name of names.length > 0 ? names : THREE_MEMBERS) {
      const found = await this.bytes(name);
      const stale = Array.from({ length: SIZE / BLOCK }, (_, block) => block * BLOCK).filter(
        at => found.compare(wanted, at, at + BLOCK, at, at + BLOCK) !== 0,
      );
      expect(
        stale.map(at => at / BLOCK),
        `blocks of ${name} that are stale`,
      ).toEqual([]);
    }
  }
}

for (const mode of ['Synchronous', 'Asynchronous'] as const) {
  describe(`a chain of mirrors, ${mode.toLowerCase()}`, () => {
    test('what is written at its head reaches its end, through cuts and power failures in its middle', async () => {
      const chain = await Chain.of(mode);
      await expect(chain.write('beta', 1, 9)).rejects.toThrow(/read/);
      for (const [turn, cut] of ['gamma', 'beta', 'gamma', 'power', 'power'].entries()) {
        await chain.write('alpha', turn, 10 + turn);
        if (cut === 'power') {
          chain.powerFails('beta');
          await chain.members.beta.start();
        } else chain.cutOff(cut as MemberName);
        await chain.write('alpha', 20 + turn, 10 + turn);
        await chain.rest(turn % 2 === 0 ? 500 : 15_000);
        chain.restore();
        await chain.rest(cut === 'power' ? 15_000 : 5000);
        await chain.write('alpha', 40 + turn, 10 + turn);
        await chain.rest(5000);
        chain.expectStates('Synchronized', 'Synchronized');
        await chain.expectAlike();
      }
    });

    /** beta is half copied of 7s over 1s when it is failed over to. */
    async function failOver(before: (chain: Chain) => void, settings: string | null = null): Promise<Chain> {
      const chain = await Chain.of(mode, settings);
      await chain.fill('alpha', 1);
      await chain.rest(3000);
      chain.cutOff('alpha');
      await chain.rest(15_000);
      await chain.fill('alpha', 7);
      // Two seconds between its halves; what is asynchronous goes on after one.
      chain.members.alpha.level = 8;
      chain.restore();
      for (let turn = 0; turn < 100 && (await chain.bytes('beta', BLOCK))[0] !== 7; turn++) await chain.rest(50);
      await chain.rest(1150);
      expect(chain.record('beta', chain.ab)).toMatchObject({ copyState: 'Unsynchronized', targetData: 'Inconsistent' });
      const half = await chain.bytes('beta');
      expect([half[0], half[SIZE - 1]], 'half copied').toEqual([7, 1]);
      await chain.expectWhole('gamma');
      chain.cutOff('alpha');
      before(chain);
      await chain.rest(15_000);
      return chain;
    }

    test.each([
      { what: 'clients need not wait for it', settings: null },
      { what: 'they must', settings: STOPS_HOST_IO },
    ])(
      'its end keeps what it was while its middle is half copied, and gets what came when that is whole: $what',
      async ({ settings }) => {
        const chain = await failOver(() => {}, settings);
        // Also where its middle and its end meet anew, or the middle starts anew, while it is not whole.
        chain.cutOff('gamma');
        await chain.rest(3000);
        chain.restore();
        chain.cutOff('alpha');
        await chain.rest(20_000);
        await chain.expectWhole('gamma');
        chain.powerFails('beta');
        await chain.members.beta.start();
        await chain.rest(20_000);
        await chain.expectWhole('gamma');
        chain.members.alpha.level = LEVEL_FULL;
        chain.restore();
        await chain.rest();
        chain.expectStates('Synchronized', 'Synchronized');
        await chain.expectAlike();
        expect((await chain.bytes('gamma')).equals(Buffer.alloc(SIZE, 7))).toBe(true);
      },
    );

    test('its end is taken into use as it was while its middle is half copied', async () => {
      const chain = await failOver(() => {});
      chain.cutOff('beta');
      await chain.rest(15_000);
      await chain.does('gamma', chain.bc, 'Failover', { force: true });
      expect((await chain.bytes('gamma')).equals(ONES)).toBe(true);
      await chain.write('gamma', 3, 9);
    });

    test('a copy from its middle to its end is not over before its middle is whole', async () => {
      const chain = await Chain.of(mode);
      await chain.does('beta', chain.bc, 'Split');
      await chain.fill('alpha', 5);
      await chain.rest(3000);
      chain.cutOff('alpha');
      await chain.rest(15_000);
      await chain.fill('alpha', 7);
      for (const name of ['alpha', 'beta'] as const) chain.members[name].level = 8;
      await chain.does('beta', chain.bc, 'Resync Replica', {}, 100);
      expect(chain.record('gamma', chain.bc)?.targetData).toBe('Inconsistent');
      chain.restore();
      const half = (): boolean => chain.record('beta', chain.ab)?.targetData === 'Inconsistent';
      for (let turn = 0; turn < 100 && !half(); turn++) await chain.rest(20);
      expect(chain.record('gamma', chain.bc)?.targetData).toBe('Inconsistent');
      chain.members.beta.level = LEVEL_FULL;
      expect(half()).toBe(true);
      for (let turn = 0; half(); turn++) {
        expect(chain.record('gamma', chain.bc)).toMatchObject({
          copyState: 'Unsynchronized',
          targetData: 'Inconsistent',
        });
        await chain.rest(100);
        if (turn === 20) chain.members.alpha.level = LEVEL_FULL;
      }
      await chain.rest(5000);
      chain.expectStates('Synchronized', 'Synchronized');
      await chain.expectAlike();
    });

    test('clones are taken beside a mirror that is just copied, but not of what is half copied itself', async () => {
      const chain = await Chain.of(mode);
      const clone = (name: MemberName, target: string) =>
        chain.pass(
          chain.members[name].on.replicas.create({
            ...{ syncType: CLONE, mode: null, source: 'disk', target, settings: null, waitForCopyState: null },
            ...{ writable: false, detachWhenCopied: false, force: true },
          }),
        );
      const { synchronization } = await clone('alpha', 'alpha:copy');
      await chain.rest(5000);
      await chain.does('alpha', chain.ab, 'Split');
      await chain.fill('alpha', 7);
      chain.members.alpha.level = 8;
      await chain.does('alpha', chain.ab, 'Resync Replica', { force: true }, 1000);
      expect(chain.record('alpha', chain.ab)?.targetData).toBe('Inconsistent');
      // The target has the same name, and is not the source.
      await chain.does('alpha', synchronization!, 'Resync Replica', { force: true }, 100);
      expect((await clone('beta', 'beta:copy')).returnCode).toBe(4);
      chain.members.alpha.level = LEVEL_FULL;
      await chain.rest();
      await chain.does('alpha', chain.ab, 'Split');
      await chain.fill('beta', 3);
      chain.members.beta.level = 8;
      await chain.does('alpha', chain.ab, 'Restore from Replica', { force: true }, 1000);
      expect(chain.record('alpha', chain.ab)?.sourceData).toBe('Inconsistent');
      const refused = await chain.order('alpha', synchronization!, 'Resync Replica', { force: true });
      expect(refused).toMatchObject({ returnCode: 4, sentence: expect.stringContaining('half copied as the source') });
      expect((await clone('alpha', 'alpha:another')).returnCode).toBe(4);
    });

    test('another mirror of a source that is copied back into keeps what it was until that is whole', async () => {
      const chain = await Chain.of(mode);
      await chain.fill('alpha', 1);
      await chain.rest(3000);
      await chain.does('beta', chain.bc, 'Detach');
      chain.bc = await chain.begin('alpha', 'gamma', mode, { force: true });
      await chain.does('alpha', chain.ab, 'Split');
      await chain.fill('beta', 7);
      chain.members.beta.level = 8;
      await chain.does('alpha', chain.ab, 'Restore from Replica', { force: true }, 1000);
      const half = (): boolean => chain.record('alpha', chain.ab)?.sourceData === 'Inconsistent';
      expect(half()).toBe(true);
      for (let turn = 0; half(); turn++) {
        await chain.expectWhole('gamma');
        await chain.rest(100);
        if (turn === 20) chain.members.beta.level = LEVEL_FULL;
      }
      await chain.rest(5000);
      for (const id of [chain.ab, chain.bc]) expect(chain.record('alpha', id)?.copyState).toBe('Synchronized');
      await chain.expectAlike();
      expect((await chain.bytes('gamma'))[0]).toBe(7);
    });

    test('a middle that goes back to what it was takes its end along', async () => {
      const chain = await failOver(() => {});
      await chain.does('beta', chain.ab, 'Failover', { force: true });
      expect((await chain.bytes('beta')).equals(ONES)).toBe(true);
      await chain.expectAlike('gamma');
      expect(chain.record('gamma', chain.bc)?.copyState).toBe('Synchronized');
      await chain.write('beta', 3, 5);
      await chain.rest(5000);
      await chain.expectAlike('gamma');
      // The head has what was never acknowledged here: it says so, and gives it up when told to.
      chain.members.alpha.level = LEVEL_FULL;
      chain.restore();
      await chain.rest();
      expect(chain.record('beta', chain.ab)).toMatchObject({ copyState: 'Failedover', diverged: true });
      expect((await chain.order('beta', chain.ab, 'Failback')).returnCode).toBe(4);
      await chain.does('beta', chain.ab, 'Failback', { force: true });
      chain.expectStates('Synchronized', 'Synchronized');
      await chain.expectAlike();
      expect((await chain.bytes('gamma'))[3 * BLOCK]).toBe(5);
    });

    test('also when its end was away then, or the power fails in the middle of it', async () => {
      const away = await failOver(chain => chain.cutOff('gamma'));
      await away.does('beta', away.ab, 'Failover', { force: true });
      away.restore();
      away.cutOff('alpha');
      await away.rest();
      await away.expectAlike('gamma');
      expect((await away.bytes('gamma')).equals(ONES)).toBe(true);
      for (let step = 2; step < 40; step += 9) {
        const chain = await failOver(() => {});
        const { files } = chain.members.beta;
        const limit = files.steps + step;
        files.failAt(limit);
        chain.give('beta', chain.ab, 'Failover', { force: true }).catch(() => {});
        await chain.time.run(chain.time.now + 5000, () => files.steps >= limit);
        chain.powerFails('beta');
        await chain.members.beta.start();
        await chain.rest();
        if (chain.record('beta', chain.ab)?.copyState !== 'Failedover') {
          await chain.does('beta', chain.ab, 'Failover', { force: true });
        }
        expect((await chain.bytes('beta')).equals(ONES), `step ${step}`).toBe(true);
        await chain.expectAlike('gamma');
      }
    });

    test('what was written in its middle while it was split is taken back at its end too', async () => {
      const chain = await Chain.of(mode);
      await chain.does('alpha', chain.ab, 'Split');
      await chain.write('beta', 5, 6);
      await chain.write('alpha', 9, 8);
      await chain.rest(3000);
      chain.expectStates('Skewed', 'Synchronized');
      expect((await chain.bytes('gamma'))[5 * BLOCK]).toBe(6);
      expect((await chain.order('alpha', chain.ab, 'Resync Replica')).returnCode).toBe(4);
      await chain.does('alpha', chain.ab, 'Resync Replica', { force: true });
      chain.expectStates('Synchronized', 'Synchronized');
      await chain.expectAlike();
      expect((await chain.bytes('gamma'))[5 * BLOCK]).not.toBe(6);
      await chain.does('alpha', chain.ab, 'Split');
      await chain.write('beta', 5, 7);
      await chain.does('alpha', chain.ab, 'Restore from Replica');
      chain.expectStates('Synchronized', 'Synchronized');
      await chain.expectAlike();
      expect((await chain.bytes('alpha'))[5 * BLOCK]).toBe(7);
    });

    test('its head may hand its role to the middle and get it back', async () => {
      const chain = await Chain.of(mode);
      await chain.does('alpha', chain.ab, 'Reverse Roles');
      await chain.write('beta', 4, 4);
      await chain.rest(3000);
      await chain.expectAlike();
      await chain.does('beta', chain.ab, 'Reverse Roles');
      await chain.write('alpha', 5, 5);
      await chain.rest(3000);
      chain.expectStates('Synchronized', 'Synchronized');
      await chain.expectAlike();
    });

    test('nothing is copied into its middle from its end, which its head would not know of', async () => {
      const chain = await Chain.of(mode);
      const refuses = async (name: MemberName, operation: ReplicaOperation): Promise<void> => {
        const { returnCode, sentence } = await chain.order(name, chain.bc, operation, { force: true });
        await chain.rest();
        if (returnCode !== 4096) {
          expect(returnCode, `${operation} at ${name}`).toBe(4);
          expect(sentence).toMatch(/beta:disk|disk is the target/);
        }
        await chain.expectAlike('alpha');
      };
      for (const name of ['beta', 'gamma'] as const) await refuses(name, 'Reverse Roles');
      chain.expectStates('Synchronized', 'Synchronized');
      await chain.does('beta', chain.bc, 'Split');
      for (const name of ['beta', 'gamma'] as const) await refuses(name, 'Reverse Roles');
      await chain.write('gamma', 6, 6);
      for (const name of ['beta', 'gamma'] as const) await refuses(name, 'Restore from Replica');
      await chain.does('beta', chain.bc, 'Resync Replica', { force: true });
      await chain.does('beta', chain.bc, 'Failover');
      await chain.write('gamma', 7, 7);
      for (const name of ['beta', 'gamma'] as const) {
        await refuses(name, 'Failback');
        await refuses(name, 'Reverse Roles');
        chain.expectStates('Synchronized', 'Failedover');
      }
      // Once the middle is nobody's target, it may be brought back.
      await chain.does('alpha', chain.ab, 'Detach');
      await chain.does('gamma', chain.bc, 'Failback', { force: true });
      expect(chain.record('gamma', chain.bc)?.copyState).toBe('Synchronized');
      await chain.expectAlike('gamma');
      expect((await chain.bytes('beta'))[7 * BLOCK]).toBe(7);
    });

    for (const restarted of [false, true]) {
      const also = restarted ? ', also where the middle was started anew' : '';
      test(`an end that was taken into use and a middle that was fed meanwhile have diverged, and say so${also}`, async () => {
        const chain = await Chain.of(mode);
        chain.cutOff('gamma');
        if (restarted) {
          await chain.members.beta.stop();
          await chain.members.beta.start();
        }
        await chain.rest(15_000);
        await chain.does('gamma', chain.bc, 'Failover', { force: true });
        await chain.write('alpha', 8, 8);
        await chain.write('gamma', 9, 9);
        await chain.rest(3000);
        chain.restore();
        await chain.rest();
        chain.expectStates('Synchronized', 'Failedover');
        for (const name of ['beta', 'gamma'] as const) {
          expect(chain.record(name, chain.bc)?.diverged, `diverged at ${name}`).toBe(true);
        }
        expect((await chain.bytes('gamma'))[9 * BLOCK]).toBe(9);
        expect((await chain.bytes('beta'))[8 * BLOCK]).toBe(8);
        await chain.expectAlike('alpha');
      });
    }
  });
}
