/**
 * Generations of data: by them two members tell, without looking at the data, whose is newer, whether both are, and how
 * much has to be copied. Kept for each association, durable, on both sides. [volumes.md §6.1]
 */
import { LIMITS } from '../base/limits.ts';
import type { DataCondition } from './association.ts';

/** Ids are drawn by whoever begins a generation and never come twice. */
export interface Generations {
  /** What is here now; null: nothing has ever been copied here. */
  readonly current: string | null;
  /** The generation that both sides had when this one went on alone, since when its writes are in the dirty map. */
  readonly base: string | null;
  /** Earlier ones, the newest first. */
  readonly history: readonly string[];
}

export interface GenerationSide {
  readonly generations: Generations;
  readonly condition: DataCondition;
  /** Its clients may write. */
  readonly inUse: boolean;
  /** Has acknowledged writes the other side may lack, and did not live to begin a generation for them. */
  readonly ahead: boolean;
  /** Ended without closing: what was being written then may differ, though nothing of it was acknowledged. */
  readonly interrupted: boolean;
}

export type CopyExtent = 'dirty' | 'full';

export type GenerationVerdict =
  | { readonly kind: 'in-step' }
  | {
      readonly kind: 'resync';
      readonly from: 'ours' | 'theirs';
      readonly extent: CopyExtent;
      /** Acknowledged writes that only the other side has would be lost: it takes Force. */
      readonly discards: boolean;
    }
  /** Both went on alone, or the newer one is half copied: only people can choose. `dirty`: both maps say what differs. */
  | { readonly kind: 'split-brain'; readonly extent: CopyExtent }
  | { readonly kind: 'unrelated' };

export function createGenerations(current: string | null): Generations {
  return { current, base: null, history: [] };
}

/** What the two sides have to do with one another. Both come to the same, seen from their own side. */
export function compareGenerations(ours: GenerationSide, theirs: GenerationSide): GenerationVerdict {
  const verdict = compareLines(ours, theirs);
  if (verdict.kind !== 'resync') return verdict;
  const from = verdict.from === 'ours' ? ours : theirs;
  return from.condition === 'Inconsistent' ? { kind: 'split-brain', extent: verdict.extent } : verdict;
}

function compareLines(ours: GenerationSide, theirs: GenerationSide): GenerationVerdict {
  const a = ours.generations;
  const b = theirs.generations;
  if (a.current === null || b.current === null) {
    if (a.current === b.current) return { kind: 'unrelated' };
    return resync(a.current === null ? 'theirs' : 'ours', 'full', false);
  }
  if (a.current === b.current) return compareEqual(ours, theirs);
  if (a.current === b.base) return resync('theirs', 'dirty', mayHaveMore(ours));
  if (b.current === a.base) return resync('ours', 'dirty', mayHaveMore(theirs));
  if (a.base !== null && a.base === b.base) return { kind: 'split-brain', extent: 'dirty' };
  if (b.history.includes(a.current)) return resync('theirs', 'full', mayHaveMore(ours));
  if (a.history.includes(b.current)) return resync('ours', 'full', mayHaveMore(theirs));
  const known = new Set([...pastOf(a), a.current]);
  if (pastOf(b).some(generation => known.has(generation))) return { kind: 'split-brain', extent: 'full' };
  return { kind: 'unrelated' };
}

/** The same generation: only what was on its way can differ. */
function compareEqual(ours: GenerationSide, theirs: GenerationSide): GenerationVerdict {
  if (ours.ahead && theirs.ahead) return { kind: 'split-brain', extent: 'dirty' };
  if (ours.ahead || theirs.ahead) return resync(ours.ahead ? 'ours' : 'theirs', 'dirty', false);
  const differ = ours.interrupted || theirs.interrupted || isTracking(ours) || isTracking(theirs);
  if (!differ) return { kind: 'in-step' };
  if (isTracking(ours) !== isTracking(theirs)) return resync(isTracking(ours) ? 'ours' : 'theirs', 'dirty', false);
  if (ours.inUse !== theirs.inUse) return resync(ours.inUse ? 'ours' : 'theirs', 'dirty', false);
  return { kind: 'split-brain', extent: 'dirty' };
}

/**
 * Before the first write that the other side does not get: that write may only be acknowledged once this is durable.
 * Whoever is alone already stays in its generation.
 */
export function beginAlone(generations: Generations, fresh: string): Generations {
  if (generations.base !== null) return generations;
  return { current: fresh, base: generations.current, history: generations.history };
}

/**
 * Of the side whose own writes are given up, after everybody agreed: its dirty map has been merged into the other's, and
 * that one has begun a generation of its own. With nothing in common it is as if nothing had ever been copied here.
 */
export function yieldLine(generations: Generations, extent: CopyExtent): Generations {
  const { current, base, history } = generations;
  if (extent === 'full') return { current: null, base: null, history: past([current, base], history) };
  return base === null ? generations : { current: base, base: null, history: past([current], history) };
}

/** How much a copy takes that people have ordered, whatever the comparison says about who is newer. */
export function extentOf(verdict: GenerationVerdict): CopyExtent {
  if (verdict.kind === 'in-step') return 'dirty';
  return verdict.kind === 'unrelated' ? 'full' : verdict.extent;
}

/**
 * A copy was ordered: from now on the comparison gives its direction, through every interruption. Before this is durable
 * the dirty map of the side that is copied into has been merged into the other's; that side's new line is durable first.
 */
export function agreeOnCopy(
  { from, into }: { readonly from: Generations; readonly into: Generations },
  extent: CopyExtent,
  fresh: string,
): { readonly from: Generations; readonly into: Generations } {
  return { from: beginAlone(from, fresh), into: yieldLine(into, extent) };
}

/** Of the side that was copied into, when the copy is complete and durable there. The other side's `afterCopyOut` comes later. */
export function afterCopyIn(into: Generations, from: Generations): Generations {
  const older = past([into.current, into.base, from.base], [...from.history, ...into.history]);
  return { current: from.current, base: null, history: older.filter(generation => generation !== from.current) };
}

/** Of the side that was copied from, once the other one has made the end durable. */
export function afterCopyOut(from: Generations): Generations {
  return { current: from.current, base: null, history: past([from.base], from.history) };
}

/**
 * Of a side whose generation the other one went on from. One that is alone in it has given it away at the end of a copy
 * and not learned of that: what its clients wrote since bears the same name. Whose clients may not write since before the copy, as
 * a target that its source is restored from, has nothing more.
 */
function mayHaveMore(side: GenerationSide): boolean {
  return side.ahead || (isTracking(side) && side.inUse);
}

function isTracking({ generations }: GenerationSide): boolean {
  return generations.base !== null;
}

function pastOf({ base, history }: Generations): readonly string[] {
  return base === null ? history : [base, ...history];
}

function past(newest: readonly (string | null)[], history: readonly string[]): readonly string[] {
  const all = [...newest, ...history].filter(generation => generation !== null);
  return [...new Set(all)].slice(0, LIMITS.generationHistory);
}

function resync(from: 'ours' | 'theirs', extent: CopyExtent, discards: boolean): GenerationVerdict {
  return { kind: 'resync', from, extent, discards };
}
