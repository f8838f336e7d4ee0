/**
 * The side of a mirrored pair that is fed. What comes is put into a line and carried out in the order it came: plain changes
 * beside each other, the device keeps those in order that overlap; epochs through the journal; a copy's beginning and end
 * when everything before them is done.
 *
 * Its own dirty map is not marked by what comes from the source: the source knows what of that is not durable here.
 */
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import type { EpochJournal } from '../block/epoch-journal.ts';
import type { Volume } from '../block/volume.ts';
import { toRuns } from '../model/dirty-map.ts';
import { createIntake, type EpochIntake, takeBarrier, takeWrite } from '../model/epochs.ts';
import type { CopyExtent, Generations } from '../model/generations.ts';
import { areChangesWithin } from '../model/packed-changes.ts';
import { AnswerLine } from './answer-line.ts';
import { DigestAnswering } from './digest-answering.ts';
import type { FlowEvent } from './flow-event.ts';
import { bytesOf, type FlowMessage, type StreamNumbers } from './outbox.ts';
import { type SharedParts, TargetEpochs } from './target-epochs.ts';
import { violation } from './violation.ts';

export interface TargetParts {
  readonly volume: Volume;
  /** Its own dirty map for this partner; null: it keeps none. */
  readonly map: DirtyMapFile | null;
  readonly send: (message: FlowMessage) => Promise<void>;
  readonly numbers: StreamNumbers;
  readonly xxh64: Xxh64;
  /** Of the volume. */
  readonly journal: EpochJournal;
  /** Null: epochs of this volume stand alone. */
  readonly shared?: SharedParts | null;
  /** Makes it durable that a copy has begun; before anything is overwritten. Keeps a snapshot of what is there, if that is wanted. */
  readonly beginCopy: (generations: Generations, extent: CopyExtent) => Promise<void>;
  /** Makes it durable that the copy is complete. What was copied is. */
  readonly endCopy: (generations: Generations) => Promise<void>;
  readonly on: (event: FlowEvent) => void;
}

export class TargetFlow {
  readonly #parts: TargetParts;
  readonly #answers: AnswerLine;
  readonly #digests: DigestAnswering;
  readonly #epochs: TargetEpochs;
  #intake: EpochIntake;
  #line: FlowMessage[] = [];
  #lineBytes = 0;
  #working: Promise<void> | null = null;
  #room: (() => void)[] = [];
  /** Plain changes under way. */
  readonly #changes = new Set<Promise<void>>();
  #ended = false;
  /** The source was told everything that is dirty here. */
  #told = false;
  #extent: CopyExtent = 'dirty';

  constructor(parts: TargetParts) {
    this.#parts = parts;
    this.#answers = new AnswerLine(parts);
    this.#digests = new DigestAnswering(parts, this.#answers, (seq, error) => this.#fail(seq, error));
    this.#epochs = new TargetEpochs(parts.journal, parts.shared ?? null);
    this.#intake = createIntake(parts.numbers.receivedEpoch);
    parts.map?.unfollow?.();
    if (parts.map !== null) parts.map.following = true;
  }

