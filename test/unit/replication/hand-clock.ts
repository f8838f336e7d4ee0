import type { Clock } from '../../../src/base/clock.ts';

export interface HandClock extends Clock {
  move(ms: number): void;
  readonly waiting: number;
}

/** A clock that is moved by hand. */
export function handClock(): HandClock {
  let now = 1_700_000_000_000;
  const timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  return {
    now: () => now,
    sleep: async () => {},
    after: (ms: number, fire: () => void) => {
      const timer = { at: now + ms, fire };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    move: (ms: number) => {
      now += ms;
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer);
        timer.fire();
      }
    },
    get waiting() {
      return timers.size;
    },
  };
}
