/** How busy the clients of an element are, by what they had moved whenever it was asked. */

/** What clients had read and written by then, since the beginning. */
interface Moved {
  readonly atMs: number;
  readonly bytes: number;
}

/** Two looks, at least `LOOK_MS` apart once there were two. */
export interface LoadLooks {
  readonly older: Moved;
  readonly newer: Moved;
}

const LOOK_MS = 1000;

/** `before`: null at the first look, which knows of no time before it. */
export function lookAtLoad(
  before: LoadLooks | null,
  now: Moved,
): { readonly looks: LoadLooks; readonly bytesPerSecond: number } {
  const looks = before === null || now.atMs < before.newer.atMs ? { older: now, newer: now } : nextLooks(before, now);
  const { older } = looks;
  // What was moved since a look long ago was moved of late, as far as anybody knows: a burst that has just begun counts as one.
  const ms = Math.min(Math.max(now.atMs - older.atMs, LOOK_MS), 2 * LOOK_MS);
  return { looks, bytesPerSecond: (Math.max(0, now.bytes - older.bytes) * 1000) / ms };
}

function nextLooks(before: LoadLooks, now: Moved): LoadLooks {
  return now.atMs - before.newer.atMs < LOOK_MS ? before : { older: before.newer, newer: now };
}
