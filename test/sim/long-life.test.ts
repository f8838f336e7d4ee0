/** The long life of a folder on simulated time: read-only members, quotas, forgotten deletions, slow comparison. */
import { afterEach, describe, expect, test } from 'vitest';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld, type SmallWorldPlan } from './small-world.ts';

const SECOND = 1000;

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

async function begin(plan: SmallWorldPlan, before: () => void = () => {}): Promise<SmallWorld> {
  world = await SmallWorld.create(plan);
  before();
  world.start();
  await world.pass(30 * SECOND);
  return world;
}

describe('a read-only member', () => {
  const plan = { folder: { readOnly: ['beta'] } };

  test('receives, and nothing of it flows out', async () => {
    await begin(plan, () => {
      world.write('alpha', 'a', 'one');
      world.write('beta', 'b', 'of beta');
    });
    expect(world.files('alpha')).toEqual({ a: 'one' });
    expect(world.files('beta')).toEqual({ a: 'one' });
    expect(world.preserved('beta')).toEqual(['of beta']);
    expect(world.folder('beta').core.memory.phase).toBe('normal');
    world.write('alpha', 'd/c', 'two');
    await world.pass(30 * SECOND);
    expect(world.files('beta')).toEqual({ a: 'one', 'd/c': 'two' });
    expect(world.member('alpha').member!.inbound[0]!.sessions).toEqual([]);
  });

  test('has what users do undone, and keeps the content', async () => {
    await begin(plan, () => {
      for (const path of ['a', 'b', 'c', 'd/e', 'd/f/g']) world.write('alpha', path, `first ${path}`);
    });
    const before = world.files('alpha');
    expect(world.files('beta')).toEqual(before);
    const { user } = world.member('beta').files;
    world.write('beta', 'a', 'changed');
    world.write('beta', 'new/file', 'new');
    user.rename(`${SIM_ROOT}/b`, `${SIM_ROOT}/moved`);
    user.remove(`${SIM_ROOT}/c`);
    user.rename(`${SIM_ROOT}/d`, `${SIM_ROOT}/other`);
    world.write('beta', 'other/h', 'below what moved');
    world.hint('beta', '');
    await world.pass(60 * SECOND);
    expect(world.files('beta')).toEqual(before);
    expect(world.files('alpha')).toEqual(before);
    expect(world.preserved('beta').sort()).toEqual(['below what moved', 'changed', 'new']);
    expect(world.told('LOCAL_CHANGE_UNDONE').length).toBeGreaterThan(0);
    world.write('alpha', 'a', 'second');
    await world.pass(30 * SECOND);
    expect(world.files('beta').a).toBe('second');
  });

  test('has other permissions and times taken back', async () => {
    await begin(plan, () => world.write('alpha', 'a', 'one'));
    const { user } = world.member('beta').files;
    const modeOf = (name: string) => world.member(name).files.user.snapshot(SIM_ROOT).get('a')!.mode;
    user.setMode(`${SIM_ROOT}/a`, 0o600);
    world.hint('beta', 'a');
    await world.pass(60 * SECOND);
    expect(modeOf('beta')).toBe(modeOf('alpha'));
    expect(world.preserved('beta')).toEqual([]);
  });

  test('may become writable and read-only again', async () => {
    await begin(plan, () => world.write('alpha', 'a', 'one'));
    const turn = async (readOnly: readonly string[]) => {
      for (const name of ['alpha', 'beta']) await world.stop(name);
      world.configure({ readOnly });
      world.start();
      await world.pass(30 * SECOND);
    };
    await turn([]);
    world.write('beta', 'a', 'two');
    await world.pass(30 * SECOND);
    expect(world.files('alpha')).toEqual({ a: 'two' });
    await turn(['beta']);
    world.write('beta', 'a', 'three');
    await world.pass(60 * SECOND);
    expect(world.files('alpha')).toEqual({ a: 'two' });
    expect(world.files('beta')).toEqual({ a: 'two' });
    expect(world.preserved('beta')).toEqual(['three']);
  });

  test('that was writable loses what it never told to anyone, and keeps the content', async () => {
    await begin({}, () => {
      for (const path of ['a', 'gone', 'moved', 'd/e']) world.write('alpha', path, `first ${path}`);
    });
    for (const name of ['alpha', 'beta']) await world.stop(name);
    world.start('beta');
    await world.pass(30 * SECOND);
    const { user } = world.member('beta').files;
    world.write('beta', 'a', 'never told');
    world.write('beta', 'new', 'a new file');
    user.makeDirectory(`${SIM_ROOT}/own`);
    user.makeDirectory(`${SIM_ROOT}/own/empty`);
    user.rename(`${SIM_ROOT}/moved`, `${SIM_ROOT}/own/moved`);
    world.write('beta', 'own/f', 'in a new directory');
    user.rename(`${SIM_ROOT}/d`, `${SIM_ROOT}/other`);
    user.remove(`${SIM_ROOT}/gone`);
    world.hint('beta', '');
    await world.pass(60 * SECOND);
    expect(Object.keys(world.files('beta')).sort()).toEqual(['a', 'new', 'other/e', 'own/f', 'own/moved']);
    await world.stop('beta');
    world.configure({ readOnly: ['beta'] });
    world.start();
    await world.pass(30 * 60 * SECOND);
    const expected = { a: 'first a', gone: 'first gone', moved: 'first moved', 'd/e': 'first d/e' };
    expect(world.files('alpha')).toEqual(expected);
    expect(world.files('beta')).toEqual(expected);
    expect(world.preserved('beta').sort()).toEqual(['a new file', 'in a new directory', 'never told']);
    expect([...user.snapshot(SIM_ROOT).keys()].sort()).toEqual(['a', 'd', 'd/e', 'gone', 'moved']);
    await world.pass(3600 * SECOND);
    expect(world.told('RECORDS_DISAGREED').length).toBeLessThanOrEqual(2);
  });

  test('puts nothing onto a bare mount point', async () => {
    await begin(plan, () => {
      world.write('alpha', 'a', 'one');
      world.write('alpha', 'b', 'two');
    });
    const { user } = world.member('beta').files;
    user.remove(`${SIM_ROOT}/a`);
    user.remove(`${SIM_ROOT}/b`);
    world.hint('beta', '');
    await world.pass(60 * SECOND);
    const folder = world.folder('beta');
    expect(folder.core.memory.halt?.reason).toBe('root-emptied');
    await expect(folder.release('accept')).rejects.toMatchObject({ code: 'REFUSED' });
    await world.whileTimePasses(folder.release('refuse'));
    await world.pass(60 * SECOND);
    expect(world.files('beta')).toEqual({ a: 'one', b: 'two' });
  });
});

