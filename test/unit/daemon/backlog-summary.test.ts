import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Pair, ROOT, startPair, type TestMember } from './two-members.ts';

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
});
afterAll(() => pair.stop());

const backlogs = async ({ backend }: TestMember) => (await backend.status()).backlogs;

test('members in sync have none, in either direction', async () => {
  pair.alpha.user.writeFile(`${ROOT}/a.txt`, 'a');
  pair.alpha.hint();
  await vi.waitFor(async () => {
    expect(await backlogs(pair.alpha)).toMatchObject([
      { FromMember: 'beta', ToMember: 'alpha', BacklogFileCount: 0, EtaSeconds: 0, AgeSeconds: null },
      { FromMember: 'alpha', ToMember: 'beta', BacklogFileCount: 0, EtaSeconds: 0, AgeSeconds: null, Reason: '' },
    ]);
  }, 10_000);
});

test('what a partner that cannot call lacks is counted, with bytes and the age of the oldest', async () => {
  pair.cut('alpha', true);
  const before = Date.now();
  pair.alpha.user.writeFile(`${ROOT}/b.txt`, 'twelve bytes');
  pair.alpha.user.remove(`${ROOT}/a.txt`);
  pair.alpha.hint();
  await vi.waitFor(async () => {
    const [, to] = await backlogs(pair.alpha);
    expect(to).toMatchObject({ BacklogFileCount: 2, BacklogSizeInBytes: 12, EtaSeconds: null });
    expect(Date.parse(to!.OldestTime)).toBeGreaterThanOrEqual(before - 1);
    expect(to!.AgeSeconds).toBeLessThan(10);
  }, 10_000);
  pair.cut('alpha', false);
});

test('of a partner that cannot be reached nothing is known, and why is told', async () => {
  pair.cut('beta', true);
  await vi.waitFor(async () => {
    const [from, to] = await backlogs(pair.alpha);
    for (const row of [from!, to!])
      expect(row).toMatchObject({
        BacklogFileCount: null,
        AgeSeconds: null,
        Reason: expect.stringMatching(/beta|told/),
      });
  }, 10_000);
  pair.cut('beta', false);
});
