/** Replicated folders as storage elements on simulated time: what an order does to one pair, and to no other. */
import { afterEach, describe, expect, test } from 'vitest';
import { createFolderPairs, type FolderPairs, type ListedPair } from '../../src/daemon/folder-pairs.ts';
import { type Judgement, judgeOperation } from '../../src/model/operation-judge.ts';
import { numberOf, REPLICA_OPERATIONS, type ReplicaOperation } from '../../src/model/replica-values.ts';
import { SmallWorld, type SmallWorldPlan } from './small-world.ts';

const MINUTE = 60_000;

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

async function begin(plan: SmallWorldPlan = {}, ...connections: string[]): Promise<void> {
  world = await SmallWorld.create(plan);
  if (connections.length > 0) world.connect(...connections);
  world.start();
  await world.pass(MINUTE);
}

function pairsOf(name: string): FolderPairs {
  return createFolderPairs({ member: () => world.member(name).member! });
}

/** The pair of the folder that `name` has from `from`. */
function pair(name: string, from: string): ListedPair {
  return pairsOf(name)
    .list()
    .find(({ association }) => association.source.member === from)!;
}

function stateOf(name: string, from: string): string {
  return pair(name, from).association.copyState;
}

function judge(name: string, from: string, operation: ReplicaOperation, force = false): Judgement {
  const { association, facts } = pair(name, from);
  const order = { operation: numberOf(REPLICA_OPERATIONS, operation), force };
  return judgeOperation(
    { ...order, waitForCopyState: null, syncPairs: [], settingsProblem: null },
    { kind: 'pair', pair: { association, facts } },
  );
}

async function order(name: string, from: string, operation: ReplicaOperation, force = false): Promise<void> {
  const judgement = judge(name, from, operation, force);
  if (judgement.verdict !== 'accepted') throw new Error(`${operation}: ${JSON.stringify(judgement)}`);
  const { id } = pair(name, from).association;
  await world.whileTimePasses(pairsOf(name).perform(id, operation, judgement.arrows[0]!, { force }));
}

async function restart(name: string): Promise<void> {
  await world.stop(name);
  world.start(name);
  await world.pass(MINUTE);
}

describe('a suspended pair', () => {
  test('carries nothing while others do, over a restart too, and Resume brings everything', async () => {
    await begin({ members: ['alpha', 'beta', 'gamma'] }, 'alpha→beta', 'beta→alpha', 'alpha→gamma', 'gamma→beta');
    world.write('alpha', 'first', 'one');
    await world.pass(MINUTE);
    expect(stateOf('beta', 'alpha')).toBe('Synchronized');
    world.connect('alpha→beta', 'beta→alpha', 'alpha→gamma');
    await restart('beta');
    await order('beta', 'alpha', 'Suspend');
    const suspended = pair('beta', 'alpha').association;
    expect(suspended).toMatchObject({ copyState: 'Suspended', requestedCopyState: 'Not Applicable' });
    expect(suspended.when.suspended).toBeGreaterThan(suspended.when.established);
    world.write('alpha', 'second', 'two');
    world.write('beta', 'third', 'three');
    await world.pass(MINUTE);
    expect(world.files('gamma')).toEqual({ first: 'one', second: 'two', third: 'three' });
    expect(world.files('alpha')).toEqual({ first: 'one', second: 'two', third: 'three' });
    expect(world.files('beta')).toEqual({ first: 'one', third: 'three' });
    await restart('beta');
    expect(world.files('beta')).toEqual({ first: 'one', third: 'three' });
    expect(pair('beta', 'alpha').association).toEqual(suspended);
    await order('beta', 'alpha', 'Resume');
    await world.pass(MINUTE);
    expect(world.files('beta')).toEqual({ first: 'one', second: 'two', third: 'three' });
    expect(stateOf('beta', 'alpha')).toBe('Synchronized');
    const { when } = pair('beta', 'alpha').association;
    expect(when.synchronized).toBeGreaterThan(when.suspended!);
  });

  test('says so in the session that it ended, and refuses what would bring something all the same', async () => {
    await begin();
    world.write('alpha', 'first', 'one');
    await world.pass(1000);
    await order('beta', 'alpha', 'Suspend');
    const { member } = world.member('beta');
    const [connection] = member!.inbound;
    const [session] = connection!.sessions;
    const { id } = pair('beta', 'alpha').association;
    expect(session!.running).toEqual([]);
    expect(connection!.standingSentence(session!)).toBe(
      `by order folder docs is not had from alpha: the pair is Suspended; “tandem replica modify ${id} resume” has it go on`,
    );
    expect(connection!.window.isOpen(session!.guid)).toBe(false);
    const release = connection!.window.demand(session!.guid);
    world.write('alpha', 'second', 'two');
    await world.pass(MINUTE);
    release();
    expect(world.files('beta')).not.toHaveProperty('second');
    expect(connection!.state).toBe('online');
  });
});

