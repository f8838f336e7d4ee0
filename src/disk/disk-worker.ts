/** A disk worker thread: carries out the calls it is sent, in order, on the real file system. */
import { parentPort } from 'node:worker_threads';
import { assert, messageOf, TandemError } from '../base/errors.ts';
import { discard, own } from '../base/owned-blocks.ts';
import { loadXxh64 } from '../base/xxh64.ts';
import { compileFilter } from '../model/filters.ts';
import { startWatching } from './directory-watcher.ts';
import type { DividedDisk } from './disk.ts';
import { CANCELLABLE, dataOf, type FromWorker, TAKES_CONTENT, type ToWorker, transferables } from './disk-messages.ts';
import { createLocalDisk } from './local-disk.ts';
import { createNodeFileSystem } from './node-file-system.ts';

const port = parentPort;
assert(port, 'disk-worker runs as a worker thread');

const disks = new Map<number, DividedDisk>();
const cancels = new Map<number, AbortController>();
const watches = new Map<number, () => void>();
const files = createNodeFileSystem();
const xxh64 = await loadXxh64();
const sleeper = new Int32Array(new SharedArrayBuffer(4));

// Messages sent before this line wait in the port.
port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'open':
      disks.set(
        message.disk,
        createLocalDisk({
          files,
          root: message.root,
          filter: compileFilter(message.filters),
          xxh64,
          now: Date.now,
          pause: ms => void Atomics.wait(sleeper, 0, 0, ms),
          giveWay: () => new Promise(resolve => setImmediate(resolve)),
        }),
      );
      return;
    case 'cancel':
      cancels.get(message.call)?.abort();
      return;
    case 'watch':
      watches.set(
        message.watch,
        startWatching(message.task, report => answer({ kind: 'watch', watch: message.watch, report })),
      );
      return;
    case 'unwatch':
      watches.get(message.watch)?.();
      watches.delete(message.watch);
      return;
    case 'call':
      void carryOut(message);
  }
});

async function carryOut({ disk: number, call, method, args }: ToWorker & { kind: 'call' }): Promise<void> {
  try {
    const disk = disks.get(number);
    if (disk === undefined) throw new TandemError('CANCELLED', 'the folder was closed meanwhile; ask again');
    if (method === 'close') disks.delete(number);
    const invoke = disk[method] as (...args: unknown[]) => Promise<unknown>;
    const value = await (CANCELLABLE.has(method) ? withCancel(call, invoke, args) : invoke(...args));
    answer({ kind: 'value', call, value }, transferables(value));
  } catch (error) {
    answer(errorAnswer(call, error));
  } finally {
    if (TAKES_CONTENT.has(method)) {
      const data = dataOf(args.flat());
      own(data);
      discard(data);
    }
  }
}

async function withCancel(
  call: number,
  invoke: (...args: unknown[]) => Promise<unknown>,
  args: readonly unknown[],
): Promise<unknown> {
  const controller = new AbortController();
  cancels.set(call, controller);
  try {
    return await invoke(...args, controller.signal);
  } finally {
    cancels.delete(call);
  }
}

function errorAnswer(call: number, error: unknown): FromWorker {
  const code = error instanceof TandemError ? error.code : 'INTERNAL';
  const fields =
    error instanceof TandemError ? plainFields(error.fields) : { stack: error instanceof Error ? error.stack : '' };
  return { kind: 'error', call, code, message: messageOf(error), fields };
}

function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === 'object' ? String(value) : value]),
  );
}

function answer(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port!.postMessage(message, transfer);
}
