/**
 * The data flow of a mirrored pair over one stream, as its record wants it: who sends, who takes, a copy first or none. Follows
 * every change of the record but those that a transition is just making.
 */
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { TaskLine } from '../base/task-line.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import type { EpochJournal } from '../block/epoch-journal.ts';
import type { Volume } from '../block/volume.ts';
import type { AssociationWork } from '../model/association.ts';
import { dutiesOf, stopsHostIo } from '../model/association-duties.ts';
import type { PaceNow } from '../model/copy-plan.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import {
  afterCopyIn,
  afterCopyOut,
  beginAlone,
  type CopyExtent,
  compareGenerations,
  extentOf,
  type GenerationSide,
  type Generations,
  yieldLine,
} from '../model/generations.ts';
import type { ElementSide } from '../model/replica-operations.ts';
import { type ClonePoint, isPointNeeded } from './clone-point.ts';
import type { FlowEvent } from './flow-event.ts';
import type { GroupFlow } from './group-flows.ts';
import { generationSide } from './mirror-generations.ts';
import { createStreamNumbers, type FlowMessage, type StreamNumbers } from './outbox.ts';
import type { Pair } from './pair.ts';
import { SourceFlow } from './source-flow.ts';
import { TargetFlow } from './target-flow.ts';

/** What a mirrored pair has on this member beside its record. */
export interface MirrorElement {
  readonly volume: Volume;
  /** What the partner may lack. */
  readonly map: DirtyMapFile;
  /** Of a clone’s source: the moment that is copied; null: of another element. */
  readonly point: ClonePoint | null;
  readonly journal: EpochJournal;
  readonly group: GroupFlow;
  /** As `halfBeside`. */
  readonly half: () => string | null;
}

export interface MirrorFlowsParts {
  readonly pair: Pair;
  readonly element: MirrorElement;
  readonly send: (message: FlowMessage) => Promise<void>;
  /** Tells the partner the record and generations as they are now. */
  readonly sayHello: () => Promise<void>;
  /** The partner’s side as it said last; null: of another copy than the one that is to begin. */
  readonly partnerAt: (into: ElementSide) => GenerationSide | null;
  readonly goAlone: () => Promise<void>;
  readonly pace: PaceNow;
  /** The stream is of no use any more. */
  readonly breakOff: (reason: string) => void;
  readonly xxh64: Xxh64;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly log: Log;
}

type Role = 'send' | 'take' | 'none';

type NotedEvent = Exclude<FlowEvent, { kind: 'progress' | 'parted' }>;

export class MirrorFlows {
  readonly #parts: MirrorFlowsParts;
  readonly #line = new TaskLine();
  readonly #numbers: StreamNumbers = createStreamNumbers();
  #source: SourceFlow | null = null;
  #target: TargetFlow | null = null;
  #mirrors = false;
  /** Of the copy that runs; null: none does. */
  #copying: Promise<unknown> | null = null;
  /** What the flow told last is in the record when it settles. */
  #noted: Promise<void> = Promise.resolve();
  /** The copy into here that the partner was told what is dirty for. */
  #toldFor: unknown = null;
  /** What the partner told of its map before the copy began here. */
  #early: FlowMessage[] = [];
  /** A copy that ended while a transition was under way: that counts if the transition is given up. */
  #copied: { readonly work: AssociationWork; readonly note: () => Promise<void> } | null = null;
  #ended = false;

  constructor(parts: MirrorFlowsParts) {
    this.#parts = parts;
  }

  get source(): SourceFlow | null {
    return this.#source;
  }

  get target(): TargetFlow | null {
    return this.#target;
  }

  /** The record, or what the partner said, has changed. */
  follow(): void {
    void this.#line.run(() => this.#follow()).catch(error => this.#fail(error));
  }

