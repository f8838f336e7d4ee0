/**
 * Copies what is left to the partner, unit by unit, while clients go on writing. A unit is taken when every write to it that was
 * called before has settled; writes called later are sent in their order. Where much of it may differ, digests are compared
 * first. Then its bytes are read and queued while nobody can write them: what is sent later is newer.
 *
 * Digests are made beside the writes of clients, on both sides. That does no harm: every byte of a piece that is told to be equal
 * was either the same on both sides or is overwritten by a write that both sides carry out.
 */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import type { BlockDevice } from '../block/device.ts';
import { digestPiece, isZero, PIECE_BYTES } from '../block/digests.ts';
import type { WriteOnTheWay } from '../block/dirty-map-file.ts';
import type { WriteGuard } from '../block/write-guard.ts';
import { isComparedFirst, nextCopyRange, type PaceNow } from '../model/copy-plan.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import { messagesOf } from './change-messages.ts';
import { LinePacing } from './copy-pacing.ts';
import { DigestAsking, intersection } from './digest-asking.ts';
import type { Lacking } from './lacking.ts';
import type { Outbox } from './outbox.ts';
import type { UnflushedWrites } from './unflushed.ts';

/** What is copied from: a volume, or one moment of it. As `Volume`. */
export interface FlowElement extends Pick<BlockDevice, 'size' | 'read' | 'extents'> {
  hold<T>(work: () => Promise<T>): Promise<T>;
  holdRange<T>(offset: number, length: number, work: () => Promise<T>): Promise<T>;
  addGuard(guard: WriteGuard): () => void;
}

export interface CopyParts {
  readonly volume: FlowElement;
  readonly lacking: Lacking;
  readonly outbox: Outbox;
  readonly unflushed: UnflushedWrites;
  readonly xxh64: Xxh64;
  readonly clock: Clock;
  readonly pace: PaceNow;
  /** The flow has ended. */
  readonly signal: AbortSignal;
  /** Whether the partner may have some of it already, so that digests are compared. */
  readonly compares: boolean;
  readonly progress: () => void;
}

interface TakenRange {
  readonly range: ByteRange;
  readonly way: WriteOnTheWay;
}

export class CopyRun {
  readonly #parts: CopyParts;
  readonly #asking: DigestAsking;
  readonly #bell = new Bell();
  /** Units being worked on. */
  readonly #units: ByteRange[] = [];
  /** Bytes of data on their way. */
  #bytes = 0;
  readonly #pacing: LinePacing;
  #failure: unknown = null;
  readonly #buffers: Buffer[] = [];
  readonly #ends = new Set<() => void>();
  /** All who wait for the pace wait together. */
  #sleep: Promise<void> | null = null;
  /** Who waits for an arrival. */
  #waiting: (() => void)[] = [];

  constructor(parts: CopyParts) {
    this.#parts = parts;
    this.#asking = new DigestAsking(parts.outbox);
    this.#pacing = new LinePacing(parts.pace, parts.clock);
    const end = (): void => {
      this.#bell.ring();
      for (const ended of this.#ends) ended();
    };
    parts.signal.addEventListener('abort', end, { once: true });
  }

  /** Resolves when nothing is left and what was sent is durable there. Throws what keeps the source from being read; CANCELLED. */
  async run(): Promise<void> {
    const { lacking, unflushed } = this.#parts;
    let from = 0;
    while (lacking.left !== null) {
      this.#check();
      const found = nextCopyRange(lacking.left, from, this.#units);
      if (found === null) {
        if (this.#units.length > 0) await this.#bell.heard();
        else if (lacking.left.count === 0) {
          await unflushed.flush();
          this.#check();
          // Nothing was marked while that was waited for.
          if (lacking.left.count === 0) return;
        }
        continue;
      }
      const wait = this.#units.length < this.#mostUnits() ? this.#pause() : this.#bell.heard();
      if (wait !== null) {
        await wait;
        continue;
      }
      const unit = this.#unitOf(found.offset);
      from = unit.offset + unit.length;
      this.#units.push(unit);
      void this.#copy(unit)
        .catch(error => {
          this.#failure ??= error;
        })
        .finally(() => {
          this.#units.splice(this.#units.indexOf(unit), 1);
          this.#bell.ring();
        });
    }
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#parts.signal.aborted) throw cancelled();
  }

  /** A piece that is compared; or more, where the map does not know pieces. */
  #unitOf(offset: number): ByteRange {
    const { volume, lacking } = this.#parts;
    const bytes = Math.max(PIECE_BYTES, lacking.left!.granuleBytes);
    const start = Math.floor(offset / bytes) * bytes;
    return { offset: start, length: Math.min(bytes, volume.size - start) };
  }

  /** Of a unit that is not compared up to an eighth is sent as soon as it is taken. */
  #mostUnits(): number {
    const unitBytes = Math.max(PIECE_BYTES, this.#parts.lacking.left?.granuleBytes ?? 0);
    const most = Math.floor((this.#pacing.windowBytes * 8) / unitBytes);
    return Math.max(1, Math.min(LIMITS.mirrorDigests, most));
  }

  /** Until the pace may allow more; null: it does now. */
  #pause(): Promise<void> | null {
    const { clock, signal } = this.#parts;
    const ms = this.#pacing.waitMs();
    if (ms > 0) {
      this.#sleep ??= clock.sleep(ms, signal).finally(() => {
        this.#sleep = null;
      });
      return this.#sleep;
    }
    if (this.#bytes < this.#pacing.windowBytes) return null;
    return this.#orEnded(new Promise(resolve => this.#waiting.push(resolve)));
  }

  async #copy(unit: ByteRange): Promise<void> {
    const { lacking, unflushed } = this.#parts;
    const taken: TakenRange[] = [];
    const sent: Promise<void>[] = [];
    const take = (part: ByteRange): readonly TakenRange[] => {
      const found = lacking.take(part.offset, part.offset + part.length);
      taken.push(...found);
      return found;
    };
    if (this.#parts.compares && isComparedFirst(lacking.leftWithin(unit), unit.length)) {
      await this.#hold(unit, async () => void take(unit));
      for (const range of await this.#compare(unit)) {
        for (const other of taken) {
          const common = intersection(range, other.range);
          if (common === null) continue;
          for (let wait = this.#pause(); wait !== null; wait = this.#pause()) await wait;
          this.#reserve(common.length);
          for (const part of partsOf(common, LIMITS.copyHeldBytes))
            await this.#hold(part, () => this.#read(part, sent));
        }
      }
    } else {
      // The map gives away whole granules.
      for (const part of partsOf(unit, Math.max(LIMITS.copyHeldBytes, lacking.left?.granuleBytes ?? 0))) {
        await this.#hold(part, async () => {
          for (const { range } of take(part)) {
            this.#reserve(range.length);
            await this.#read(range, sent);
          }
        });
      }
    }
    await Promise.all(sent);
    const bytes = taken.reduce((sum, { range }) => sum + range.length, 0);
    unflushed.add({
      bytes,
      durable: () => {
        for (const { way, range } of taken) lacking.durable(way, range);
        this.#parts.progress();
      },
    });
  }

