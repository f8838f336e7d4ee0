/**
 * A source's part in a verification: asks what of a piece differs at the partner, of one moment, and sends again what does.
 *
 * While a piece is held here, every write to it that was called before has settled, and was given to the outbox. Its digest goes into
 * the outbox before it is let go, so it has its place in the order of writes: the partner compares it with what it has there. In
 * asynchronous mode a part of those writes may be in the epoch that is open, which the partner carries out as a whole; then that
 * epoch is ended first. Writes of other pieces in it do not matter.
 */

import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import { digestPiece, isZero, PIECE_BYTES } from '../block/digests.ts';
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import type { RangeChange } from '../block/write-guard.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import type { FlowElement } from './copy-run.ts';
import type { Outbox } from './outbox.ts';

export interface PieceComparisonParts {
  readonly volume: FlowElement;
  readonly map: DirtyMapFile;
  readonly xxh64: Xxh64;
  readonly clock: Clock;
  readonly outbox: Outbox;
  /** What is written goes to the partner, and nothing else has to. */
  readonly inStep: () => boolean;
  /** Ends the epoch that is open, where there is one. */
  readonly endEpoch: () => void;
  /** As a client's write of what the source has already; resolves when it has its place in the order. */
  readonly send: (offset: number, length: number, change: RangeChange) => Promise<void>;
  /** The flow has ended. */
  readonly signal: AbortSignal;
}

export interface AskedPiece {
  /** What of it differs, in whole blocks. CANCELLED */
  readonly differing: Promise<readonly ByteRange[]>;
}

/** Pieces are asked for one after the other; answers may be waited for together. */
export class PieceComparison {
  readonly #parts: PieceComparisonParts;
  #bytes: Buffer | null = null;

  constructor(parts: PieceComparisonParts) {
    this.#parts = parts;
  }

  /** Whether it can be asked, and what was asked before was not interrupted. */
  get ready(): boolean {
    return !this.#parts.signal.aborted && this.#parts.inStep();
  }

  /** The piece at `offset`. CANCELLED where the flow has ended or is not in step; BLOCK_IO */
  async ask(offset: number): Promise<AskedPiece> {
    const { volume, xxh64, map, outbox, endEpoch } = this.#parts;
    const length = Math.min(PIECE_BYTES, volume.size - offset);
    this.#bytes ??= Buffer.allocUnsafe(PIECE_BYTES);
    const bytes = this.#bytes;
    let differing: Promise<readonly ByteRange[]> | null = null;
    await this.#hold({ offset, length }, async () => {
      const digest = await digestPiece(volume, { offset, bytes, xxh64 });
      this.#check();
      if (map.isDirty(offset, length)) endEpoch();
      differing = this.#orEnded(
        new Promise(answered => outbox.askDiffering(seq => ({ kind: 'compare', seq, pieces: [digest] }), answered)),
      );
      // It is awaited in its turn, and may fail before.
      differing.catch(() => {});
    });
    return { differing: differing! };
  }

  /** What the range holds goes to the partner once more. As `ask`. */
  async sendAgain({ offset, length }: ByteRange): Promise<void> {
    const end = offset + length;
    for (let at = offset; at < end; at += LIMITS.copyHeldBytes) {
      const range = { offset: at, length: Math.min(LIMITS.copyHeldBytes, end - at) };
      await this.#hold(range, () => this.#sendHeld(range));
    }
  }

  async #sendHeld({ offset, length }: ByteRange): Promise<void> {
    const { volume, send } = this.#parts;
    const end = offset + length;
    for (let at = offset; at < end; ) {
      for (const extent of await volume.extents(at, end - at)) {
        const change = await this.#changeOf(at, extent);
        this.#check();
        await send(at, extent.length, change);
        at += extent.length;
      }
    }
    // Where the queue was full, a copy follows, which brings it.
    this.#check();
  }

  async #changeOf(
    at: number,
    { length, hole }: { readonly length: number; readonly hole: boolean },
  ): Promise<RangeChange> {
    if (hole) return { kind: 'trim' };
    const data = Buffer.allocUnsafe(length);
    await this.#parts.volume.read(at, data);
    return isZero(data) ? { kind: 'zero' } : { kind: 'write', data };
  }

  /** Where too many requests wait for the volume already, it comes later. */
  async #hold(range: ByteRange, work: () => Promise<void>): Promise<void> {
    const { volume, clock, signal } = this.#parts;
    for (;;) {
      this.#check();
      let held = false;
      try {
        return await volume.holdRange(range.offset, range.length, async () => {
          held = true;
          this.#check();
          await work();
        });
      } catch (error) {
        if (held || !(error instanceof TandemError && error.code === 'REFUSED')) throw error;
        await clock.sleep(LIMITS.mirrorPaceMs, signal);
      }
    }
  }

  #check(): void {
    if (!this.ready) throw interrupted();
  }

  #orEnded<T>(wait: Promise<T>): Promise<T> {
    const { signal } = this.#parts;
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(interrupted());
      if (signal.aborted) return ended();
      signal.addEventListener('abort', ended, { once: true });
      void wait.then(resolve).finally(() => signal.removeEventListener('abort', ended));
    });
  }
}

function interrupted(): TandemError {
  return new TandemError('CANCELLED', 'nothing flows to the partner just now');
}
