/** What a mirrored pair works with. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import type { Volume } from '../block/volume.ts';
import type { PaceNow } from '../model/copy-plan.ts';
import type { ElementFacts } from '../model/operation-order.ts';
import type { ReplicaOperation } from '../model/replica-values.ts';
import type { Elements } from './elements.ts';
import type { GroupFlows } from './group-flows.ts';
import type { MirrorPair } from './mirror-pair.ts';
import type { OrderAnswer } from './mirror-session.ts';
import type { Pair } from './pair.ts';
import type { PairSet } from './pair-set.ts';
import type { SnapshotMoment } from './snapshot-moment.ts';
import type { VerifyDesk } from './verifications.ts';
import type { VolumeJournals } from './volume-journals.ts';
import type { VolumeTrackers } from './volume-trackers.ts';

export interface MirrorPairParts {
  readonly pair: Pair;
  readonly pairs: PairSet;
  readonly elements: Elements;
  readonly trackers: VolumeTrackers;
  readonly journals: VolumeJournals;
  readonly member: string;
  readonly factsOf: (pair: Pair) => ElementFacts;
  readonly ordered: (pair: Pair, operation: ReplicaOperation, force: boolean) => Promise<OrderAnswer>;
  readonly paceOf: (pair: Pair) => PaceNow;
  readonly groups: GroupFlows;
  /** Other mirrors that have the same volume as this one. */
  readonly beside: (mirror: MirrorPair) => readonly MirrorPair[];
  readonly verifying: VerifyDesk;
  /** As `holdAtBoundary`. */
  readonly hold: (volume: Volume, work: () => Promise<void>) => Promise<void>;
  /** Of pairs that pass one moment together just now, by id. */
  readonly moments: ReadonlyMap<string, SnapshotMoment>;
  readonly xxh64: Xxh64;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly log: Log;
}
