/**
 * Who does one thing after the other is heard again a moment after an answer. To fall asleep and be woken takes longer than that, so the event loop
 * stays awake for the moment, as long as it pays.
 */
import { performance } from 'node:perf_hooks';

/** Turns of the event loop that take longer than this have done something. */
const EMPTY_TURN_MS = 0.03;
let spentAwakeMs = 0;
/** By whichever was last: a moment in which several are awake counts once. */
let lookedAt = 0;

/** Milliseconds that the event loop was awake for, since the process began, with nothing to do. */
export function spentAwake(): number {
  return spentAwakeMs;
}

export interface Anticipation {
  /** Something has come from there. */
  heard(): void;
  /** All that there is to say is on its way, and nothing is left to do. */
  said(): void;
  /** The connection is gone. */
  end(): void;
}

/** No longer than this, and only for those who are usually heard within it. */
const AWAKE_MS = 0.2;
/** How much one more pause counts in what is usual. */
const WEIGHT = 1 / 16;
/** A pause counts as no longer than this, so that whoever was at rest is believed again soon after going on. */
const LONGEST_MS = 1;

export function createAnticipation(): Anticipation {
  let usualMs = LONGEST_MS;
  let saidAt = Number.NEGATIVE_INFINITY;
  let waiting = false;
  let awake = false;
  let ended = false;

  function look(): void {
    const now = performance.now();
    if (now - lookedAt < EMPTY_TURN_MS) spentAwakeMs += now - lookedAt;
    lookedAt = now;
    if (waiting && !ended && now - saidAt < AWAKE_MS) setImmediate(look);
    else awake = false;
  }

  return {
    heard: () => {
      if (!waiting) return;
      waiting = false;
      usualMs += (Math.min(performance.now() - saidAt, LONGEST_MS) - usualMs) * WEIGHT;
    },
    said: () => {
      waiting = true;
      saidAt = performance.now();
      if (usualMs > AWAKE_MS || awake || ended) return;
      awake = true;
      lookedAt = saidAt;
      setImmediate(look);
    },
    end: () => {
      ended = true;
    },
  };
}
