/**
 * Buffers that are used again and again. The kernel clears each page of fresh memory when it is first touched, which takes longer than to
 * put something into it.
 */
import { LIMITS } from '../../base/limits.ts';

export interface BufferPool {
  /** With anything in it. */
  take(bytes: number): Buffer;
  /** One that was taken, once, when nobody looks at it any more. Who does not give it leaves it to the garbage collector. */
  give(buffer: Buffer): void;
}

/** Beyond a power of two, so that a header fits in beside the data. */
const SLACK_BYTES = 64;
const SMALLEST_BYTES = 4096;

export function createBufferPool(): BufferPool {
  const free = new Map<number, Buffer[]>();
  let kept = 0;

  return {
    take: bytes => {
      // What is too large to be kept need not have a size that others have.
      if (bytes > LIMITS.nbdKeptBytes / 2) return Buffer.allocUnsafeSlow(bytes);
      let capacity = SMALLEST_BYTES;
      while (capacity + SLACK_BYTES < bytes) capacity *= 2;
      const last = free.get(capacity + SLACK_BYTES)?.pop();
      if (last === undefined) return Buffer.allocUnsafeSlow(capacity + SLACK_BYTES).subarray(0, bytes);
      kept -= last.buffer.byteLength;
      return last.length === bytes ? last : Buffer.from(last.buffer, 0, bytes);
    },
    give: buffer => {
      const { byteLength } = buffer.buffer;
      if (kept + byteLength > LIMITS.nbdKeptBytes) return;
      kept += byteLength;
      const list = free.get(byteLength);
      if (list === undefined) free.set(byteLength, [buffer]);
      else list.push(buffer);
    },
  };
}
