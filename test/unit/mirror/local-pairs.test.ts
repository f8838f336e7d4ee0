import { describe, expect, test } from 'vitest';
import type { PairCreation } from '../../../src/mirror/pair-creation.ts';
import type { PairOrder } from '../../../src/mirror/pair-orders.ts';
import type { Association } from '../../../src/model/association.ts';
import type { CopyState, ReplicaOperation } from '../../../src/model/replica-values.ts';
import { numberOf, REPLICA_OPERATIONS, SYNC_TYPES, type SyncType } from '../../../src/model/replica-values.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { passUntil, VolumeMember } from '../../sim/volume-member.ts';

const SIZE = 4 * 64 * 1024;

const CREATION: Omit<PairCreation, 'syncType'> = {
  mode: null,
  source: 'disk',
  target: 'copy',
  waitForCopyState: null,
  settings: null,
  writable: true,
  detachWhenCopied: false,
  force: false,
};
const ORDER: Omit<PairOrder, 'operation'> = {
  force: false,
  waitForCopyState: null,
  syncPairs: [],
  settings: null,
};

function bytes(value: number, length = SIZE): Buffer {
  return Buffer.alloc(length, value);
}

class Host extends VolumeMember {
  static async create(seed = 1): Promise<Host> {
    const host = new Host({ name: 'alpha', random: createSimRandom(seed, 'host') });
    await host.start();
    await host.pass(host.on.shelf.create({ name: 'disk', size: SIZE }));
    await host.pass(host.write('disk', 0, bytes(1)));
    return host;
  }

  pass<T>(done: Promise<T>): Promise<T> {
    return passUntil(this.time, done);
  }

  get record(): Association | null {
    return this.on.pairs.list()[0]?.record ?? null;
  }

  get state(): CopyState | null {
    return this.record?.copyState ?? null;
  }

  async replicate(syncType: SyncType, more: Partial<PairCreation> = {}): Promise<number> {
    return (await this.pass(this.on.replicas.create(creation(syncType, more)))).returnCode;
  }

  async order(operation: ReplicaOperation, more: Partial<PairOrder> = {}): Promise<number> {
    const [pair] = this.on.pairs.list();
    const number = numberOf(REPLICA_OPERATIONS, operation);
    return (await this.pass(this.on.replicas.orders.modify(pair, { ...ORDER, operation: number, ...more }))).returnCode;
  }

  async rest(): Promise<void> {
    await this.time.run(this.time.now + 20_000);
  }
}

/** What a content consists of: its byte, where all are the same. */
function byteOf(content: Buffer | null): number | string | null {
  if (content === null) return null;
  return content.equals(bytes(content[0]!, content.length)) ? content[0]! : 'mixed';
}

interface Scene {
  readonly syncType: SyncType;
  readonly creation?: Partial<PairCreation>;
  /** From a pair that is Synchronized, its source holding 2s and its target 1s. */
  readonly before?: (host: Host) => Promise<unknown>;
  readonly order: ReplicaOperation | 'create';
  readonly force?: boolean;
  /** The states it may rest in, after the power failed in the middle: as before, or as after. */
  readonly ends: readonly (CopyState | null)[];
  /** What the volumes may hold then. */
  readonly holds: (state: CopyState | null) => { readonly disk: readonly number[]; readonly copy: readonly unknown[] };
}