  /**
   * What the partner says to a target, in order. It is carried out later; the next message is to be read when the promise settles.
   * PEER_VIOLATION
   */
  receive(message: FlowMessage): Promise<void> | null {
    if (this.#ended) return null;
    this.#check(message);
    this.#line.push(message);
    this.#lineBytes += bytesOf(message);
    this.#working ??= this.#work();
    if (this.#lineBytes < 2 * LIMITS.mirrorWindowBytes) return null;
    return new Promise(resolve => this.#room.push(resolve));
  }

  /** Tells the source what is dirty here; it waits for that before it copies what is dirty. */
  tellDirty(): void {
    const { map } = this.#parts;
    if (map !== null) this.#tellPages(map);
    this.#answers.say({ kind: 'dirty', range: { offset: 0, length: 0 }, runs: [], last: true });
    this.#told = true;
  }

  #tellPages({ dirty }: DirtyMapFile): void {
    const page = LIMITS.mirrorDirtyGranules * dirty.granuleBytes;
    for (let at = 0; at < dirty.sizeBytes; at += page) {
      const next = dirty.nextDirty(at, page);
      if (next === null) break;
      at = Math.floor(next.offset / page) * page;
      const range = { offset: at, length: Math.min(page, dirty.sizeBytes - at) };
      this.#answers.say({ kind: 'dirty', range, runs: toRuns(dirty, range), last: false });
    }
  }

  /** Resolves when everything that came before is carried out. */
  async drain(): Promise<void> {
    while (this.#working !== null) await this.#working;
    await Promise.all(this.#changes);
    await this.#epochs.applied();
  }

  /** Nothing more is taken. Resolves when what was begun is done; an epoch that is not complete never happened. */
  async stop(): Promise<void> {
    this.#end();
    await this.#epochs.leave();
    await this.#working;
    await Promise.all(this.#changes);
    await this.#digests.idle();
    await this.#epochs.stop();
    if (this.#parts.map !== null) this.#parts.map.following = false;
  }

  /** What can be judged without the device. */
  #check(message: FlowMessage): void {
    const { numbers, volume } = this.#parts;
    if ('seq' in message) {
      if (message.seq !== numbers.received + 1) {
        throw violation(`sends message ${message.seq} after message ${numbers.received}`);
      }
      numbers.received = message.seq;
    }
    switch (message.kind) {
      case 'write':
      case 'clear': {
        const length = message.kind === 'write' ? message.data.length : message.length;
        if (message.kind === 'write' && length > LIMITS.mirrorWriteBytes) throw violation('sends too long a write');
        checkRange(message.offset, length, volume.size);
        this.#checkPlain();
        return;
      }
      case 'epoch-changes':
        if (!areChangesWithin(message.packed, volume.size)) throw violation('packs what are no changes of this volume');
        this.#stepIntake(message.epoch);
        return;
      case 'epoch-end': {
        const writes = this.#intake.staging?.writes ?? 0;
        const step = takeBarrier(this.#intake, { number: message.epoch, writes });
        if (step.kind === 'violation' || writes === 0) throw violation(`ends epoch ${message.epoch} out of turn`);
        this.#intake = step.intake;
        numbers.receivedEpoch = message.epoch;
        return;
      }
      case 'digests':
      case 'compare':
        this.#digests.check(message.pieces);
        return;
      case 'copy-begin':
        // What was staged of an epoch comes again by the copy.
        this.#intake = createIntake(Math.max(numbers.receivedEpoch, this.#intake.staging?.number ?? 0));
        return;
      case 'flush':
        return;
      case 'copy-end':
        this.#checkPlain();
        return;
      default:
        throw violation(`sends “${message.kind}” to the target of the pair`);
    }
  }

  #checkPlain(): void {
    if (this.#intake.staging !== null) throw violation('does not end an epoch before something else');
  }

  #stepIntake(epoch: number): void {
    const step = takeWrite(this.#intake, epoch);
    if (step.kind === 'violation') throw violation(`writes to epoch ${epoch} out of turn`);
    this.#intake = step.intake;
    this.#parts.numbers.receivedEpoch = epoch;
  }

  async #work(): Promise<void> {
    // Who is asked something while he asks is not called from within.
    await null;
    while (this.#line.length > 0 && !this.#ended) {
      const batch = this.#line;
      this.#line = [];
      for (const message of batch) {
        if (this.#ended) break;
        try {
          await this.#carryOut(message);
        } catch (error) {
          this.#fail('seq' in message ? message.seq : this.#parts.numbers.received, error);
        }
        this.#lineBytes -= bytesOf(message);
        if (this.#lineBytes < LIMITS.mirrorWindowBytes) this.#letIn();
      }
    }
    this.#working = null;
  }

  async #carryOut(message: FlowMessage): Promise<void> {
    const { volume, beginCopy, endCopy, map, on } = this.#parts;
    switch (message.kind) {
      case 'write':
      case 'clear':
        if (this.#epochs.pending) await this.#epochs.applied();
        while (this.#changes.size >= LIMITS.mirrorWritesAtOnce) await Promise.race(this.#changes);
        return this.#change(message);
      case 'epoch-changes':
        return await this.#epochs.stage(message.packed);
      case 'epoch-end': {
        const { epoch } = message;
        const seq = this.#parts.numbers.received;
        const { applied } = await this.#epochs.end(message.shared);
        applied.then(
          () => this.#answers.say({ kind: 'applied', epoch }),
          error => this.#fail(seq, error),
        );
        return;
      }
      case 'flush':
        if (this.#epochs.pending) await this.#epochs.applied();
        return this.#flush(message.seq);
      case 'digests':
        if (this.#epochs.pending) await this.#epochs.applied();
        return this.#digests.take(message);
      case 'compare':
        if (this.#epochs.pending) await this.#epochs.applied();
        return this.#digests.takeExact(message);
      case 'copy-begin':
        await this.#allDone();
        await this.#epochs.abandon();
        this.#extent = message.extent;
        await beginCopy(message.generations, message.extent);
        on({ kind: 'copy-started' });
        return this.#answers.arrived(message.seq);
      case 'copy-end':
        await this.#allDone();
        await volume.flush();
        await endCopy(message.generations);
        // Whatever was dirty here has been told and was copied, or all was.
        if (this.#told || this.#extent === 'full') map?.clear(0, map.size);
        on({ kind: 'copy-finished' });
        return this.#answers.arrived(message.seq);
      default:
        return;
    }
  }

  #change(message: FlowMessage & { readonly kind: 'write' | 'clear' }): void {
    const { volume } = this.#parts;
    const { offset, seq } = message;
    const change =
      message.kind === 'write'
        ? volume.write(offset, message.data)
        : volume.zero(offset, message.length, { keep: message.keep });
    const settled = change.then(
      () => {
        this.#changes.delete(settled);
        this.#digests.written({ offset, length: message.kind === 'write' ? message.data.length : message.length });
        this.#answers.arrived(seq);
      },
      error => {
        this.#changes.delete(settled);
        this.#fail(seq, error);
      },
    );
    this.#changes.add(settled);
  }

  #flush(seq: number): void {
    const flushed = this.#digests.beginFlush();
    const settled = this.#parts.volume.flush().then(
      () => {
        this.#changes.delete(settled);
        flushed();
        this.#answers.arrived(seq);
      },
      error => {
        this.#changes.delete(settled);
        this.#fail(seq, error);
      },
    );
    this.#changes.add(settled);
  }

  async #allDone(): Promise<void> {
    while (this.#changes.size > 0) await Promise.all(this.#changes);
    await this.#digests.idle();
    await this.#epochs.applied();
  }

  #fail(seq: number, error: unknown): void {
    if (this.#ended) return;
    const space = error instanceof TandemError && error.code === 'BLOCK_FULL';
    const reason = messageOf(error);
    this.#parts.on({ kind: 'failed', element: space ? 'space' : 'target', reason });
    this.#answers.say({ kind: 'failed', seq, reason, full: space });
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#line = [];
    this.#letIn();
  }

  #letIn(): void {
    const room = this.#room;
    this.#room = [];
    for (const go of room) go();
  }
}

function checkRange(offset: number, length: number, size: number): void {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (!whole || offset < 0 || length <= 0 || offset + length > size) {
    throw violation(`changes ${length} bytes from ${offset} on of a volume of ${size} bytes`);
  }
}