describe('the conflict area', () => {
  const KIB = 'x'.repeat(1024);
  const folder = { conflictQuotaBytes: 10 * 1024 };

  /** alpha’s versions of so many files lose against beta’s: they are preserved on alpha. */
  async function conflicts(count: number, plan: SmallWorldPlan): Promise<void> {
    await begin(plan);
    for (let i = 0; i < count; i++) world.write('alpha', `f${i}`, 'first');
    await world.pass(30 * SECOND);
    world.network.block('alpha', 'beta');
    for (const name of ['alpha', 'beta']) {
      for (let i = 0; i < count; i++) world.write(name, `f${i}`, `${name} ${i} ${KIB}`);
      await world.pass(10 * SECOND);
    }
    await world.pass(20 * SECOND);
    world.network.unblockAll();
    await world.pass(60 * SECOND);
  }
  const all = () => ['alpha', 'beta'].flatMap(name => world.preserved(name));

  test('keeps what is the only copy though the quota is exceeded, and says so loudly, once', async () => {
    await conflicts(12, { folder });
    expect(all()).toHaveLength(12);
    await world.pass(3 * 3_600_000);
    expect(all()).toHaveLength(12);
    expect(world.told('CONFLICT_QUOTA_EXCEEDED')).toHaveLength(1);
    expect(world.told('ITEM_DELETED')).toEqual([]);
  });

  test('loses what is still in the folder first, and tells each item', async () => {
    await conflicts(12, { folder });
    const keeper = ['alpha', 'beta'].find(name => world.preserved(name).length > 0)!;
    // Five of them are in the folder again under other names.
    for (const [i, content] of world.preserved(keeper).slice(0, 5).entries())
      world.write('alpha', `again${i}`, content);
    await world.pass(2 * 3_600_000);
    expect(all()).toHaveLength(7);
    expect(world.told('ITEM_DELETED')).toHaveLength(5);
    expect(world.told('CONFLICT_QUOTA_EXCEEDED')).toEqual([]);
    expect(world.folder(keeper).core.memory.conflictCleanup).toBeGreaterThan(0);
  });

  test('loses only copies where the administrator allows it, down to 60 %', async () => {
    await conflicts(12, { folder: { ...folder, purgeOnlyCopies: true } });
    await world.pass(2 * 3_600_000);
    expect(all()).toHaveLength(5);
    expect(world.told('ITEM_DELETED')).toHaveLength(7);
  });
});

