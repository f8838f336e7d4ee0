export const DIGEST_BLOCK_BYTES = 4096;

/** What a piece of a device holds, as two members compare it. Its offset is a multiple of the piece size. */
export interface PieceDigest {
  readonly offset: number;
  /** Bytes; the last piece may be shorter. */
  readonly length: number;
  /** SHA-256; null: all zeroes. */
  readonly sha256: Uint8Array | null;
  /** xxh64 of each block of `DIGEST_BLOCK_BYTES` in order, the last may be shorter; empty for zeroes. */
  readonly blocks: BigUint64Array;
}
