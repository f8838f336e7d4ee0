/** What of a spool directory is to be taken in: what has lain still, and what could not be taken in, from time to time again. */
import { LIMITS } from '../base/limits.ts';

export interface Arrival {
  readonly name: string;
  /** Differs wherever the file does: size, time, identity. */
  readonly look: string;
}

export interface SeenArrival extends Arrival {
  readonly attempts: number;
  /** Milliseconds since the Unix epoch. */
  readonly dueAt: number;
}

export interface SpoolLook {
  readonly seen: ReadonlyMap<string, SeenArrival>;
  /** Names. */
  readonly due: readonly string[];
  /** Something was not so at the last look: it may still be growing. */
  readonly isMoving: boolean;
}

export function stepSpool(before: ReadonlyMap<string, SeenArrival>, found: readonly Arrival[], now: number): SpoolLook {
  const seen = new Map<string, SeenArrival>();
  const due: string[] = [];
  let isMoving = false;
  for (const { name, look } of found) {
    const known = before.get(name);
    if (known?.look !== look) {
      isMoving = true;
      seen.set(name, { name, look, attempts: 0, dueAt: now });
      continue;
    }
    // Where the clock was set back, what is due later than any pause can be is due now.
    const isDue = known.dueAt <= now || known.dueAt > now + LIMITS.spoolRetryLastMs;
    if (isDue) due.push(name);
    const pause = Math.min(LIMITS.spoolRetryFirstMs * 2 ** known.attempts, LIMITS.spoolRetryLastMs);
    seen.set(name, isDue ? { ...known, attempts: known.attempts + 1, dueAt: now + pause } : known);
  }
  return { seen, due, isMoving };
}
