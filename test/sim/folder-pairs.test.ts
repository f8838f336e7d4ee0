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
      `by order folder docs is not had from alpha: the pair is Suspended; “tandem replica resume ${id}” has it go on`,
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
