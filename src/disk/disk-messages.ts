/** What passes between the daemon's thread and its disk workers. */
import type { ErrorCode } from '../base/errors.ts';
import { ownedBlocks } from '../base/owned-blocks.ts';
import type { FilterPatterns } from '../model/filters.ts';
import type { WatchReport, WatchTask } from './directory-watcher.ts';
import type { DividedDisk } from './disk.ts';

export type DiskMethod = keyof DividedDisk;

export type ToWorker =
  | { readonly kind: 'open'; readonly disk: number; readonly root: string; readonly filters: FilterPatterns }
  | {
      readonly kind: 'call';
      readonly disk: number;
      readonly call: number;
      readonly method: DiskMethod;
      readonly args: readonly unknown[];
    }
  | { readonly kind: 'cancel'; readonly call: number }
  | { readonly kind: 'watch'; readonly watch: number; readonly task: WatchTask }
  | { readonly kind: 'unwatch'; readonly watch: number };

export type FromWorker =
  | { readonly kind: 'value'; readonly call: number; readonly value: unknown }
  | { readonly kind: 'watch'; readonly watch: number; readonly report: WatchReport }
  | {
      readonly kind: 'error';
      readonly call: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly fields: Record<string, unknown>;
    };

/** Methods that may run beside the others, in a thread of their own: a long hash must not hold up installs. */
export const READING: ReadonlySet<DiskMethod> = new Set<DiskMethod>([
  'hash',
  'recipe',
  'hashPreserved',
  'stageDigest',
  'readWhole',
  'readRange',
]);

/** Methods whose last argument is a signal. */
export const CANCELLABLE: ReadonlySet<DiskMethod> = new Set<DiskMethod>(['hash', 'digest', 'recipe']);

/** Methods that are given content, in one of their arguments. */
export const TAKES_CONTENT: ReadonlySet<DiskMethod> = new Set<DiskMethod>(['stageWhole', 'stageAppend']);

interface WithData {
  readonly data: Uint8Array;
}

/**
 * What is sent with several items: the blocks that can be handed over, and one more with a copy of all other bytes.
 * Sending a view would copy all of the block it belongs to, and handing that over would take it from its owner.
 */
export function packData<T extends object>(items: readonly T[]): { packed: readonly T[]; blocks: ArrayBuffer[] } {
  const blocks = ownedBlocks(dataOf(items));
  const handedOver = new Set<ArrayBufferLike>(blocks);
  const stays = (item: object): item is WithData => hasData(item) && !handedOver.has(item.data.buffer);
  if (!items.some(stays)) return { packed: items, blocks };
  const block = allocate(items.reduce((sum, item) => sum + (stays(item) ? item.data.length : 0), 0));
  let used = 0;
  const packed = items.map(item => {
    if (!stays(item)) return item;
    const data = block.subarray(used, used + item.data.length);
    // Of a block that is gone even nothing cannot be copied.
    if (data.length > 0) data.set(item.data);
    used += data.length;
    return { ...item, data };
  });
  return { packed, blocks: [...blocks, block.buffer] };
}

/** The bytes that came with a call, whose blocks are the worker's now. */
export function dataOf(items: readonly unknown[]): Uint8Array[] {
  return items.flatMap(item => (typeof item === 'object' && item !== null && hasData(item) ? [item.data] : []));
}

/** A block of its own, not cleared: all of it is going to be written. */
export function allocate(bytes: number): Uint8Array<ArrayBuffer> {
  const block = Buffer.allocUnsafeSlow(bytes);
  return new Uint8Array(block.buffer as ArrayBuffer, 0, bytes);
}

function hasData(item: object): item is WithData {
  return 'data' in item && item.data instanceof Uint8Array;
}

/** The buffers of an answer that can be handed over instead of copied. */
export function transferables(value: unknown): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const item of Array.isArray(value) ? value : [value]) {
    if (item instanceof Uint8Array && item.buffer instanceof ArrayBuffer) buffers.add(item.buffer);
  }
  return [...buffers];
}