describe('the memory of deletions', () => {
  const HOUR = 3_600_000;
  const plan = { group: { tombstoneLifetimeMs: 6 * HOUR }, folder: { rescanMs: HOUR } };
  const tombstones = (name: string) => world.folder(name).core.store.counts.tombstones;

  async function oneDeleted(): Promise<void> {
    await begin(plan, () => {
      world.write('alpha', 'a', 'one');
      world.write('alpha', 'b', 'two');
      world.write('alpha', 'c', 'three');
    });
    world.member('alpha').files.user.remove(`${SIM_ROOT}/a`);
    world.hint('alpha', '');
    await world.pass(30 * SECOND);
  }

  test('lasts for the lifetime, and members in contact never halt', async () => {
    await oneDeleted();
    await world.pass(6 * HOUR);
    expect(['alpha', 'beta'].map(tombstones)).toEqual([1, 1]);
    await world.pass(8 * HOUR);
    expect(['alpha', 'beta'].map(tombstones)).toEqual([0, 0]);
    expect(world.told('TOMBSTONES_FORGOTTEN')).toHaveLength(2);
    await world.pass(12 * HOUR);
    expect(world.folder('beta').core.memory.halt).toBeNull();
    world.write('beta', 'b', 'later');
    await world.pass(30 * SECOND);
    expect(world.files('alpha')).toEqual({ b: 'later', c: 'three' });
  });

  test('a member away for longer halts, brings nothing back, and goes on by order with its content preserved', async () => {
    await begin({ ...plan, members: ['alpha', 'beta', 'gamma'] }, () => {
      for (const path of ['a', 'b', 'c', 'd']) world.write('alpha', path, `first ${path}`);
    });
    await world.stop('beta');
    world.member('alpha').files.user.remove(`${SIM_ROOT}/a`);
    world.write('alpha', 'b', 'second');
    world.hint('alpha', '');
    world.member('beta').files.user.writeFile(`${SIM_ROOT}/d`, 'edited while away');
    await world.pass(20 * HOUR);
    expect(tombstones('alpha')).toBe(0);
    world.start('beta');
    await world.pass(60 * SECOND);
    const folder = world.folder('beta');
    expect(folder.core.memory.halt?.reason).toBe('away-too-long');
    expect(world.files('beta').a).toBe('first a');
    expect(world.files('alpha').a).toBeUndefined();
    await expect(folder.release('retry')).rejects.toMatchObject({ code: 'REFUSED' });
    await world.whileTimePasses(folder.release('refuse'));
    await world.pass(120 * SECOND);
    const expected = { b: 'second', c: 'first c', d: 'first d' };
    expect(['alpha', 'beta', 'gamma'].map(name => world.files(name))).toEqual([expected, expected, expected]);
    expect(world.preserved('beta').sort()).toEqual(['edited while away', 'first a', 'first b']);
    expect(folder.core.memory.phase).toBe('normal');
    world.write('beta', 'c', 'goes on');
    await world.pass(30 * SECOND);
    expect(world.files('gamma').c).toBe('goes on');
  });

  test('a member whose partner never had anything to bring, and then went silent, halts like any other', async () => {
    await oneDeleted();
    expect(world.folder('alpha').core.memory.lastContact).toBeGreaterThan(0);
    world.member('beta').crash('kill');
    await world.pass(8 * HOUR);
    expect(world.folder('alpha').core.memory.halt?.reason).toBe('away-too-long');
  });

  test('members that were all alone find back by order, and nothing is lost', async () => {
    await oneDeleted();
    world.network.block('alpha', 'beta');
    await world.pass(HOUR);
    world.write('alpha', 'of alpha', 'x');
    world.write('beta', 'of beta', 'y');
    await world.pass(10 * HOUR);
    const halts = ['alpha', 'beta'].map(name => world.folder(name).core.memory.halt?.reason);
    expect(halts).toEqual(['away-too-long', 'away-too-long']);
    world.network.unblockAll();
    for (const name of ['alpha', 'beta']) await world.whileTimePasses(world.folder(name).release('accept'));
    await world.pass(10 * 60 * SECOND);
    const expected = { b: 'two', c: 'three', 'of alpha': 'x', 'of beta': 'y' };
    expect(['alpha', 'beta'].map(name => world.files(name))).toEqual([expected, expected]);
  });
});

