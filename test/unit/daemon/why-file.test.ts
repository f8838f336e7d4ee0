import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { GROUP, groupWith, type Pair, ROOT, startPair, type TestMember } from './two-members.ts';

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
  pair.alpha.user.writeFile(`${ROOT}/a/report.txt`, 'words');
  pair.alpha.user.writeFile(`${ROOT}/a/gone.txt`, 'to be deleted');
  await waitFor(pair.alpha, 'beta');
});
afterAll(() => pair.stop());

async function waitFor({ backend }: TestMember, member: string): Promise<void> {
  const { signal } = new AbortController();
  for await (const _ of backend.waitForMember({ folder: 'docs', member, timeoutMs: 20_000 }, signal));
}

const why = ({ backend }: TestMember, file: string, folder: string | undefined = 'docs') =>
  backend.why({ folder, file });

test('a file that both have is identical everywhere known, by path, absolute path and UID', async () => {
  await vi.waitFor(async () => {
    const answer = await why(pair.alpha, 'a/report.txt');
    expect(answer).toEqual({
      path: 'a/report.txt',
      folder: 'docs',
      verdict: 'identical',
      sentence: 'identical everywhere known; also on beta',
      holds: [],
    });
    expect(await why(pair.alpha, `${ROOT}/a/report.txt`, undefined)).toEqual(answer);
    const { record } = await pair.alpha.backend.record({ folder: 'docs', file: 'a/report.txt' });
    expect(await why(pair.alpha, record.Uid, undefined)).toEqual(answer);
  }, 10_000);
});

test('filters, Tandem’s own directory, and names that are nowhere', async () => {
  pair.alpha.user.writeFile(`${ROOT}/a/x.tmp`, 'draft');
  expect(await why(pair.alpha, 'a/x.tmp')).toMatchObject({
    verdict: 'not-replicated',
    holds: [{ Kind: 'filter', Reason: 'the file filter “*.tmp” excludes “x.tmp”' }],
  });
  expect(await why(pair.alpha, '.tandem/marker.json')).toMatchObject({ holds: [{ Kind: 'reserved' }] });
  expect(await why(pair.alpha, 'a/never.txt')).toMatchObject({ verdict: 'absent' });
  await expect(why(pair.alpha, '../x')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(why(pair.alpha, '/elsewhere/x', undefined)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(why(pair.alpha, 'x', 'dosc').catch(error => Promise.reject(error))).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});

test('a deletion is found by its path, with who made it', async () => {
  pair.beta.user.remove(`${ROOT}/a/gone.txt`);
  await waitFor(pair.beta, 'alpha');
  expect(await why(pair.alpha, 'a/gone.txt')).toMatchObject({ verdict: 'deleted' });
  expect((await why(pair.alpha, 'a/gone.txt')).sentence).toMatch(/^it was deleted on beta/);
});

test('what a partner that is cut off lacks is told, with why', async () => {
  pair.cut('alpha', true);
  pair.alpha.user.writeFile(`${ROOT}/a/new.txt`, 'new');
  pair.alpha.hint('a');
  await vi.waitFor(async () => {
    const answer = await why(pair.alpha, 'a/new.txt');
    expect(answer).toMatchObject({ verdict: 'held', holds: [{ Kind: 'partner-lacks', MemberName: 'beta' }] });
    expect(answer.sentence).toMatch(/^beta lacks this version: waits for beta to call again/);
  }, 10_000);
  pair.cut('alpha', false);
});

test('a halted folder holds everything, with the command that decides', async () => {
  const other = await startPair(groupWith({}));
  try {
    for (let i = 0; i < 6; i++) other.alpha.user.writeFile(`${ROOT}/d/${i}`, `content ${i}`);
    await waitFor(other.alpha, 'beta');
    for (let i = 0; i < 6; i++) other.alpha.user.remove(`${ROOT}/d/${i}`);
    await other.alpha.backend.rescan({ folder: 'docs' });
    await vi.waitFor(async () => {
      expect(await why(other.alpha, 'd/2')).toMatchObject({
        verdict: 'held',
        holds: [{ Kind: 'halted', Next: 'decide: tandem folder release docs --accept' }],
      });
    }, 10_000);
    await expect(waitFor(other.alpha, 'beta')).rejects.toMatchObject({ code: 'REFUSED' });
  } finally {
    await other.stop();
  }
});

test('a member to which no connection leads is not known, and says so', async () => {
  const [down] = GROUP.connections;
  const other = await startPair({ ...GROUP, connections: [down!] });
  try {
    other.alpha.user.writeFile(`${ROOT}/x`, 'x');
    other.alpha.hint();
    await vi.waitFor(async () => {
      const answer = await why(other.alpha, 'x');
      expect(answer).toMatchObject({ verdict: 'identical', holds: [{ Kind: 'partner-unknown', MemberName: 'beta' }] });
      expect(answer.holds[0]!.Reason).toContain('no enabled connection leads from it to alpha');
    }, 10_000);
  } finally {
    await other.stop();
  }
});
