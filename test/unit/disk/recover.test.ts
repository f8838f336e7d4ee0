/** Power failures and kills at every moment of a group of operations: each has happened whole, or not at all. */
import { describe, expect, it } from 'vitest';
import { errnoError } from '../../../src/base/errno.ts';
import type { Random } from '../../../src/base/random.ts';
import type { Disk, Operation, Outcome } from '../../../src/disk/disk.ts';
import type { Stat } from '../../../src/model/update.ts';
import type { MemoryFileSystem } from '../../sim/memory-file-system.ts';
import {
  applyOne,
  installOperation,
  listAside,
  MARKER,
  MTIME,
  makeDisk,
  makeMemoryWorld,
  order,
  scanOne,
  statOf,
  type World,
} from './worlds.ts';

const SEEDS = 300;

/** mulberry32 */
function seeded(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { next, guid: () => `${next()}` };
}

class PowerFailure extends Error {}

/** From the given call on, every call fails. */
function failAfter(memory: MemoryFileSystem, calls: number): void {
  let left = calls;
  memory.onCall = () => {
    if (left-- <= 0) throw new PowerFailure();
  };
}

async function untilPowerFails(action: Promise<unknown>): Promise<void> {
  try {
    await action;
  } catch (error) {
    if (!(error instanceof PowerFailure)) throw error;
  }
}

const OLD = ['plain', 'loser', 'removed', 'removed-loser', 'from', 'd/inner', 'attributed', 'p/q', 'to-link'];

async function groupOf(disk: Disk): Promise<Operation[]> {
  const stat = async (path: string): Promise<Stat> => (await disk.look([path]))[0]!;
  return [
    await installOperation(disk, 'plain', 'new plain', await stat('plain')),
    await installOperation(disk, 'loser', 'new loser', await stat('loser'), true),
    await installOperation(disk, 'fresh', 'new fresh', null),
    { kind: 'remove', path: 'removed', expect: await stat('removed'), preserve: order('removed') },
    {
      kind: 'remove',
      path: 'removed-loser',
      expect: await stat('removed-loser'),
      preserve: order('removed-loser', true),
    },
    { kind: 'move', from: 'from', to: 'to', expect: await stat('from') },
    await installOperation(disk, 'd/inner', 'new inner', await stat('d/inner')),
    { kind: 'move', from: 'd', to: 'e', expect: await stat('d') },
    { kind: 'attributes', path: 'attributed', expect: await stat('attributed'), mode: 0o600, mtimeNs: MTIME },
    { kind: 'preserve', path: 'p', preserve: { ...order('p'), area: 'pre-existing' } },
    { kind: 'make-directory', path: 'm', mode: 0o755 },
    await installOperation(disk, 'm/x', 'new x', null),
    {
      kind: 'install-symlink',
      path: 'to-link',
      expect: await stat('to-link'),
      target: 'somewhere',
      mtimeNs: MTIME,
      preserve: order('to-link'),
    },
    { kind: 'remove-directory', path: 'empty' },
  ];
}

async function check(world: World, disk: Disk, outcomes: readonly Outcome[]): Promise<void> {
  const { user } = world;
  const done = outcomes.map(outcome => {
    expect(['done', 'undone']).toContain(outcome.kind);
    return outcome.kind === 'done';
  });
  const preserved = [...(await disk.preserved('conflicts')), ...(await disk.preserved('pre-existing'))];
  const paths = preserved.map(p => p.path).sort();
  expect(user.read('plain')).toBe(done[0] ? 'new plain' : 'old plain');
  expect(user.read('loser')).toBe(done[1] ? 'new loser' : 'old loser');
  expect(user.exists('fresh') && user.read('fresh')).toBe(done[2] && 'new fresh');
  expect(user.exists('removed')).toBe(!done[3]);
  expect(user.exists('removed-loser')).toBe(!done[4]);
  expect(user.exists('from')).toBe(!done[5]);
  expect(user.read(done[5] ? 'to' : 'from')).toBe('old from');
  expect(user.read(done[7] ? 'e/inner' : 'd/inner')).toBe(done[6] ? 'new inner' : 'old d/inner');
  expect(user.exists('p')).toBe(!done[9]);
  expect(user.exists('m')).toBe(done[10]);
  expect(done[11] ? user.read('m/x') : user.exists('m/x')).toBe(done[11] ? 'new x' : false);
  expect((await disk.look(['to-link']))[0]?.kind).toBe(done[12] ? 'symlink' : 'file');
  expect(user.exists('empty')).toBe(!done[13]);
  expect(paths).toEqual(['loser', 'p', 'removed-loser'].filter((_, i) => done[[1, 9, 4][i]!]));
  await disk.settle();
  expect(listAside(world)).toEqual([]);
  for (const item of preserved) {
    if (item.kind !== 'file') continue;
    expect(user.read(`.tandem/${item.area}/${item.id}/${item.path}`)).toBe(`old ${item.path}`);
  }
  const known = [0, 1, 2, 5, 8].flatMap(i => {
    const outcome = outcomes[i]!;
    const name = ['plain', 'loser', 'fresh', '', '', 'to', '', '', 'attributed'][i]!;
    return outcome.kind === 'done' ? [{ name, stat: statOf(outcome) }] : [];
  });
  expect(await scanOne(disk, '', known)).toMatchObject({ unchanged: known.length, gone: [] });
}

