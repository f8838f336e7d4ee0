/** A device in memory that can be told to fail and to take its time. */
import { TandemError } from '../../../src/base/errors.ts';
import type { BlockDevice, Extent } from '../../../src/block/device.ts';

export interface MemoryDevice extends BlockDevice {
  readonly bytes: Buffer;
  /** What was asked of it, such as `write 0+512 durable`, in order. */
  readonly calls: string[];
  /** Operations on the way now. */
  readonly busy: number;
  /** From now on operations wait until the returned function is called. */
  hold(): () => void;
  /** From now on operations fail with this; null: no more. */
  fail(error: Error | null): void;
}

const GRAIN = 4096;

export function createMemoryDevice(size: number): MemoryDevice {
  const bytes = Buffer.alloc(size);
  const calls: string[] = [];
  let gate: Promise<void> = Promise.resolve();
  let failure: Error | null = null;
  let busy = 0;

  async function operate(call: string, range: { offset: number; length: number }, carryOut: () => void): Promise<void> {
    calls.push(call);
    busy++;
    try {
      await gate;
      if (failure !== null) throw failure;
      if (range.offset + range.length > size) throw new TandemError('BLOCK_RANGE', 'beyond the end');
      carryOut();
    } finally {
      busy--;
    }
  }

  const called = (what: string, offset: number, length: number, ...marks: (string | false | undefined)[]): string =>
    [`${what} ${offset}+${length}`, ...marks.filter(Boolean)].join(' ');

  const clear = (offset: number, length: number): void => void bytes.fill(0, offset, offset + length);

  return {
    size,
    blockSize: GRAIN,
    bytes,
    calls,
    get busy() {
      return busy;
    },
    hold: () => {
      let open = (): void => {};
      gate = new Promise(resolve => {
        open = resolve;
      });
      return open;
    },
    fail: error => {
      failure = error;
    },
    read: (offset, into) =>
      operate(called('read', offset, into.length), { offset, length: into.length }, () => {
        bytes.copy(into, 0, offset, offset + into.length);
      }),
    write: (offset, data, options) =>
      operate(
        called('write', offset, data.length, options?.durable && 'durable'),
        { offset, length: data.length },
        () => {
          bytes.set(data, offset);
        },
      ),
    zero: (offset, length, options) =>
      operate(
        called('zero', offset, length, options?.durable && 'durable', options?.keep && 'keep'),
        { offset, length },
        () => clear(offset, length),
      ),
    trim: (offset, length, options) =>
      operate(called('trim', offset, length, options?.durable && 'durable'), { offset, length }, () =>
        clear(offset, length),
      ),
    flush: () => operate('flush', { offset: 0, length: 0 }, () => {}),
    extents: async (offset, length) => {
      const found: Extent[] = [];
      await operate(called('extents', offset, length), { offset, length }, () => {
        for (let at = offset; at < offset + length; ) {
          const end = Math.min(at - (at % GRAIN) + GRAIN, offset + length);
          found.push({ length: end - at, hole: bytes.subarray(at, end).every(byte => byte === 0) });
          at = end;
        }
      });
      return found;
    },
  };
}
