/** Digests of pieces on their way to the partner, several in a message, and what it says of each of them. */
import { LIMITS } from '../base/limits.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import type { PieceDigest } from '../model/piece-digest.ts';
import type { Outbox } from './outbox.ts';

/** Pieces of a message, where as many wait; the first answers come the sooner the fewer they are. */
const PIECES_OF_A_MESSAGE = Math.min(8, LIMITS.mirrorDigests);

interface Asked {
  readonly digest: PieceDigest;
  readonly answered: (differing: readonly ByteRange[]) => void;
}

export class DigestAsking {
  readonly #outbox: Outbox;
  #ready: Asked[] = [];
  /** Pieces that are being digested. */
  #expected = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** `digest` is made; what of the piece differs there. Never settles if the flow ends. */
  async differing(digest: () => Promise<PieceDigest>): Promise<readonly ByteRange[]> {
    this.#expected++;
    let made: PieceDigest | null = null;
    try {
      made = await digest();
    } finally {
      this.#expected--;
      if (made === null) this.#ask();
    }
    return await new Promise(answered => {
      this.#ready.push({ digest: made, answered });
      this.#ask();
    });
  }

  #ask(): void {
    const enough = this.#ready.length >= PIECES_OF_A_MESSAGE || this.#expected === 0;
    if (!enough || this.#ready.length === 0) return;
    const asked = this.#ready;
    this.#ready = [];
    const pieces = asked.map(({ digest }) => digest);
    this.#outbox.askDiffering(
      seq => ({ kind: 'digests', seq, pieces }),
      ranges => {
        for (const { digest, answered } of asked) answered(within(ranges, digest));
      },
    );
  }
}

/** The parts of `ranges` that lie in the piece. */
function within(ranges: readonly ByteRange[], { offset, length }: ByteRange): ByteRange[] {
  return ranges.flatMap(range => {
    const common = intersection(range, { offset, length });
    return common === null ? [] : [common];
  });
}

export function intersection(a: ByteRange, b: ByteRange): ByteRange | null {
  const offset = Math.max(a.offset, b.offset);
  const end = Math.min(a.offset + a.length, b.offset + b.length);
  return offset < end ? { offset, length: end - offset } : null;
}
