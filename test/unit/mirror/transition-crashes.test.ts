/**
 * An order that changes who may write is cut off at every point of it: the power of either member fails at each step of its disk,
 * and the line is away for half a second from each event on. A client writes all the time.
 */
import { describe, expect, test } from 'vitest';
import type { CopyState, ReplicaOperation } from '../../../src/model/replica-values.ts';
import { numberOf, REPLICA_OPERATIONS, SYNC_TYPES } from '../../../src/model/replica-values.ts';
import { MEMBERS, type MemberName, MirrorWorld } from '../../sim/mirror-world.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { passUntil } from '../../sim/volume-member.ts';

const BLOCK = 4096;
const SIZE = BLOCK * 16;
const STOPS_HOST_IO = 'instance of CIM_ReplicationSettingData { FailedCopyStopsHostIO = true; };';
const ORDER = { force: true, waitForCopyState: null, syncPairs: [], settings: null } as const;

interface Scene {
  readonly order: ReplicaOperation;
  /** Given before, the mirror being Synchronized. */
  readonly before?: ReplicaOperation;
  readonly from: CopyState;
  readonly to: CopyState | 'none';
  /** A write that cannot reach both members waits. */
  readonly stopsHostIo?: boolean;
  /** Where the client writes, if both may be. */
  readonly written?: MemberName;
}

const SCENES: readonly Scene[] = [
  { order: 'Failover', from: 'Synchronized', to: 'Failedover' },
  { order: 'Failback', before: 'Failover', from: 'Failedover', to: 'Synchronized' },
  { order: 'Reverse Roles', from: 'Synchronized', to: 'Synchronized' },
  { order: 'Split', from: 'Synchronized', to: 'Split' },
  { order: 'Resync Replica', before: 'Split', from: 'Split', to: 'Synchronized' },
  { order: 'Restore from Replica', before: 'Split', from: 'Split', to: 'Synchronized', written: 'beta' },
  { order: 'Reverse Roles', before: 'Failover', from: 'Failedover', to: 'Synchronized' },
  { order: 'Fracture', from: 'Synchronized', to: 'Fractured' },
  { order: 'Suspend', from: 'Synchronized', to: 'Suspended' },
  { order: 'Detach', from: 'Synchronized', to: 'none' },
  { order: 'Failback', before: 'Failover', from: 'Failedover', to: 'Synchronized', stopsHostIo: true },
  { order: 'Resync Replica', before: 'Split', from: 'Split', to: 'Synchronized', stopsHostIo: true },
];
const APART: ReadonlySet<CopyState | 'none'> = new Set(['Split', 'Fractured', 'Skewed', 'none']);

type Failure = 'line' | MemberName;
const FAILURES: readonly Failure[] = ['line', ...MEMBERS];
/** Of each order and failure; all of them with `TANDEM_POINTS=1000 npx vitest run test/unit/mirror/transition-crashes`. */
const POINTS = Number(process.env.TANDEM_POINTS ?? 3);

class Stage {
  readonly world: MirrorWorld;
  readonly #scene: Scene;
  readonly #asked: MemberName;
  /** Where both took writes while they could reach each other. */
  readonly #both: string[] = [];
  /** The last stamp that was written, and the last that was answered. */
  #stamp = 0;
  #answered = 0;
  #rests = false;

  constructor(scene: Scene, asked: MemberName, seed: number) {
    this.#scene = scene;
    this.#asked = asked;
    this.world = new MirrorWorld(createSimRandom(seed, 'transition'));
  }

