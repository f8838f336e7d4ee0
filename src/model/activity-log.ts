/**
 * The activity log: which extents are hot, that is, may be written without a word to the disk first. An extent becomes hot
 * by a durable entry before the first write into it, so after a crash only the hot ones can differ from what the dirty
 * map says. The least recently written one makes room, when nothing is being written to it. [volumes.md §6.1]
 */
import { assert } from '../base/errors.ts';
import type { ByteRange } from './dirty-map.ts';

export interface ActivityLog {
  readonly extentBytes: number;
  /** A write wants to begin. Unless told to wait it counts as running from now on; `settle` is called when it has ended. */
  admit(range: ByteRange): Admission;
  /** The entry that an admission asked for is durable. */
  entered(extents: readonly number[]): void;
  settle(range: ByteRange): void;
  /** Hot extents by number, the least recently written first. */
  hot(): readonly number[];
}

export type Admission =
  /** They are hot: the write may go. */
  | { readonly kind: 'go' }
  /**
   * One durable entry first: these leave the log and those enter it. What is dirty in a leaving extent has to be durable in
   * the map on disk before the entry is. Several such admissions may share one entry.
   */
  | { readonly kind: 'write-first'; readonly leaving: readonly number[]; readonly entering: readonly number[] }
  /** An entry that is on its way already has to be durable first. */
  | { readonly kind: 'behind' }
  /** Every slot that could be freed is being written to: ask again after a write has settled. */
  | { readonly kind: 'wait' };

interface HotExtent {
  writes: number;
  durable: boolean;
}

export function createActivityLog({
  extentBytes,
  slots,
}: {
  readonly extentBytes: number;
  readonly slots: number;
}): ActivityLog {
  assert(slots > 0 && extentBytes > 0, 'room for an extent');
  /** In the order of the last write. */
  const hotByExtent = new Map<number, HotExtent>();

  const leaversFor = (wanted: readonly number[], surplus: number): readonly number[] | null => {
    const leaving: number[] = [];
    for (const [extent, { writes, durable }] of surplus > 0 ? hotByExtent : []) {
      if (writes === 0 && durable && !wanted.includes(extent)) leaving.push(extent);
      if (leaving.length === surplus) break;
    }
    return leaving.length < surplus ? null : leaving;
  };

  return {
    extentBytes,
    admit: range => {
      const wanted = extentsOf({ extentBytes }, range);
      assert(wanted.length <= slots, 'a write fits into the log: wider ones are cut');
      const entering = wanted.filter(extent => !hotByExtent.has(extent));
      const leaving = leaversFor(wanted, hotByExtent.size + entering.length - slots);
      if (leaving === null) return { kind: 'wait' };
      for (const extent of leaving) hotByExtent.delete(extent);
      let behind = false;
      for (const extent of wanted) {
        const hot = hotByExtent.get(extent) ?? { writes: 0, durable: false };
        behind ||= !hot.durable;
        hot.writes++;
        hotByExtent.delete(extent);
        hotByExtent.set(extent, hot);
      }
      if (entering.length > 0) return { kind: 'write-first', leaving, entering };
      return { kind: behind ? 'behind' : 'go' };
    },
    entered: extents => {
      for (const extent of extents) {
        const hot = hotByExtent.get(extent);
        assert(hot !== undefined, 'what enters was admitted');
        hot.durable = true;
      }
    },
    settle: range => {
      for (const extent of extentsOf({ extentBytes }, range)) {
        const hot = hotByExtent.get(extent);
        assert(hot !== undefined && hot.writes > 0, 'the write was admitted');
        hot.writes--;
      }
    },
    hot: () => [...hotByExtent.keys()],
  };
}

export function extentsOf({ extentBytes }: Pick<ActivityLog, 'extentBytes'>, { offset, length }: ByteRange): number[] {
  if (length === 0) return [];
  const first = Math.floor(offset / extentBytes);
  const last = Math.floor((offset + length - 1) / extentBytes);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** After a crash: what may differ, in order, to be marked in the dirty map of a volume of that size. */
export function suspectRanges(
  log: Pick<ActivityLog, 'extentBytes'>,
  hot: Iterable<number>,
  sizeBytes: number,
): readonly ByteRange[] {
  return [...hot]
    .sort((a, b) => a - b)
    .map(extent => extent * log.extentBytes)
    .filter(offset => offset < sizeBytes)
    .map(offset => ({ offset, length: Math.min(log.extentBytes, sizeBytes - offset) }));
}