test('a deactivated pair rests until it is activated, and a detached one is none until it is taken up again', async () => {
  await begin();
  await order('beta', 'alpha', 'Deactivate');
  world.write('alpha', 'first', 'one');
  await world.pass(MINUTE);
  expect(world.files('beta')).toEqual({});
  const { when } = pair('beta', 'alpha').association;
  expect(when.deactivated).toBeGreaterThan(when.activated!);
  await order('beta', 'alpha', 'Activate');
  await world.pass(MINUTE);
  expect(world.files('beta')).toEqual({ first: 'one' });
  await order('beta', 'alpha', 'Detach');
  await restart('beta');
  expect(pairsOf('beta').list()).toEqual([]);
  expect(pairsOf('alpha').list()).toHaveLength(1);
  world.write('alpha', 'second', 'two');
  await world.pass(MINUTE);
  expect(world.files('beta')).toEqual({ first: 'one' });
  const [gone] = pairsOf('beta').detached();
  expect(gone).toMatchObject({ partner: 'alpha', folder: 'docs' });
  await world.whileTimePasses(pairsOf('beta').attach(gone!.id));
  await world.pass(MINUTE);
  expect(stateOf('beta', 'alpha')).toBe('Synchronized');
  expect(world.files('beta')).toEqual({ first: 'one', second: 'two' });
});

test('a split pair is split in step, and is skewed as soon as something is changed here', async () => {
  await begin();
  world.write('alpha', 'first', 'one');
  await world.pass(MINUTE);
  await order('beta', 'alpha', 'Split');
  expect(stateOf('beta', 'alpha')).toBe('Split');
  world.write('alpha', 'second', 'two');
  await world.pass(MINUTE);
  expect(stateOf('beta', 'alpha')).toBe('Split');
  expect(world.files('beta')).toEqual({ first: 'one' });
  world.write('beta', 'first', 'mine');
  await world.pass(MINUTE);
  expect(pair('beta', 'alpha').association).toMatchObject({ copyState: 'Skewed', targetWritten: true });
  await restart('beta');
  expect(stateOf('beta', 'alpha')).toBe('Skewed');
});

/** alpha and beta parted, and went on each for itself. Only beta receives. */
async function part(...connections: string[]): Promise<void> {
  await begin({}, ...connections);
  for (const path of ['both', 'mine', 'moved', 'deleted', 'dropped', 'dir/kept'])
    world.write('alpha', path, `${path} of old`);
  await world.pass(MINUTE);
  expect(Object.keys(world.files('beta'))).toHaveLength(6);
  await order('beta', 'alpha', 'Fracture');
  expect(stateOf('beta', 'alpha')).toBe('Fractured');
}

function goOn(): void {
  const { alpha, beta } = { alpha: world.member('alpha').files.user, beta: world.member('beta').files.user };
  world.write('alpha', 'both', 'edited by alpha');
  world.write('alpha', 'theirs', 'made by alpha');
  alpha.remove('/srv/docs/dropped');
  world.hint('alpha', 'dropped');
  world.write('beta', 'both', 'edited by beta');
  world.write('beta', 'mine', 'also edited by beta');
  world.write('beta', 'dropped', 'deleted by alpha, edited by beta');
  world.write('beta', 'dir/new', 'made by beta');
  world.write('beta', 'new-dir/new', 'made by beta too');
  beta.rename('/srv/docs/moved', '/srv/docs/moved away');
  beta.remove('/srv/docs/deleted');
  world.hint('beta', 'deleted');
}

/** Contents that beta alone made. */
const EDITED = [
  'also edited by beta',
  'deleted by alpha, edited by beta',
  'edited by beta',
  'made by beta',
  'made by beta too',
];