  /** What the partner says of the data, in order; the next message is to be read when it settles. */
  receive(message: FlowMessage): Promise<void> | null {
    if (TO_SOURCE.has(message.kind)) {
      if (this.#source !== null) this.#source.receive(message);
      else if (message.kind === 'dirty') this.#early.push(message);
      return null;
    }
    if (this.#target !== null) return this.#target.receive(message);
    return this.#line.idle().then(async () => {
      if (this.#target !== null) await this.#target.receive(message);
      // What comes for a flow that has ended is of no use; numbers go on.
      else if ('seq' in message) this.#numbers.received = message.seq;
    });
  }

  /** What another pair does to the volume may have made it whole, or unmade it. */
  look(): void {
    this.#source?.look();
  }

  /** Nothing flows any more; what the partner lacks is in the map. */
  stopStream(): Promise<void> {
    return this.#line.run(() => this.#rest());
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.stopStream();
  }

  async #follow(): Promise<void> {
    const { pair, element } = this.#parts;
    if (this.#ended || pair.removed || pair.record.work?.phase === 'transition') return;
    const copied = this.#copied;
    this.#copied = null;
    if (copied !== null && copied.work === pair.record.work) await copied.note();
    const { record } = pair;
    const { flow, into } = dutiesOf(record);
    const sender: ElementSide | null =
      flow === 'none' ? null : flow === 'mirror' || into === 'target' ? 'source' : 'target';
    const role: Role = sender === null ? 'none' : sender === record.here ? 'send' : 'take';
    if (role !== 'send' && this.#source !== null) await this.#restSource();
    if (role !== 'take' && this.#target !== null) await this.#restTarget();
    if (role === 'none' && !isPointNeeded(record)) await element.point?.drop();
    if (role === 'send' && this.#source === null && !element.group.maySend()) return this.report();
    if (role === 'send') {
      this.#source ??= await this.#createSource(into).catch(error => this.#cannotBegin(error));
      if (this.#source === null) return;
      for (const message of this.#early.splice(0)) this.#source.receive(message);
      this.#source.setMode(record.mode ?? 'Asynchronous');
      if (flow === 'copy') this.#startCopy(into!);
      else if (!this.#mirrors && this.#copying === null) await this.#mirror();
    } else if (role === 'take') {
      this.#target ??= this.#createTarget();
      if (flow === 'copy' && this.#toldFor !== record.work) {
        this.#toldFor = record.work;
        await this.#parts.sayHello();
        this.#target.tellDirty();
      }
    }
    this.report();
  }

  async #mirror(): Promise<void> {
    try {
      await this.#source!.mirror();
      this.#mirrors = true;
    } catch (error) {
      // Written between the meeting and now: the next meeting finds it.
      if (error instanceof TandemError && error.code === 'REFUSED') return this.#parts.breakOff(error.message);
      throw error;
    }
  }

  /** When the partner has said what it is at; it does so as it enters the copy. */
  #startCopy(into: ElementSide): void {
    const { pair, element, partnerAt, uuid } = this.#parts;
    const { map } = element;
    if (this.#copying !== null) return;
    const theirs = partnerAt(into);
    if (theirs === null) return;
    const ours = this.#side();
    const extent = extentOf(compareGenerations(ours, theirs));
    this.#mirrors = false;
    const source = this.#source!;
    const copy = async (): Promise<void> => {
      await pair.note(({ generations }) => ({ generations: beginAlone(generations, uuid()) }));
      // What a verification found differs as well.
      for (const { offset, length } of knownToDiffer(pair, map.size)) map.mark(offset, length);
      const finished = await source.startCopy({ extent, generations: pair.kept.generations });
      // As long as the record tells of the copy, it would be begun once more.
      await this.#noted;
      this.#mirrors = finished && this.#source === source;
    };
    this.#copying = copy()
      .catch(error => this.#fail(error))
      .finally(() => {
        this.#copying = null;
        this.follow();
      });
  }

  #side(): GenerationSide {
    const { pair, element } = this.#parts;
    return generationSide(pair.record, pair.kept.generations, element.map.dirtyBytes);
  }

  async #createSource(into: ElementSide | null): Promise<SourceFlow> {
    const { element, send, pair, xxh64, clock, pace, goAlone } = this.#parts;
    const { volume, map, point } = element;
    // A clone’s source goes on being written while it is copied; to what is copied back nobody writes.
    const from = point === null || into !== 'target' ? null : { volume: await point.take(), map: point.left };
    return new SourceFlow({
      ...(from ?? { volume, map, whole: () => element.half() === null }),
      send,
      numbers: this.#numbers,
      mode: pair.record.mode ?? 'Asynchronous',
      groups: element.group.sending,
      stopsHostIo: () => pair.record.here === 'source' && stopsHostIo(pair.record),
      once: pair.record.syncType === 'Clone',
      xxh64,
      clock,
      pace,
      goAlone: from === null ? goAlone : async () => {},
      on: event => this.#on(event),
    });
  }

  async #cannotBegin(error: unknown): Promise<null> {
    if (!(error instanceof TandemError) || error.code === 'INTERNAL') throw error;
    const element = error.code === 'BLOCK_FULL' ? 'space' : 'source';
    await this.#stepOf({ kind: 'failed', element, reason: messageOf(error) });
    return null;
  }

  #createTarget(): TargetFlow {
    const { element, send, xxh64, pair } = this.#parts;
    const { taking } = element.group;
    return new TargetFlow({
      ...element,
      shared: { join: shared => taking.join(pair.id, shared), leave: () => taking.leave(pair.id) },
      send,
      numbers: this.#numbers,
      xxh64,
      beginCopy: (generations, extent) => this.#beginCopy(generations, extent),
      endCopy: generations => this.#endCopy(generations),
      on: event => this.#on(event),
    });
  }

  /** What is whole is kept until the copy is: what is half copied is of no use to anybody. */
  async #beginCopy(_theirs: Generations, extent: CopyExtent): Promise<void> {
    const { pair, element, uuid, clock, log } = this.#parts;
    const { record, kept } = pair;
    const side = record.here === 'both' ? 'target' : record.here;
    let { snapshot } = kept;
    if (
      record.syncType === 'Mirror' &&
      snapshot === null &&
      record.seeded &&
      record[`${side}Data`] !== 'Inconsistent'
    ) {
      snapshot = uuid();
      await pair.note({ snapshot });
      await element.volume.createSnapshot({ uuid: snapshot, takenMs: clock.now() }).catch(error => {
        log.warn({ pair: pair.id, reason: messageOf(error) }, 'no snapshot was taken before a copy');
        snapshot = null;
      });
    }
    await pair.step({ type: 'copy-started' }, { generations: yieldLine(pair.kept.generations, extent), snapshot });
  }

  async #endCopy(theirs: Generations): Promise<void> {
    const { pair, element } = this.#parts;
    const { volume, map } = element;
    map.clear(0, map.size);
    await map.save();
    await this.#finishCopy(async () => {
      const { snapshot } = pair.kept;
      const generations = afterCopyIn(pair.kept.generations, theirs);
      await pair.step({ type: 'copy-finished' }, { generations, snapshot: null });
      if (snapshot !== null && volume.snapshot(snapshot) !== undefined) await volume.deleteSnapshot(snapshot);
    });
  }

  async #finishCopy(note: () => Promise<void>): Promise<void> {
    const { work } = this.#parts.pair.record;
    if (work?.phase !== 'transition') return await note();
    if (work.displaced !== null) this.#copied = { work: work.displaced, note };
  }

  #on(event: FlowEvent): void {
    if (event.kind === 'progress') this.report();
    else if (event.kind === 'parted') this.#parts.breakOff('another pair of the group has lost its partner');
    else this.#note(event);
  }

  async #stepOf(event: NotedEvent): Promise<void> {
    const { pair, element, sayHello } = this.#parts;
    switch (event.kind) {
      case 'copy-started':
        await pair.step({ type: 'copy-started' });
        break;
      case 'copy-finished':
        // A member that was fed mirrors nothing yet: the roles may change next.
        this.#mirrors = this.#source !== null;
        await element.point?.drop();
        await this.#finishCopy(async () => {
          await pair.step({ type: 'copy-finished' }, { generations: afterCopyOut(pair.kept.generations) });
        });
        break;
      case 'fell-behind':
        this.#mirrors = false;
        await pair.step({ type: 'fell-behind' });
        await sayHello();
        break;
      case 'failed':
        pair.trouble = event.reason;
        if (pair.record.work?.phase === 'copy') await pair.step({ type: 'copy-failed', cause: event.element });
        else await pair.step({ type: 'element-failed', element: event.element });
        await sayHello();
        break;
    }
  }

  /** One after the other: the end of a copy may be followed at once by what undoes it. */
  #note(event: NotedEvent): void {
    this.#noted = this.#noted
      .then(() => this.#stepOf(event))
      .then(
        () => this.follow(),
        error => this.#fail(error),
      );
  }

  /** How far behind the partner is, as it is now. */
  report(): void {
    const { pair, element } = this.#parts;
    const lag = this.#source?.lag() ?? { bytes: 0, ms: 0 };
    pair.waitsFor = this.#source === null ? null : element.half();
    const waits = this.#parts.pace().windowBytes === 0 || pair.waitsFor !== null;
    pair.progress = {
      dirtyBytes: this.#source?.dirtyBytes() ?? element.map.dirtyBytes,
      totalBytes: element.volume.size,
      paused: waits && pair.record.work?.phase === 'copy',
      lagBytes: lag.bytes,
      lagMs: lag.ms,
    };
  }

  async #rest(): Promise<void> {
    await this.#restSource();
    await this.#restTarget();
  }

  async #restSource(): Promise<void> {
    const source = this.#source;
    this.#source = null;
    this.#parts.pair.waitsFor = null;
    this.#mirrors = false;
    await source?.stop(this.#ended ? 'lost' : 'order');
    await this.#copying;
    const { point } = this.#parts.element;
    if (source === null || point === null) return;
    point.rest();
    await point.left.save();
  }

  async #restTarget(): Promise<void> {
    const target = this.#target;
    this.#target = null;
    this.#mirrors = false;
    this.#toldFor = null;
    await target?.stop();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#parts.log.warn({ pair: this.#parts.pair.id, error }, 'the flow of a mirror broke off');
    this.#parts.breakOff(messageOf(error));
  }
}

/** Whoever found it: more is copied at worst. The volume may have become smaller since. */
function knownToDiffer({ verification }: Pair, size: number): readonly ByteRange[] {
  return (verification?.ranges ?? []).filter(({ offset, length }) => offset + length <= size);
}

const TO_SOURCE: ReadonlySet<FlowMessage['kind']> = new Set(['arrived', 'failed', 'applied', 'differing', 'dirty']);
