/**
 * The hybrid logical clock of a member: microseconds since the Unix epoch, never standing still and never going back,
 * and never dragged along by a partner whose clock is far off. The member keeps one number, `last`; all else are
 * arguments.
 */
import { LIMITS } from '../base/limits.ts';

/** The end of the range. Host clocks are cut well below, so that a version can always be followed by a later one. */
const CLOCK_END = Number.MAX_SAFE_INTEGER;
const HOST_CLOCK_END = CLOCK_END - 2 ** 40;

/** The next clock of the member: for a version that replaces none. It is the new `last` at the same time. */
export function tick(last: number, nowMs: number): number {
  return Math.max(Math.min(last + 1, CLOCK_END), hostClock(nowMs));
}

/**
 * The new `last` after a partner's version was seen. One too far ahead of this host's time is not followed at all.
 */
export function observe(last: number, remoteClock: number, nowMs: number): number {
  return remoteClock > last && remoteClock <= furthestClock(nowMs) ? remoteClock : last;
}

/**
 * The clock of a version that replaces one of `afterClock`: above that and above `last`. Where `afterClock` lies too
 * far ahead, only this version's clock follows it, the member's `last` does not.
 */
export function nextClock(last: number, nowMs: number, afterClock: number): { clock: number; last: number } {
  const own = tick(last, nowMs);
  const clock = Math.max(own, Math.min(afterClock + 1, CLOCK_END));
  return { clock, last: clock <= furthestClock(nowMs) ? clock : own };
}

function hostClock(nowMs: number): number {
  return Math.min(Math.max(Math.floor(nowMs * 1000), 0), HOST_CLOCK_END);
}

function furthestClock(nowMs: number): number {
  return hostClock(nowMs + LIMITS.clockAheadMs);
}
