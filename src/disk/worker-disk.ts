/**
 * Disks worked on in two threads that all folders of a daemon share: one carries out everything in the order of the
 * calls, the other reads content and watches directories. They start with the first disk. Large files are hashed by
 * both, each one half of it, and what the first one stages the other one reads behind it.
 */
import type { Worker } from 'node:worker_threads';
import { messageOf, TandemError } from '../base/errors.ts';
import { own } from '../base/owned-blocks.ts';
import type { FilterPatterns } from '../model/filters.ts';
import type { Recipe } from '../model/recipe.ts';
import { createDigestBehind } from './digest-behind.ts';
import type { WatchReport, WatchTask } from './directory-watcher.ts';
import type { AppendAnswer, Disk, Hashed } from './disk.ts';
import { type DiskMethod, type FromWorker, packData, READING, type ToWorker } from './disk-messages.ts';
import { startWorker } from './worker-entry.ts';

/** From this size on the digest and the chunks of a file are found in two threads at once. */
const DIVIDED_FROM_BYTES = 16 * 1024 * 1024;

export interface WorkerDisks {
  open(options: { readonly root: string; readonly filters: FilterPatterns }): Disk;
  watch(task: WatchTask, listener: WatchListener): DirectoryWatcher;
  /** Lets calls on the way end and stops the threads. */
  close(): Promise<void>;
}

export interface DirectoryWatcher {
  /** Resolves when all directories are watched, or it is clear that they cannot be. Never rejects. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface WatchListener {
  /** A directory, as a path relative to the root, '' being the root. Must only enqueue. */
  readonly onHint: (directory: string) => void;
  /** Some or all directories are not watched, and why, in words for an administrator. Must only enqueue. */
  readonly onDegraded: (reason: string) => void;
}

export interface WorkerDisksOptions {
  /** A worker thread died. All calls on the way and from now on are rejected with DISK_FAILED: the member has to stop. */
  readonly onFailure: (error: TandemError) => void;
}

export function createWorkerDisks({ onFailure }: WorkerDisksOptions): WorkerDisks {
  let lanes: { readonly ordered: Lane; readonly reading: Lane } | null = null;
  let disks = 0;
  let closed = false;
  /** Threads that were started after the end would keep the process alive. */
  const start = () => {
    if (closed) throw new TandemError('CANCELLED', 'the member stops');
    lanes ??= { ordered: startLane(onFailure), reading: startLane(onFailure) };
    return lanes;
  };
  return {
    watch: (task, listener) =>
      closed ? { ready: Promise.resolve(), close: async () => {} } : start().reading.watch(task, listener),
    open({ root, filters }) {
      const { ordered, reading } = start();
      const disk = ++disks;
      for (const lane of [ordered, reading]) lane.open({ kind: 'open', disk, root, filters });
      return diskOver(disk, ordered, reading);
    },
    async close() {
      closed = true;
      const closing = lanes;
      lanes = null;
      await Promise.all([closing?.ordered.close(), closing?.reading.close()]);
    },
  };
}

interface Request {
  readonly disk: number;
  readonly method: DiskMethod;
  readonly args: readonly unknown[];
  readonly transfer?: readonly ArrayBuffer[];
  readonly signal?: AbortSignal | undefined;
}

interface Lane {
  open(message: ToWorker): void;
  call<T>(request: Request): Promise<T>;
  watch(task: WatchTask, listener: WatchListener): DirectoryWatcher;
  close(): Promise<void>;
}