  async begin(): Promise<void> {
    const { members } = this.world;
    for (const name of MEMBERS) {
      await members[name].start();
      await this.pass(members[name].on.shelf.create({ name: 'disk', size: SIZE }));
    }
    const made = members.alpha.on.replicas.create({
      syncType: numberOf(SYNC_TYPES, 'Mirror'),
      mode: 2,
      source: 'disk',
      target: 'beta:disk',
      waitForCopyState: null,
      settings: this.#scene.stopsHostIo === true ? STOPS_HOST_IO : null,
      writable: false,
      detachWhenCopied: false,
      force: true,
    });
    expect([0, 4096]).toContain((await this.pass(made)).returnCode);
    await this.rest(5000);
    if (this.#scene.before !== undefined) {
      expect((await this.pass(this.give('alpha', this.#scene.before))).returnCode).toBe(0);
      await this.rest(5000);
    }
    expect(this.states).toEqual([this.#scene.from, this.#scene.from]);
    this.write().catch(() => {});
    await this.rest(20);
  }

  /** Stamps, one after the other, by whoever may write; once it may not, by nobody any more. */
  async write(): Promise<void> {
    const name = this.#scene.written ?? this.writers[0];
    const client = this.world.members[name!].connect('disk');
    while (!this.#rests) {
      this.#stamp++;
      await client.write(0, Buffer.alloc(BLOCK, this.#stamp % 251));
      await client.flush();
      this.#answered = this.#stamp;
      await this.world.time.wait(1);
    }
  }

  get writers(): readonly MemberName[] {
    return MEMBERS.filter(name => this.world.members[name].running?.exports.record('disk')?.readOnly === false);
  }

  get states(): readonly (CopyState | 'none' | null)[] {
    return MEMBERS.map(name => {
      const { running } = this.world.members[name];
      return running === null ? null : (running.pairs.list()[0]?.record.copyState ?? 'none');
    });
  }

  get works(): boolean {
    return MEMBERS.some(name => this.world.members[name].running?.pairs.list()[0]?.record.work);
  }

  give(name: MemberName, operation: ReplicaOperation) {
    const { replicas, pairs } = this.world.members[name].on;
    return replicas.orders.modify(pairs.list()[0], { ...ORDER, operation: numberOf(REPLICA_OPERATIONS, operation) });
  }

  pass<T>(done: Promise<T>): Promise<T> {
    return passUntil(this.world.time, done);
  }

  /** Until `over`, looking after every event whether both take writes. */
  async rest(ms: number, over: () => boolean = () => false): Promise<void> {
    const apart = [this.#scene.from, this.#scene.to].some(state => APART.has(state));
    await this.world.time.run(this.world.time.now + ms, () => {
      if (!apart && this.world.up && this.writers.length > 1) this.#both.push(this.states.join(', '));
      return over();
    });
  }

  /** Nothing fails: how many points there are at which it could have. */
  async count(failure: Failure): Promise<number> {
    const { time } = this.world;
    const at = this.position(failure);
    await this.pass(this.give(this.#asked, this.#scene.order));
    await this.rest(20_000, () => !this.works && this.states.every(state => state === this.#scene.to));
    expect(this.states).toEqual([this.#scene.to, this.#scene.to]);
    const points = this.position(failure) - at;
    await time.run(time.now + 1000);
    return points;
  }

  position(failure: Failure): number {
    return failure === 'line' ? this.world.time.steps : this.world.members[failure].files.steps;
  }

  async play(failure: Failure, point: number): Promise<void> {
    const { world } = this;
    const until = this.position(failure) + point;
    if (failure !== 'line') world.members[failure].files.failAt(until);
    this.give(this.#asked, this.#scene.order).catch(() => {});
    await this.rest(30_000, () => this.position(failure) >= until);
    if (failure === 'line') {
      world.cut();
      await this.rest(500);
      world.restore();
    } else {
      world.powerFails(failure);
      await this.rest(100);
      await world.members[failure].start();
    }
    // Long enough for a flow that has come up again.
    await this.rest(1500);
    this.#rests = true;
    await this.rest(15_000);
  }

  async expectSound(): Promise<void> {
    const { order, from, to, written } = this.#scene;
    const [state, other] = this.states;
    expect(other).toBe(state);
    // A target that was split has been written.
    expect(written === 'beta' ? [from, to, 'Skewed'] : [from, to]).toContain(state);
    expect(this.works).toBe(false);
    expect(this.#both, 'both take writes').toEqual([]);
    expect(this.writers.length, 'members that take writes').toBe(APART.has(state!) ? 2 : 1);
    await this.expectAnswered((state === to ? null : written) ?? this.writers[0]!);
    if (state === 'Synchronized') for (const name of MEMBERS) await this.expectAnswered(name);
    if (state === to && from !== to) return;
    // What was given up can be ordered again.
    const { returnCode, sentence } = await this.pass(this.give(this.#asked, order));
    expect([0, 4096], sentence).toContain(returnCode);
    await this.rest(20_000);
    expect(this.states).toEqual([to, to]);
    expect(this.#both, 'both take writes').toEqual([]);
    await this.expectAnswered(this.writers[0]!);
  }

  /** The last stamp that was answered, or one that was still on its way. */
  async expectAnswered(name: MemberName): Promise<void> {
    const content = await this.world.members[name].content('disk');
    const allowed = [this.#answered % 251, this.#stamp % 251];
    expect(allowed, `what ${name} holds`).toContain(content![0]);
  }
}

describe('is done or given up, nobody writes beside another one, and nothing that was answered is lost:', () => {
  for (const scene of SCENES) {
    for (const [index, failure] of FAILURES.entries()) {
      const asked = MEMBERS[(index + SCENES.indexOf(scene)) % 2]!;
      const what = failure === 'line' ? 'the line cut' : `power failing on ${failure}`;
      const { order } = scene;
      const from = `${scene.from}${scene.stopsHostIo === true ? ' where a failed copy stops host I/O' : ''}`;
      test(`${order} from ${from}, ordered on ${asked}, with ${what} at any point`, { timeout: 60_000 }, async () => {
        const whole = new Stage(scene, asked, 1);
        await whole.begin();
        const points = await whole.count(failure);
        expect(points).toBeGreaterThan(3);
        for (const point of pointsOf(points)) {
          const stage = new Stage(scene, asked, point);
          await stage.begin();
          await stage.play(failure, point);
          await stage.expectSound().catch(error => {
            throw new Error(`point ${point} of ${points}: ${(error as Error).message}`);
          });
        }
      });
    }
  }
});

/** So many of 1 to `all`, as far apart as they can be. */
function pointsOf(all: number): readonly number[] {
  const count = Math.min(POINTS, all);
  return Array.from({ length: count }, (_, index) => 1 + Math.floor((index * all) / count));
}
