/** What clients can ask about the blocks of an export: NBD's metadata contexts. */
import { LIMITS } from '../../base/limits.ts';
import type { BlockDevice } from '../device.ts';
import { ALLOCATION } from './numbers.ts';

export interface StatusExtent {
  /** Bytes, not zero. */
  readonly length: number;
  /** What the bits say, the context defines. */
  readonly flags: number;
}

export interface MetaContext {
  /** `namespace:leaf`, such as `tandem:dirty:<association>`; unique within an export. */
  readonly name: string;
  /** As `BlockDevice.extents`: at least one, the first beginning at `offset`, together at most `length`, in order. */
  extents(offset: number, length: number): Promise<readonly StatusExtent[]>;
}

/** The context in which blocks a replica still has to receive carry the flag `DIRTY`. */
export function dirtyContextName(association: string): string {
  return `tandem:dirty:${association}`;
}
export const DIRTY = 1;

export function allocationContext(device: BlockDevice): MetaContext {
  return {
    name: 'base:allocation',
    extents: async (offset, length) =>
      (await device.extents(offset, length)).map(extent => ({
        length: extent.length,
        flags: extent.hole ? ALLOCATION.hole | ALLOCATION.zero : 0,
      })),
  };
}

/**
 * The names that queries mean. An exact name selects itself. With `wildcards` (listing, not selecting) a query that ends
 * in a colon means all names below it. No queries: none, or with `wildcards` all. Null: a query without a namespace.
 */
export function matchContexts(
  names: readonly string[],
  queries: readonly string[],
  { wildcards }: { wildcards: boolean },
): readonly string[] | null {
  if (queries.some(query => query.indexOf(':') < 1)) return null;
  if (wildcards && queries.length === 0) return names;
  return names.filter(name =>
    queries.some(query => query === name || (wildcards && query.endsWith(':') && name.startsWith(query))),
  );
}

export interface StatusRange {
  readonly length: number;
  readonly onlyOne: boolean;
}

/** Extents as a BLOCK_STATUS answer may have them: neighbours with the same flags joined, within bounds, at least one. */
export function planStatus(extents: readonly StatusExtent[], { length, onlyOne }: StatusRange): StatusExtent[] {
  const planned: { length: number; flags: number }[] = [];
  let left = length;
  for (const extent of extents) {
    const bytes = Math.min(extent.length, left);
    if (bytes <= 0) continue;
    const last = planned.at(-1);
    if (last?.flags === extent.flags) last.length += bytes;
    else if (planned.length === (onlyOne ? 1 : LIMITS.nbdExtents)) break;
    else planned.push({ length: bytes, flags: extent.flags });
    left -= bytes;
  }
  return planned;
}