function diskOver(disk: number, ordered: Lane, reading: Lane): Disk {
  const call = <T>(method: DiskMethod, ...args: unknown[]): Promise<T> =>
    (READING.has(method) ? reading : ordered).call<T>({ disk, method, args });
  const behind = createDigestBehind((stagingId, bytes) => call('stageDigest', stagingId, bytes));
  return {
    probe: () => call('probe'),
    claim: marker => call('claim', marker),
    scan: requests => call('scan', requests),
    look: paths => call('look', paths),
    async hash(path, stat, signal) {
      const read = <T>(lane: Lane, method: DiskMethod): Promise<T | 'changed' | 'gone'> =>
        lane.call({ disk, method, args: [path, stat], signal });
      if (stat.size < DIVIDED_FROM_BYTES) return read<Hashed>(reading, 'hash');
      const halves = [read<Recipe>(reading, 'recipe'), read<{ hash: string }>(ordered, 'digest')] as const;
      const [recipe, digest] = await Promise.all(halves);
      if (typeof recipe === 'string') return recipe;
      if (typeof digest === 'string') return digest;
      return { hash: digest.hash, recipe, stat };
    },
    readWhole: async requests => owned(await call('readWhole', requests)),
    async readRange(file, offset, length) {
      const [answer] = owned([await call<Uint8Array | 'changed' | 'gone'>('readRange', file, offset, length)]);
      return answer!;
    },
    stageWhole(items) {
      const { packed, blocks } = packData(items);
      return ordered.call({ disk, method: 'stageWhole', args: [packed], transfer: blocks });
    },
    stageOpen: stagingId => call('stageOpen', stagingId),
    async stageAppend(stagingId, pieces) {
      const { packed, blocks } = packData(pieces);
      const args = [stagingId, packed];
      const answer = await ordered.call<AppendAnswer>({ disk, method: 'stageAppend', args, transfer: blocks });
      behind.appended(stagingId, answer.bytes);
      return answer;
    },
    async stageSeal(item) {
      return call('stageSeal', item, await behind.finish(item.stagingId, item.size));
    },
    stageDrop: stagingIds => call('stageDrop', stagingIds),
    stageSweep: (keep, marks) => call('stageSweep', keep, marks),
    apply: (operations, group) => call('apply', operations, group),
    sync: () => call('sync'),
    settle: group => call('settle', group),
    recover: operations => call('recover', operations),
    salvage: () => call('salvage'),
    preserved: area => call('preserved', area),
    hashPreserved: (area, id) => call('hashPreserved', area, id),
    restorePreserved: (area, id, to, copy) => call('restorePreserved', area, id, to, copy),
    deletePreserved: (area, id) => call('deletePreserved', area, id),
    space: () => call('space'),
    async close() {
      await Promise.all([ordered, reading].map(lane => lane.call({ disk, method: 'close', args: [] })));
    },
  };
}

/** What a worker read belongs to whoever asked for it. */
function owned<T>(answers: T[]): T[] {
  own(answers.filter(answer => answer instanceof Uint8Array));
  return answers;
}

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: TandemError) => void;
}

function startLane(onFailure: (error: TandemError) => void): Lane {
  const worker: Worker = startWorker('disk-worker');
  const pending = new Map<number, Pending>();
  const watches = new Map<number, (report: WatchReport) => void>();
  let calls = 0;
  let watchings = 0;
  let failure: TandemError | null = null;
  let idle: (() => void) | null = null;
  let closed = false;

  function fail(detail: string, cause?: unknown): void {
    if (failure !== null || closed) return;
    failure = new TandemError('DISK_FAILED', `a disk worker thread died: ${detail}; restart the member`, {}, cause);
    for (const { reject } of pending.values()) reject(failure);
    pending.clear();
    for (const heard of watches.values()) heard({ kind: 'ready' });
    idle?.();
    onFailure(failure);
  }

  worker.on('error', error => fail(messageOf(error), error));
  worker.on('messageerror', error => fail(messageOf(error), error));
  worker.on('exit', code => fail(`it ended with code ${code}`));
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'watch') return watches.get(message.watch)?.(message.report);
    const waiting = pending.get(message.call);
    if (waiting === undefined) return;
    pending.delete(message.call);
    if (message.kind === 'value') waiting.resolve(message.value as never);
    else waiting.reject(new TandemError(message.code, message.message, message.fields));
    if (pending.size === 0) idle?.();
  });

  function post(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    worker.postMessage(message, transfer);
  }

  return {
    open: message => post(message),
    call({ disk, method, args, transfer, signal }) {
      return new Promise((resolve, reject) => {
        if (failure !== null) return reject(failure);
        if (closed) return reject(new TandemError('CANCELLED', 'the member stops'));
        if (signal?.aborted) return reject(new TandemError('CANCELLED', 'the reading of a file was given up'));
        const call = ++calls;
        const cancel = (): void => post({ kind: 'cancel', call });
        const finish = <V>(then: (value: V) => void) => {
          return (value: V): void => {
            signal?.removeEventListener('abort', cancel);
            then(value);
          };
        };
        signal?.addEventListener('abort', cancel, { once: true });
        pending.set(call, { resolve: finish(resolve as (value: never) => void), reject: finish(reject) });
        post({ kind: 'call', disk, call, method, args }, transfer);
      });
    },
    watch(task, { onHint, onDegraded }) {
      const number = ++watchings;
      let settle = (): void => {};
      const ready = new Promise<void>(resolve => {
        settle = resolve;
      });
      if (failure !== null) settle();
      watches.set(number, report => {
        if (report.kind === 'ready') settle();
        else if (report.kind === 'degraded') onDegraded(report.reason);
        else for (const directory of report.directories) onHint(directory);
      });
      post({ kind: 'watch', watch: number, task });
      return {
        ready,
        async close() {
          settle();
          if (watches.delete(number)) post({ kind: 'unwatch', watch: number });
        },
      };
    },
    async close() {
      if (failure === null && pending.size > 0) await new Promise<void>(resolve => (idle = resolve));
      closed = true;
      await worker.terminate();
    },
  };
}
