/** Updates of a partner that depend on one another, received in one round. */
import { afterEach, expect, test } from 'vitest';
import type { FileRecord, Update } from '../../src/model/update.ts';
import { makeVersion } from '../../src/model/version.ts';
import { vectorFromVersions } from '../../src/model/version-vector.ts';
import type { Folder } from '../../src/replication/folder.ts';
import type { ContentSource } from '../../src/replication/pending.ts';
import { noSession } from '../../src/replication/sync-session.ts';
import { SIM_ROOT } from './sim-member.ts';
import { SmallWorld } from './small-world.ts';

const PARTNER_DATABASE = 'a'.repeat(32);

let world: SmallWorld;

afterEach(() => {
  expect(world.end()).toEqual([]);
});

/** What a partner made of a record, or a directory it made. */
function byPartner(number: number, of: FileRecord, change: Partial<Update>): Update {
  const gvsn = makeVersion(PARTNER_DATABASE, number);
  const { disk: _disk, provisional: _provisional, ...update } = of;
  return { ...update, gvsn, clock: of.clock + 1_000_000, ancestry: [of.gvsn], ...change };
}

/** All that one partner had to tell, in one round. */
async function receive({ flow }: Folder, updates: readonly Update[]): Promise<void> {
  const source: ContentSource = { fetch: () => expect.unreachable('no content is needed') };
  const round = flow.openRound({ partner: 'alpha', connection: 'from alpha', asOf: null }, noSession());
  await flow.take(updates, round, source);
  await flow.closeRound(round, vectorFromVersions(updates.map(update => update.gvsn)));
}

/** Of what lies below the root on beta. */
async function recordOf({ core }: Folder, path: string): Promise<FileRecord> {
  return (await world.whileTimePasses(core.paths.recordAt(path)))!;
}

async function betaWith(path: string): Promise<Folder> {
  world = await SmallWorld.create({ folder: { rescanMs: 3_600_000 } });
  world.member('beta').files.user.makeDirectory(`${SIM_ROOT}/${path}`);
  world.start('beta');
  await world.pass(30_000);
  return world.folder('beta');
}

test('a directory is deleted whose name another takes, with the one that takes what it holds', async () => {
  const folder = await betaWith('name/inner/kept');
  const outer = await recordOf(folder, 'name');
  const inner = await recordOf(folder, 'name/inner');
  const [newOuter, newInner] = [makeVersion(PARTNER_DATABASE, 11), makeVersion(PARTNER_DATABASE, 12)];
  const received = receive(folder, [
    byPartner(9, outer, { present: false }),
    byPartner(10, inner, { present: false, nameConflict: true, mergedInto: newInner }),
    byPartner(11, outer, { uid: newOuter, ancestry: [] }),
    byPartner(12, inner, { uid: newInner, parent: newOuter, name: 'other', ancestry: [] }),
  ]);
  await world.whileTimePasses(received);
  await world.pass(10_000);
  expect(folder.core.pending.list().map(({ update, reason }) => `${update.name} ${reason}`)).toEqual([]);
  const { user } = world.member('beta').files;
  expect([...user.snapshot(SIM_ROOT).keys()]).toEqual(['name', 'name/other', 'name/other/kept']);
});

test('what comes into a directory that loses its name in the same group is known to be on disk', async () => {
  const folder = await betaWith('name');
  const loser = await recordOf(folder, 'name');
  const winner = makeVersion(PARTNER_DATABASE, 8);
  const received = receive(folder, [
    byPartner(9, loser, { uid: makeVersion(PARTNER_DATABASE, 9), parent: loser.uid, name: 'child', ancestry: [] }),
    byPartner(10, loser, { uid: winner, ancestry: [], createTime: loser.createTime + 1000 }),
  ]);
  await world.whileTimePasses(received);
  await world.pass(100);
  expect(await recordOf(folder, 'name')).toMatchObject({ uid: winner });
  expect(await recordOf(folder, 'name/child')).toMatchObject({ parent: winner, disk: { kind: 'directory' } });
});

test('a file comes into a directory that has to come back, and takes in the one where the file is', async () => {
  const folder = await betaWith('name');
  world.write('beta', 'name/kept', 'content');
  await world.pass(30_000);
  const loser = await recordOf(folder, 'name');
  const kept = await recordOf(folder, 'name/kept');
  const winner = makeVersion(PARTNER_DATABASE, 8);
  const later = { uid: winner, createTime: loser.createTime + 1000, ancestry: [] };
  await world.whileTimePasses(receive(folder, [byPartner(9, loser, { ...later, present: false })]));
  const received = receive(folder, [
    byPartner(10, kept, { parent: winner }),
    byPartner(11, loser, { present: false, nameConflict: true, mergedInto: winner }),
  ]);
  await world.whileTimePasses(received);
  await world.pass(10_000);
  expect([...folder.core.pending.givenUpUids()]).toEqual([]);
  expect(world.files('beta')).toEqual({ 'name/kept': 'content' });
  expect(await recordOf(folder, 'name/kept')).toMatchObject({ uid: kept.uid, parent: winner });
});

test('a directory lost its name to one that nobody has: another one takes in what it holds', async () => {
  const folder = await betaWith('name/kept');
  const loser = await recordOf(folder, 'name');
  const lost = byPartner(9, loser, {
    present: false,
    nameConflict: true,
    mergedInto: makeVersion(PARTNER_DATABASE, 8),
  });
  for (let attempt = 0; attempt < 7; attempt++) {
    expect(await recordOf(folder, 'name')).toMatchObject({ uid: loser.uid });
    await world.whileTimePasses(receive(folder, [lost]));
    await world.pass(400_000);
  }
  expect((await recordOf(folder, 'name')).uid).not.toBe(loser.uid);
  expect([...world.member('beta').files.user.snapshot(SIM_ROOT).keys()]).toEqual(['name', 'name/kept']);
});

test('something comes into a directory that was deleted here in one that nobody knows of: it comes back at the top', async () => {
  const folder = await betaWith('name');
  const { core } = folder;
  const record = await recordOf(folder, 'name');
  world.member('beta').files.user.remove(`${SIM_ROOT}/name`);
  const deleting = core.line.run(async () => {
    const [stamp] = await core.stamps([record]);
    const parent = makeVersion(core.members.database, 1);
    await core.commit({
      put: [{ before: record, after: { ...record, ...stamp, parent, present: false, disk: null } }],
    });
  });
  await world.whileTimePasses(deleting);
  const child = { uid: makeVersion(PARTNER_DATABASE, 9), parent: record.uid, name: 'child', ancestry: [] };
  await world.whileTimePasses(receive(folder, [byPartner(9, record, child)]));
  await world.pass(10_000);
  expect([...world.member('beta').files.user.snapshot(SIM_ROOT).keys()]).toEqual(['name', 'name/child']);
});
