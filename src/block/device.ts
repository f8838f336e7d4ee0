/** What a block volume, a snapshot and a clone are to whoever reads and writes them: an NBD client, a copy engine. */

export interface BlockDevice {
  /** Bytes; a multiple of `blockSize`. */
  readonly size: number;
  /** Bytes that are read and written best at once, a power of two from 512 on. Requests need not keep to it. */
  readonly blockSize: number;
  /** Fills `into` from `offset` on. Throws BLOCK_RANGE beyond the end, BLOCK_IO when the backing cannot be read. */
  read(offset: number, into: Uint8Array): Promise<void>;
  /**
   * `data` belongs to the device until the promise settles. Seen by every later read; durable only after a later `flush`,
   * or when it settles if `durable`. Writes that overlap and are on the way together land in the order they were called.
   * Throws BLOCK_RANGE, BLOCK_READ_ONLY, BLOCK_FULL, BLOCK_IO.
   */
  write(offset: number, data: Uint8Array, options?: WriteOptions): Promise<void>;
  /** As a write of zeroes; the space may be given back unless `keep`. */
  zero(offset: number, length: number, options?: ZeroOptions): Promise<void>;
  /**
   * Gives the space back; what is read afterwards is zeroes, at once and for good. What is there after a crash is zeroes or
   * what was before, as with a write; zeroes if it was flushed.
   */
  trim(offset: number, length: number, options?: WriteOptions): Promise<void>;
  /**
   * Everything whose write settled before this was called is durable when it settles. Calls at the same time share their
   * work. After one that failed for another reason than space all fail: nobody knows any more what is durable.
   */
  flush(): Promise<void>;
  /**
   * What lies from `offset` on: the first extent begins there, in order, neighbours differ, together at most `length`; at
   * least one, unless `length` is 0. Data may be told where there are only zeroes, never a hole where there is data.
   */
  extents(offset: number, length: number): Promise<readonly Extent[]>;
}

export interface WriteOptions {
  readonly durable?: boolean;
}

export interface ZeroOptions extends WriteOptions {
  /** The space stays allocated. */
  readonly keep?: boolean;
}

export interface Extent {
  readonly length: number;
  /** Reads as zeroes and takes no space. */
  readonly hole: boolean;
}
