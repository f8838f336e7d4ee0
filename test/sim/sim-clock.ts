/**
 * Simulated time. It stands still while anything runs: the next event is taken only when all promises have settled as
 * far as they can. Nothing real may be waited for, or a run would not be the same twice.
 */
import type { Clock } from '../../src/base/clock.ts';
import { TandemError } from '../../src/base/errors.ts';

interface SimEvent {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | null;
}

/** 2026-01-05. */
const EPOCH_MS = 1_767_600_000_000;

export class SimTime {
  #now = 0;
  #order = 0;
  readonly #heap: SimEvent[] = [];
  /** Events taken so far. */
  steps = 0;

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#now;
  }

  /** Calls `fire` after `ms`; the returned function cancels it. */
  after(ms: number, fire: () => void): () => void {
    const event: SimEvent = { at: this.#now + Math.max(0, ms), order: this.#order++, fire };
    this.#push(event);
    return () => {
      event.fire = null;
    };
  }

  wait(ms: number): Promise<void> {
    return new Promise(resolve => void this.after(ms, resolve));
  }

  /** Lets time pass until `until` (milliseconds since the beginning), or until `stop` says so. */
  async run(until: number, stop: () => boolean = () => false): Promise<void> {
    await drain();
    while (!stop()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      if (next.fire === null) continue;
      this.#now = next.at;
      this.steps++;
      next.fire();
      await drain();
    }
    if (!stop()) this.#now = Math.max(this.#now, until);
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(event, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}

/** Two turns: what a first turn's callbacks have set off may need another one. */
async function drain(): Promise<void> {
  await new Promise<void>(resolve => void setImmediate(resolve));
  await new Promise<void>(resolve => void setImmediate(resolve));
}

/** The clock of one host: it is off, it drifts, and somebody sets it now and then. */
export class HostClock {
  readonly time: SimTime;
  #offsetMs: number;
  #rate: number;
  #since = 0;

  constructor(time: SimTime, offsetMs: number, rate: number) {
    this.time = time;
    this.#offsetMs = offsetMs;
    this.#rate = rate;
  }

  now(): number {
    return Math.floor(this.nowExactly());
  }

  nowNs(): bigint {
    return BigInt(Math.floor(this.nowExactly() * 1000)) * 1000n;
  }

  jump(ms: number): void {
    this.#offsetMs += ms;
  }

  nowExactly(): number {
    return EPOCH_MS + this.#offsetMs + this.#since + (this.time.now - this.#since) * this.#rate;
  }

  /** From here on it runs right, from where it stands. */
  steady(): void {
    const now = this.nowExactly();
    this.#since = this.time.now;
    this.#rate = 1;
    this.#offsetMs = now - EPOCH_MS - this.#since;
  }
}

/** A host's clock as one run of the daemon sees it: its timers die with it. */
export function createSimClock(host: HostClock, alive: () => boolean): Clock {
  const { time } = host;
  return {
    now: () => host.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const cancelled = (): void => reject(new TandemError('CANCELLED', 'the wait was cancelled'));
        if (signal?.aborted) return cancelled();
        const onAbort = (): void => {
          cancel();
          cancelled();
        };
        const cancel = time.after(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          if (alive()) resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    after: (ms, fire) =>
      time.after(ms, () => {
        if (alive()) fire();
      }),
  };
}
