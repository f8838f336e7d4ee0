import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { WaitRecord } from '../../../src/admin/records/wait.ts';
import { GROUP, type Pair, ROOT, startPair } from './two-members.ts';

const FOLDER = GROUP.folders.get('docs')!.guid;

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
});
afterAll(() => pair.stop());

async function wait(member: string, timeoutMs: number, signal = new AbortController().signal): Promise<WaitRecord[]> {
  const told: WaitRecord[] = [];
  for await (const record of pair.alpha.backend.waitForMember({ folder: 'docs', member, timeoutMs }, signal))
    told.push(record);
  return told;
}

test('what is on disk at the call is at the partner when the wait ends, though nobody hinted at it', async () => {
  for (let i = 0; i < 20; i++) pair.alpha.user.writeFile(`${ROOT}/new/${i}.txt`, `content ${i}`);
  const told = await wait('beta', 20_000);
  for (let i = 0; i < 20; i++) expect(pair.beta.user.readFile(`${ROOT}/new/${i}.txt`).toString()).toBe(`content ${i}`);
  expect(told[0]).toMatchObject({ Stage: 'scanning', Arrived: false, MemberName: 'beta' });
  expect(told.at(-1)).toMatchObject({ Stage: 'arrived', Arrived: true, MissingVersions: 0, Reason: '' });
});

test('a deletion is waited for as well', async () => {
  pair.alpha.user.remove(`${ROOT}/new/3.txt`);
  await wait('beta', 20_000);
  expect(() => pair.beta.user.readFile(`${ROOT}/new/3.txt`)).toThrow();
});

test('a partner that cannot be reached is waited for until the time is over, and the sentence says why', async () => {
  pair.cut('beta', true);
  pair.alpha.user.writeFile(`${ROOT}/later.txt`, 'later');
  await expect(wait('beta', 300)).rejects.toMatchObject({
    code: 'TIMED_OUT',
    message: expect.stringMatching(/^after 0\.3 s beta still .*: .*beta.*tandem backlog --from alpha --to beta/),
  });
  pair.cut('beta', false);
  expect((await wait('beta', 30_000)).at(-1)).toMatchObject({ Arrived: true });
  expect(pair.beta.user.readFile(`${ROOT}/later.txt`).toString()).toBe('later');
});

test('an interruption ends it without a word', async () => {
  pair.cut('beta', true);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 100);
  expect((await wait('beta', 60_000, stop.signal)).at(-1)).toMatchObject({ Arrived: false });
  pair.cut('beta', false);
});

test('it outlasts another reading of group.yaml while files are still being looked at, and while they are on their way', async () => {
  const { alpha } = pair;
  for (let i = 0; i < 200; i++) alpha.user.writeFile(`${ROOT}/again/${i}`, `content ${i}`);
  const stages: string[] = [];
  const signal = new AbortController().signal;
  const waiting = (async () => {
    const query = { folder: 'docs', member: 'beta', timeoutMs: 20_000 };
    for await (const { Stage } of alpha.backend.waitForMember(query, signal)) stages.push(Stage);
  })();
  await alpha.readAgain();
  expect(stages).toEqual(['scanning']);
  await waiting;
  expect(stages.at(-1)).toBe('arrived');
  for (let i = 0; i < 200; i++) expect(pair.beta.user.readFile(`${ROOT}/again/${i}`).toString()).toBe(`content ${i}`);

  pair.cut('beta', true);
  alpha.user.writeFile(`${ROOT}/again/late`, 'late');
  const late = wait('beta', 20_000);
  await vi.waitFor(() => expect(alpha.member.folders.get(FOLDER)!.core.store.counts.files).toBe(221));
  await alpha.readAgain();
  pair.cut('beta', false);
  expect((await late).at(-1)).toMatchObject({ Arrived: true });
});

test('a member that is not there, does not have the folder, or is this one is named', async () => {
  await expect(wait('betta', 1000)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(wait('gamma', 1000)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(wait('alpha', 1000)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
