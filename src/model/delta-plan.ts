/**
 * The delta plan: in which order to build a file from chunks that are already on this member and bytes that must
 * come.
 */
import { assert } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Recipe } from './recipe.ts';
import type { Uid } from './version.ts';

/** Where a chunk is to be found on this member. */
export interface FoundChunk {
  readonly uid: Uid;
  readonly offset: number;
  readonly length: number;
}

export type DeltaStep =
  /** Chunks `firstChunk` and following of the recipe lie one after the other in file `uid` from `sourceOffset` on. */
  | {
      readonly kind: 'copy';
      readonly uid: Uid;
      readonly sourceOffset: number;
      readonly offset: number;
      readonly length: number;
      readonly firstChunk: number;
      readonly chunks: number;
    }
  /** Bytes to ask the partner for. */
  | { readonly kind: 'fetch'; readonly offset: number; readonly length: number };

export interface DeltaTarget {
  readonly recipe: Recipe;
  /** The sum of the recipe's lengths. */
  readonly size: number;
  /**
   * Bytes that are staged already: the plan begins behind them. A chunk begun is fetched, as it cannot be checked in
   * parts.
   */
  readonly stagedBytes?: number;
  /** No fetch is longer, unless a single chunk is. */
  readonly fetchBytes?: number;
}

/**
 * Steps that write each missing byte just once, front to back. `find` is asked once for each whole chunk; a place of
 * another length than the chunk's is not used.
 */
export function planDelta(target: DeltaTarget, find: (index: number) => FoundChunk | undefined): DeltaStep[] {
  const { recipe, size, stagedBytes = 0, fetchBytes = LIMITS.contentMessageBytes } = target;
  const steps: DeltaStep[] = [];
  let offset = 0;
  for (let index = 0; index < recipe.lengths.length; index++) {
    const length = recipe.lengths[index]!;
    const end = offset + length;
    if (end > stagedBytes) {
      const found = offset >= stagedBytes ? find(index) : undefined;
      if (found !== undefined && found.length === length) {
        addCopy(steps, { uid: found.uid, sourceOffset: found.offset, offset, length, firstChunk: index });
      } else {
        const from = Math.max(offset, stagedBytes);
        addFetch(steps, from, end - from, fetchBytes);
      }
    }
    offset = end;
  }
  assert(offset === size, 'a recipe sums up to the size of its file');
  return steps;
}

/** How many bytes of a plan come from where. */
export function weighPlan(steps: readonly DeltaStep[]): { copyBytes: number; fetchBytes: number } {
  let copyBytes = 0;
  let fetchBytes = 0;
  for (const step of steps) {
    if (step.kind === 'copy') copyBytes += step.length;
    else fetchBytes += step.length;
  }
  return { copyBytes, fetchBytes };
}

function addCopy(
  steps: DeltaStep[],
  chunk: { uid: Uid; sourceOffset: number; offset: number; length: number; firstChunk: number },
): void {
  const last = steps.at(-1);
  if (last?.kind === 'copy' && last.uid === chunk.uid && last.sourceOffset + last.length === chunk.sourceOffset) {
    steps[steps.length - 1] = { ...last, length: last.length + chunk.length, chunks: last.chunks + 1 };
  } else {
    steps.push({ kind: 'copy', ...chunk, chunks: 1 });
  }
}

function addFetch(steps: DeltaStep[], offset: number, length: number, fetchBytes: number): void {
  const last = steps.at(-1);
  if (last?.kind === 'fetch' && last.length + length <= fetchBytes) {
    steps[steps.length - 1] = { ...last, length: last.length + length };
  } else {
    steps.push({ kind: 'fetch', offset, length });
  }
}