interface Prepared {
  readonly world: World;
  readonly memory: MemoryFileSystem;
  readonly operations: Operation[];
  readonly disk: Disk;
}

/** A user edits the file in the moment in which it is replaced, and the power fails right after. */
async function replacedWhileEdited({ world, memory, disk }: Prepared, path: string) {
  const operation = await installOperation(disk, path, 'new', (await disk.look([path]))[0]!);
  memory.onCall = call => {
    if (call.operation === 'rename' && call.name === operation.staged.stagingId) world.user.append(path, ' and edited');
    if (call.operation === 'lookAt' && world.user.read(path) === 'new') throw new PowerFailure();
  };
  await untilPowerFails(disk.apply([operation]));
  memory.onCall = null;
  return operation;
}

async function prepare(): Promise<Prepared> {
  const { world, memory } = makeMemoryWorld();
  for (const path of OLD) world.user.write(path, `old ${path}`);
  world.user.makeDirectory('empty');
  const disk = makeDisk(world);
  await disk.claim(MARKER);
  return { world, memory, operations: await groupOf(disk), disk };
}

describe('recovery', () => {
  it.each(['power failure', 'kill'])(
    `after a ${'%s'} leaves each operation done or undone, whatever the moment (${SEEDS} seeds)`,
    async how => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const random = seeded(seed);
        const { world, memory, operations, disk } = await prepare();
        const stop = (): void => {
          memory.onCall = null;
          if (how === 'kill') memory.kill();
          else memory.crash(random);
        };
        failAfter(memory, Math.floor(random.next() * 250));
        await untilPowerFails(disk.apply(operations));
        stop();
        // It may well fail again while it recovers.
        for (let again = 0; random.next() < 0.4 && again < 3; again++) {
          failAfter(memory, Math.floor(random.next() * 120));
          const half = makeDisk(world);
          await untilPowerFails(half.recover(operations).then(() => half.sync()));
          stop();
        }
        const after = makeDisk(world);
        const outcomes = await after.recover(operations);
        await after.sync();
        await check(world, after, outcomes).catch(error => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
        memory.crash(random);
        await after.recover([]);
        await check(world, after, outcomes).catch(error => {
          throw new Error(`seed ${seed}, after a second failure`, { cause: error });
        });
      }
    },
  );

  it.each(['power failure', 'kill'])(
    'after a %s keeps a file that moved into a directory which then took the name of the one it came from',
    async how => {
      for (let seed = 1; seed <= 150; seed++) {
        const random = seeded(seed);
        const { world, memory, disk } = await prepare();
        const { user } = world;
        user.write('one/x', 'kept');
        user.makeDirectory('two');
        const [x, two] = await disk.look(['one/x', 'two']);
        const operations: Operation[] = [
          { kind: 'move', from: 'one/x', to: 'two/x', expect: x! },
          { kind: 'remove-directory', path: 'one' },
          { kind: 'move', from: 'two', to: 'one', expect: two! },
        ];
        failAfter(memory, Math.floor(random.next() * 60));
        await untilPowerFails(disk.apply(operations));
        memory.onCall = null;
        if (how === 'kill') memory.kill();
        else memory.crash(random);
        const after = makeDisk(world);
        const outcomes = await after.recover(operations);
        await after.sync();
        const [movedIn, , tookName] = outcomes.map(({ kind }) => kind === 'done');
        const path = tookName || !movedIn ? 'one/x' : 'two/x';
        expect(['one/x', 'two/x'].filter(name => user.exists(name))).toEqual([path]);
        expect(user.read(path)).toBe('kept');
      }
    },
  );

  it('finds everything done that was synced', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, memory, operations, disk } = await prepare();
      expect((await disk.apply(operations)).map(o => o.kind)).toEqual(operations.map(() => 'done'));
      await disk.sync();
      if (seed % 2) await disk.settle();
      memory.crash(seeded(seed));
      const after = makeDisk(world);
      const outcomes = await after.recover(operations);
      expect(outcomes.map(o => o.kind)).toEqual(operations.map(() => 'done'));
      await check(world, after, outcomes);
    }
  });

  it('makes durable what a user moved away before it was synced, whatever has its name by then', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, memory, disk } = await prepare();
      await applyOne(disk, await installOperation(disk, 'fresh', 'new fresh', null));
      world.user.rename('fresh', 'moved');
      if (seed % 3 === 1) world.user.rename('plain', 'fresh');
      // Or even one of ours.
      if (seed % 3 === 2) await applyOne(disk, await installOperation(disk, 'fresh', 'another', null));
      await disk.sync();
      memory.crash(seeded(seed));
      const there = ['moved', 'fresh'].filter(name => world.user.exists(name));
      expect(there.map(name => world.user.read(name))).toContain('new fresh');
    }
  });

  it.each(['mode', 'time'])(
    'leaves it to the next scan what a user did to the attributes of an installed file: %s',
    async what => {
      const { world, memory, disk } = await prepare();
      const operation = await installOperation(disk, 'fresh', 'new', null);
      await applyOne(disk, operation);
      const root = world.files.openRoot(world.root);
      if (what === 'mode') root.setMode('fresh', 0o600);
      else root.setModified('fresh', MTIME + 86_400_000_000_000n);
      root.close();
      memory.kill();
      const after = makeDisk(world);
      const [outcome] = await after.recover([operation]);
      const stat = statOf(outcome!);
      expect([stat.mode, stat.mtimeNs]).toEqual([operation.staged.mode, MTIME]);
      expect((await scanOne(after, '', [{ name: 'fresh', stat }])).found.map(f => f.name)).toContain('fresh');
    },
  );

  it.each(['append', 'replace'])(
    'takes a file that a user wrote to after its install for an edit of what was recorded: %s',
    async how => {
      const { world, memory, disk } = await prepare();
      const stat = (await disk.look(['plain']))[0]!;
      const operation = await installOperation(disk, 'plain', 'new', stat);
      await applyOne(disk, operation);
      if (how === 'append') world.user.append('plain', ' and edited');
      else memory.user.replaceFile(`${world.root}/plain`, 'another');
      memory.kill();
      const after = makeDisk(world);
      // What the user saw may have been torn: it must not count as made in knowledge of the new version.
      expect((await after.recover([operation])).map(o => o.kind)).toEqual(['undone']);
      expect(world.user.read('plain')).toBe(how === 'append' ? 'new and edited' : 'another');
      expect((await scanOne(after, '', [{ name: 'plain', stat }])).found.map(f => f.name)).toContain('plain');
      expect(await after.preserved('conflicts')).toEqual([]);
    },
  );

  it.each([false, true])('leaves what was removed to be put back until it is settled (loser: %s)', async always => {
    const { world, memory, disk } = await prepare();
    const content = world.user.read('plain');
    const [stat] = await disk.look(['plain']);
    const removal = { kind: 'remove', path: 'plain', expect: stat!, preserve: order('plain', always) } as const;
    await applyOne(disk, removal);
    memory.kill();
    const after = makeDisk(world);
    expect(await after.recover([removal])).toMatchObject([{ kind: 'done' }]);
    expect(await after.preserved('conflicts')).toHaveLength(always ? 1 : 0);
    await applyOne(after, { kind: 'put-back', path: 'plain', removal });
    await after.settle();
    expect(world.user.read('plain')).toBe(content);
    expect(await after.preserved('conflicts')).toEqual([]);
    expect(listAside(world)).toEqual([]);
  });

  it('keeps the loser of a conflict preserved, though a user has written to the winner before the recovery', async () => {
    const { world, memory, disk } = await prepare();
    const lost = world.user.read('plain');
    const operation = await installOperation(disk, 'plain', 'new', (await disk.look(['plain']))[0]!);
    const always = { ...operation, preserve: { ...operation.preserve, always: true } };
    await applyOne(disk, always);
    world.user.append('plain', ' and edited');
    memory.kill();
    const after = makeDisk(world);
    await after.recover([always]);
    const [preserved] = await after.preserved('conflicts');
    expect(world.user.read(`.tandem/conflicts/${preserved!.id}/plain`)).toBe(lost);
  });

  it.each([false, true])(
    'keeps the loser of a conflict preserved, though a user has moved its directory before the recovery (unlinkable: %s)',
    async unlinkable => {
      const { world, memory, disk } = await prepare();
      const lost = world.user.read('d/inner');
      const operation = await installOperation(disk, 'd/inner', 'new', (await disk.look(['d/inner']))[0]!, true);
      memory.onCall = call => {
        if (unlinkable && call.operation === 'link') throw errnoError('EPERM', 'operation not permitted');
      };
      await applyOne(disk, operation);
      memory.onCall = null;
      world.user.rename('d', 'moved');
      memory.kill();
      const after = makeDisk(world);
      expect((await after.recover([operation])).map(o => o.kind)).toEqual(['undone']);
      const items = await after.preserved('conflicts');
      expect(items.map(({ id }) => world.user.read(`.tandem/conflicts/${id}/inner`))).toEqual([lost]);
      expect(world.user.read('moved/inner')).toBe('new');
      expect(listAside(world)).toEqual([]);
    },
  );

  it('preserves what was edited in the moment of a replacement, though its directory was moved before the recovery', async () => {
    const prepared = await prepare();
    const { world, memory } = prepared;
    const operation = await replacedWhileEdited(prepared, 'd/inner');
    world.user.rename('d', 'moved');
    memory.kill();
    const after = makeDisk(world);
    expect((await after.recover([operation])).map(o => o.kind)).toEqual(['undone']);
    const items = await after.preserved('conflicts');
    expect(items.map(({ id }) => world.user.read(`.tandem/conflicts/${id}/inner`))).toEqual(['old d/inner and edited']);
  });

  it('preserves what was set aside and has no other name when the database is lost', async () => {
    const { world, memory, disk } = await prepare();
    const lost = world.user.read('plain');
    await applyOne(disk, await installOperation(disk, 'plain', 'new', (await disk.look(['plain']))[0]!));
    world.user.write('away', 'stepped aside');
    const [away] = await disk.look(['away']);
    await applyOne(disk, { kind: 'move', from: 'away', to: '.tandem/staging/exchange-1a.1', expect: away! });
    memory.kill();
    const after = makeDisk(world);
    await after.salvage();
    await after.recover([]);
    await after.stageSweep(new Set());
    const items = await after.preserved('conflicts');
    const contents = items.map(({ id, path }) => world.user.read(`.tandem/conflicts/${id}/${path}`));
    expect(contents.sort()).toEqual([lost, 'stepped aside'].sort());
  });

  it('makes durable what had been installed when the database is lost', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, memory, disk } = await prepare();
      await applyOne(disk, await installOperation(disk, 'plain', 'new', (await disk.look(['plain']))[0]!));
      await applyOne(disk, await installOperation(disk, 'fresh', 'new fresh', null));
      memory.kill();
      const after = makeDisk(world);
      await after.salvage();
      await after.recover([]);
      memory.crash(seeded(seed));
      expect(['plain', 'fresh'].map(path => world.user.read(path))).toEqual(['new', 'new fresh']);
    }
  });

  it('preserves what was edited in the moment of a replacement that a crash followed', async () => {
    const prepared = await prepare();
    const { world, memory } = prepared;
    const operation = await replacedWhileEdited(prepared, 'plain');
    memory.kill();
    const after = makeDisk(world);
    expect(await after.recover([operation])).toMatchObject([{ kind: 'done', preserved: { conflictType: 7 } }]);
    const [preserved] = await after.preserved('conflicts');
    expect(world.user.read(`.tandem/conflicts/${preserved!.id}/plain`)).toBe('old plain and edited');
  });
});
