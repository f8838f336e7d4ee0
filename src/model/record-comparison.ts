/** The slow comparison of what two members in sync have: what rounds of updates can never find wrong. [dfsr.md §5.5] */
import type { FileRecord } from './update.ts';
import { type DatabaseId, databaseOf, type Gvsn } from './version.ts';
import { containsVersion, type VersionVector } from './version-vector.ts';

/** Between two comparisons with one partner. */
export const COMPARISON_PAUSE_MS = 7 * 24 * 3_600_000;
/** Until the next one, where what was found shows only in part. */
export const COMPARISON_AGAIN_MS = 10 * 60_000;

/** When the next comparison is planned, by connection; and for those that are not named. */
export type ComparisonPlans = Readonly<Record<string, number>>;

const OTHERS = 'others';
/** All are due as soon as there is a partner in sync. */
export const COMPARE_SOON: ComparisonPlans = { [OTHERS]: 0 };

export function plannedComparison(plans: ComparisonPlans, connection: string): number | undefined {
  return plans[connection] ?? plans[OTHERS];
}

/**
 * Whether a partner's live record should be here and is not: its version is dealt with here, yet the file is unknown, or
 * has a version that the partner has dealt with too. `readOnly`: here nothing is better known.
 */
export function disagrees(
  theirs: Gvsn,
  local: Pick<FileRecord, 'gvsn' | 'provisional'> | undefined,
  vectors: { readonly here: VersionVector; readonly there: VersionVector; readonly readOnly: boolean },
): boolean {
  if (local?.gvsn === theirs && !local.provisional) return false;
  if (!containsVersion(vectors.here, theirs)) return false;
  return local === undefined || vectors.readOnly || containsVersion(vectors.there, local.gvsn);
}

/**
 * Whether a read-only member made this live record itself and the partner has dealt with no such version: unless the partner
 * has the file, nobody knows of it, and nobody ever will. [dfsr.md §5.8]
 */
export function isUntold(
  record: Pick<FileRecord, 'present' | 'provisional' | 'disk' | 'gvsn'>,
  database: DatabaseId,
  there: VersionVector,
): boolean {
  const { present, provisional, disk, gvsn } = record;
  if (!present || provisional || disk === null) return false;
  return databaseOf(gvsn) === database && !containsVersion(there, gvsn);
}

/** When to compare for the first time: spread over the pause, by the connection's GUID. */
export function firstComparison(connection: string, now: number): number {
  const share = Number.parseInt(connection.slice(0, 8), 16) / 0x1_0000_0000;
  return now + Math.floor(COMPARISON_PAUSE_MS * (Number.isNaN(share) ? 0 : share));
}

/** The next one; one that was planned before the clock was set back is not waited for any longer than the pause. */
export function isComparisonDue(planned: number, now: number): boolean {
  return now >= planned || planned - now > COMPARISON_PAUSE_MS;
}
