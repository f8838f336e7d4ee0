/** Time as an argument. Loops never ask the operating system themselves, so a simulated clock can drive them. */

export interface Clock {
  /** Milliseconds since the Unix epoch. May step backwards. */
  now(): number;
  /** Resolves after `ms`; rejects with `TandemError` CANCELLED when the signal aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fire` once after `ms`; the returned function cancels it. `fire` must only enqueue. */
  after(ms: number, fire: () => void): () => void;
}
