/** What a member says of a folder that it, or its partner, has read-only. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { groupWith, type Pair, ROOT, startPair, type TestMember } from './two-members.ts';

let pair: Pair;
beforeAll(async () => {
  pair = await startPair(groupWith({ readOnly: ['beta'] }));
  pair.alpha.user.writeFile(`${ROOT}/a`, 'words');
  pair.alpha.hint();
  await vi.waitFor(() => expect(pair.beta.user.exists(`${ROOT}/a`)).toBe(true), 10_000);
});
afterAll(() => pair.stop());

const backlog = ({ backend }: TestMember, from: string, to: string) =>
  backend.backlog({ from, to, folder: 'docs', limit: 10 });
const READ_ONLY = { code: 'REFUSED', message: expect.stringContaining('nothing flows out of beta: docs is read-only') };

test('there is no backlog from it, asked there and elsewhere; what comes to it is known to it alone', async () => {
  await expect(backlog(pair.beta, 'beta', 'alpha')).rejects.toMatchObject(READ_ONLY);
  await expect(backlog(pair.alpha, 'beta', 'alpha')).rejects.toMatchObject(READ_ONLY);
  await expect(backlog(pair.alpha, 'alpha', 'beta')).rejects.toMatchObject({
    code: 'REFUSED',
    message:
      'docs is read-only on beta, which tells nobody what it holds, so what beta holds is not known here; ask the daemon of beta',
  });
  await vi.waitFor(async () => expect(await backlog(pair.beta, 'alpha', 'beta')).toMatchObject({ total: 0 }), 10_000);
  const routes = async ({ backend }: TestMember) =>
    (await backend.status()).backlogs.map(({ FromMember, ToMember }) => `${FromMember} → ${ToMember}`);
  expect(await routes(pair.beta)).toEqual(['alpha → beta']);
  expect((await pair.alpha.backend.status()).backlogs).toMatchObject([
    { FromMember: 'alpha', ToMember: 'beta', BacklogFileCount: null, Reason: expect.stringContaining('read-only') },
  ]);
});

test('nothing is measured or waited for from there, and nothing is written', async () => {
  const { signal } = new AbortController();
  const run = async (rows: AsyncIterable<unknown>) => {
    for await (const _ of rows);
  };
  const { backend } = pair.beta;
  await expect(run(backend.propagationTest({ folder: 'docs', timeoutMs: 1000 }, signal))).rejects.toMatchObject(
    READ_ONLY,
  );
  await expect(
    run(backend.waitForMember({ folder: 'docs', member: 'alpha', timeoutMs: 1000 }, signal)),
  ).rejects.toMatchObject(READ_ONLY);
  expect(pair.beta.user.list(ROOT).map(String).sort()).toEqual(['.tandem', 'a']);
});

test('a propagation test elsewhere says of it that it tells nothing', async () => {
  const { signal } = new AbortController();
  const rows: unknown[] = [];
  for await (const row of pair.alpha.backend.propagationTest({ folder: 'docs', timeoutMs: 1000 }, signal))
    rows.push(row);
  expect(rows).toMatchObject([
    { Measure: 'arrival', ToMember: 'beta', State: 'unknown', Reason: expect.stringContaining('read-only on beta') },
    { Measure: 'edge', ToMember: 'beta', State: 'unknown', Reason: expect.stringContaining('read-only on beta') },
  ]);
});

test('why: nothing flows out, and what was changed there is undone', async () => {
  const why = ({ backend }: TestMember) => backend.why({ folder: 'docs', file: 'a' });
  await vi.waitFor(async () => {
    expect(await why(pair.beta)).toMatchObject({
      verdict: 'identical',
      holds: [{ Kind: 'read-only', Reason: 'the folder is read-only here: nothing flows out of this member' }],
    });
  }, 10_000);
  expect(await why(pair.alpha)).toMatchObject({
    verdict: 'identical',
    holds: [{ Kind: 'partner-unknown', MemberName: 'beta', Reason: expect.stringContaining('read-only there') }],
  });
  pair.beta.user.writeFile(`${ROOT}/a`, 'changed here');
  expect(await why(pair.beta)).toMatchObject({ verdict: 'held', holds: [{ Kind: 'undone' }, { Kind: 'read-only' }] });
});