describe('after both sides went on', () => {
  test('Resync Replica makes the target like the source, and keeps what was changed here', async () => {
    await part('alpha→beta');
    goOn();
    await world.pass(MINUTE);
    expect(stateOf('beta', 'alpha')).toBe('Skewed');
    expect(judge('beta', 'alpha', 'Resync Replica')).toMatchObject({ returnCode: 4, detail: 'force_required' });
    await order('beta', 'alpha', 'Resync Replica', true);
    expect(pair('beta', 'alpha').association).toMatchObject({
      copyState: 'Unsynchronized',
      requestedCopyState: 'Synchronized',
    });
    await world.pass(10 * MINUTE);
    expect(world.files('beta')).toEqual(world.files('alpha'));
    expect(world.files('alpha')).toMatchObject({ both: 'edited by alpha', theirs: 'made by alpha' });
    expect(world.preserved('beta').sort()).toEqual(EDITED);
    expect(pair('beta', 'alpha').association).toMatchObject({
      copyState: 'Synchronized',
      requestedCopyState: 'Not Applicable',
    });
  });

  test('Resync Replica is carried out to its end over restarts in between', async () => {
    await part('alpha→beta');
    goOn();
    await world.pass(MINUTE);
    await order('beta', 'alpha', 'Resync Replica', true);
    for (let i = 0; i < 3; i++) {
      world.member('beta').crash('kill');
      world.start('beta');
      await world.pass(5000);
    }
    await world.pass(10 * MINUTE);
    expect(world.files('beta')).toEqual(world.files('alpha'));
    expect(world.preserved('beta').sort()).toEqual(EDITED);
    expect(stateOf('beta', 'alpha')).toBe('Synchronized');
  });

  test('what the source took over in the meantime stays: it is its state, too', async () => {
    await part('alpha→beta', 'beta→alpha');
    goOn();
    await world.pass(MINUTE);
    await order('beta', 'alpha', 'Resync Replica', true);
    await world.pass(10 * MINUTE);
    expect(world.files('beta')).toEqual(world.files('alpha'));
    expect(world.files('alpha')).toMatchObject({ mine: 'also edited by beta', 'new-dir/new': 'made by beta too' });
    const kept = [...Object.values(world.files('beta')), ...world.preserved('beta'), ...world.preserved('alpha')];
    for (const content of [...EDITED, 'edited by alpha', 'made by alpha']) expect(kept).toContain(content);
    expect(stateOf('beta', 'alpha')).toBe('Synchronized');
  });

  test('Restore from Replica makes the files of the target win, and keeps what the source had', async () => {
    await part('alpha→beta', 'beta→alpha');
    await order('alpha', 'beta', 'Suspend');
    goOn();
    await world.pass(MINUTE);
    await order('beta', 'alpha', 'Restore from Replica');
    expect(pair('beta', 'alpha').association).toMatchObject({ copyState: 'Unsynchronized', lastInto: 'source' });
    expect(pair('beta', 'alpha').association.work?.activity).toBe('Restoring');
    await world.pass(MINUTE);
    expect(pair('beta', 'alpha').association.work?.activity).toBe('Restoring');
    await order('alpha', 'beta', 'Resume');
    await world.pass(10 * MINUTE);
    expect(stateOf('beta', 'alpha')).toBe('Synchronized');
    expect(world.files('alpha')).toEqual(world.files('beta'));
    expect(world.files('alpha')).toMatchObject({
      both: 'edited by beta',
      dropped: 'deleted by alpha, edited by beta',
      'moved away': 'moved of old',
      theirs: 'made by alpha',
    });
    expect(world.files('alpha')).not.toHaveProperty('deleted');
    expect(world.preserved('alpha')).toContain('edited by alpha');
  });

  test('Abort ends a resynchronisation where it is, and another one takes it to its end', async () => {
    await part('alpha→beta');
    goOn();
    await world.pass(MINUTE);
    await order('beta', 'alpha', 'Resync Replica', true);
    await order('beta', 'alpha', 'Abort');
    await restart('beta');
    expect(stateOf('beta', 'alpha')).toBe('Aborted');
    await world.pass(10 * MINUTE);
    expect(world.files('beta')).not.toHaveProperty('theirs');
    await order('beta', 'alpha', 'Resync Replica');
    await world.pass(10 * MINUTE);
    expect(world.files('beta')).toEqual(world.files('alpha'));
    expect(world.preserved('beta').sort()).toEqual(EDITED);
  });

  test('a pair that is detached in the middle of it gives up nothing more', async () => {
    await part('alpha→beta');
    goOn();
    await world.pass(MINUTE);
    await order('beta', 'alpha', 'Resync Replica', true);
    await order('beta', 'alpha', 'Abort');
    await order('beta', 'alpha', 'Detach');
    const mine = world.files('beta');
    await world.pass(10 * MINUTE);
    expect(world.files('beta')).toEqual(mine);
    expect(world.folder('beta').core.memory.yielding).toBeNull();
    world.connect('alpha→beta', 'beta→alpha');
    await restart('beta');
    await restart('alpha');
    await world.pass(MINUTE);
    expect(world.files('alpha')).toMatchObject({ 'new-dir/new': 'made by beta too', mine: 'also edited by beta' });
  });
});

