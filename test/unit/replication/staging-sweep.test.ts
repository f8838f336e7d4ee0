import { afterEach, expect, it } from 'vitest';
import { sweepStaging } from '../../../src/replication/staging-sweep.ts';
import { groupWith, type Pair, ROOT, startPair } from '../daemon/two-members.ts';

let pair: Pair;
afterEach(() => pair.stop());

const STAGING = `${ROOT}/.tandem/staging`;

it('removes what nobody waits for, and nothing while interrupted work has not been looked after', async () => {
  pair = await startPair();
  const { user, member } = pair.alpha;
  const { core } = [...member.folders.values()][0]!;
  const left = () => [...user.snapshot(STAGING).keys()];
  await core.disk.stageOpen('in-young');
  user.writeFile(`${STAGING}/in-whole`, 'nobody waits for it');
  user.writeFile(`${STAGING}/exchange-1.2`, 'a user’s file that has stepped aside');
  await core.line.run(() => core.commit({ addIntent: { id: 'interrupted', body: { steps: [] } } }));
  await core.line.run(() => sweepStaging(core));
  expect(left().length).toBe(3);
  await core.line.run(() => core.commit({ removeIntents: ['interrupted'] }));
  await core.line.run(() => sweepStaging(core));
  expect(left()).toEqual(['exchange-1.2', 'in-young,part']);
  user.link(`${STAGING}/exchange-1.2`, `${ROOT}/it has its place`);
  await core.line.run(() => sweepStaging(core));
  expect(left()).toEqual(['in-young,part']);
});

it('drops also what could be resumed where the quota is nearly used up, the oldest first', async () => {
  pair = await startPair(groupWith({ stagingQuotaBytes: 100 }));
  const { user, member, events } = pair.alpha;
  const { core } = [...member.folders.values()][0]!;
  for (const id of ['in-a', 'in-b', 'in-c']) {
    await core.disk.stageOpen(id);
    await core.disk.stageAppend(id, [{ kind: 'data', data: new Uint8Array(30) }]);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  await core.line.run(() => sweepStaging(core));
  expect([...user.snapshot(STAGING).keys()]).toEqual(['in-b,part', 'in-c,part']);
  await core.line.run(() => sweepStaging(core));
  expect([...user.snapshot(STAGING).keys()]).toHaveLength(2);
  await events.flush();
  const cleaned = (await events.list({ limit: 100 })).filter(({ name }) => name === 'STAGING_CLEANED');
  expect(cleaned).toEqual([expect.objectContaining({ number: 4202, fields: { folder: 'docs', bytes: 30 } })]);
});
