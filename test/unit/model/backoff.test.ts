import { expect, test } from 'vitest';
import { nextBackoffMs } from '../../../src/model/backoff.ts';

test('waits double from one second to 256, then stay at 300', () => {
  const seconds = Array.from({ length: 12 }, (_, failures) => nextBackoffMs(failures) / 1000);
  expect(seconds).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  expect(nextBackoffMs(5000)).toBe(300_000);
});
