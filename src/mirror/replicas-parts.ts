/** What the replicas of a member work with. */
import type { Clock } from '../base/clock.ts';
import type { Emit } from '../base/events.ts';
import type { Log } from '../base/log.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import type { BlockFiles } from '../block/block-files.ts';
import type { MirrorLink } from '../peer/link.ts';
import type { Elements } from './elements.ts';
import type { PairSet } from './pair-set.ts';
import type { ReplicaBook } from './replica-book.ts';
import type { VolumeShelf } from './volume-shelf.ts';
import type { VolumeTrackers } from './volume-trackers.ts';

export interface ReplicasParts {
  readonly member: string;
  readonly members: () => readonly string[];
  readonly book: ReplicaBook;
  readonly pairs: PairSet;
  readonly elements: Elements;
  readonly shelf: VolumeShelf;
  readonly trackers: VolumeTrackers;
  /** To a member of the group; null: it is in the group no more. */
  readonly linkTo: (member: string) => MirrorLink | null;
  /** Bandwidth level for what is copied to a member now. */
  readonly levelTo: (member: string) => number;
  readonly xxh64: Xxh64;
  readonly files: BlockFiles;
  readonly uuid: () => string;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly log: Log;
}