const SCENES: Readonly<Record<string, Scene>> = {
  'creating a snapshot': {
    syncType: 'Snapshot',
    order: 'create',
    ends: [null, 'Synchronized'],
    holds: state => ({ disk: [1], copy: state === null ? [null] : [1] }),
  },
  'renewing a snapshot': {
    syncType: 'Snapshot',
    order: 'Resync Replica',
    ends: ['Synchronized'],
    holds: () => ({ disk: [2], copy: [1, 2] }),
  },
  'restoring from a snapshot': {
    syncType: 'Snapshot',
    order: 'Restore from Replica',
    ends: ['Synchronized'],
    holds: () => ({ disk: [1, 2], copy: [1] }),
  },
  'giving up what a snapshot holds': {
    syncType: 'Snapshot',
    order: 'Deactivate',
    ends: ['Synchronized', 'Inactive'],
    holds: state => ({ disk: [2], copy: state === 'Inactive' ? [null] : [1] }),
  },
  'taking a snapshot again': {
    syncType: 'Snapshot',
    before: host => host.order('Deactivate'),
    order: 'Activate',
    ends: ['Inactive', 'Synchronized'],
    holds: state => ({ disk: [2], copy: state === 'Inactive' ? [null] : [2] }),
  },
  'unpreparing a snapshot': {
    syncType: 'Snapshot',
    before: host => host.order('Deactivate'),
    order: 'Unprepare',
    ends: ['Inactive', 'Prepared'],
    holds: () => ({ disk: [2], copy: [null] }),
  },
  'detaching a snapshot': {
    syncType: 'Snapshot',
    order: 'Detach',
    ends: ['Synchronized', null],
    holds: () => ({ disk: [2], copy: [1] }),
  },
  'dissolving a snapshot': {
    syncType: 'Snapshot',
    order: 'Dissolve',
    ends: ['Synchronized', null],
    holds: () => ({ disk: [2], copy: [1] }),
  },
  'returning a snapshot': {
    syncType: 'Snapshot',
    order: 'Return To ResourcePool',
    ends: ['Synchronized', null],
    holds: state => ({ disk: [2], copy: state === null ? [null] : [1] }),
  },
  'creating a clone': {
    syncType: 'Clone',
    order: 'create',
    ends: [null, 'Synchronized'],
    // A volume that was made for it and is not one’s yet is empty.
    holds: state => ({ disk: [1], copy: state === null ? [null, 0] : [1] }),
  },
  'renewing a clone': {
    syncType: 'Clone',
    order: 'Resync Replica',
    ends: ['Synchronized'],
    holds: () => ({ disk: [2], copy: [1, 2] }),
  },
  'restoring from a clone': {
    syncType: 'Clone',
    order: 'Restore from Replica',
    ends: ['Synchronized'],
    holds: () => ({ disk: [1, 2], copy: [1] }),
  },
  ...scenesOfCopies({
    Abort: { ends: ['Synchronized', 'Aborted'] },
    Suspend: { ends: ['Synchronized', 'Suspended'] },
    Deactivate: { ends: ['Synchronized', 'Inactive'] },
    Resume: { after: 'Suspend', ends: ['Suspended', 'Synchronized'] },
    Activate: { after: 'Deactivate', ends: ['Inactive', 'Synchronized'] },
    Unprepare: { after: 'Abort', ends: ['Aborted', 'Prepared'] },
  }),
  'detaching a clone': {
    syncType: 'Clone',
    order: 'Detach',
    ends: ['Synchronized', null],
    holds: () => ({ disk: [2], copy: [1] }),
  },
  'dissolving a clone': {
    syncType: 'Clone',
    order: 'Dissolve',
    ends: ['Synchronized', null],
    holds: () => ({ disk: [2], copy: [1] }),
  },
};

/** Orders in the midst of the copy that renews a clone, or after one that stopped it. */
function scenesOfCopies(
  orders: Partial<Record<ReplicaOperation, { readonly after?: ReplicaOperation; readonly ends: readonly CopyState[] }>>,
): Record<string, Scene> {
  return Object.fromEntries(
    Object.entries(orders).map(([order, { after, ends }]): [string, Scene] => [
      `${order} of a clone that is half copied`,
      {
        syncType: 'Clone',
        before: async host => {
          host.files.slow = { path: /copy\/data$/, wait: () => host.time.wait(100) };
          expect(await host.order('Resync Replica')).toBe(4096);
          await host.time.run(host.time.now + 50);
          if (after !== undefined) expect(await host.order(after)).toBe(0);
        },
        order: order as ReplicaOperation,
        ends,
        holds: state => ({ disk: [2], copy: [state === 'Synchronized' ? 2 : null] }),
      },
    ]),
  );
}

async function play(scene: Scene, seed: number): Promise<{ host: Host; begin: () => Promise<unknown> }> {
  const host = await Host.create(seed);
  if (scene.order !== 'create') {
    await host.replicate(scene.syncType, scene.creation);
    await host.rest();
    await host.pass(host.write('disk', 0, bytes(2)));
    await scene.before?.(host);
  }
  const { order } = scene;
  const begin = async (): Promise<unknown> => {
    if (order === 'create') return await host.on.replicas.create(creation(scene.syncType, scene.creation));
    const [pair] = host.on.pairs.list();
    const force = scene.force ?? false;
    return await host.on.replicas.orders.modify(pair, {
      ...ORDER,
      operation: numberOf(REPLICA_OPERATIONS, order),
      force,
    });
  };
  return { host, begin };
}

function creation(syncType: SyncType, more: Partial<PairCreation> = {}): PairCreation {
  return { ...CREATION, syncType: numberOf(SYNC_TYPES, syncType), ...more };
}

async function countSteps(scene: Scene): Promise<number> {
  const { host, begin } = await play(scene, 1);
  const { steps } = host.files;
  await host.pass(begin());
  await host.rest();
  const { disk, copy } = scene.holds(host.state);
  expect(host.state).toBe(scene.ends.at(-1));
  expect(disk).toContain(byteOf(await host.content('disk')));
  expect(copy).toContain(byteOf(await host.content('copy')));
  return host.files.steps - steps;
}

