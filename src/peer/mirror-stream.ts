/**
 * One end of a mirror's stream as a channel, the same for both sides: what is said while the stream is free goes out at
 * once, what is said while it is busy goes out together as soon as it is free.
 */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { MirrorMessage } from '../model/mirror-message.ts';
import type { MirrorChannel } from './link.ts';
import { cancelled, readAll, unlessAborted } from './paced-stream.ts';
import type { Malformed } from './proto-calls.ts';
import type { MirrorPacket } from './wire-mirror.ts';
import { violation } from './wire-parts.ts';

export interface PacketStream {
  /** `done`: the stream has taken it, and has room for another. */
  write(packet: MirrorPacket, done: () => void): unknown;
  end(): unknown;
  iterator(options: { destroyOnReturn: boolean }): AsyncIterator<MirrorPacket | Malformed>;
}

export interface MirrorStreamParts {
  readonly stream: PacketStream;
  /** Ends the stream at once, both ways. Called once at most. */
  readonly abort: (why: TandemError) => void;
  /** What a failure of the stream means. */
  readonly explain: (failure: unknown) => Promise<TandemError>;
  /** Calls `fire` after `ms`; the returned function cancels it. */
  readonly after: (ms: number, fire: () => void) => () => void;
}

export interface MirrorStream {
  readonly channel: MirrorChannel;
  /** Aborts as soon as nothing can be said any more. */
  readonly signal: AbortSignal;
  /** Of the answering side, before anything is read: which association the caller opens. */
  opening(): Promise<string>;
  /** The stream broke, or is to be broken off. Only the first failure counts. */
  fail(failure: unknown): void;
  /** Given up here: reading ends at once too. */
  cancel(): void;
  /** The stream is over: nothing goes out any more. What has come can still be read. */
  ended(): void;
}

export function createMirrorStream({ stream, abort, explain, after }: MirrorStreamParts): MirrorStream {
  const packets = readAll<MirrorPacket>(stream);
  const over = new AbortController();
  /** Reading ends at once, whatever is there. */
  const left = new AbortController();
  const waiting: MirrorMessage[] = [];
  const senders: { readonly resolve: () => void; readonly reject: (error: TandemError) => void }[] = [];
  let ahead = 0;
  let busy = false;
  let closed = false;
  let broken = false;
  let reason: Promise<TandemError> | null = null;
  let cancelGrace = (): void => {};

  /** Nothing can be said any more. */
  function silence(why: Promise<TandemError>): void {
    reason = why;
    waiting.length = 0;
    for (const { reject } of senders.splice(0)) void why.then(reject);
  }

  function fail(failure: unknown): void {
    if (broken) return;
    broken = true;
    const why = explain(failure);
    silence(why);
    over.abort();
    cancelGrace();
    void why.then(abort);
  }

  function push(): void {
    if (busy || broken || over.signal.aborted) return;
    if (waiting.length === 0) {
      if (closed) finish();
      return;
    }
    const { count, bytes } = nextPacket(waiting);
    busy = true;
    stream.write({ kind: 'messages', messages: waiting.splice(0, count) }, () => {
      busy = false;
      ahead -= bytes;
      if (ahead < LIMITS.mirrorAheadBytes) for (const { resolve } of senders.splice(0)) resolve();
      push();
    });
  }

  function finish(): void {
    stream.write({ kind: 'end' }, () => {});
    stream.end();
    over.abort();
    cancelGrace = after(LIMITS.mirrorCloseMs, () => fail(cancelled()));
  }

  async function* read(): AsyncGenerator<MirrorMessage, void, undefined> {
    try {
      for (;;) {
        const result = await unlessAborted(packets.next(), left.signal);
        // Some ways to lose a caller look like an end; in order, it says so itself.
        if (result.done) throw new TandemError('PEER_UNREACHABLE', 'the stream of the mirror broke');
        const packet = result.value;
        if (packet.kind === 'open') throw violation('open', 'comes a second time');
        if (packet.kind === 'end') {
          silence(Promise.resolve(partnerEnded()));
          return void discard(packets);
        }
        for (const message of packet.messages) {
          if (left.signal.aborted) break;
          yield message;
        }
      }
    } catch (error) {
      if (!left.signal.aborted) fail(error);
    }
    if (broken && !closed) throw await reason!;
  }

  const channel: MirrorChannel = {
    send: message => {
      if (closed) return Promise.reject(cancelled());
      if (reason !== null) return reason.then(error => Promise.reject(error));
      ahead += weigh(message);
      waiting.push(message);
      push();
      if (ahead < LIMITS.mirrorAheadBytes) return Promise.resolve();
      return new Promise((resolve, reject) => {
        senders.push({ resolve, reject });
      });
    },
    messages: read(),
    close: () => {
      if (closed) return;
      closed = true;
      left.abort();
      for (const { reject } of senders.splice(0)) reject(cancelled());
      push();
      void discard(packets);
    },
  };
  return {
    channel,
    signal: over.signal,
    opening: async () => {
      const first = await packets.next();
      if (first.done || first.value.kind !== 'open') throw violation('open', 'must come first');
      return first.value.association;
    },
    fail,
    cancel: () => {
      left.abort();
      fail(cancelled());
    },
    ended: () => {
      cancelGrace();
      over.abort();
      if (reason === null) silence(Promise.resolve(partnerEnded()));
    },
  };
}

function partnerEnded(): TandemError {
  return new TandemError('PEER_UNREACHABLE', 'the partner has ended the stream of the mirror');
}

/** How many of the waiting messages go out together. */
function nextPacket(waiting: readonly MirrorMessage[]): { readonly count: number; readonly bytes: number } {
  let bytes = weigh(waiting[0]!);
  let count = 1;
  for (; count < Math.min(waiting.length, LIMITS.mirrorPacketMessages); count++) {
    const next = weigh(waiting[count]!);
    if (bytes + next > LIMITS.mirrorPacketBytes) break;
    bytes += next;
  }
  return { count, bytes };
}

const ENTRY_BYTES = 8;
const MESSAGE_BYTES = 64;

/** At least the bytes on the wire, and so that whatever travels together keeps to the bounds of one message's lists. */
function weigh(message: MirrorMessage): number {
  switch (message.kind) {
    case 'write':
      return MESSAGE_BYTES + message.data.length;
    case 'epoch-changes':
      return MESSAGE_BYTES + message.packed.length;
    case 'arrived':
      return MESSAGE_BYTES + ENTRY_BYTES * message.seqs.length;
    case 'dirty':
      return MESSAGE_BYTES + ENTRY_BYTES * message.runs.length;
    case 'differing':
      return MESSAGE_BYTES + 2 * ENTRY_BYTES * message.ranges.length;
    case 'digests':
    case 'compare':
      return MESSAGE_BYTES + (LIMITS.mirrorPacketBytes / LIMITS.mirrorDigests) * message.pieces.length;
    case 'hello':
    case 'propose':
    case 'decision':
    case 'verified':
      return LIMITS.mirrorRecordBytes;
    case 'failed':
    case 'answer':
    case 'decline':
    case 'copy-begin':
    case 'copy-end':
      return LIMITS.textBytes;
    default:
      return MESSAGE_BYTES;
  }
}

/** So that the stream comes to its end. */
async function discard(packets: AsyncIterator<unknown>): Promise<void> {
  try {
    while (!(await packets.next()).done);
  } catch {
    // Nobody is there any more who would have to know.
  }
}
