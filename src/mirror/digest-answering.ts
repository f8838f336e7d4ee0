/**
 * A target's part in comparing: what of the source's pieces differs here. What is equal, or was overwritten by the source and made
 * durable, is not dirty in the target's own map any more, so it is not told again after a loss of the link.
 */
import { LIMITS } from '../base/limits.ts';
import { TaskLine } from '../base/task-line.ts';
import type { Xxh64 } from '../base/xxh64.ts';
import { BLOCK_BYTES, differingRanges, digestPiece, PIECE_BYTES } from '../block/digests.ts';
import type { DirtyMapFile } from '../block/dirty-map-file.ts';
import type { Volume } from '../block/volume.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import type { PieceDigest } from '../model/piece-digest.ts';
import type { AnswerLine } from './answer-line.ts';
import type { FlowMessage } from './outbox.ts';
import { violation } from './violation.ts';

export interface DigestParts {
  readonly volume: Volume;
  readonly map: DirtyMapFile | null;
  readonly xxh64: Xxh64;
}

export class DigestAnswering {
  readonly #parts: DigestParts;
  readonly #answers: AnswerLine;
  readonly #failed: (seq: number, error: unknown) => void;
  readonly #line = new TaskLine();
  readonly #bytes = Buffer.allocUnsafe(PIECE_BYTES);
  /** The same as at the source, and not known to be durable. */
  #same: ByteRange[] = [];
  readonly #exact = new Set<Promise<void>>();

  constructor(parts: DigestParts, answers: AnswerLine, failed: (seq: number, error: unknown) => void) {
    this.#parts = parts;
    this.#answers = answers;
    this.#failed = failed;
  }

  /** PEER_VIOLATION */
  check(pieces: readonly PieceDigest[]): void {
    const { size } = this.#parts.volume;
    if (pieces.length === 0 || pieces.length > LIMITS.mirrorDigests)
      throw violation(`sends ${pieces.length} digests at once`);
    for (const { offset, length, sha256, blocks } of pieces) {
      const placed = Number.isSafeInteger(offset) && offset >= 0 && offset < size && offset % PIECE_BYTES === 0;
      if (!placed || length !== Math.min(PIECE_BYTES, size - offset))
        throw violation('sends a piece that is not there');
      const wanted = sha256 === null ? 0 : Math.ceil(length / BLOCK_BYTES);
      if (blocks.length !== wanted) throw violation('sends a piece with another number of blocks');
    }
  }

  /** Messages one after the other; changes that come later may be carried out meanwhile. */
  take({ seq, pieces }: FlowMessage & { readonly kind: 'digests' }): void {
    void this.#line
      .run(async () => {
        const ranges: ByteRange[] = [];
        for (const piece of pieces) ranges.push(...(await this.#compare(piece)));
        this.#answers.say({ kind: 'differing', seq, ranges });
      })
      .catch(error => this.#failed(seq, error));
  }

  /**
   * The same at this place of the order: what was begun before is waited for, and what comes later and changes such a piece waits. A
   * verification has changed nothing, so the map is left as it is.
   */
  takeExact({ seq, pieces }: FlowMessage & { readonly kind: 'compare' }): void {
    const { volume } = this.#parts;
    // Asked for at once: who asks first has it first.
    const compared = pieces.map(piece =>
      volume.holdRange(piece.offset, piece.length, () => this.#line.run(() => this.#differing(piece))),
    );
    const settled: Promise<void> = Promise.all(compared)
      .then(
        ranges => this.#answers.say({ kind: 'differing', seq, ranges: ranges.flat() }),
        error => this.#failed(seq, error),
      )
      .finally(() => this.#exact.delete(settled));
    this.#exact.add(settled);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#exact);
    await this.#line.idle();
  }

  /** A change of the source is carried out. */
  written(range: ByteRange): void {
    const { map } = this.#parts;
    if (map !== null && map.dirtyBytes > 0) this.#same.push(range);
  }

  /** What was the same before is durable when the returned function is called. */
  beginFlush(): () => void {
    const same = this.#same;
    this.#same = [];
    return () => {
      for (const { offset, length } of same) this.#parts.map?.clear(offset, length);
    };
  }

  async #compare(theirs: PieceDigest): Promise<ByteRange[]> {
    const differing = await this.#differing(theirs);
    let at = theirs.offset;
    for (const range of [...differing, { offset: theirs.offset + theirs.length, length: 0 }]) {
      if (range.offset > at) this.written({ offset: at, length: range.offset - at });
      at = range.offset + range.length;
    }
    return differing;
  }

  async #differing(theirs: PieceDigest): Promise<ByteRange[]> {
    const { volume, xxh64 } = this.#parts;
    const ours = await digestPiece(volume, { offset: theirs.offset, bytes: this.#bytes, xxh64 });
    return differingRanges(ours, theirs);
  }
}
