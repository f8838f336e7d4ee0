/** Of which content-defined chunks a file consists, in order. The sum of `lengths` is the file's size. */
export interface Recipe {
  readonly lengths: Uint32Array;
  /** xxh64 of each chunk: for finding it elsewhere, never for trusting it. */
  readonly hashes: BigUint64Array;
}

/** A run of chunks under one hash: lets a receiver recognise most of a large file without its whole recipe. */
export interface ChunkGroup {
  readonly firstChunk: number;
  readonly chunks: number;
  readonly offset: number;
  readonly bytes: number;
  /** xxh64 over the hashes and lengths of its chunks. */
  readonly hash: bigint;
}
