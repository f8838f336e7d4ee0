/** What a partner said of what it holds is known after a restart, so that a bundle for it has only what it lacks. */
import { afterEach, expect, test } from 'vitest';
import { EMPTY_VECTOR } from '../../src/model/version-vector.ts';
import { holdingsOf } from '../../src/replication/heard-vectors.ts';
import { SmallWorld } from './small-world.ts';

const SECOND = 1000;

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

/** What alpha would leave out of a bundle for beta. */
function known() {
  const { inbound } = world.member('alpha').member!;
  return holdingsOf(world.folder('alpha').core, inbound[0]!.parts.partner.guid, inbound)?.holds ?? EMPTY_VECTOR;
}

async function restartAlone(): Promise<void> {
  world.start('alpha');
  await world.pass(10 * SECOND);
}

async function together(): Promise<void> {
  world = await SmallWorld.create();
  world.write('alpha', 'a', 'of alpha');
  world.write('beta', 'b', 'of beta');
  world.start();
  await world.pass(60 * SECOND);
  expect(known()).toEqual(world.folder('alpha').core.store.vector);
}

test('after a stop', async () => {
  await together();
  const vector = known();
  await world.stop('beta');
  await world.stop('alpha');
  await restartAlone();
  expect(known()).toEqual(vector);
});

test('after a death, as it was some minutes before', async () => {
  await together();
  const vector = known();
  await world.pass(700 * SECOND);
  await world.stop('beta');
  world.write('alpha', 'c', 'what beta has not heard of');
  await world.pass(60 * SECOND);
  world.member('alpha').crash('kill');
  await restartAlone();
  expect(known()).toEqual(vector);
  expect(world.folder('alpha').core.store.vector).not.toEqual(vector);
});

test('and is no more than what the partner said last, though it said more before', async () => {
  await together();
  await world.stop('beta');
  world.member('beta').options.home.lose();
  world.network.block('alpha', 'beta');
  world.start('beta');
  await world.pass(60 * SECOND);
  world.network.unblockAll();
  world.connect('beta→alpha');
  await world.stop('beta');
  world.start('beta');
  await world.pass(60 * SECOND);
  const held = world.folder('beta').core.store.vector;
  expect(known()).toEqual(held);
  await world.stop('beta');
  await world.stop('alpha');
  await restartAlone();
  expect(known()).toEqual(held);
});
