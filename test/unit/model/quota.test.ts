import { expect, test } from 'vitest';
import { type KeptItem, planPurge } from '../../../src/model/quota.ts';

const items: KeptItem[] = [
  { id: 'newest', bytes: 30, time: 4 },
  { id: 'oldest', bytes: 30, time: 1 },
  { id: 'second', bytes: 20, time: 2 },
  { id: 'empty', bytes: 0, time: 0 },
  { id: 'third', bytes: 10, time: 3 },
];
const all = new Set(items.map(({ id }) => id));
const ids = (purge: readonly KeptItem[]) => purge.map(({ id }) => id);

test('nothing goes below 90 % of the quota', () => {
  expect(planPurge(items, { quotaBytes: 101, copies: all, onlyCopies: true })).toEqual({
    purge: [],
    leftBytes: 90,
    exceeded: false,
  });
});

test('from 90 % on the oldest goes, down to 60 %', () => {
  const { purge, leftBytes } = planPurge(items, { quotaBytes: 100, copies: all, onlyCopies: false });
  expect(ids(purge)).toEqual(['oldest']);
  expect(leftBytes).toBe(60);
});

test('what is the only copy stays, and it is said that there is too much', () => {
  const copies = new Set(['third']);
  expect(planPurge(items, { quotaBytes: 50, copies, onlyCopies: false })).toMatchObject({
    purge: [{ id: 'third' }],
    leftBytes: 80,
    exceeded: true,
  });
});

test('where that is allowed, only copies go after all others', () => {
  const { purge, exceeded } = planPurge(items, { quotaBytes: 50, copies: new Set(['newest']), onlyCopies: true });
  expect(ids(purge)).toEqual(['newest', 'oldest']);
  expect(exceeded).toBe(false);
});
