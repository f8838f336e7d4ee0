/** What a member does differently from V8's own settings. Each may be called at any time. */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8';

/**
 * How far the heap may grow beyond what was in use when it was last collected, in bytes. V8 lets it grow by a share of
 * that and counts the buffers that pass through to it: with a small share content of 1 GiB has a heap of 30 MB collected
 * ninety times, a quarter of the processor's time, and with a large one the garbage of many records stays as long.
 */
const HEADROOM = 28 * 1024 * 1024;
/** In per cent. */
const GROWTH = { least: 25, most: 300 } as const;
/**
 * Both halves of the nursery, in bytes. V8 lets them grow to twice that: as many collections fewer as they are dearer,
 * and more memory for good.
 */
const NURSERY = 16 * 1024 * 1024;

/** How much of a function runs before it is optimised, in bytes of its bytecode. */
const LATE = 1_000_000;
/** V8's own. */
const SOON = 66 * 1024;

/** Node's types do not know the detail of a collection. */
interface GcEntry {
  readonly detail?: { readonly kind: number };
}

/** Bounds what lies about on this thread's heap. Other threads grow by the same share. */
export function boundHeap(): void {
  allowGrowth();
  boundNursery();
  new PerformanceObserver(list => {
    boundNursery();
    if ((list.getEntries() as GcEntry[]).some(entry => entry.detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR))
      allowGrowth();
  }).observe({ entryTypes: ['gc'] });
}

function allowGrowth(): void {
  const share = Math.round((100 * HEADROOM) / getHeapStatistics().used_heap_size);
  setFlagsFromString(`--heap-growing-percent=${Math.min(GROWTH.most, Math.max(GROWTH.least, share))}`);
}

function boundNursery(): void {
  const nursery = getHeapSpaceStatistics().find(space => space.space_name === 'new_space');
  setFlagsFromString(`--semi-space-growth-factor=${(nursery?.space_size ?? 0) < NURSERY ? 2 : 1}`);
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
