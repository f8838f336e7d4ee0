import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { PropagationRecord } from '../../../src/admin/records/propagation.ts';
import { groupWith, type Pair, ROOT, startPair, type TestMember } from './two-members.ts';

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
  await vi.waitFor(async () => {
    for (const { backend } of [pair.alpha, pair.beta])
      expect((await backend.folder({ folder: 'docs' })).folder.State).toBe(4);
  }, 10_000);
});
afterAll(() => pair.stop());

async function run(
  { backend }: TestMember,
  timeoutMs: number,
  rows: PropagationRecord[] = [],
): Promise<PropagationRecord[]> {
  const { signal } = new AbortController();
  for await (const row of backend.propagationTest({ folder: 'docs', timeoutMs }, signal)) rows.push(row);
  return rows;
}

const testFiles = ({ user }: TestMember) =>
  user
    .list(ROOT)
    .map(String)
    .filter(name => name.startsWith('.tandem-propagation-test-'));

test('a partner’s time is measured, the file goes again everywhere, and the journal remembers', async () => {
  const rows = await run(pair.alpha, 20_000);
  expect(rows).toMatchObject([
    { Measure: 'arrival', FromMember: 'alpha', ToMember: 'beta', State: 'arrived', Reason: '' },
    { Measure: 'edge', FromMember: 'alpha', ToMember: 'beta', State: 'arrived', Reason: '' },
    { Measure: 'edge', FromMember: 'beta', ToMember: 'alpha', State: 'arrived', Reason: '' },
  ]);
  for (const { LatencyInMilliseconds } of rows) expect(LatencyInMilliseconds).toBeGreaterThanOrEqual(0);
  expect(rows[0]!.LatencyInMilliseconds).toBeLessThan(10_000);
  for (const member of [pair.alpha, pair.beta]) await vi.waitFor(() => expect(testFiles(member)).toEqual([]), 10_000);
  expect(await pair.alpha.backend.propagationReport({ limit: 10 })).toEqual({ total: 3, rows: [...rows].reverse() });
  expect(await pair.beta.backend.propagationReport({ limit: 10 })).toEqual({ total: 0, rows: [] });
});

test('a partner that cannot be reached is late, and the report says why', async () => {
  pair.cut('beta', true);
  const rows: PropagationRecord[] = [];
  await expect(run(pair.alpha, 1500, rows)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  expect(rows).toMatchObject([
    { Measure: 'arrival', ToMember: 'beta', State: 'late', LatencyInMilliseconds: null },
    {
      Measure: 'edge',
      FromMember: 'alpha',
      State: 'unknown',
      LatencyInMilliseconds: null,
      Reason: 'beta has not answered',
    },
    {
      Measure: 'edge',
      FromMember: 'beta',
      State: 'unknown',
      LatencyInMilliseconds: null,
      Reason: 'beta has not answered',
    },
  ]);
  expect(rows[0]!.Reason).toContain('beta');
  expect((await pair.alpha.backend.propagationReport({ folder: 'docs', limit: 3 })).rows).toEqual(rows.reverse());
  pair.cut('beta', false);
});

test('filters that keep the file out are named before anything is written', async () => {
  const other = await startPair(groupWith({ filters: { files: ['.*'], directories: [] } }));
  try {
    await vi.waitFor(async () => {
      await expect(run(other.alpha, 1000)).rejects.toMatchObject({
        code: 'REFUSED',
        message: expect.stringContaining('filters'),
      });
    }, 10_000);
    expect(testFiles(other.alpha)).toEqual([]);
  } finally {
    await other.stop();
  }
});
