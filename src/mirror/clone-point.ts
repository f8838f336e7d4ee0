/**
 * The moment of its source that a clone on another member is copied from: a snapshot, so that the source can be written meanwhile. Two
 * maps tell what the target lacks: of that moment, and what was written since, which is for the next one.
 */
import type { Clock } from '../base/clock.ts';
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import type { Snapshot } from '../block/snapshot.ts';
import type { Volume } from '../block/volume.ts';
import type { Association } from '../model/association.ts';
import type { FlowElement } from './copy-run.ts';
import type { Pair } from './pair.ts';
import type { SnapshotMoment } from './snapshot-moment.ts';

export interface ClonePointParts {
  readonly pair: Pair;
  readonly volume: Volume;
  /** What was written since the last moment. */
  readonly since: DirtyMapFile;
  /** What the target lacks of the moment. */
  readonly left: DirtyMapFile;
  /** As `holdAtBoundary`. */
  readonly hold: (volume: Volume, work: () => Promise<void>) => Promise<void>;
  /** That the pair has with others; undefined: it goes alone. */
  readonly moment: () => SnapshotMoment | undefined;
  readonly uuid: () => string;
  readonly clock: Clock;
}

/** Of a clone whose target is on another member. */
export function isCloneSource({ syncType, here }: Association): boolean {
  return syncType === 'Clone' && here === 'source';
}

/** Name of the second map among those of the volume. */
export function leftMapOf(pair: string): string {
  return `${pair}-left`;
}

export class ClonePoint {
  readonly left: DirtyMapFile;
  readonly #parts: ClonePointParts;

  constructor(parts: ClonePointParts) {
    this.#parts = parts;
    this.left = parts.left;
    this.rest();
  }

  /** The moment that the copy goes on with, or a new one. BLOCK_FULL; REFUSED where the source is half copied itself. */
  async take(): Promise<FlowElement> {
    const { pair, volume, since, left, hold, moment, uuid, clock } = this.#parts;
    const { snapshot } = pair.kept;
    const there = snapshot === null ? undefined : volume.snapshot(snapshot);
    if (there !== undefined) return stillElement(there);
    const fresh = snapshot ?? uuid();
    if (snapshot === null) await pair.note({ snapshot: fresh });
    const take = async (takenMs: number): Promise<void> => {
      // Before there is a snapshot to go on with, the map of what the target lacks of it tells everything.
      addMarks(since, left);
      await left.save();
      await volume.takeSnapshot({ uuid: fresh, takenMs });
      since.clear(0, since.size);
    };
    const shared = moment();
    if (shared === undefined) await hold(volume, () => take(clock.now()));
    else await shared.take(pair.id, volume, take);
    return stillElement(volume.snapshot(fresh)!);
  }

  /** Nothing is copied from it any more. */
  drop(): Promise<void> {
    return dropSnapshot(this.#parts.pair, this.#parts.volume);
  }

  /** No copy runs: what is written is marked in the other map. */
  rest(): void {
    this.left.following = true;
  }
}

/** What the pair keeps beside its element is given up. */
export async function dropSnapshot(pair: Pair, volume: Volume): Promise<void> {
  const { snapshot } = pair.kept;
  if (snapshot === null) return;
  if (volume.snapshot(snapshot) !== undefined) await volume.deleteSnapshot(snapshot);
  await pair.note({ snapshot: null });
}

/** Whether a copy goes on from the moment it began with, now or later. */
export function isPointNeeded({ copyState, brokenBy, work, lastInto }: Association): boolean {
  if (work?.phase === 'transition') return true;
  if (lastInto !== 'target') return false;
  return work?.into === 'target' || copyState === 'Suspended' || (copyState === 'Broken' && brokenBy === 'link');
}

/** Nobody writes to a moment that has passed. */
function stillElement(snapshot: Snapshot): FlowElement {
  return {
    size: snapshot.size,
    read: (offset, into) => snapshot.read(offset, into),
    extents: (offset, length) => snapshot.extents(offset, length),
    hold: work => work(),
    holdRange: (_offset, _length, work) => work(),
    addGuard: () => () => {},
  };
}

function addMarks(from: DirtyMapFile, into: DirtyMapFile): void {
  for (let at = 0; at < from.size; ) {
    const next = from.next(at, Number.MAX_SAFE_INTEGER);
    if (next === null) return;
    into.mark(next.offset, next.length);
    at = next.offset + next.length;
  }
}
