/** Asynchronous: writes of clients go to the partner in epochs, and no client waits for it. */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { WriteOnTheWay } from '../block/dirty-map-file.ts';
import type { RangeChange } from '../block/write-guard.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import {
  closesAt,
  createEpochQueue,
  type EpochQueue,
  lagMs,
  noteApplied,
  noteFlush,
  noteTime,
  noteWrite,
  queuedBytes,
  spillQueue,
} from '../model/epochs.ts';
import type { SharedEpoch } from '../model/mirror-message.ts';
import {
  CHANGE_HEAD_BYTES,
  type ChangePack,
  createChangePack,
  type PackedChange,
  packChange,
  packedBytes,
} from '../model/packed-changes.ts';
import { weightOf, writesOf } from './change-messages.ts';
import type { Lacking } from './lacking.ts';
import type { Outbox, StreamNumbers } from './outbox.ts';

const NO_DATA = new Uint8Array(0);

export interface EpochParts {
  readonly outbox: Outbox;
  readonly lacking: Lacking;
  readonly clock: Clock;
  readonly numbers: StreamNumbers;
  /** An epoch has ended; true: somebody else tells the partner, by `tell`. */
  readonly closed: (epoch: number) => boolean;
}

interface SentInEpoch {
  readonly way: WriteOnTheWay;
  readonly range: ByteRange;
}

export class EpochSending {
  readonly #parts: EpochParts;
  #queue: EpochQueue;
  /** Of the open epoch, and not in the outbox yet. */
  #pack: ChangePack | null = null;
  #packTimer: (() => void) | null = null;
  /** Where the next changes are packed. */
  #room: Buffer | null = null;
  /** By epoch, the oldest first. */
  readonly #sent = new Map<number, SentInEpoch[]>();
  #timer: (() => void) | null = null;
  #waiting: { readonly epoch: number; readonly resolve: () => void }[] = [];
  #ended = false;

  constructor(parts: EpochParts) {
    this.#parts = parts;
    const bounds = {
      epochBytes: LIMITS.mirrorEpochBytes,
      epochMs: LIMITS.mirrorEpochMs,
      queueBytes: LIMITS.mirrorQueueBytes,
    };
    this.#queue = createEpochQueue(bounds, parts.numbers.sentEpoch + 1);
  }

  get bytes(): number {
    return queuedBytes(this.#queue);
  }

  ageMs(now: number): number {
    return lagMs(this.#queue, now);
  }

  /** False: too much waits for the partner. Nothing of it is taken, and none must be any more. */
  write(offset: number, length: number, change: RangeChange): boolean {
    const { lacking, clock, numbers } = this.#parts;
    const epoch = this.#queue.open.number;
    const next = noteWrite(this.#queue, weightOf(change, length), clock.now());
    if (next.spilled) {
      this.#queue = next;
      return false;
    }
    const sent = this.#sent.get(epoch) ?? [];
    sent.push({ way: lacking.begin(offset, length), range: { offset, length } });
    this.#sent.set(epoch, sent);
    numbers.sentEpoch = epoch;
    if (change.kind !== 'write') this.#add({ kind: change.kind, offset, length, data: NO_DATA });
    else {
      for (const write of writesOf(offset, change.data)) {
        this.#add({ kind: 'write', length: write.data.length, ...write });
      }
    }
    this.#become(next);
    return true;
  }

  /** What was written before is of one epoch, or of several. */
  flush(): void {
    this.#become(noteFlush(this.#queue));
  }

  /** As `flush`, without telling the partner; null: nothing was written. */
  close(): number | null {
    const before = this.#queue.open.number;
    this.#keep(noteFlush(this.#queue));
    return this.#queue.open.number === before ? null : before;
  }

  tell(epoch: number, shared: SharedEpoch | null): void {
    this.#parts.outbox.say({ kind: 'epoch-end', epoch, shared });
  }

  /** PEER_VIOLATION */
  applied(epoch: number): void {
    const next = noteApplied(this.#queue, epoch);
    if (next === null) {
      throw new TandemError('PEER_VIOLATION', `the partner has applied epoch ${epoch}, which is not complete`);
    }
    this.#queue = next;
    for (const [number, sent] of this.#sent) {
      if (number > epoch) break;
      this.#sent.delete(number);
      for (const { way, range } of sent) this.#parts.lacking.durable(way, range);
    }
    const ready = this.#waiting.filter(waiting => waiting.epoch <= epoch);
    this.#waiting = this.#waiting.filter(waiting => waiting.epoch > epoch);
    for (const { resolve } of ready) resolve();
  }

  /** When all that was written before is applied, or the flow has ended. */
  async drain(): Promise<void> {
    this.flush();
    const last = this.#queue.closed.at(-1)?.number;
    if (last === undefined || this.#ended) return;
    await new Promise<void>(resolve => this.#waiting.push({ epoch: last, resolve }));
  }

  end(): void {
    this.#ended = true;
    this.#timer?.();
    this.#packTimer?.();
    this.#pack = null;
    this.#queue = spillQueue(this.#queue);
    this.#sent.clear();
    for (const { resolve } of this.#waiting) resolve();
    this.#waiting = [];
  }

  /** The client has its buffer back before the change is sent. */
  #add(change: PackedChange): void {
    if (this.#pack !== null && packChange(this.#pack, change)) return;
    this.#sendPack();
    const bytes = Math.max(LIMITS.mirrorPartBytes, CHANGE_HEAD_BYTES + change.data.length);
    if (this.#room === null || this.#room.length < bytes) this.#room = Buffer.allocUnsafeSlow(bytes);
    this.#pack = createChangePack(this.#room);
    packChange(this.#pack, change);
    this.#packTimer = this.#parts.clock.after(LIMITS.mirrorPartMs, () => this.#sendPack());
  }

  #sendPack(): void {
    this.#packTimer?.();
    this.#packTimer = null;
    if (this.#pack === null) return;
    let packed = packedBytes(this.#pack);
    const epoch = this.#queue.open.number;
    this.#pack = null;
    // To copy a little costs less than new room for the next ones.
    if (packed.length < LIMITS.mirrorPartBytes / 4) packed = Buffer.from(packed);
    else this.#room = null;
    this.#parts.outbox.count(seq => ({ kind: 'epoch-changes', seq, epoch, packed }));
  }

  #become(next: EpochQueue): void {
    const before = this.#queue.open.number;
    this.#keep(next);
    if (next.open.number !== before && !this.#parts.closed(before)) this.tell(before, null);
  }

  #keep(next: EpochQueue): void {
    const { clock } = this.#parts;
    const before = this.#queue.open.number;
    if (next.open.number !== before) this.#sendPack();
    this.#queue = next;
    const at = closesAt(next);
    if (this.#timer !== null && (at === null || next.open.number !== before)) {
      this.#timer();
      this.#timer = null;
    }
    if (at === null) return;
    this.#timer ??= clock.after(Math.max(0, at - clock.now()), () => {
      this.#timer = null;
      if (!this.#ended) this.#become(noteTime(this.#queue, clock.now()));
    });
  }
}
