/**
 * A target that was being copied into when it is given to clients goes back to what it was before that copy, which was whole.
 * [volumes.md §3.2 Failover]
 */
import type { MirrorElement } from './mirror-flows.ts';
import type { Pair } from './pair.ts';

/** Whether it did; nothing flows into the volume any more. `setBack` runs the rollback. Can be called again where it was cut off. */
export async function fallBack(
  pair: Pair,
  { volume, map }: Pick<MirrorElement, 'volume' | 'map'>,
  setBack: (work: () => Promise<void>) => Promise<void>,
): Promise<boolean> {
  const { record, kept } = pair;
  const { snapshot } = kept;
  if (record.work?.operation !== 'Failover' || record.here !== 'target' || record.targetData !== 'Inconsistent')
    return false;
  if (snapshot === null || volume.snapshot(snapshot) === undefined) return false;
  // What the copy had brought already is gone again, and its source does not know that.
  map.mark(0, map.size);
  await map.save();
  await setBack(() => volume.rollback(snapshot));
  await volume.deleteSnapshot(snapshot);
  await pair.adopt({ ...pair.record, targetData: 'Consistent' }, { snapshot: null });
  return true;
}
