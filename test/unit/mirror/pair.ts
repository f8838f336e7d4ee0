/** Two members with a volume each and a stream between them that can be cut, in memory. */

import type { Clock } from '../../../src/base/clock.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { loadXxh64 } from '../../../src/base/xxh64.ts';
import type { DirtyMapFile } from '../../../src/block/dirty-map-file.ts';
import { type EpochJournal, openEpochJournal } from '../../../src/block/epoch-journal.ts';
import type { Volume } from '../../../src/block/volume.ts';
import { trackWrites, type WriteTracker } from '../../../src/block/write-tracker.ts';
import type { FlowEvent } from '../../../src/mirror/flow-event.ts';
import { createStreamNumbers, type FlowMessage, type StreamNumbers } from '../../../src/mirror/outbox.ts';
import { SourceFlow } from '../../../src/mirror/source-flow.ts';
import type { SourceParts } from '../../../src/mirror/source-parts.ts';
import { TargetFlow, type TargetParts } from '../../../src/mirror/target-flow.ts';
import type { CopyPace } from '../../../src/model/copy-plan.ts';
import { createGenerations } from '../../../src/model/generations.ts';
import { createMemoryBlockFiles, type MemoryBlockFiles } from '../../sim/memory-block-files.ts';
import { createSimClock, HostClock, SimTime } from '../../sim/sim-clock.ts';
import type { SimRandom } from '../../sim/sim-random.ts';
import { makeVolume, reopen } from '../block/small-volume.ts';

const xxh64 = await loadXxh64();

/** Nothing slows a copy down. */
export const FREELY: CopyPace = {
  windowBytes: LIMITS.copyWindowBytes,
  bytesPerSecond: null,
  reason: null,
  epochBytesPerSecond: null,
};

export interface Side {
  readonly files: MemoryBlockFiles;
  readonly volume: Volume;
  readonly tracker: WriteTracker;
  readonly map: DirtyMapFile;
  readonly journal: EpochJournal;
}

export interface SideOptions {
  readonly size?: number;
  readonly hotExtents?: number;
}

export async function openSide(
  files: MemoryBlockFiles = createMemoryBlockFiles(),
  { size = 16 * 64 * 1024, hotExtents = 16 }: SideOptions = {},
): Promise<Side> {
  const at = { files, root: '' };
  const volume = await (files.paths().includes('/disk/superblock') ? reopen(at) : makeVolume(at, { size }));
  const tracker = await trackWrites({ files, volume, peers: ['partner'], hotExtents });
  const journal = await openEpochJournal({ files, directory: '/disk', device: volume });
  return { files, volume, tracker, map: tracker.peer('partner'), journal };
}

/** As after a first synchronisation. */
export async function openCleanSide(options: SideOptions = {}): Promise<Side> {
  const side = await openSide(createMemoryBlockFiles(), options);
  side.map.clear(0, side.map.size);
  await side.map.save();
  return side;
}

export interface Wire {
  /** Nothing goes through any more. */
  cut(): void;
  /** Messages wait until it is false again. */
  held: boolean;
  /** A millisecond for each message. */
  slow: boolean;
  /** Asked after each message: null, there is room for more. */
  room: (() => Promise<void> | null) | null;
  readonly toTarget: FlowMessage[];
  readonly toSource: FlowMessage[];
}

export interface Connected {
  readonly source: SourceFlow;
  readonly target: TargetFlow;
  readonly wire: Wire;
  readonly events: FlowEvent[];
  readonly targetEvents: FlowEvent[];
  readonly violations: unknown[];
  readonly numbers: readonly [StreamNumbers, StreamNumbers];
  readonly alone: { count: number; hold: Promise<void> | null };
}

export class Pair {
  readonly time = new SimTime();
  readonly clock: Clock = createSimClock(new HostClock(this.time, 0, 1), () => true);
  source: Side;
  target: Side;

  constructor(source: Side, target: Side) {
    this.source = source;
    this.target = target;
  }

  connect(
    mode: SourceParts['mode'],
    more: { readonly source?: Partial<SourceParts>; readonly target?: Partial<TargetParts> } = {},
  ): Connected {
    const events: FlowEvent[] = [];
    const targetEvents: FlowEvent[] = [];
    const violations: unknown[] = [];
    const alone: Connected['alone'] = { count: 0, hold: null };
    const numbers = [createStreamNumbers(), createStreamNumbers()] as const;
    let cut = false;
    const end = (): void => {
      cut = true;
    };
    const wire: Wire = { cut: () => end(), held: false, slow: false, room: null, toTarget: [], toSource: [] };
    const lanes = { target: Promise.resolve(), source: Promise.resolve() };
    const carry = (lane: 'target' | 'source', log: FlowMessage[], receive: (message: FlowMessage) => unknown) => {
      return async (message: FlowMessage): Promise<void> => {
        if (cut) throw new Error('the line is cut');
        const copy = message.kind === 'write' ? { ...message, data: Buffer.from(message.data) } : message;
        log.push(copy);
        lanes[lane] = lanes[lane].then(async () => {
          await null;
          if (wire.slow) await this.clock.sleep(1);
          while (wire.held && !cut) await this.clock.sleep(1);
          if (cut) return;
          try {
            await receive(copy);
          } catch (error) {
            violations.push(error);
          }
        });
        await (wire.room?.() ?? null);
      };
    };
    const target: TargetFlow = new TargetFlow({
      volume: this.target.volume,
      map: this.target.map,
      journal: this.target.journal,
      xxh64,
      numbers: numbers[1],
      send: carry('source', wire.toSource, message => source.receive(message)),
      beginCopy: async () => {},
      endCopy: async () => {},
      on: event => void targetEvents.push(event),
      ...more.target,
    });
    const source: SourceFlow = new SourceFlow({
      volume: this.source.volume,
      map: this.source.map,
      xxh64,
      clock: this.clock,
      mode,
      numbers: numbers[0],
      send: carry('target', wire.toTarget, message => target.receive(message)),
      pace: () => FREELY,
      goAlone: async () => {
        alone.count++;
        if (alone.hold !== null) await alone.hold;
      },
      on: event => void events.push(event),
      ...more.source,
    });
    return { source, target, wire, events, targetEvents, violations, numbers, alone };
  }

  /** Lets time pass until `done` settles; what it gives. */
  async until<T>(done: Promise<T>): Promise<T> {
    let over = false;
    const end = (): void => {
      over = true;
    };
    done.then(end, end);
    for (let turn = 0; !over; turn++) {
      if (turn > 20_000) throw new Error('it never ends');
      await this.time.run(this.time.now + (turn < 50 ? 1 : 100));
    }
    return await done;
  }
}

/** A disk that is slower than the line now and then: a write has been sent, or marked, long before it is carried out here. */
export function slowDown(volume: Volume, clock: Clock, random: SimRandom): void {
  volume.addGuard({
    before: () => (random.chance(0.4) ? clock.sleep(random.below(6)) : null),
    after: () => null,
  });
}

export const COPY = { extent: 'dirty', generations: createGenerations('g1') } as const;

/** Bytes of the data messages. */
export function dataBytes(messages: readonly FlowMessage[]): number {
  return messages.reduce((sum, message) => sum + (message.kind === 'write' ? message.data.length : 0), 0);
}
