import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { nextClock, observe, tick } from '../../../src/model/hybrid-clock.ts';

const NOW = 1_700_000_000_000;

test('the clock follows the host’s time in microseconds', () => {
  expect(tick(0, NOW)).toBe(NOW * 1000);
});

test('the clock never stands still and never goes back', () => {
  expect(tick(NOW * 1000, NOW)).toBe(NOW * 1000 + 1);
  expect(tick(NOW * 1000, NOW - 60_000)).toBe(NOW * 1000 + 1);
});

test('a partner’s clock is followed up to the limit and not at all beyond it', () => {
  const furthest = (NOW + LIMITS.clockAheadMs) * 1000;
  expect(observe(NOW * 1000, furthest, NOW)).toBe(furthest);
  expect(observe(NOW * 1000, furthest + 1, NOW)).toBe(NOW * 1000);
  expect(observe(NOW * 1000, 5, NOW)).toBe(NOW * 1000);
});

test('a version gets a clock above the one it replaces', () => {
  const slightlyAhead = NOW * 1000 + 500;
  expect(nextClock(0, NOW, slightlyAhead)).toEqual({ clock: slightlyAhead + 1, last: slightlyAhead + 1 });
  expect(nextClock(0, NOW, 7)).toEqual({ clock: NOW * 1000, last: NOW * 1000 });
});

test('a far-off version does not drag the member’s own clock along', () => {
  const farOff = (NOW + 1_000_000_000) * 1000;
  expect(nextClock(0, NOW, farOff)).toEqual({ clock: farOff + 1, last: NOW * 1000 });
});

test('the end of the range is not passed', () => {
  const { clock, last } = nextClock(0, NOW, Number.MAX_SAFE_INTEGER);
  expect(clock).toBe(Number.MAX_SAFE_INTEGER);
  expect(last).toBe(NOW * 1000);
  expect(tick(0, 1e300)).toBeLessThan(Number.MAX_SAFE_INTEGER - 1e12);
});
