import { LIMITS } from '../base/limits.ts';

/**
 * How long to wait after so many failures in a row: 1 s after the first, then twice as long each time up to 256 s,
 * then 300 s; 0 ms while nothing has failed. [dfsr.md §2.5]
 */
export function nextBackoffMs(failures: number): number {
  if (failures < 1) return 0;
  return Math.min(LIMITS.backoffFirstMs * 2 ** (failures - 1), LIMITS.backoffLastMs);
}
