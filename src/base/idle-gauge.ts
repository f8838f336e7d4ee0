/** How much of its time the event loop has nothing to do. */
import { performance } from 'node:perf_hooks';
import { spentAwake } from './anticipation.ts';

/** Looks that are closer together than this are one. */
const LOOK_MS = 20;

/** Answers the idle share, 0 to 1, of the time since it was asked before. */
export function createIdleGauge(): () => number {
  let looked = performance.eventLoopUtilization();
  let lookedAt = performance.now();
  let awake = spentAwake();
  let idle = 1;
  return () => {
    const now = performance.now();
    if (now - lookedAt < LOOK_MS) return idle;
    const { idle: asleep, active } = performance.eventLoopUtilization(looked);
    idle = (asleep + spentAwake() - awake) / (asleep + active);
    awake = spentAwake();
    looked = performance.eventLoopUtilization();
    lookedAt = now;
    return idle;
  };
}
