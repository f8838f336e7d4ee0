import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { allowance, createThrottle, refill, spend, waitMs, windowBytes } from '../../../src/model/throttle.ts';

test('bytes go through in slices, and then have to be waited for', () => {
  const start = { bytesPerSecond: 128_000, budget: 0, at: 1000 };
  expect(allowance(start, 5000)).toBe(0);
  expect(waitMs(start)).toBe(20);
  const later = refill(start, 1020);
  expect(allowance(later, 5000)).toBe(2560);
  expect(allowance(later, 100)).toBe(100);
  expect(waitMs(spend(later, 2560))).toBe(20);
});

test('the first window is paid for before anything goes through', () => {
  expect(waitMs(createThrottle(128_000, 0))).toBe(187);
});

test('what is overdrawn is waited out', () => {
  const overdrawn = spend({ bytesPerSecond: 1000, budget: 0, at: 0 }, 2000);
  expect(waitMs(overdrawn)).toBe(2256);
  expect(allowance(refill(overdrawn, 2000), 1000)).toBe(0);
  expect(allowance(refill(overdrawn, 2256), 1000)).toBe(256);
});

test('time without traffic is stored for a quarter of a second only', () => {
  expect(allowance(refill(createThrottle(128_000, 0), 3_600_000), 1_000_000)).toBe(32_000);
});

test('a clock that is put back takes nothing away and gives nothing', () => {
  const full = refill(createThrottle(1000, 100_000), 109_000);
  const back = refill(full, 50_000);
  expect(back.budget).toBe(full.budget);
  expect(refill(spend(back, back.budget), 50_256).budget).toBe(256);
});

test('the window on the way is a sixth of a second, within bounds', () => {
  expect(windowBytes(128_000)).toBe(21_333);
  expect(windowBytes(2000)).toBe(1024);
  expect(windowBytes(10 ** 9)).toBe(LIMITS.flowControlWindowBytes);
});
