/**
 * What of a partner's vector may be claimed when a round ends. A version that the partner did not send is one that gave way
 * there to another one of its file, known to that or not. If that other one is still under way here, nothing but it makes the
 * first needless: should the partner lose it, with its database, before it is here, the first is wanted after all.
 */
import type { Gvsn } from './version.ts';
import {
  containsVersion,
  isEmptyVector,
  mergeVectors,
  subtractVectors,
  type VersionVector,
  vectorFromVersions,
} from './version-vector.ts';

/** Versions neither asked for nor claimed until those updates are recorded on which they rest. */
export interface StandingClaim {
  readonly versions: VersionVector;
  /** In no order; none: it can be claimed now. */
  readonly on: ReadonlySet<Gvsn>;
}

export interface ClaimGround {
  /** What is claimed here. */
  readonly claimed: VersionVector;
  /** Updates under way, or given up for now. */
  readonly awaited: Iterable<Gvsn>;
  /** What was let go of without an outcome while the round went on. */
  readonly letGo: VersionVector;
  readonly standing: readonly StandingClaim[];
}

/** What a round tells that has ended, `told` being the partner's vector in it. Null: nothing; it must be asked for again. */
export function planClaim(
  told: VersionVector,
  { claimed, awaited, letGo, standing }: ClaimGround,
): StandingClaim | null {
  const fresh = subtractVectors(told, claimed);
  if (meet(fresh, letGo)) return null;
  const open = [...awaited].filter(gvsn => containsVersion(fresh, gvsn));
  // The partner was not asked for these either: what it holds instead may be one of them.
  const before = standing.filter(({ versions }) => meet(fresh, versions));
  const versions = before.reduce(
    (left, claim) => subtractVectors(left, claim.versions),
    subtractVectors(fresh, vectorFromVersions(open)),
  );
  return { versions, on: new Set([...open, ...before.flatMap(({ on }) => [...on])]) };
}

/** The claim as it stands now; null: an update it rests on was let go of, so that it is asked for again. */
export function reviewClaim(
  claim: StandingClaim,
  { isClaimed, isAwaited }: { isClaimed: (gvsn: Gvsn) => boolean; isAwaited: (gvsn: Gvsn) => boolean },
): StandingClaim | null {
  const on = [...claim.on].filter(gvsn => !isClaimed(gvsn));
  if (!on.every(isAwaited)) return null;
  return on.length === claim.on.size ? claim : { versions: claim.versions, on: new Set(on) };
}

/** One more claim. Those that rest on the same are one, and so are the last ones where there are more than `most`. */
export function addClaim(
  claims: readonly StandingClaim[],
  added: StandingClaim,
  most: number,
): readonly StandingClaim[] {
  if (isEmptyVector(added.versions)) return claims;
  const same = claims.findIndex(({ on }) => on.size === added.on.size && [...on].every(gvsn => added.on.has(gvsn)));
  const at = same >= 0 || claims.length < most ? same : claims.length - 1;
  if (at < 0) return [...claims, added];
  const { versions, on } = claims[at]!;
  return claims.with(at, { versions: mergeVectors(versions, added.versions), on: new Set([...on, ...added.on]) });
}

function meet(a: VersionVector, b: VersionVector): boolean {
  return subtractVectors(a, b) !== a;
}
