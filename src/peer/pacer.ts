/** What all sockets of one link share to keep its rate together. Counts the bytes that cross the wire, TLS included. */
import type { Clock } from '../base/clock.ts';
import { allowance, createThrottle, refill, spend, type Throttle, waitMs } from '../model/throttle.ts';

export interface Pacer {
  readonly bytesPerSecond: number;
  /** How many of `wanted` bytes may be taken in now. They count as taken. 0: `room` tells when to ask again. */
  take(wanted: number): number;
  /** Counts what goes out. It is not held back: most of it makes room for what comes in. */
  charge(bytes: number): void;
  /** Calls `ask` once when there is room, those who asked first before others. The returned function cancels it. */
  room(ask: () => void): () => void;
}

export function createPacer(bytesPerSecond: number, clock: Clock): Pacer {
  let throttle: Throttle | null = null;
  const waiting = new Set<() => void>();
  let timed = false;

  /** Time counts from the first use on. */
  function present(): Throttle {
    const now = clock.now();
    return refill(throttle ?? createThrottle(bytesPerSecond, now), now);
  }

  function wake(): void {
    timed = false;
    for (const ask of [...waiting]) {
      throttle = present();
      if (waitMs(throttle) > 0) break;
      waiting.delete(ask);
      ask();
    }
    arm();
  }

  function arm(): void {
    if (timed || waiting.size === 0) return;
    timed = true;
    clock.after(Math.max(1, waitMs(present())), wake);
  }

  return {
    bytesPerSecond,
    take: wanted => {
      const now = present();
      const bytes = allowance(now, wanted);
      throttle = spend(now, bytes);
      return bytes;
    },
    charge: bytes => {
      throttle = spend(present(), bytes);
    },
    room: ask => {
      waiting.add(ask);
      arm();
      return () => waiting.delete(ask);
    },
  };
}