describe('the slow comparison', () => {
  const WEEK = 7 * 24 * 3_600_000;
  const plan = { folder: { rescanMs: 24 * 3_600_000 } };

  test('finds nothing where all is well, and costs nobody anything', async () => {
    await begin(plan, () => world.write('alpha', 'a', 'one'));
    await world.pass(WEEK + 3 * 3_600_000);
    expect(world.told('RECORDS_AGREE')).toHaveLength(2);
    expect(world.told('RECORDS_DISAGREED')).toEqual([]);
  });

  test('finds what one of two in sync has lost, and has it again', async () => {
    await begin(plan, () => {
      world.write('alpha', 'a', 'one');
      world.write('alpha', 'd/b', 'two');
    });
    const { core } = world.folder('beta');
    const lost = [];
    for await (const records of core.store.everyRecord()) lost.push(...records.filter(({ name }) => name === 'a'));
    await world.whileTimePasses(core.store.commit({ forget: lost }));
    world.member('beta').files.user.remove(`${SIM_ROOT}/a`);
    await world.pass(24 * 3_600_000);
    expect(world.files('beta')).toEqual({ 'd/b': 'two' });
    await world.pass(WEEK);
    expect(world.files('beta')).toEqual({ a: 'one', 'd/b': 'two' });
    expect(world.told('RECORDS_DISAGREED')).toHaveLength(1);
  });

  test('brings a read-only member back to what the others have, though its own versions look newer', async () => {
    await begin(plan, () => world.write('alpha', 'a', 'one'));
    for (const name of ['alpha', 'beta']) await world.stop(name);
    world.start('beta');
    await world.pass(30 * SECOND);
    world.write('beta', 'a', 'never sent');
    await world.pass(30 * SECOND);
    await world.stop('beta');
    world.configure({ readOnly: ['beta'] });
    world.start();
    await world.pass(WEEK + 3 * 3_600_000);
    expect(world.files('beta')).toEqual({ a: 'one' });
    expect(world.files('alpha')).toEqual({ a: 'one' });
    expect(world.preserved('beta')).toEqual(['never sent']);
  });
});
