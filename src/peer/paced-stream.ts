/** Both directions of a gRPC stream with back-pressure: writing waits, reading is pulled, an abort ends either. */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { type Malformed, unwrap } from './proto-calls.ts';

interface MessageSink<T> {
  write(message: T, done: () => void): boolean;
}

interface MessageSource<T> {
  iterator(options: { destroyOnReturn: boolean }): AsyncIterator<T | Malformed>;
}

/**
 * Writes all parts of all items. At most `LIMITS.streamMessagesAhead` messages are with the stream at any time, so a reader
 * that does not read makes the items wait where they are made. Rejects with CANCELLED at once when the signal aborts.
 */
export async function writeAll<Item, Message>(
  items: AsyncIterable<Item>,
  sink: MessageSink<Message>,
  split: (item: Item) => readonly Message[],
  signal: AbortSignal,
): Promise<void> {
  let ahead = 0;
  let wake: (() => void) | undefined;
  const done = (): void => {
    ahead--;
    wake?.();
  };
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const result = await unlessAborted(iterator.next(), signal);
      if (result.done) return;
      for (const message of split(result.value)) {
        if (ahead >= LIMITS.streamMessagesAhead) {
          const room = new Promise<void>(resolve => {
            wake = resolve;
          });
          await unlessAborted(room, signal);
        }
        ahead++;
        sink.write(message, done);
      }
    }
  } finally {
    // Not awaited: whoever makes the items may be waiting for something that no longer comes.
    iterator.return?.().catch(() => {});
  }
}

/** Messages as they are asked for. Ends with the stream; throws what is wrong with a message, or how the stream failed. */
export async function* readAll<T>(source: MessageSource<T>): AsyncGenerator<T, void, undefined> {
  const iterator = source.iterator({ destroyOnReturn: false });
  for (;;) {
    const result = await iterator.next();
    if (result.done) return;
    yield unwrap<T>(result.value);
  }
}

/** A signal that aborts with any of these, until it is released. */
export function joinSignals(...signals: readonly AbortSignal[]): { readonly signal: AbortSignal; release(): void } {
  const joined = new AbortController();
  const onAbort = (): void => joined.abort();
  for (const signal of signals) {
    if (signal.aborted) joined.abort();
    signal.addEventListener('abort', onAbort);
  }
  return {
    signal: joined.signal,
    release: () => {
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
    },
  };
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled();
}

export function cancelled(): TandemError {
  return new TandemError('CANCELLED', 'the call was given up');
}

export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled());
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
