/** Orders to fence on simulated time: who wins, what is preserved, and what a restart in the middle leaves. */
import { afterEach, describe, expect, test } from 'vitest';
import { FENCE_MODES, type FenceTally } from '../../src/model/fence.ts';
import type { FileRecord } from '../../src/model/update.ts';
import { planFence } from '../../src/replication/fencing.ts';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld, type SmallWorldPlan } from './small-world.ts';

const SECOND = 1000;

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

async function begin(contentByPath: Readonly<Record<string, string>>, plan: SmallWorldPlan = {}): Promise<void> {
  world = await SmallWorld.create(plan);
  for (const [path, content] of Object.entries(contentByPath)) world.write('alpha', path, content);
  world.start();
  await world.pass(30 * SECOND);
}

/** As the daemon does it. */
async function fence(
  name: string,
  { mode = FENCE_MODES.fence as number, path = '', recursive = true } = {},
): Promise<FenceTally | null> {
  const { core, fencing } = world.folder(name);
  const order = async () => {
    const top = path === '' ? core.root : (await core.paths.recordAt(path))!.uid;
    const scope = { top, recursive, mode };
    await fencing.begin(scope, await planFence(core, scope));
    return fencing.ended(new AbortController().signal);
  };
  return world.whileTimePasses(order());
}

async function apart(work: () => Promise<void>): Promise<void> {
  world.network.block('alpha', 'beta');
  await work();
  await world.pass(20 * SECOND);
  world.network.unblockAll();
  await world.pass(60 * SECOND);
}

async function recordOf(name: string, path: string): Promise<FileRecord> {
  return (await world.whileTimePasses(world.folder(name).core.paths.recordAt(path)))!;
}

async function records(name: string): Promise<FileRecord[]> {
  const found: FileRecord[] = [];
  const read = async () => {
    for await (const batch of world.folder(name).core.store.everyRecord()) found.push(...batch);
  };
  await world.whileTimePasses(read());
  return found;
}

async function versions(name: string): Promise<Map<string, string>> {
  return new Map((await records(name)).map(({ uid, gvsn }) => [uid, gvsn]));
}

describe('an authoritative restore', () => {
  test('an older state that is fenced wins over later edits elsewhere, and those are preserved', async () => {
    await begin({ a: 'first a', b: 'first b', 'd/c': 'first c', gone: 'first gone' });
    const { user } = world.member('alpha').files;
    await apart(async () => {
      world.write('alpha', 'a', 'restored a');
      user.remove(`${SIM_ROOT}/gone`);
      world.hint('alpha', '');
      await world.pass(20 * SECOND);
      expect(await fence('alpha')).toMatchObject({ files: 3, directories: 1, tombstones: 1, lowered: 0 });
      for (const path of ['a', 'b', 'd/c', 'gone', 'new']) world.write('beta', path, `later ${path}`);
    });
    const expected = { a: 'restored a', b: 'first b', 'd/c': 'first c', new: 'later new' };
    expect(world.files('alpha')).toEqual(expected);
    expect(world.files('beta')).toEqual(expected);
    const kept = ['alpha', 'beta'].flatMap(name => world.preserved(name));
    expect(kept.sort()).toEqual(['later a', 'later b', 'later d/c', 'later gone']);
    expect(await versions('alpha')).toEqual(await versions('beta'));
    expect(world.told('FOLDER_FENCED')).toHaveLength(1);
  });

  test('without a fence the later edit wins: the test above tests something', async () => {
    await begin({ a: 'first a' });
    await apart(async () => {
      world.write('alpha', 'a', 'restored a');
      await world.pass(20 * SECOND);
      world.write('beta', 'a', 'later a');
    });
    expect(world.files('alpha')).toEqual({ a: 'later a' });
  });

  test('who edits in knowledge of the fence goes on as ever', async () => {
    await begin({ a: 'first a' });
    await fence('alpha');
    await world.pass(30 * SECOND);
    world.write('beta', 'a', 'second a');
    await world.pass(30 * SECOND);
    expect(world.files('alpha')).toEqual({ a: 'second a' });
    expect((await recordOf('alpha', 'a')).fence).toBe((await recordOf('beta', 'a')).fence);
  });

  test('moves no content, and says nothing again where the same is ordered for what has it', async () => {
    await begin({ a: 'first a', 'd/b': 'first b' });
    const before = world.member('beta').files.user.snapshot(SIM_ROOT).get('a');
    await fence('alpha', { path: 'd' });
    await world.pass(30 * SECOND);
    expect((await recordOf('beta', 'd/b')).fence).toBeGreaterThan(FENCE_MODES.fence);
    expect((await recordOf('beta', 'd')).fence).toBe((await recordOf('beta', 'd/b')).fence);
    expect((await recordOf('beta', 'a')).fence).toBe(FENCE_MODES.default);
    expect(world.member('beta').files.user.snapshot(SIM_ROOT).get('a')).toEqual(before);
    expect(world.preserved('beta')).toEqual([]);
  });

  test('of a directory alone leaves what is in it', async () => {
    await begin({ 'd/b': 'first b' });
    expect(await fence('alpha', { path: 'd', recursive: false })).toMatchObject({ files: 0, directories: 1 });
    expect((await recordOf('alpha', 'd/b')).fence).toBe(FENCE_MODES.default);
  });

  test('of two orders the later one wins, wherever it was given', async () => {
    await begin({ a: 'first a' });
    await fence('alpha');
    await world.pass(30 * SECOND);
    await apart(async () => {
      world.write('beta', 'a', 'of beta');
      await world.pass(SECOND);
      await fence('beta');
      world.write('alpha', 'a', 'of alpha, later');
    });
    expect(world.files('alpha')).toEqual({ a: 'of beta' });
    expect(world.preserved('alpha')).toEqual(['of alpha, later']);
  });

  test('a fenced file wins over a directory, and what is in that is preserved', async () => {
    await begin({ a: 'first a' });
    await apart(async () => {
      world.write('alpha', 'f', 'the file');
      await world.pass(SECOND);
      await fence('alpha', { path: 'f' });
      for (const path of ['f/x', 'f/d/y']) world.write('beta', path, `beta ${path}`);
    });
    for (const name of ['alpha', 'beta']) expect(world.files(name)).toEqual({ a: 'first a', f: 'the file' });
    expect(world.preserved('beta').sort()).toEqual(['beta f/d/y', 'beta f/x']);
    expect(world.told('UPDATE_REJECTED')).toEqual([]);
    expect(await versions('alpha')).toEqual(await versions('beta'));
    expect(world.folder('alpha').core.highestClaimed(world.folder('alpha').core.members.database)).toBeLessThan(40);
  });

  test('a daemon that dies in the middle carries the order out at its next start', async () => {
    const many = Object.fromEntries(Array.from({ length: 2300 }, (_, i) => [`f${i}`, `content ${i}`]));
    await begin(many);
    await world.pass(60 * SECOND);
    const { core, fencing } = world.folder('alpha');
    const scope = { top: core.root, recursive: true, mode: FENCE_MODES.fence };
    await world.whileTimePasses(planFence(core, scope).then(plan => fencing.begin(scope, plan)));
    const order = core.memory.fencing;
    const started = core.store.vector;
    while (core.memory.fencing && core.store.vector === started) await world.pass(1);
    expect(core.memory.fencing).toEqual(order);
    world.member('alpha').crash('kill');
    world.start('alpha');
    await world.pass(60 * SECOND);
    expect(new Set((await records('alpha')).map(record => record.fence))).toEqual(new Set([order!.fence]));
    expect(world.folder('alpha').core.memory.fencing).toBeNull();
    expect(await versions('alpha')).toEqual(await versions('beta'));
  });
});

