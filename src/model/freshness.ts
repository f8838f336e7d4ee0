/** How long deletions are remembered, and who has been away for longer than that. [dfsr.md §5.5, §6.5] */

/** Whether a member may have missed deletions that others no longer remember. `lastContact` 0: never heard of anybody. */
export function isStale(lastContact: number, now: number, lifetimeMs: number): boolean {
  return lastContact > 0 && now - lastContact > lifetimeMs;
}

/** A moment from which on a member has known certain versions. */
export interface Milestone<Versions> {
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly versions: Versions;
}

export interface MilestonePlan<Versions> {
  readonly milestones: readonly Milestone<Versions>[];
  /** Tombstones among these versions have been known for a lifetime; null: none yet. */
  readonly expired: Versions | null;
}

/** Milestones in one lifetime: a deletion is remembered for this share longer than it at most. */
const IN_A_LIFETIME = 2;

/**
 * The age of a deletion counts from when this member heard of it, whatever the clock of whoever made it said. Instead of
 * a time for each, what was known is noted from time to time.
 */
export function passMilestones<Versions>(
  milestones: readonly Milestone<Versions>[],
  now: Milestone<Versions>,
  lifetimeMs: number,
): MilestonePlan<Versions> {
  // Where the clock was set back, what was noted is true from now on.
  const noted = milestones.map(({ time, versions }) => ({ time: Math.min(time, now.time), versions }));
  const old = noted.filter(({ time }) => now.time - time >= lifetimeMs);
  const young = noted.filter(({ time }) => now.time - time < lifetimeMs);
  const last = young.at(-1);
  const isDue = last === undefined || now.time - last.time >= lifetimeMs / IN_A_LIFETIME;
  return { milestones: isDue ? [...young, now] : young, expired: old.at(-1)?.versions ?? null };
}
