/** When has another member what was written here? Its version vector tells. */
import { countVersions, isEmptyVector, subtractVectors, type VersionVector } from './version-vector.ts';

/** What is known of the other member's folder at this moment. */
export type PartnerView =
  | { readonly kind: 'silent'; readonly reason: string }
  /** It is heard, but does not tell what it holds: it is halted or in its first synchronisation. */
  | { readonly kind: 'not-serving'; readonly state: string }
  | { readonly kind: 'vector'; readonly vector: VersionVector };

export type Arrival =
  | { readonly kind: 'arrived' }
  | { readonly kind: 'missing'; readonly versions: number }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * A vector claims only what is durable at its member, so what it covers has arrived, though a newer version may have
 * taken its place already.
 */
export function judgeArrival(wanted: VersionVector, view: PartnerView): Arrival {
  switch (view.kind) {
    case 'silent':
      return { kind: 'unknown', reason: view.reason };
    case 'not-serving':
      return { kind: 'unknown', reason: `its folder is ${view.state} and does not tell what it holds` };
    case 'vector': {
      const missing = subtractVectors(wanted, view.vector);
      return isEmptyVector(missing) ? { kind: 'arrived' } : { kind: 'missing', versions: countVersions(missing) };
    }
  }
}
