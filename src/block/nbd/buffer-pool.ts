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
  const free = new Map<number, ArrayBuffer[]>();
  let kept = 0;

  return {
    take: bytes => {
      // What is too large to be kept need not have a size that others have.
      if (bytes > LIMITS.nbdKeptBytes / 2) return Buffer.allocUnsafeSlow(bytes);
      let capacity = SMALLEST_BYTES;
      while (capacity + SLACK_BYTES < bytes) capacity *= 2;
      const memory = free.get(capacity + SLACK_BYTES)?.pop();
      if (memory === undefined) return Buffer.allocUnsafeSlow(capacity + SLACK_BYTES).subarray(0, bytes);
      kept -= memory.byteLength;
      return Buffer.from(memory, 0, bytes);
    },
    give: ({ buffer }) => {
      const memory = buffer as ArrayBuffer;
      if (kept + memory.byteLength > LIMITS.nbdKeptBytes) return;
      kept += memory.byteLength;
      const list = free.get(memory.byteLength);
      if (list === undefined) free.set(memory.byteLength, [memory]);
      else list.push(memory);
    },
  };
}
