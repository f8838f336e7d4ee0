/** What passes between the daemon's thread and its disk workers. */
import type { ErrorCode } from '../base/errors.ts';
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

interface WithData {
  readonly data: Uint8Array;
}

/**
 * Copies the bytes of several items into one block that can be handed over: sending a view would copy all of the
 * buffer it belongs to, and handing that over would take it from its owner.
 */
export function packData<T extends object>(items: readonly T[]): { packed: T[]; block: ArrayBuffer } {
  const total = items.reduce((sum, item) => sum + (hasData(item) ? item.data.length : 0), 0);
  const block = allocate(total);
  let used = 0;
  const packed = items.map(item => {
    if (!hasData(item)) return item;
    const data = block.subarray(used, used + item.data.length);
    data.set(item.data);
    used += data.length;
    return { ...item, data };
  });
  return { packed, block: block.buffer };
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
