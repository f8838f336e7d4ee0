import { expect, test } from 'vitest';
import { isStale, passMilestones } from '../../../src/model/freshness.ts';

test('a member that was away for longer than the lifetime is stale, one that never heard of anybody is not', () => {
  expect(isStale(1000, 1100, 100)).toBe(false);
  expect(isStale(1000, 1101, 100)).toBe(true);
  expect(isStale(0, 9999, 100)).toBe(false);
  expect(isStale(1000, 500, 100)).toBe(false);
});

test('what was known for a lifetime expires, and it is noted twice in a lifetime what is known', () => {
  let { milestones, expired } = passMilestones([], { time: 1000, versions: 'a' }, 100);
  expect(milestones).toEqual([{ time: 1000, versions: 'a' }]);
  ({ milestones, expired } = passMilestones(milestones, { time: 1049, versions: 'b' }, 100));
  expect(milestones).toHaveLength(1);
  ({ milestones, expired } = passMilestones(milestones, { time: 1060, versions: 'c' }, 100));
  expect(milestones.map(({ versions }) => versions)).toEqual(['a', 'c']);
  expect(expired).toBeNull();
  ({ milestones, expired } = passMilestones(milestones, { time: 1100, versions: 'd' }, 100));
  expect(expired).toBe('a');
  expect(milestones.map(({ versions }) => versions)).toEqual(['c']);
});

test('a clock that was set back makes nothing older than it is', () => {
  const { milestones, expired } = passMilestones([{ time: 5000, versions: 'a' }], { time: 1000, versions: 'b' }, 100);
  expect(expired).toBeNull();
  expect(milestones).toEqual([{ time: 1000, versions: 'a' }]);
  expect(passMilestones(milestones, { time: 1099, versions: 'c' }, 100).expired).toBeNull();
});
