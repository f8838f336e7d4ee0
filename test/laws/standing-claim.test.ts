/** What a round tells is claimed when what it rests on is recorded, not before, and is asked for again if that was let go of. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addClaim, planClaim, reviewClaim, type StandingClaim } from '../../src/model/standing-claim.ts';
import { makeVersion } from '../../src/model/version.ts';
import {
  containsVersion,
  coversVector,
  EMPTY_VECTOR,
  isEmptyVector,
  mergeVectors,
  subtractVectors,
  type VersionVector,
  vectorFromVersions,
} from '../../src/model/version-vector.ts';

const version = fc
  .tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 9, max: 20 }))
  .map(([letter, number]) => makeVersion(letter.repeat(32), number));
const versions = fc.uniqueArray(version, { maxLength: 30 });
const vector = versions.map(vectorFromVersions);
const few = fc.uniqueArray(version, { maxLength: 4 });

/** Rounds one after the other, as they come to an end while the same updates are under way. */
const history = fc.record({ claimed: vector, awaited: few, told: fc.array(vector, { minLength: 1, maxLength: 5 }) });

function all(claims: readonly StandingClaim[]): VersionVector {
  return claims.reduce((sum, claim) => mergeVectors(sum, claim.versions), EMPTY_VECTOR);
}

function share(a: VersionVector, b: VersionVector): boolean {
  return !isEmptyVector(subtractVectors(a, subtractVectors(a, b)));
}

interface State {
  claimed: VersionVector;
  readonly awaited: readonly string[];
  claims: readonly StandingClaim[];
}

/** As the flow does it. */
function close(state: State, told: VersionVector): StandingClaim {
  const plan = planClaim(told, {
    claimed: state.claimed,
    awaited: state.awaited,
    letGo: EMPTY_VECTOR,
    standing: state.claims,
  })!;
  if (plan.on.size === 0) state.claimed = mergeVectors(state.claimed, plan.versions);
  else state.claims = addClaim(state.claims, plan, 3);
  return plan;
}

function begin({ claimed, awaited }: { claimed: VersionVector; awaited: readonly string[] }): State {
  return { claimed, awaited: awaited.filter(gvsn => !containsVersion(claimed, gvsn)), claims: [] };
}

test('nothing that may rest on an update under way is claimed, and nothing is asked for twice', () => {
  fc.assert(
    fc.property(history, ({ told, ...rest }) => {
      const state = begin(rest);
      for (const vectorTold of told) {
        const fresh = subtractVectors(vectorTold, state.claimed);
        const rests = share(fresh, vectorFromVersions(state.awaited)) || share(fresh, all(state.claims));
        const plan = close(state, vectorTold);
        expect(plan.on.size > 0).toBe(rests);
        for (const gvsn of plan.on) expect(state.awaited).toContain(gvsn);
        expect(share(plan.versions, vectorFromVersions(state.awaited))).toBe(false);
        expect(state.claims.length).toBeLessThanOrEqual(3);
        const have = mergeVectors(mergeVectors(state.claimed, vectorFromVersions(state.awaited)), all(state.claims));
        expect(coversVector(have, vectorTold)).toBe(true);
      }
    }),
  );
});

test('once everything under way is recorded, all that was told is claimed', () => {
  fc.assert(
    fc.property(history, ({ told, ...rest }) => {
      const state = begin(rest);
      for (const vectorTold of told) close(state, vectorTold);
      const claimed = mergeVectors(state.claimed, vectorFromVersions(state.awaited));
      const now = { isClaimed: (gvsn: string) => containsVersion(claimed, gvsn), isAwaited: () => false };
      const ripe = state.claims.map(claim => reviewClaim(claim, now));
      for (const claim of ripe) expect(claim?.on.size).toBe(0);
      const end = mergeVectors(claimed, all(state.claims));
      for (const vectorTold of told) expect(coversVector(end, vectorTold)).toBe(true);
    }),
  );
});

test('a claim lapses with the first update it rests on that is let go of, and with no other', () => {
  fc.assert(
    fc.property(
      vector,
      fc.uniqueArray(version, { minLength: 1, maxLength: 4 }),
      few,
      few,
      (held, on, recorded, lost) => {
        const claim = { versions: held, on: new Set(on) };
        const reviewed = reviewClaim(claim, {
          isClaimed: gvsn => recorded.includes(gvsn),
          isAwaited: gvsn => !lost.includes(gvsn),
        });
        expect(reviewed === null).toBe(on.some(gvsn => lost.includes(gvsn) && !recorded.includes(gvsn)));
        if (reviewed) expect([...reviewed.on]).toEqual(on.filter(gvsn => !recorded.includes(gvsn)));
      },
    ),
  );
});

test('a round in which something was let go of tells nothing, unless that has come since or is not the partner’s', () => {
  fc.assert(
    fc.property(vector, vector, vector, (told, claimed, letGo) => {
      const plan = planClaim(told, { claimed, awaited: [], letGo, standing: [] });
      expect(plan === null).toBe(share(subtractVectors(told, claimed), letGo));
    }),
  );
});
