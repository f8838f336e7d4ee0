/** Content that arrives when nobody waits for it any more is not left in staging. */
import { afterEach, expect, test } from 'vitest';
import type { Update } from '../../src/model/update.ts';
import type { PendingUpdate } from '../../src/replication/pending.ts';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

const SECOND = 1000;

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

function staged(name: string): string[] {
  const names = world.member(name).files.user.list(`${SIM_ROOT}/.tandem/staging`).map(String);
  return names.filter(each => !each.endsWith(',part'));
}

test('as a large file came to its end while the link broke, and changed at the source', async () => {
  world = await SmallWorld.create();
  world.start();
  await world.pass(30 * SECOND);
  for (let calls = 0; calls < 60; calls++) {
    let left = calls;
    world.member('beta').onFileCall = () => {
      if (world.folder('beta').core.pending.size > 0 && left-- === 0) void world.member('alpha').stop();
    };
    world.write('alpha', 'large', `${calls} `.repeat(60_000));
    await world.pass(5 * SECOND);
    world.write('alpha', 'large', `no longer ${calls}`);
    world.start('alpha');
    await world.pass(60 * SECOND);
    expect(world.files('beta')).toEqual({ large: `no longer ${calls}` });
    expect(staged('beta')).toEqual([]);
  }
});

/** Alpha’s file, as an update that beta does not know yet; no session brings it. */
async function unknownUpdate(content: string): Promise<Update> {
  world = await SmallWorld.create();
  world.start();
  await world.pass(30 * SECOND);
  world.network.block('alpha', 'beta');
  world.write('alpha', 'a', content);
  await world.pass(10 * SECOND);
  const {
    disk: _disk,
    provisional: _provisional,
    ...update
  } = (await world.whileTimePasses(world.folder('alpha').core.paths.recordAt('a')))!;
  return update;
}

function openRound() {
  const tally = { updatesTransferred: 0, bytesTransferred: 0, conflicts: 0, tombstones: 0 };
  return world
    .folder('beta')
    .flow.openRound({ partner: 'alpha', connection: 'connection', asOf: null }, tally as never);
}

test('as its update was let go of, taken up anew and let go of again', async () => {
  const update = await unknownUpdate('content');
  const { core, flow } = world.folder('beta');
  const asked: PendingUpdate[] = [];
  const source = { fetch: (item: PendingUpdate) => void asked.push(item) };
  const take = () => world.whileTimePasses(flow.take([update], openRound(), source));
  await take();
  flow.fetchFailed(asked[0]!, 'lost', 'the connection broke off');
  await take();
  const { size, hash, mode, mtimeNs } = update;
  const stagingId = `in-${update.gvsn}`;
  const data = Buffer.from('content');
  const [answer] = await world.whileTimePasses(core.disk.stageWhole([{ stagingId, data, size, hash, mode, mtimeNs }]));
  if (answer?.kind !== 'staged') throw new Error('not staged');
  flow.staged(asked[0]!, { stagingId, ino: answer.ino, mode: answer.mode }, null);
  await world.pass(SECOND);
  expect(staged('beta')).toEqual([stagingId]);
  flow.fetchFailed(asked[1]!, 'lost', 'the connection broke off');
  await world.pass(SECOND);
  expect(staged('beta')).toEqual([]);
});

test('as everything under way was dropped while it was copied from this host', async () => {
  const update = await unknownUpdate('');
  const { core, flow } = world.folder('beta');
  let dropped = false;
  world.member('beta').onFileCall = operation => {
    if (dropped || operation !== 'openFile' || !core.pending.has(update.gvsn)) return;
    dropped = true;
    flow.drop();
  };
  await world.whileTimePasses(flow.take([update], openRound(), { fetch: () => {} }));
  await world.pass(SECOND);
  expect(dropped).toBe(true);
  expect(staged('beta')).toEqual([]);
});
