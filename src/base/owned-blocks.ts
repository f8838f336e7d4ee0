/**
 * Blocks of memory that one owner may use up: hand to another thread as they are, or give back the moment they are no
 * longer needed. Content passes through a daemon by the gigabyte; left to the garbage collector, it would be collected
 * every 64 MiB and its memory be new each time, cleared by the kernel page by page.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** By block: the bytes of the views in use. All of it that anybody may still look at. */
const used = new WeakMap<ArrayBufferLike, number>();
/** What is handed to a closed port is freed at once. */
let nowhere: MessagePort | undefined;

/** Says that nobody looks at the blocks of these views but through them. Whoever is given them all owns the blocks. */
export function own(views: readonly Uint8Array[]): void {
  for (const [block, bytes] of bytesByBlock(views)) used.set(block, bytes);
}

/** Whether `bytes` has a block of its own but for a few bytes before it. */
export function isAlone(bytes: Uint8Array, before: number): boolean {
  return bytes.byteOffset <= before && bytes.byteOffset + bytes.byteLength === bytes.buffer.byteLength;
}

/** The owned blocks all of whose views are among these. */
export function ownedBlocks(views: readonly Uint8Array[]): ArrayBuffer[] {
  const blocks: ArrayBuffer[] = [];
  for (const [block, bytes] of bytesByBlock(views)) {
    if (block instanceof ArrayBuffer && bytes > 0 && used.get(block) === bytes) blocks.push(block);
  }
  return blocks;
}

/** Frees the blocks of these views that are owned: the views are empty from now on. */
export function discard(views: readonly Uint8Array[]): void {
  const blocks = ownedBlocks(views);
  if (blocks.length > 0) drain().postMessage(null, blocks);
}

function drain(): MessagePort {
  if (nowhere === undefined) {
    const { port1 } = new MessageChannel();
    port1.close();
    nowhere = port1;
  }
  return nowhere;
}

function bytesByBlock(views: readonly Uint8Array[]): Map<ArrayBufferLike, number> {
  const sums = new Map<ArrayBufferLike, number>();
  for (const { buffer, byteLength } of views) sums.set(buffer, (sums.get(buffer) ?? 0) + byteLength);
  return sums;
}
