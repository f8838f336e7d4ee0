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

export const EMPTY_RECIPE: Recipe = { lengths: new Uint32Array(), hashes: new BigUint64Array() };

export interface PlacedChunk {
  readonly hash: bigint;
  readonly offset: number;
  readonly length: number;
}

/** Each chunk with its place, of those from `first` at `offset` on. Where one comes several times, the last place is the one that counts. */
export function* chunkPlaces(
  recipe: Recipe,
  first = 0,
  offset = 0,
  end = recipe.hashes.length,
): Generator<PlacedChunk, void, void> {
  for (let i = first; i < end; i++) {
    const length = recipe.lengths[i]!;
    yield { hash: recipe.hashes[i]!, offset, length };
    offset += length;
  }
}