async function failAt(scene: Scene, step: number): Promise<void> {
  const { host, begin } = await play(scene, step);
  const limit = host.files.steps + step;
  host.files.failAt(limit);
  begin().catch(() => {});
  await host.time.run(host.time.now + 60_000, () => host.files.steps >= limit);
  host.powerFails();
  await host.start();
  // A client is there at once. What it is told to have written stays.
  const written = await host.write('disk', SIZE - 512, bytes(9, 512)).then(
    () => true,
    () => false,
  );
  await host.rest();
  const note = `${step}: ${host.state}`;
  expect(scene.ends, note).toContain(host.state);
  expect(host.record?.work ?? null, note).toBeNull();
  for (const { name, problem } of host.on.shelf.list()) {
    // A volume that was just being made for a target is nobody's yet.
    if (name === 'disk' || scene.order !== 'create') expect(problem, `${note} ${name}`).toBeNull();
  }
  const { disk, copy } = scene.holds(host.state);
  const content = (await host.content('disk'))!;
  expect(disk, note).toContain(byteOf(content.subarray(0, SIZE - 512)));
  if (written) expect(byteOf(content.subarray(SIZE - 512)), note).toBe(9);
  const copied = await host.content('copy');
  expect(copy, `copy ${note}`).toContain(byteOf(copied?.subarray(0, SIZE - 512) ?? null));
  await host.stop();
}

describe('the power may fail at any moment while a local pair is changed', () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    test(name, { timeout: 120_000 }, async () => {
      const steps = await countSteps(scene);
      for (let step = 1; step <= steps; step++) await failAt(scene, step);
    });
  }
});

describe('a snapshot', () => {
  test('shows its moment, can be written, renewed, restored, given up, taken again and made a volume', async () => {
    const host = await Host.create();
    expect(await host.replicate('Snapshot')).toBe(0);
    await host.write('disk', 0, bytes(2));
    expect(byteOf(await host.content('copy'))).toBe(1);

    expect(await host.order('Resync Replica')).toBe(0);
    expect(byteOf(await host.content('copy'))).toBe(2);
    await host.write('copy', 0, bytes(3));
    expect(host.state).toBe('Skewed');
    expect(await host.order('Resync Replica')).toBe(4);
    expect(await host.order('Restore from Replica')).toBe(0);
    expect(host.state).toBe('Synchronized');
    expect(byteOf(await host.content('disk'))).toBe(3);

    expect(await host.order('Deactivate')).toBe(0);
    expect(await host.content('copy')).toBeNull();
    await host.write('disk', 0, bytes(4));
    expect(await host.order('Activate')).toBe(0);
    expect(byteOf(await host.content('copy'))).toBe(4);

    expect(await host.order('Detach')).toBe(0);
    await host.rest();
    expect(host.on.pairs.list()).toEqual([]);
    await host.write('copy', 0, bytes(5, 512));
    await host.write('disk', 0, bytes(6, 512));
    expect((await host.content('copy'))!.subarray(0, 1024)).toEqual(Buffer.concat([bytes(5, 512), bytes(4, 512)]));
  });
});

describe('without room', () => {
  const full = { on: 'write', path: /snapshots/, code: 'ENOSPC' } as const;

  test('a snapshot is Broken, its source goes on, and room brings it back', async () => {
    const host = await Host.create();
    await host.replicate('Snapshot');
    host.files.fault = full;
    await host.pass(host.write('disk', 0, bytes(2)));
    await host.rest();
    expect([host.state, host.record!.brokenBy]).toEqual(['Broken', 'space']);
    expect(await host.content('copy')).toBeNull();
    expect(byteOf(await host.content('disk'))).toBe(2);
    host.files.fault = null;
    expect(await host.order('Resync Replica')).toBe(0);
    expect(byteOf(await host.content('copy'))).toBe(2);
  });

  test('a snapshot that cannot be taken at all is Broken at once, and the order says so', async () => {
    const host = await Host.create();
    host.files.fault = { ...full, path: /snapshots\/.*map/ };
    expect(await host.replicate('Snapshot')).toBe(4);
    expect(host.state).toBe('Broken');
    expect(await host.order('Return To ResourcePool')).toBe(0);
    expect(host.on.pairs.list()).toEqual([]);
  });

  test('a snapshot that cannot be taken anew does not pass for the old one', async () => {
    const host = await Host.create();
    await host.replicate('Snapshot');
    host.files.fault = { ...full, path: /snapshots\/.*map/ };
    expect(await host.order('Resync Replica')).toBe(4);
    expect([host.state, host.record!.brokenBy]).toEqual(['Broken', 'space']);
    host.files.fault = null;
    expect(await host.order('Resync Replica')).toBe(0);
    expect(byteOf(await host.content('copy'))).toBe(1);
  });
});

test('a restore that fails says so, though the pair is where it was', async () => {
  const host = await Host.create();
  await host.replicate('Snapshot');
  await host.write('disk', 0, bytes(2));
  host.files.fault = { on: 'write', path: /rollback/, code: 'ENOSPC' };
  expect(await host.order('Restore from Replica')).toBe(4);
  expect(host.state).toBe('Synchronized');
  host.files.fault = null;
  expect(byteOf(await host.content('disk'))).toBe(2);
  expect(await host.order('Restore from Replica')).toBe(0);
  expect(byteOf(await host.content('disk'))).toBe(1);
});