describe('a fence that is lowered', () => {
  test('has what is only here give way to the partners, and keeps its content', async () => {
    await begin({ a: 'first a', b: 'first b', c: 'first c' });
    const { user } = world.member('alpha').files;
    await apart(async () => {
      world.write('alpha', 'a', 'wrong a');
      user.remove(`${SIM_ROOT}/b`);
      world.write('alpha', 'new', 'only here');
      world.hint('alpha', '');
      await world.pass(20 * SECOND);
      await fence('alpha', { mode: FENCE_MODES.unfence });
    });
    const expected = { a: 'first a', b: 'first b', c: 'first c', new: 'only here' };
    expect(world.files('alpha')).toEqual(expected);
    expect(world.files('beta')).toEqual(expected);
    expect(world.preserved('alpha')).toEqual(['wrong a']);
    expect(await versions('alpha')).toEqual(await versions('beta'));
  });

  test('where a partner had lost to it, the partner’s version comes all the same', async () => {
    await begin({ a: 'first a' });
    // Beta’s change is heard of on alpha and loses there; what wins over it does not come to beta.
    const connected = async (...names: string[]) => {
      for (const name of ['alpha', 'beta']) await world.stop(name);
      world.connect(...names);
      world.start();
      await world.pass(20 * SECOND);
    };
    await connected();
    world.write('beta', 'a', 'of beta');
    await world.pass(10 * SECOND);
    world.write('alpha', 'a', 'of alpha, later');
    await world.pass(20 * SECOND);
    await connected('beta→alpha');
    const theirs = (await recordOf('beta', 'a')).gvsn;
    expect(world.folder('alpha').core.isClaimed(theirs)).toBe(true);
    await fence('alpha', { mode: FENCE_MODES.unfence });
    await connected('beta→alpha', 'alpha→beta');
    await world.pass(3 * 3_600_000);
    expect(world.files('alpha')).toEqual({ a: 'of beta' });
    expect(world.preserved('alpha')).toEqual(['of alpha, later']);
    expect(await versions('alpha')).toEqual(await versions('beta'));
  });
});

describe('an order that means nothing is refused', () => {
  test('on a read-only member, and in a folder that is halted', async () => {
    await begin({ a: 'one', b: 'two' }, { folder: { readOnly: ['beta'] } });
    await expect(fence('beta')).rejects.toMatchObject({ code: 'REFUSED', message: expect.stringMatching(/read-only/) });
    world.member('alpha').files.user.remove(`${SIM_ROOT}/a`);
    world.member('alpha').files.user.remove(`${SIM_ROOT}/b`);
    world.hint('alpha', '');
    await world.pass(60 * SECOND);
    await expect(fence('alpha')).rejects.toMatchObject({ code: 'REFUSED', message: expect.stringMatching(/halted/) });
  });
});