describe('a resynchronisation', () => {
  test.each([2, 7, 13, 29, 47, 71])('loses nothing when the power fails after %i calls', async calls => {
    await part('alpha→beta');
    goOn();
    await world.pass(MINUTE);
    const beta = world.member('beta');
    await order('beta', 'alpha', 'Resync Replica', true);
    beta.failAfter = { calls, kind: 'power' };
    await world.pass(20_000);
    beta.failAfter = null;
    beta.start();
    await world.pass(15 * MINUTE);
    expect(world.files('beta')).toEqual(world.files('alpha'));
    const kept = world.preserved('beta');
    for (const content of EDITED) expect(kept).toContain(content);
    expect(stateOf('beta', 'alpha')).toBe('Synchronized');
  });

  test('leaves all members alike, where what was made here reached the source by way of a third', async () => {
    world = await SmallWorld.create({ members: ['alpha', 'beta', 'gamma'] });
    world.connect('alpha→beta', 'beta→gamma', 'gamma→alpha');
    world.start();
    await world.pass(MINUTE);
    for (const path of ['both', 'mine', 'moved', 'deleted', 'dropped']) world.write('alpha', path, `${path} of old`);
    await world.pass(MINUTE);
    await order('beta', 'alpha', 'Fracture');
    await order('alpha', 'gamma', 'Suspend');
    goOn();
    await world.pass(MINUTE);
    await order('beta', 'alpha', 'Resync Replica', true);
    await world.pass(5 * MINUTE);
    await order('alpha', 'gamma', 'Resume');
    await world.pass(20 * MINUTE);
    expect(world.files('beta')).toEqual(world.files('alpha'));
    expect(world.files('gamma')).toEqual(world.files('alpha'));
    const kept = ['alpha', 'beta', 'gamma'].flatMap(name => [
      ...Object.values(world.files(name)),
      ...world.preserved(name),
    ]);
    for (const content of ['edited by alpha', 'edited by beta', 'made by beta', 'made by alpha'])
      expect(kept).toContain(content);
  });

  test('of a folder that was changed again after the order keeps what came later', async () => {
    await part('alpha→beta', 'beta→alpha');
    await order('alpha', 'beta', 'Suspend');
    goOn();
    await world.pass(MINUTE);
    await order('beta', 'alpha', 'Resync Replica', true);
    world.write('beta', 'later', 'made after the order');
    await world.pass(10 * MINUTE);
    expect(world.files('beta')).toMatchObject({ ...world.files('alpha'), later: 'made after the order' });
    await order('alpha', 'beta', 'Resume');
    await world.pass(5 * MINUTE);
    expect(world.files('alpha')).toEqual(world.files('beta'));
    expect(Object.keys(world.files('alpha')).sort()).toEqual([
      'both',
      'deleted',
      'dir/kept',
      'later',
      'mine',
      'moved',
      'theirs',
    ]);
  });
});

