import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allowance, createThrottle, refill, spend, type Throttle, waitMs } from '../../src/model/throttle.ts';

const rate = fc.constantFrom(2000, 8000, 128_000, 1_048_576, 33_554_432);

test('over any stretch no more goes through than the rate and a quarter of a second of it', () => {
  const asks = fc.array(
    fc.record({ afterMs: fc.integer({ min: 0, max: 400 }), wanted: fc.integer({ min: 1, max: 10 ** 7 }) }),
    {
      maxLength: 200,
    },
  );
  fc.assert(
    fc.property(rate, asks, (bytesPerSecond, moments) => {
      let throttle = createThrottle(bytesPerSecond, 0);
      let now = 0;
      const passed: { at: number; bytes: number }[] = [];
      for (const { afterMs, wanted } of moments) {
        now += afterMs;
        throttle = refill(throttle, now);
        const bytes = allowance(throttle, wanted);
        throttle = spend(throttle, bytes);
        passed.push({ at: now, bytes });
      }
      const store = Math.max(256, bytesPerSecond / 4);
      for (const [i, { at: from }] of passed.entries()) {
        let sum = 0;
        for (const { at, bytes } of passed.slice(i)) {
          sum += bytes;
          expect(sum).toBeLessThanOrEqual(((at - from) / 1000) * bytesPerSecond + store + 1);
        }
      }
    }),
    { numRuns: 100 },
  );
});

test('whoever always wants more and waits as told gets the whole rate', () => {
  fc.assert(
    fc.property(rate, fc.integer({ min: 0, max: 30 }), (bytesPerSecond, lateMs) => {
      let throttle: Throttle = { bytesPerSecond, budget: 0, at: 0 };
      let now = 0;
      let sum = 0;
      while (now < 10_000) {
        now += Math.max(1, waitMs(throttle)) + lateMs;
        throttle = refill(throttle, now);
        const bytes = allowance(throttle, 10 ** 9);
        throttle = spend(throttle, bytes);
        sum += bytes;
      }
      expect(sum / ((now / 1000) * bytesPerSecond)).toBeGreaterThan(0.99);
      expect(sum / ((now / 1000) * bytesPerSecond)).toBeLessThanOrEqual(1);
    }),
  );
});
