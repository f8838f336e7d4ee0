import type { Clock } from './clock.ts';
import { TandemError } from './errors.ts';

/** The real clock. Timers do not keep the process alive: the daemon's servers do. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled());
      const onAbort = () => {
        clearTimeout(timer);
        reject(cancelled());
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
  after: (ms, fire) => {
    const timer = setTimeout(fire, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** How far the host's local time is ahead of UTC at a moment, in minutes. */
export function systemZone(utcMs: number): number {
  return -new Date(utcMs).getTimezoneOffset();
}

function cancelled(): TandemError {
  return new TandemError('CANCELLED', 'the wait was cancelled');
}
