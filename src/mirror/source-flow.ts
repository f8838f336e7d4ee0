import { Bell } from '../base/bell.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { RangeChange, WriteGuard } from '../block/write-guard.ts';
import type { CopyExtent, Generations } from '../model/generations.ts';
import { keptChange } from './change-messages.ts';
import { epochPacing, untilCalm } from './copy-pacing.ts';
import { CopyRun } from './copy-run.ts';
import { EpochSending } from './epoch-sending.ts';
import { orEnded, throwIfEnded } from './flow-end.ts';
import { Following } from './following.ts';
import { Lacking } from './lacking.ts';
import { type FlowMessage, Outbox } from './outbox.ts';
import { PieceComparison } from './piece-comparison.ts';
import { PlainSending, type SentChange } from './plain-sending.ts';
import type { FlowMode, SourceParts } from './source-parts.ts';
import type { GroupSeat, SeatEnd } from './standing-groups.ts';
import { ToldDirty } from './told-dirty.ts';
import { UnflushedWrites } from './unflushed.ts';
import { violation } from './violation.ts';

/** 'marking': writes are marked and not sent. */
type Phase = 'idle' | 'marking' | 'copying' | 'in-step';

export class SourceFlow implements WriteGuard {
  readonly #parts: SourceParts;
  readonly #outbox: Outbox;
  readonly #following: Following;
  readonly #lacking: Lacking;
  readonly #unflushed: UnflushedWrites;
  readonly #told: ToldDirty;
  readonly #plain: PlainSending;
  /** While it is in step. */
  readonly comparison: PieceComparison;
  #epochs: EpochSending | null = null;
  #mode: FlowMode;
  #phase: Phase = 'idle';
  readonly #ended = new AbortController();
  /** Rung by `look`. */
  readonly #changed = new Bell();
  /** Changes clients wait for, by their offset: while one is under way no other has it. */
  readonly #waiting = new Map<number, SentChange>();
  #stopped: Promise<void> | null = null;
  /** What is dirty was written since the queue overflowed, and by nothing else. */
  #overflowed = false;
  /** While the end of a copy is on its way: nobody knows yet of the step that is fallen out of. */
  #ending: { fellBehind: boolean } | null = null;
  /** Who waits for the copy to begin. */
  readonly #toCopy: (() => void)[] = [];

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.#mode = parts.mode;
    const { send, numbers, clock } = parts;
    const pass = epochPacing(parts, this.#ended.signal);
    this.#outbox = new Outbox({ send, numbers, pass, lost: () => this.#end() });
    this.#following = new Following(parts);
    this.#lacking = new Lacking(parts.map);
    this.#told = new ToldDirty(parts.map, (offset, length) => {
      if (this.#isMarking() || this.#phase === 'idle') parts.map.mark(offset, length);
      else this.#lacking.mark(offset, length);
    });
    this.#unflushed = new UnflushedWrites(this.#outbox, clock);
    this.#plain = new PlainSending({
      outbox: this.#outbox,
      lacking: this.#lacking,
      unflushed: this.#unflushed,
      clock,
    });
    this.comparison = new PieceComparison({
      ...parts,
      outbox: this.#outbox,
      inStep: () => this.#phase === 'in-step',
      endEpoch: () => this.#epochs?.flush(),
      send: (offset, length, change) => this.#sendAgain(offset, length, change),
      signal: this.#ended.signal,
    });
  }

  /** What the partner says to a source, in order. PEER_VIOLATION */
  receive(message: FlowMessage): void {
    if (this.#ended.signal.aborted) return;
    switch (message.kind) {
      case 'arrived':
        for (const seq of message.seqs) this.#outbox.answer(seq, { kind: 'arrived' });
        return;
      case 'differing':
        this.#outbox.answer(message.seq, { kind: 'differing', ranges: message.ranges });
        return;
      case 'applied':
        if (message.epoch > this.#parts.numbers.sentEpoch) throw violation('has applied an epoch that was never sent');
        this.#epochs?.applied(message.epoch);
        return;
      case 'dirty':
        this.#told.take(message);
        return;
      case 'failed':
        this.#outbox.check(message.seq);
        this.#fail(message.full ? 'space' : 'target', message.reason);
        return;
      default:
        throw violation(`sends “${message.kind}” to the source of the pair`);
    }
  }

  /** In step: from now on every write goes to the partner. REFUSED where something is dirty, which a copy has to bring. */
  async mirror(): Promise<void> {
    await this.#parts.volume.hold(async () => {
      throwIfEnded(this.#ended.signal);
      if (this.#parts.map.dirtyBytes > 0) {
        throw new TandemError('REFUSED', 'the target lacks something; copy it before it is mirrored');
      }
      this.#following.begin(this);
      this.#beginStep();
    });
  }

  /**
   * Copies what is dirty here or was told to be so by the partner (`extent` 'full': everything), and is in step then. 'dirty' waits
   * for the partner's map. Can be called again after the queue overflowed. False: the flow has ended before.
   */
  async startCopy(copy: { readonly extent: CopyExtent; readonly generations: Generations }): Promise<boolean> {
    const { extent, generations } = copy;
    const { volume, map, on } = this.#parts;
    const { signal } = this.#ended;
    try {
      await volume.hold(async () => {
        throwIfEnded(signal);
        this.#following.begin(this);
        this.#mark();
        if (extent === 'full') map.mark(0, map.size);
      });
      if (extent === 'full') this.#overflowed = false;
      await this.#untilWhole();
      if (this.#overflowed) await untilCalm(this.#parts, signal);
      throwIfEnded(signal);
      if (extent === 'dirty') await orEnded(signal, wake => this.#told.whenWhole(wake));
      // After a crash the copy goes on with what is dirty, whatever its extent was.
      await map.save();
      await orEnded(signal, wake => this.#outbox.ask(seq => ({ kind: 'copy-begin', seq, extent, generations }), wake));
      this.#lacking.beginCopy();
      this.#phase = 'copying';
      for (const wake of this.#toCopy.splice(0)) wake();
      on({ kind: 'copy-started' });
      await this.#copyAll();
      this.#lacking.endCopy();
      this.#overflowed = false;
      const ending = { fellBehind: false };
      this.#ending = ending;
      // What follows the end of the copy is mirrored as it is in step.
      if (this.#parts.once) this.#mark();
      else this.#beginStep();
      await orEnded(signal, wake => this.#outbox.ask(seq => ({ kind: 'copy-end', seq, generations }), wake));
      this.#ending = null;
      on({ kind: 'copy-finished' });
      if (ending.fellBehind) on({ kind: 'fell-behind' });
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (!(error instanceof TandemError) || error.code === 'INTERNAL' || error.code === 'REFUSED') throw error;
      this.#fail('source', messageOf(error));
      return false;
    }
  }

  /** What is here may have become whole, or is so no more: then the partner keeps what it has, until a copy brings it what is. */
  look(): void {
    this.#changed.ring();
    if (this.#phase === 'in-step' && !this.#isWhole()) this.#overflow();
  }

  /** From the next write on. What was sent before keeps its place. */
  setMode(mode: FlowMode): void {
    if (this.#mode !== mode) this.#epochs?.flush();
    this.#mode = mode;
  }

  /** Resolves when everything that was sent before is durable at the partner. PEER_UNREACHABLE */
  async drain(): Promise<void> {
    await this.#plain.drain();
    await this.#epochs?.drain();
    await this.#unflushed.flush();
    throwIfEnded(this.#ended.signal);
  }

  /** Bytes that are on their way to the partner, and how old the oldest of them are. */
  lag(): { readonly bytes: number; readonly ms: number } {
    const now = this.#parts.clock.now();
    return {
      bytes: this.#plain.bytes + (this.#epochs?.bytes ?? 0),
      ms: Math.max(this.#plain.ageMs(now), this.#epochs?.ageMs(now) ?? 0),
    };
  }

  /** With what is on its way, or there and not durable. */
  dirtyBytes(): number {
    return this.#parts.map.dirtyBytes;
  }

  /**
   * The link is lost, or the pair is mirrored no more. What is not durable at the partner stays dirty; clients' writes go on after
   * `goAlone`. Where that fails, so do they, until it succeeds or another flow has the volume.
   */
  stop(end: SeatEnd = 'lost'): Promise<void> {
    this.#end(end);
    this.#stopped ??= this.#following.leave();
    return this.#stopped;
  }

  before(offset: number, length: number, change: RangeChange): Promise<void> | null {
    if (this.#phase === 'marking' && this.#mustReachBoth()) return this.#beforeCopy(offset, length, change);
    if (!this.#sends(offset, length)) return null;
    if (this.#mode === 'Asynchronous') {
      this.#sendAlong(offset, length, change);
      return null;
    }
    if (!this.#plain.tryTake(change, length)) return this.#beforeLater(offset, length, change);
    this.#waiting.set(offset, this.#plain.send(offset, length, change));
    return null;
  }

  after(offset: number, length: number, ok: boolean): Promise<void> | null {
    const sent = this.#waiting.get(offset);
    this.#waiting.delete(offset);
    if (!ok) {
      // What of it is here nobody knows, and the target may have all of it.
      if (this.#isMarking()) this.#parts.map.mark(offset, length);
      else this.#lacking.mark(offset, length);
      if (this.#phase === 'in-step' && !this.#ended.signal.aborted) this.#fallBehind();
      return null;
    }
    if (sent?.arrived === true) return null;
    if (this.#ended.signal.aborted) return this.#following.goAlone();
    const wait = sent === undefined ? null : this.#plain.settled(sent);
    return wait === null ? null : wait.then(() => (sent!.arrived ? undefined : this.#following.goAlone()));
  }

  commit(): Promise<void> | null {
    if (this.#ended.signal.aborted) return this.#following.goAlone();
    if (this.#isMarking()) return null;
    if (this.#mode === 'Asynchronous') {
      this.#epochs?.flush();
      return null;
    }
    const wait = (this.#epochs?.bytes ?? 0) > 0 ? this.#epochs!.drain() : this.#unflushed.flush();
    return wait === null ? null : wait.then(() => (this.#ended.signal.aborted ? this.#following.goAlone() : undefined));
  }

  /** Whether the change is to be sent; if not, it is marked. */
  #sends(offset: number, length: number): boolean {
    if (this.#isMarking()) this.#parts.map.mark(offset, length);
    else if (this.#phase === 'copying' && this.#lacking.isLeft(offset, length)) {
      this.#lacking.mark(offset, length);
      // The copy brings it once more with what is around it.
      return this.#mustReachBoth();
    } else return true;
    return false;
  }

  #mustReachBoth(): boolean {
    const mayReach = this.#mode === 'Synchronous' && !this.#ended.signal.aborted && this.#isWhole();
    return mayReach && this.#parts.stopsHostIo?.() === true;
  }

  /** Whoever must not be answered before the partner has the change waits until there is a copy beside which it can be sent. */
  async #beforeCopy(offset: number, length: number, change: RangeChange): Promise<void> {
    await orEnded(this.#ended.signal, wake => this.#toCopy.push(wake)).catch(() => {});
    await this.before(offset, length, change);
  }

  async #beforeLater(offset: number, length: number, change: RangeChange): Promise<void> {
    await this.#plain.take(change, length);
    if (this.#sends(offset, length)) {
      if (this.#mode === 'Synchronous') {
        this.#waiting.set(offset, this.#plain.send(offset, length, change));
        return;
      }
      this.#sendAlong(offset, length, change);
    }
    this.#plain.give(change, length);
  }

  /** No client waits for it. */
  #sendAlong(offset: number, length: number, change: RangeChange): void {
    if (this.#phase === 'in-step') {
      if (this.#epochs!.write(offset, length, change)) return;
      this.#overflow();
      this.#parts.map.mark(offset, length);
    } else if (this.#plain.tryTake(change, length)) this.#plain.send(offset, length, keptChange(change));
    else this.#lacking.mark(offset, length);
  }

  /** While nobody writes there; resolves when it has its place in the order. */
  async #sendAgain(offset: number, length: number, change: RangeChange): Promise<void> {
    if (this.#mode === 'Asynchronous') return this.#sendAlong(offset, length, change);
    if (!this.#plain.tryTake(change, length)) await this.#plain.take(change, length);
    if (this.#ended.signal.aborted) return;
    this.#plain.send(offset, length, change);
  }

  #isMarking(): boolean {
    return this.#ended.signal.aborted || this.#phase === 'marking';
  }

  #overflow(): void {
    this.#mark();
    this.#overflowed = true;
    this.#fallBehind();
    this.#parts.groups?.leave(this.#seat, 'overflow');
  }

  #fallBehind(): void {
    if (this.#ending !== null) this.#ending.fellBehind = true;
    else this.#parts.on({ kind: 'fell-behind' });
  }

  #isWhole(): boolean {
    return this.#parts.whole?.() !== false;
  }

  /** Meanwhile nobody waits for what cannot be sent. PEER_UNREACHABLE */
  async #untilWhole(): Promise<void> {
    while (!this.#isWhole()) {
      for (const wake of this.#toCopy.splice(0)) wake();
      await this.#changed.heard(this.#ended.signal);
      throwIfEnded(this.#ended.signal);
    }
  }

  /** What is marked just when the copy is over is copied as well, and it is not over before what is here is whole. */
  async #copyAll(): Promise<void> {
    while (!this.#isWhole() || (this.#lacking.left !== null && this.#lacking.left.count > 0)) {
      await this.#untilWhole();
      await this.#copyRun().run();
    }
    throwIfEnded(this.#ended.signal);
  }

  /** Nothing is sent any more; what is on its way counts as lost. */
  #mark(): void {
    this.#phase = 'marking';
    this.#parts.map.lostAll();
    this.#lacking.endCopy();
    this.#epochs?.end();
    this.#epochs = null;
  }

  #beginStep(): void {
    const { clock, numbers, groups } = this.#parts;
    const closed = (epoch: number): boolean => groups?.closed(epoch) ?? false;
    this.#epochs = new EpochSending({ outbox: this.#outbox, lacking: this.#lacking, clock, numbers, closed });
    this.#phase = 'in-step';
    groups?.enter(this.#seat);
    this.look();
  }

  #copyRun(): CopyRun {
    const { volume, xxh64, clock, pace, on, map } = this.#parts;
    return new CopyRun({
      volume,
      lacking: this.#lacking,
      outbox: this.#outbox,
      unflushed: this.#unflushed,
      xxh64,
      clock,
      pace,
      signal: this.#ended.signal,
      compares: !this.#overflowed,
      progress: () => on({ kind: 'progress', leftBytes: map.dirtyBytes }),
    });
  }

  #fail(element: 'source' | 'target' | 'space', reason: string): void {
    this.#parts.on({ kind: 'failed', element, reason });
    this.#end();
  }

  readonly #seat: GroupSeat = {
    closeEpoch: () => this.#epochs?.close() ?? null,
    tell: (epoch, shared) => this.#epochs?.tell(epoch, shared),
    breakOff: () => {
      this.#end('lost');
      this.#parts.on({ kind: 'parted' });
    },
    overflow: () => this.#overflow(),
    drain: () => this.drain(),
  };

  #end(end: SeatEnd = 'lost'): void {
    if (this.#ended.signal.aborted) return;
    this.#parts.map.lostAll();
    this.#ended.abort();
    // Before any write is answered that waits for this: nobody may write in knowledge of it what another target gets.
    this.#parts.groups?.leave(this.#seat, end);
    this.#outbox.end();
    this.#epochs?.end();
    this.#unflushed.end();
    this.#plain.end();
  }
}