describe('a folder that is not in step', () => {
  test('has its first synchronisation aborted where it is, and goes on with it later', async () => {
    world = await SmallWorld.create({ folder: { primary: 'alpha' } });
    world.connect('alpha→beta');
    world.start('alpha');
    for (let n = 0; n < 40; n++) world.write('alpha', `file ${n}`, new Uint8Array(2 ** 20).fill(n));
    await world.pass(MINUTE);
    world.start('beta');
    const isSynchronizing = () => pair('beta', 'alpha')?.association.work?.activity === 'Synchronizing';
    for (let n = 0; n < 2000 && !(world.member('beta').running && isSynchronizing()); n++) await world.pass(10);
    expect(pair('beta', 'alpha').association).toMatchObject({ copyState: 'Unsynchronized', seeded: false });
    await order('beta', 'alpha', 'Abort');
    const had = Object.keys(world.files('beta')).length;
    expect(had).toBeLessThan(40);
    await restart('beta');
    expect(Object.keys(world.files('beta'))).toHaveLength(had);
    expect(stateOf('beta', 'alpha')).toBe('Aborted');
    await order('beta', 'alpha', 'Resync Replica');
    await world.pass(5 * MINUTE);
    expect(Object.keys(world.files('beta'))).toHaveLength(40);
    expect(stateOf('beta', 'alpha')).toBe('Synchronized');
  });

  test('is Broken while a brake holds it, and Resync Replica refuses what is held', async () => {
    await begin({ folder: { brakes: { deletedShare: 0.5, changedShare: 2, minimumFiles: 3 } } });
    for (let n = 0; n < 8; n++) world.write('alpha', `file ${n}`, `content ${n}`);
    await world.pass(MINUTE);
    for (let n = 0; n < 8; n++) world.member('beta').files.user.remove(`/srv/docs/file ${n}`);
    world.hint('beta', 'file 0');
    await world.pass(MINUTE);
    expect(pair('beta', 'alpha').association).toMatchObject({ copyState: 'Broken', brokenBy: 'target' });
    await order('beta', 'alpha', 'Resync Replica');
    await world.pass(5 * MINUTE);
    expect(Object.keys(world.files('beta'))).toHaveLength(8);
    expect(stateOf('beta', 'alpha')).toBe('Synchronized');
  });

  test('is not split while something is on its way, nor after it has come in between', async () => {
    await begin();
    const judged = judge('beta', 'alpha', 'Split');
    expect(judged.verdict).toBe('accepted');
    world.write('alpha', 'large', new Uint8Array(2 ** 24).fill(7));
    const { id } = pair('beta', 'alpha').association;
    for (let n = 0; n < 200 && stateOf('beta', 'alpha') === 'Synchronized'; n++) await world.pass(10);
    expect(judge('beta', 'alpha', 'Split')).toMatchObject({ returnCode: 4, detail: 'illegal_state' });
    const split = pairsOf('beta').perform(
      id,
      'Split',
      { now: 'Split', arrival: 'Split', need: null },
      { force: false },
    );
    await expect(world.whileTimePasses(split)).rejects.toMatchObject({ code: 'REFUSED' });
    await world.pass(MINUTE);
    expect(stateOf('beta', 'alpha')).toBe('Synchronized');
    const gone = pairsOf('alpha').list()[0]!.association.id;
    expect(gone).not.toBe(id);
  });
});

test('a folder that is read-only here is suspended, parted and resynchronised like any other, but nothing is restored from it', async () => {
  await begin({ folder: { readOnly: ['beta'] } });
  world.write('alpha', 'first', 'one');
  await world.pass(MINUTE);
  await order('beta', 'alpha', 'Fracture');
  world.write('alpha', 'second', 'two');
  world.write('beta', 'first', 'mine');
  await world.pass(MINUTE);
  expect(stateOf('beta', 'alpha')).toBe('Fractured');
  const { id } = pair('beta', 'alpha').association;
  const restore = pairsOf('beta').perform(
    id,
    'Restore from Replica',
    { now: 'Unsynchronized', arrival: 'Synchronized', need: null },
    { force: false },
  );
  await expect(world.whileTimePasses(restore)).rejects.toMatchObject({ code: 'REFUSED' });
  await order('beta', 'alpha', 'Resync Replica');
  await world.pass(5 * MINUTE);
  expect(world.files('beta')).toEqual({ first: 'one', second: 'two' });
  expect(world.preserved('beta')).toContain('mine');
  expect(stateOf('beta', 'alpha')).toBe('Synchronized');
});
