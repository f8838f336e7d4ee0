/** Updates that wait for one another take their places together, whoever of them is a deletion. */
import { afterEach, expect, test } from 'vitest';
import type { FileRecord, Update } from '../../src/model/update.ts';
import { makeVersion, type Uid } from '../../src/model/version.ts';
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

test('a directory is deleted whose name another takes, with the one that takes what it holds', async () => {
  world = await SmallWorld.create();
  const { user } = world.member('beta').files;
  user.makeDirectory(`${SIM_ROOT}/name/inner/kept`);
  world.start('beta');
  await world.pass(30_000);
  const folder = world.folder('beta');
  const { core } = folder;
  const recordAt = async (parent: Uid, name: string): Promise<FileRecord> => {
    const [uid] = await core.store.occupants([{ parent, name }]);
    return (await core.store.records([uid!]))[0]!;
  };
  const [outer, inner] = await world.whileTimePasses(
    recordAt(core.root, 'name').then(async of => [of, await recordAt(of.uid, 'inner')] as const),
  );
  const [newOuter, newInner] = [makeVersion(PARTNER_DATABASE, 11), makeVersion(PARTNER_DATABASE, 12)];
  const received = receive(folder, [
    byPartner(9, outer, { present: false }),
    byPartner(10, inner, { present: false, nameConflict: true, mergedInto: newInner }),
    byPartner(11, outer, { uid: newOuter, ancestry: [] }),
    byPartner(12, inner, { uid: newInner, parent: newOuter, name: 'other', ancestry: [] }),
  ]);
  await world.whileTimePasses(received);
  await world.pass(10_000);
  expect(core.pending.list().map(({ update, reason }) => `${update.name} ${reason}`)).toEqual([]);
  expect([...user.snapshot(SIM_ROOT).keys()]).toEqual(['name', 'name/other', 'name/other/kept']);
});
