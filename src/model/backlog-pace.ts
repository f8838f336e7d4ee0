/** How long a backlog will last at the present rate. */

export interface Pace {
  /** What the running session has brought since it began. */
  readonly updates: number;
  readonly bytes: number;
  readonly elapsedMs: number;
}

/** Below this a rate says nothing. */
const LEAST_ELAPSED_MS = 1000;

/**
 * Milliseconds; null where nothing moves, or not long enough to tell. Many small files are limited by their number,
 * few large ones by their bytes: the slower of the two counts.
 */
export function remainingMs(left: { readonly updates: number; readonly bytes: number }, pace: Pace): number | null {
  if (left.updates === 0) return 0;
  if (pace.elapsedMs < LEAST_ELAPSED_MS || pace.updates === 0) return null;
  const byNumber = (left.updates / pace.updates) * pace.elapsedMs;
  if (left.bytes === 0) return Math.round(byNumber);
  if (pace.bytes === 0) return null;
  return Math.round(Math.max(byNumber, (left.bytes / pace.bytes) * pace.elapsedMs));
}
