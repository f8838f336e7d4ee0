/** Versions that rounds have told of and that are claimed once the updates are recorded on which they rest. */
import { LIMITS } from '../base/limits.ts';
import { addClaim, planClaim, reviewClaim, type StandingClaim } from '../model/standing-claim.ts';
import type { Gvsn } from '../model/version.ts';
import {
  containsVersion,
  countIntervals,
  EMPTY_VECTOR,
  mergeVectors,
  type VersionVector,
  vectorFromVersions,
} from '../model/version-vector.ts';
import type { FolderCore } from './folder-core.ts';
import type { Round } from './pending.ts';

export class StandingClaims {
  readonly #core: FolderCore;
  readonly #lapsed: () => void;
  /** Under way. */
  readonly #rounds = new Set<Round>();
  #claims: readonly StandingClaim[] = [];
  #versions: VersionVector = EMPTY_VECTOR;

  /** `lapsed` is told that versions must be asked for again. */
  constructor(core: FolderCore, lapsed: () => void) {
    this.#core = core;
    this.#lapsed = lapsed;
  }

  /** What need not be asked for as long as nothing it rests on is let go of. */
  get versions(): VersionVector {
    return this.#versions;
  }

  open(round: Round): void {
    this.#rounds.add(round);
  }

  abandon(round: Round): void {
    this.#rounds.delete(round);
  }

  /** A round has ended that told of the vector `told`. What can be claimed now; the rest stands. Within a task of the line. */
  close(round: Round, told: VersionVector): VersionVector {
    this.#rounds.delete(round);
    this.#review();
    const { pending, store } = this.#core;
    const awaited = pending.versions();
    const plan = planClaim(told, { claimed: store.vector, awaited, letGo: round.letGo, standing: this.#claims });
    if (plan === null) return EMPTY_VECTOR;
    // Each may leave a gap in the vector. With too many it is claimed as if nothing could get lost any more.
    const gaps = countIntervals(plan.versions) + countIntervals(this.#versions);
    if (plan.on.size === 0 || gaps > LIMITS.standingIntervals) return plan.versions;
    this.#set(addClaim(this.#claims, plan, LIMITS.standingClaims));
    return EMPTY_VECTOR;
  }

  /** Claims what rests on nothing any more. Within a task of the line. */
  async settle(): Promise<void> {
    this.#review();
    const ripe = this.#claims.filter(({ on }) => on.size === 0);
    if (ripe.length === 0) return;
    await this.#core.commit({ claimVector: allOf(ripe) });
    this.#set(this.#claims.filter(claim => !ripe.includes(claim)));
  }

  /** These are no longer under way, without an outcome: what rounds tell that were under way may rest on them. */
  letGo(versions: readonly Gvsn[]): void {
    this.#forbid(vectorFromVersions(versions));
    this.#review();
  }

  #forbid(versions: VersionVector): void {
    for (const round of this.#rounds) round.letGo = mergeVectors(round.letGo, versions);
  }

  #review(): void {
    if (this.#claims.length === 0) return;
    const { pending, store } = this.#core;
    const now = {
      isClaimed: (gvsn: string) => containsVersion(store.vector, gvsn),
      isAwaited: (gvsn: string) => pending.awaits(gvsn),
    };
    const reviewed = this.#claims.map(claim => reviewClaim(claim, now));
    const lapsed = this.#claims.filter((_, i) => reviewed[i] === null);
    this.#set(reviewed.filter(claim => claim !== null));
    if (lapsed.length === 0) return;
    this.#forbid(allOf(lapsed));
    this.#lapsed();
  }

  /** All of it is asked for again. */
  drop(): void {
    if (this.#claims.length === 0) return;
    const versions = this.#versions;
    this.#set([]);
    this.#forbid(versions);
    this.#lapsed();
  }

  #set(claims: readonly StandingClaim[]): void {
    this.#claims = claims;
    this.#versions = allOf(claims);
  }
}

function allOf(claims: readonly StandingClaim[]): VersionVector {
  return claims.reduce((sum, { versions }) => mergeVectors(sum, versions), EMPTY_VECTOR);
}
