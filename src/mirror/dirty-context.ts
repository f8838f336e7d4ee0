/** What a partner still has to receive of a volume, as NBD clients can ask for it. */
import { LIMITS } from '../base/limits.ts';
import { DIRTY, dirtyContextName, type MetaContext, type StatusExtent } from '../block/nbd/meta-contexts.ts';
import type { DirtyMap } from '../model/dirty-map.ts';

export function dirtyContext(association: string, map: DirtyMap): MetaContext {
  return {
    name: dirtyContextName(association),
    extents: async (offset, length) => dirtyExtents(map, offset, length),
  };
}

function dirtyExtents(map: DirtyMap, offset: number, length: number): readonly StatusExtent[] {
  const extents: StatusExtent[] = [];
  const end = offset + length;
  let at = offset;
  while (at < end && extents.length < LIMITS.nbdExtents) {
    const dirty = map.nextDirty(at, Number.MAX_SAFE_INTEGER);
    // The stretch may begin in the granule that `at` is in the middle of.
    const from = Math.min(end, Math.max(at, dirty?.offset ?? end));
    if (from > at) extents.push({ length: from - at, flags: 0 });
    const to = Math.min(end, dirty === null ? end : dirty.offset + dirty.length);
    if (to > from) extents.push({ length: to - from, flags: DIRTY });
    at = Math.max(from, to);
  }
  return extents;
}
