/**
 * A block device from the outside: checks every request, keeps overlapping writes in the order they were called, and lets work
 * that changes everything have the device for itself. What lies below only moves bytes.
 */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { toBlockError } from './block-error.ts';
import type { BlockDevice, Extent, WriteOptions, ZeroOptions } from './device.ts';
import { RangeLocks } from './range-locks.ts';

/** Requests lie within the device and are not empty; writes that overlap come one after the other. */
export interface Medium {
  read(offset: number, into: Uint8Array): Promise<void>;
  write(offset: number, data: Uint8Array): Promise<void>;
  zero(offset: number, length: number): Promise<void>;
  trim(offset: number, length: number): Promise<void>;
  /** Everything that settled before becomes durable. */
  commit(): Promise<void>;
  extents(offset: number, length: number): Iterable<Extent>;
}

/** Runs in one answer about extents. */
const EXTENTS_AT_ONCE = 16_384;

export abstract class OrderedDevice implements BlockDevice {
  abstract readonly size: number;
  abstract readonly blockSize: number;
  protected abstract readonly medium: Medium;
  readonly #locks = new RangeLocks();
  #closed = false;

  /** For sentences: `volume disk1`. */
  abstract get title(): string;

  /** Throws where the device may not be written now. */
  protected abstract assertWritable(): void;

  /** Throws where the device cannot be used now. */
  protected assertUsable(): void {
    if (this.#closed) throw new TandemError('BLOCK_IO', `${this.title} is closed; open it again`);
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    this.#check(offset, into.length);
    if (into.length === 0) return;
    try {
      await this.medium.read(offset, into);
    } catch (error) {
      throw toBlockError(error, `${this.title} cannot be read`);
    }
  }

  write(offset: number, data: Uint8Array, options?: WriteOptions): Promise<void> {
    return this.#change(offset, data.length, options, () => this.medium.write(offset, data));
  }

  zero(offset: number, length: number, options?: ZeroOptions): Promise<void> {
    const keep = options?.keep === true;
    return this.#change(offset, length, options, () =>
      inPieces(offset, length, (at, bytes) => (keep ? this.medium.zero(at, bytes) : this.medium.trim(at, bytes))),
    );
  }

  trim(offset: number, length: number, options?: WriteOptions): Promise<void> {
    return this.#change(offset, length, options, () =>
      inPieces(offset, length, (at, bytes) => this.medium.trim(at, bytes)),
    );
  }

  async flush(): Promise<void> {
    this.assertUsable();
    try {
      await this.medium.commit();
    } catch (error) {
      throw toBlockError(error, `${this.title} cannot be made durable`);
    }
  }

  async extents(offset: number, length: number): Promise<readonly Extent[]> {
    this.#check(offset, length);
    const found: Extent[] = [];
    if (length === 0) return found;
    for (const extent of this.medium.extents(offset, length)) {
      const last = found.at(-1);
      if (last?.hole === extent.hole)
        found[found.length - 1] = { length: last.length + extent.length, hole: extent.hole };
      else if (found.length === EXTENTS_AT_ONCE) break;
      else found.push(extent);
    }
    return found;
  }

  /** Runs `work` when every write to [from, to) that was called before has settled; those called later wait for it. */
  protected async within<T>(from: number, to: number, work: () => Promise<T>): Promise<T> {
    const lock = this.#locks.acquire(from, to);
    try {
      if (lock.granted !== null) await lock.granted;
      return await work();
    } finally {
      lock.release();
    }
  }

  protected alone<T>(work: () => Promise<T>): Promise<T> {
    return this.within(0, Number.POSITIVE_INFINITY, work);
  }

  /** Nobody can use the device any more; every write that was called before has settled. */
  protected async shut(): Promise<void> {
    this.#closed = true;
    await this.alone(async () => {});
  }

  get closed(): boolean {
    return this.#closed;
  }

  async #change(
    offset: number,
    length: number,
    options: WriteOptions | undefined,
    work: () => Promise<void>,
  ): Promise<void> {
    this.#check(offset, length);
    this.assertWritable();
    if (length > 0) {
      const lock = this.#locks.acquire(offset, offset + length);
      try {
        if (lock.granted !== null) {
          await lock.granted;
          // What had the range before may have closed it.
          this.assertWritable();
        }
        await work();
      } catch (error) {
        throw toBlockError(error, `${this.title} cannot be written`);
      } finally {
        lock.release();
      }
    }
    if (options?.durable === true) await this.flush();
  }

  #check(offset: number, length: number): void {
    this.assertUsable();
    if (offset < 0 || length < 0 || !Number.isSafeInteger(offset) || offset + length > this.size) {
      throw new TandemError(
        'BLOCK_RANGE',
        `${this.title} has ${this.size} bytes; a request from ${offset} on for ${length} reaches beyond`,
      );
    }
  }
}

/** A whole device can be cleared by one call; what lies below has its bounds. */
async function inPieces(
  offset: number,
  length: number,
  work: (offset: number, length: number) => Promise<void>,
): Promise<void> {
  for (let done = 0; done < length; done += LIMITS.clearedBytes) {
    await work(offset + done, Math.min(LIMITS.clearedBytes, length - done));
  }
}
