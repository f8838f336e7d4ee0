/**
 * Keeping a rate: a budget of bytes that grows with time up to a small store, and may be overdrawn by what cannot be
 * refused. Over any stretch of time no more goes through than the rate allows for it, and the store.
 */
import { LIMITS } from '../base/limits.ts';

export interface Throttle {
  readonly bytesPerSecond: number;
  /** Bytes that may go through now; negative: so much too many have. */
  readonly budget: number;
  /** When the budget was last reckoned, milliseconds. */
  readonly at: number;
}

/** What a busy process missed may be caught up with, but only so much of it. */
const STORE_MS = 250;
/** Bytes go through in slices as long as this, unless that were too few to be worth it. */
const SLICE_MS = 20;
const LEAST_SLICE_BYTES = 256;
/** Stream windows smaller than this are more overhead than content. */
const LEAST_WINDOW_BYTES = 1024;
/** Of the rate in a second. Twice the round trip is needed to keep the line busy; more comes in bursts, of half a window each. */
const WINDOW_SHARE = 1 / 6;

/** Begins in debt: the first window comes as soon as the partner may send at all. */
export function createThrottle(bytesPerSecond: number, now: number): Throttle {
  return { bytesPerSecond, budget: -windowBytes(bytesPerSecond), at: now };
}

/** The clock may have been set: back, time begins anew; forward, the store is full. */
export function refill(throttle: Throttle, now: number): Throttle {
  const gained = (Math.max(0, now - throttle.at) / 1000) * throttle.bytesPerSecond;
  const store = Math.max(LEAST_SLICE_BYTES, (throttle.bytesPerSecond * STORE_MS) / 1000);
  return { ...throttle, budget: Math.min(store, throttle.budget + gained), at: now };
}

export function spend(throttle: Throttle, bytes: number): Throttle {
  return { ...throttle, budget: throttle.budget - bytes };
}

/** How many of `wanted` bytes may go through now; 0: wait first. */
export function allowance(throttle: Throttle, wanted: number): number {
  return throttle.budget >= Math.min(wanted, sliceBytes(throttle)) ? Math.min(wanted, Math.floor(throttle.budget)) : 0;
}

/** Milliseconds until a slice may go through. */
export function waitMs(throttle: Throttle): number {
  const missing = sliceBytes(throttle) - throttle.budget;
  return missing <= 0 ? 0 : Math.ceil((missing / throttle.bytesPerSecond) * 1000);
}

/** How much a partner may have on the way at this rate: enough to go on without a pause, too little for a burst. */
export function windowBytes(bytesPerSecond: number): number {
  const bytes = Math.round(bytesPerSecond * WINDOW_SHARE);
  return Math.min(LIMITS.flowControlWindowBytes, Math.max(LEAST_WINDOW_BYTES, bytes));
}

function sliceBytes({ bytesPerSecond }: Throttle): number {
  return Math.max(LEAST_SLICE_BYTES, Math.round((bytesPerSecond * SLICE_MS) / 1000));
}
