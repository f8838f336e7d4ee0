/**
 * A target takes over what its source wrote in whole epochs: an epoch is staged in a journal file, made durable there, and
 * applied then; after a crash it is applied again, from the start. So after any crash the target is what the source was at the end
 * of some epoch. Two files are used in turn: one epoch can be staged while the one before it is applied.
 */
import { join } from 'node:path';
import { assert, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { TaskLine } from '../base/task-line.ts';
import { areChangesWithin, unpackChanges } from '../model/packed-changes.ts';
import { explained, toBlockError } from './block-error.ts';
import { type BlockFile, type BlockFiles, openOrCreate } from './block-files.ts';
import type { BlockDevice } from './device.ts';
import { readEpoch } from './epoch-reading.ts';
import { type EpochRecord, encodeEpochRecord, encodeSharedMark, type SharedMark } from './epoch-record.ts';
import { readNewest, writeInTurn } from './sealed-page.ts';

const MARK = 'TEPA';
const FILES = ['epochs-0', 'epochs-1'] as const;
const EMPTY = new Uint8Array(0);
/** What is small goes into the file together. */
const GATHERED_BYTES = 128 * 1024;

export interface EpochJournalOptions {
  readonly files: BlockFiles;
  /** The volume's. */
  readonly directory: string;
  readonly device: BlockDevice;
  /** Whether a shared epoch was to be carried out; none is, if left out. */
  readonly decided?: (mark: SharedMark) => boolean;
}

/** Opens the journal and applies what was durable, decided and not yet applied. */
export async function openEpochJournal({
  files,
  directory,
  device,
  decided = () => false,
}: EpochJournalOptions): Promise<EpochJournal> {
  const state = await openOrCreate(files, join(directory, 'epochs'));
  const staging = await Promise.all(FILES.map(name => openOrCreate(files, join(directory, name))));
  await files.syncDirectory(directory);
  const journal = new EpochJournal(device, state, staging);
  try {
    await journal.recover(decided);
  } catch (error) {
    await journal.close();
    throw toBlockError(error, `what was staged in ${directory} cannot be applied`);
  }
  return journal;
}

export class EpochJournal {
  readonly #device: BlockDevice;
  readonly #state: BlockFile;
  readonly #staging: readonly BlockFile[];
  readonly #line = new TaskLine();
  #applied = 0;
  #sequence = 0;
  #attempt = 0;
  /** Staging files in use, by number. */
  readonly #busy = new Set<number>();
  /** Of those: what was given up there may be durable. */
  readonly #spoiled = new Set<number>();
  #newest = 0;
  #failure: unknown = null;

  constructor(device: BlockDevice, state: BlockFile, staging: readonly BlockFile[]) {
    this.#device = device;
    this.#state = state;
    this.#staging = staging;
  }

  /** The epoch the device is at, durable; 0: none was applied. */
  get applied(): number {
    return this.#applied;
  }

  /** The last epoch that was begun; it may be abandoned by a crash. */
  get newest(): number {
    return this.#newest;
  }

  /**
   * A new epoch, above all before. REFUSED while two are under way: wait until the older is applied. What was staged and
   * not committed is abandoned by a crash, as if it had never been there.
   */
  begin(epoch: number): StagedEpoch {
    if (this.#failure !== null) throw this.#failure;
    if (!Number.isSafeInteger(epoch) || epoch <= this.#newest) {
      throw new TandemError('INVALID_ARGUMENT', `epoch ${epoch} does not follow epoch ${this.#newest}`);
    }
    const place = this.#staging.findIndex((_, index) => !this.#busy.has(index));
    if (place === -1) throw new TandemError('REFUSED', 'two epochs are under way; wait until the older one is applied');
    this.#busy.add(place);
    const former = this.#newest;
    this.#newest = epoch;
    const file = this.#staging[place]!;
    return new StagedEpoch({
      file,
      size: this.#device.size,
      epoch,
      attempt: ++this.#attempt,
      apply: () => this.#line.run(() => this.#apply(epoch, file, place)),
      abandon: async mayBeDurable => {
        if (this.#newest === epoch) this.#newest = former;
        if (!mayBeDurable) return void this.#busy.delete(place);
        this.#spoiled.add(place);
        await this.clean();
      },
    });
  }

  /** Nothing that was given up can happen after a crash. To be called again where it failed, before anything else changes the device. */
  async clean(): Promise<void> {
    for (const place of this.#spoiled) {
      await explained('what was staged of an epoch cannot be taken away', async () => {
        await this.#staging[place]!.truncate(0);
        await this.#staging[place]!.sync();
      });
      this.#spoiled.delete(place);
      this.#busy.delete(place);
    }
  }

  /** Runs `work` between two epochs: none is half applied meanwhile. */
  atBoundary<T>(work: () => Promise<T>): Promise<T> {
    return this.#line.run(() => {
      if (this.#failure !== null) throw this.#failure;
      return work();
    });
  }

  /** Waits for what is being applied. */
  async close(): Promise<void> {
    await this.#line.idle();
    for (const file of [this.#state, ...this.#staging]) await file.close();
  }

  /** For `openEpochJournal`. */
  async recover(decided: (mark: SharedMark) => boolean): Promise<void> {
    // A process that died may have left what is not durable; what is found here counts from now on.
    for (const file of this.#staging) await file.sync();
    await this.#readState();
    const found: { readonly epoch: number; readonly file: BlockFile }[] = [];
    for (const file of this.#staging) {
      const whole = await readEpoch(file, null);
      if (whole === null || whole.epoch <= this.#applied) continue;
      if (whole.shared === null || decided(whole.shared)) found.push({ epoch: whole.epoch, file });
    }
    for (const { epoch, file } of found.sort((a, b) => a.epoch - b.epoch)) await this.#carryOut(epoch, file);
    this.#newest = this.#applied;
    // Nothing of former times can be taken for a part of what is staged from now on.
    for (const file of this.#staging) {
      await file.truncate(0);
      await file.sync();
    }
  }

  async #apply(epoch: number, file: BlockFile, place: number): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    try {
      await this.#carryOut(epoch, file);
    } catch (error) {
      // The device is in the middle of an epoch now: only another opening, which begins again, may go on.
      this.#failure = toBlockError(error, `epoch ${epoch} cannot be applied`);
      throw this.#failure;
    }
    this.#busy.delete(place);
  }

  async #carryOut(epoch: number, file: BlockFile): Promise<void> {
    const done = await readEpoch(file, packed => carryOut(this.#device, packed));
    if (done?.epoch !== epoch)
      throw new TandemError('BLOCK_IO', `the journal of epoch ${epoch} changed on the disk; resynchronise`);
    await this.#device.flush();
    const payload = Buffer.alloc(8);
    payload.writeBigUInt64LE(BigInt(epoch));
    const sequence = this.#sequence + 1;
    await writeInTurn(this.#state, MARK, { sequence, payload });
    this.#sequence = sequence;
    this.#applied = epoch;
  }

  async #readState(): Promise<void> {
    const newest = await readNewest(this.#state, MARK);
    if (newest === null) return;
    this.#sequence = newest.sequence;
    this.#applied = Number(Buffer.from(newest.payload).readBigUInt64LE());
  }
}

interface Staging {
  readonly file: BlockFile;
  readonly size: number;
  readonly epoch: number;
  readonly attempt: number;
  readonly apply: () => Promise<void>;
  readonly abandon: (mayBeDurable: boolean) => Promise<void>;
}

/** Calls follow each other; those that fail leave nothing but `abandon`. */
export class StagedEpoch {
  readonly epoch: number;
  readonly #staging: Staging;
  /** Records that are not in the file yet. */
  #buffered: Buffer[] = [];
  #bufferedBytes = 0;
  #records = 0;
  #bytes = 0;
  #written = 0;
  #ending = false;
  #state: 'open' | 'prepared' | 'committed' | 'abandoned' = 'open';

  constructor(staging: Staging) {
    this.#staging = staging;
    this.epoch = staging.epoch;
  }

  /** Bytes staged so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Changes as of packed-changes.ts. BLOCK_RANGE; BLOCK_FULL when an epoch would take more than it may. The bytes belong to the
   * caller again when it settles.
   */
  async add(packed: Uint8Array): Promise<void> {
    this.#assertOpen();
    if (!areChangesWithin(packed, this.#staging.size)) {
      throw new TandemError('BLOCK_RANGE', `these are no changes of a volume of ${this.#staging.size} bytes`);
    }
    await this.#append('changes', packed);
    this.#records++;
  }

  /**
   * When it settles the epoch is durable and will be applied whatever happens; `applied` settles when it is. Those of several
   * epochs are called in their order.
   */
  async commit(): Promise<{ readonly applied: Promise<void> }> {
    this.#assertOpen();
    await this.#end('end', EMPTY);
    return this.#apply();
  }

  /** When it settles the epoch is durable; it will be applied if that is decided, before a crash or by `goOn`, and never by itself. */
  async prepare(mark: SharedMark): Promise<void> {
    this.#assertOpen();
    await this.#end('shared-end', encodeSharedMark(mark));
    this.#state = 'prepared';
  }

  /** It is durable that a prepared epoch is carried out. */
  goOn(): { readonly applied: Promise<void> } {
    if (this.#state !== 'prepared') throw new TandemError('REFUSED', `epoch ${this.epoch} is ${this.#state}`);
    return this.#apply();
  }

  async #end(kind: 'end' | 'shared-end', data: Uint8Array): Promise<void> {
    this.#ending = true;
    await this.#append(kind, data);
    await this.#writeOut();
    await explained(`epoch ${this.epoch} cannot be staged`, () => this.#staging.file.sync());
  }

  #apply(): { readonly applied: Promise<void> } {
    this.#state = 'committed';
    const applied = this.#staging.apply();
    // Who does not wait for it learns of its failure from the next epoch.
    applied.catch(() => {});
    return { applied };
  }

  /** Nothing of it happens. */
  async abandon(): Promise<void> {
    if (this.#state !== 'prepared') this.#assertOpen();
    this.#state = 'abandoned';
    // A commit that failed may have become durable all the same.
    await this.#staging.abandon(this.#ending);
  }

  async #append(kind: EpochRecord['kind'], data: Uint8Array): Promise<void> {
    const { epoch } = this;
    const { attempt } = this.#staging;
    const before = { records: this.#records, bytes: this.#bytes };
    const bytes = encodeEpochRecord({ epoch, attempt, kind, before, data });
    if (this.#bytes + bytes.length > LIMITS.epochBytes) {
      throw new TandemError('BLOCK_FULL', `an epoch takes more than ${LIMITS.epochBytes} bytes; end it sooner`);
    }
    this.#buffered.push(bytes);
    this.#bufferedBytes += bytes.length;
    this.#bytes += bytes.length;
    if (this.#bufferedBytes >= GATHERED_BYTES) await this.#writeOut();
  }

  async #writeOut(): Promise<void> {
    const bytes = this.#buffered.length === 1 ? this.#buffered[0]! : Buffer.concat(this.#buffered);
    const at = this.#written;
    this.#buffered = [];
    this.#bufferedBytes = 0;
    this.#written += bytes.length;
    try {
      await this.#staging.file.write(bytes, at);
    } catch (error) {
      throw toBlockError(error, `epoch ${this.epoch} cannot be staged`);
    }
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw new TandemError('REFUSED', `epoch ${this.epoch} is ${this.#state} already`);
  }
}

async function carryOut(device: BlockDevice, packed: Uint8Array): Promise<void> {
  for (const change of unpackChanges(packed)) {
    // Only whole changes were staged.
    assert(change !== null, 'what is staged can be read');
    const { kind, offset, length, data } = change;
    if (kind === 'write') await device.write(offset, data);
    else if (kind === 'trim') await device.trim(offset, length);
    else await device.zero(offset, length, { keep: true });
  }
}
