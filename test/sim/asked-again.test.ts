/** What leaves the vector is asked for again, whatever round is under way at that moment. */
import { afterEach, expect, test } from 'vitest';
import type { Round } from '../../src/replication/pending.ts';
import { SmallWorld } from './small-world.ts';

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

test('a round that begins while a version leaves the vector does not claim it', async () => {
  world = await SmallWorld.create();
  world.write('alpha', 'a', 'one');
  world.start();
  await world.pass(30_000);
  const { core, flow } = world.folder('beta');
  const { gvsn } = (await world.whileTimePasses(core.paths.recordAt('a')))!;
  const told = world.folder('alpha').core.store.vector;
  // Not of any session: nobody else may ask in between.
  await world.stop('alpha');
  const tally = { updatesTransferred: 0, bytesTransferred: 0, conflicts: 0, tombstones: 0 };
  const rounds: Round[] = [];
  const { onUnclaimed } = core;
  core.onUnclaimed = gvsns => {
    onUnclaimed(gvsns);
    // The vector is as it was: this round asks for nothing.
    const by = { partner: 'alpha', connection: 'connection', asOf: null };
    if (rounds.length === 0) rounds.push(flow.openRound(by, tally as Round['tally']));
  };
  await world.whileTimePasses(core.line.run(() => core.commit({ unclaims: [gvsn] })));
  expect(core.isClaimed(gvsn)).toBe(false);
  await world.whileTimePasses(flow.closeRound(rounds[0]!, told));
  expect(core.isClaimed(gvsn)).toBe(false);
});
