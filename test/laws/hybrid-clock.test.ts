/** The hybrid clock grows with whatever happens, and only this host’s time can carry it far. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../../src/base/limits.ts';
import { nextClock, observe, tick } from '../../src/model/hybrid-clock.ts';

const clock = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER, 1_700_000_000_000_000));
const now = fc.oneof(
  fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
  fc.constantFrom(-5, 0, 0.25, 1e15),
);
const event = fc.record({ kind: fc.constantFrom('tick', 'observe', 'next'), clock, now });

test('through any history the clock grows, stays a safe integer and leaves the host’s time only by so much', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 50 }), events => {
      let last = 0;
      let latestNow = 0;
      for (const { kind, clock: other, now: nowMs } of events) {
        const before = last;
        latestNow = Math.max(latestNow, nowMs);
        if (kind === 'tick') {
          last = tick(last, nowMs);
          expect(last).toBeGreaterThan(before);
        } else if (kind === 'observe') {
          last = observe(last, other, nowMs);
          expect(last).toBeGreaterThanOrEqual(before);
        } else {
          const next = nextClock(last, nowMs, other);
          last = next.last;
          expect(last).toBeGreaterThan(before);
          expect(next.clock).toBeGreaterThanOrEqual(last);
          if (other < Number.MAX_SAFE_INTEGER) expect(next.clock).toBeGreaterThan(other);
          expect(Number.isSafeInteger(next.clock)).toBe(true);
        }
        expect(Number.isSafeInteger(last)).toBe(true);
        expect(last).toBeLessThanOrEqual((latestNow + LIMITS.clockAheadMs) * 1000 + events.length);
      }
    }),
  );
});