  async #compare(unit: ByteRange): Promise<readonly ByteRange[]> {
    const { volume, xxh64 } = this.#parts;
    const pieces: Promise<readonly ByteRange[]>[] = [];
    for (let offset = unit.offset; offset < unit.offset + unit.length; offset += PIECE_BYTES) {
      let arrived: (() => void) | null = null;
      const differing = this.#asking.differing(async () => {
        const bytes = this.#buffers.pop() ?? Buffer.allocUnsafe(PIECE_BYTES);
        try {
          const digest = await digestPiece(volume, { offset, bytes, xxh64 });
          this.#pacing.spend(digest.blocks.length * 8, digest.length);
          arrived = this.#pacing.begin(digest.length);
          return digest;
        } finally {
          this.#buffers.push(bytes);
        }
      });
      pieces.push(this.#orEnded(differing).finally(() => arrived?.()));
    }
    return (await Promise.all(pieces)).flat();
  }

  /** Before anything is waited for: others see that there is less room. */
  #reserve(bytes: number): void {
    this.#bytes += bytes;
    this.#pacing.spend(bytes, bytes);
  }

  /** Reads a range that is held and reserved, and queues it for the partner; `sent` settles when it has arrived. */
  async #read(range: ByteRange, sent: Promise<void>[]): Promise<void> {
    const { volume } = this.#parts;
    const end = range.offset + range.length;
    for (let at = range.offset; at < end; ) {
      for (const extent of await volume.extents(at, end - at)) {
        if (extent.hole) sent.push(this.#send(at, extent.length, null));
        else {
          for (let done = 0; done < extent.length; done += LIMITS.mirrorWriteBytes) {
            const data = Buffer.allocUnsafe(Math.min(LIMITS.mirrorWriteBytes, extent.length - done));
            await volume.read(at + done, data);
            sent.push(this.#send(at + done, data.length, data));
          }
        }
        at += extent.length;
      }
    }
  }

  #send(offset: number, length: number, data: Buffer | null): Promise<void> {
    const { outbox } = this.#parts;
    const change =
      data === null
        ? ({ kind: 'trim' } as const)
        : isZero(data)
          ? ({ kind: 'zero' } as const)
          : ({ kind: 'write', data } as const);
    const answered = messagesOf({ offset, length, change }).map(
      message => new Promise<void>(resolve => outbox.ask(message, resolve)),
    );
    const arrived = this.#pacing.begin(length);
    const all = this.#orEnded(Promise.all(answered)).then(() => {
      arrived();
      this.#bytes -= length;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const go of waiting) go();
    });
    // It is awaited when everything is queued, and may fail before.
    all.catch(() => {});
    return all;
  }

  /** Where too many requests wait for the volume already, the copy is the one that comes later. */
  async #hold(range: ByteRange, work: () => Promise<void>): Promise<void> {
    const { volume, clock, signal } = this.#parts;
    for (;;) {
      let held = false;
      try {
        return await volume.holdRange(range.offset, range.length, async () => {
          held = true;
          if (signal.aborted) throw cancelled();
          await work();
        });
      } catch (error) {
        if (held || !(error instanceof TandemError && error.code === 'REFUSED')) throw error;
        await clock.sleep(LIMITS.mirrorPaceMs, signal);
      }
    }
  }

  #orEnded<T>(wait: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(cancelled());
      if (this.#parts.signal.aborted) return ended();
      this.#ends.add(ended);
      void wait.then(resolve, reject).finally(() => this.#ends.delete(ended));
    });
  }
}

/** What is held while it is read: a client's write to it waits no longer than for one quick read. */
function partsOf({ offset, length }: ByteRange, bytes: number): readonly ByteRange[] {
  const first = Math.floor(offset / bytes);
  const count = Math.ceil((offset + length) / bytes) - first;
  return Array.from({ length: count }, (_, index) => {
    const from = Math.max(offset, (first + index) * bytes);
    return { offset: from, length: Math.min(offset + length, (first + index + 1) * bytes) - from };
  });
}

function cancelled(): TandemError {
  return new TandemError('CANCELLED', 'the copy was given up');
}
