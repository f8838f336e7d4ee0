/** What the flow of a pair's source works with. */
import type { Clock } from '../base/clock.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import type { PaceNow } from '../model/copy-plan.ts';
import type { FlowElement } from './copy-run.ts';
import type { FlowEvent } from './flow-event.ts';
import type { FlowMessage, StreamNumbers } from './outbox.ts';
import type { FlowGroups } from './standing-groups.ts';

export type FlowMode = 'Synchronous' | 'Asynchronous';

export interface SourceParts {
  readonly volume: FlowElement;
  /** The association's, of the volume's tracker. */
  readonly map: DirtyMapFile;
  readonly send: (message: FlowMessage) => Promise<void>;
  readonly numbers: StreamNumbers;
  readonly mode: FlowMode;
  /** A synchronous write is answered when the partner has it, also while a copy is still to bring what is around it. */
  readonly stopsHostIo?: () => boolean;
  /**
   * Left out: always. While what is here is not whole itself, nothing of it goes to a partner that has something whole. When it
   * changes `SourceFlow.look` is called.
   */
  readonly whole?: () => boolean;
  /** A copy is all there is: what is written after it is only marked. */
  readonly once?: boolean;
  /** Where it has a place among the others of its group while it is in step. */
  readonly groups?: FlowGroups;
  readonly xxh64: Xxh64;
  readonly clock: Clock;
  readonly pace: PaceNow;
  /**
   * Makes it durable that the source goes on alone; at once, if it is. Awaited before a write or a flush is answered that the
   * partner lacks, after the flow has ended; if it fails, they do. It must not wait for writes of the volume.
   */
  readonly goAlone: () => Promise<void>;
  readonly on: (event: FlowEvent) => void;
}
