/** What a member does differently from V8's own settings. Each may be called at any time. */
import { setFlagsFromString } from 'node:v8';

/**
 * How far the heap may grow beyond what was in use when it was last collected, in per cent of that. V8 counts the
 * buffers that pass through to it, so content of 1 GiB made a heap of 30 MB be collected ninety times with 50, and
 * twenty times with 200: a quarter to half of the processor's time, for a quarter more memory at the peak.
 */
const HEAP_GROWING_PERCENT = 200;

/** How much of a function runs before it is optimised, in bytes of its bytecode. */
const LATE = 1_000_000;
/** V8's own. */
const SOON = 66 * 1024;

export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
}

/**
 * Folders are synchronised in bursts of seconds. To optimise what runs for that long took a fifth of the processor's
 * time and gave less back: without it 20 000 small files arrive in 85 % of the time. What runs on is optimised.
 */
export function optimiseLate(): void {
  setFlagsFromString(`--interrupt-budget=${LATE}`);
}

/** Clients of a volume ask for the same few things for hours, and wait for each answer. */
export function optimiseSoon(): void {
  setFlagsFromString(`--interrupt-budget=${SOON}`);
}
