import { expect, test } from 'vitest';
import { edgeLatencies, parseTestAnswer, type TestAnswer, THE_TEST } from '../../../src/model/propagation.ts';

const answer = (member: string, recordedAt: number | null, arrivals: TestAnswer['arrivals'] = []): TestAnswer => ({
  test: 't',
  member,
  recordedAt,
  arrivals,
});

test('each edge is measured from where the file was to where it came, whatever the clocks', () => {
  // beta's clock is an hour ahead of alpha's.
  const edges = edgeLatencies('alpha', [
    answer('alpha', 1000, [{ of: 'beta', from: 'beta', at: 1900, aheadMs: 3_600_000 }]),
    answer('beta', 3_601_500, [{ of: THE_TEST, from: 'alpha', at: 3_601_040, aheadMs: -3_600_000 }]),
    answer('gamma', null, [{ of: 'alpha', from: 'beta', at: 3_601_200, aheadMs: 0 }]),
  ]);
  expect(edges.map(({ from, to, latencyMs }) => [from, to, latencyMs])).toEqual([
    ['beta', 'alpha', 400],
    ['alpha', 'beta', 40],
    ['beta', 'gamma', 160],
  ]);
});

test('of several files over one edge the fastest counts, and what came before it was sent counts as nothing', () => {
  const [edge, ...others] = edgeLatencies('alpha', [
    answer('alpha', 1000, []),
    answer('beta', 1200, [
      { of: 'alpha', from: 'alpha', at: 1100, aheadMs: 0 },
      { of: 'gamma', from: 'alpha', at: 1500, aheadMs: 0 },
    ]),
  ]);
  expect(others).toEqual([]);
  expect(edge).toMatchObject({ from: 'alpha', to: 'beta', latencyMs: 100 });
  const early = [answer('alpha', 1000), answer('beta', null, [{ of: 'alpha', from: 'alpha', at: 990, aheadMs: 0 }])];
  expect(edgeLatencies('alpha', early)[0]!.latencyMs).toBe(0);
});

test('what a member wrote is taken only as what it is expected to be', () => {
  const good = answer('beta', 5, [{ of: 'alpha', from: 'alpha', at: 4, aheadMs: -1 }]);
  const expected = { test: 't', member: 'beta' };
  expect(parseTestAnswer(JSON.stringify(good), expected)).toEqual(good);
  for (const bad of [
    'no json',
    'null',
    JSON.stringify({ ...good, member: 'alpha' }),
    JSON.stringify({ ...good, recordedAt: 'now' }),
    JSON.stringify({ ...good, arrivals: [{ of: 'a/b', from: 'alpha', at: 4, aheadMs: 0 }] }),
    JSON.stringify({ ...good, arrivals: [{ of: 'alpha', from: 'alpha', at: -4, aheadMs: 0 }] }),
    JSON.stringify({ ...good, arrivals: Array.from({ length: 2000 }, () => good.arrivals[0]) }),
  ])
    expect(parseTestAnswer(bad, expected)).toBeNull();
});
