/** Whole members in memory with mirrors between them, and what tests ask and order of them. */
import { expect } from 'vitest';
import type { PairOrder } from '../../../src/mirror/pair-orders.ts';
import type { Association } from '../../../src/model/association.ts';
import {
  type CopyState,
  MODES,
  numberOf,
  REPLICA_OPERATIONS,
  type ReplicaOperation,
  SYNC_TYPES,
} from '../../../src/model/replica-values.ts';
import { MEMBERS, type MemberName, MirrorWorld } from '../../sim/mirror-world.ts';
import { createSimRandom, type SimRandom } from '../../sim/sim-random.ts';
import { passUntil } from '../../sim/volume-member.ts';

export const BLOCK = 4096;
export const SIZE = 64 * BLOCK;
export const MIRROR = numberOf(SYNC_TYPES, 'Mirror');

export class Members extends MirrorWorld {
  static async start<T extends Members>(this: new (random: SimRandom) => T, ...volumes: readonly string[]): Promise<T> {
    const members = new this(createSimRandom(1, 'hazards'));
    for (const name of MEMBERS) await members.members[name].start();
    for (const name of volumes) await members.pass(members.members.alpha.on.shelf.create({ name, size: SIZE }));
    return members;
  }

  pass<T>(done: Promise<T>): Promise<T> {
    return passUntil(this.time, done);
  }

  rest(ms = 20_000): Promise<void> {
    return this.time.run(this.time.now + ms);
  }

  /** Synchronized when it resolves; its id. */
  async mirror(volume: string, mode: 'Synchronous' | 'Asynchronous', settings: string | null = null): Promise<string> {
    const wanted = {
      ...{ syncType: MIRROR, mode: numberOf(MODES, mode), source: volume, target: `beta:${volume}`, settings },
      ...{ waitForCopyState: null, writable: false, detachWhenCopied: false, force: false },
    };
    const { synchronization, sentence } = await this.pass(this.members.alpha.on.replicas.create(wanted));
    await this.rest(5000);
    expect(this.states(synchronization!), sentence).toEqual(['Synchronized', 'Synchronized']);
    return synchronization!;
  }

  pair(name: MemberName, id: string) {
    return this.members[name].on.pairs.get(id);
  }

  record(name: MemberName, id: string): Association | null {
    return this.pair(name, id)?.record ?? null;
  }

  states(id: string): (CopyState | 'none')[] {
    return MEMBERS.map(name => this.record(name, id)?.copyState ?? 'none');
  }

  order(name: MemberName, id: string, operation: ReplicaOperation, more: Partial<PairOrder> = {}) {
    return this.pass(this.give(name, id, operation, more));
  }

  give(name: MemberName, id: string, operation: ReplicaOperation, more: Partial<PairOrder> = {}) {
    const bare = { force: false, waitForCopyState: null, syncPairs: [], settings: null };
    const order: PairOrder = { ...bare, operation: numberOf(REPLICA_OPERATIONS, operation), ...more };
    return this.members[name].on.replicas.orders.modify(this.pair(name, id), order);
  }

  write(name: MemberName, block: number, value: number): Promise<void> {
    return this.pass(this.members[name].write('disk', block * BLOCK, Buffer.alloc(BLOCK, value)));
  }

  async expectSame(volume = 'disk'): Promise<Buffer> {
    const [alpha, beta] = await Promise.all(MEMBERS.map(name => this.members[name].content(volume)));
    expect(Buffer.compare(alpha!, beta!), 'the members hold the same').toBe(0);
    return alpha!;
  }
}
