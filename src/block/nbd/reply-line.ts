/** Replies on their way to one client: those that are ready at the same time go out in one system call. */
import type { Duplex } from 'node:stream';

export interface ReplyLine {
  /** `held`: bytes that `onGone` gets back when the kernel has these. `more`: further replies may be ready in this turn. */
  send(chunks: readonly Buffer[], options: { held: number; more: boolean }): void;
  /** Sends what is there and then closes the writing side. */
  end(): void;
  /** Bytes handed over that the kernel has not taken. */
  readonly unsentBytes: number;
}

export function createReplyLine(socket: Duplex, onGone: (held: number) => void): ReplyLine {
  let ready: Buffer[] = [];
  let readyBytes = 0;
  let held = 0;
  let timed = false;

  function flush(): void {
    timed = false;
    if (ready.length === 0) return;
    const [batch, gone] = [ready, held];
    ready = [];
    readyBytes = 0;
    held = 0;
    const last = batch.pop()!;
    if (batch.length > 0) socket.cork();
    for (const chunk of batch) socket.write(chunk);
    socket.write(last, () => onGone(gone));
    if (batch.length > 0) socket.uncork();
  }

  return {
    send: (chunks, options) => {
      for (const chunk of chunks) {
        ready.push(chunk);
        readyBytes += chunk.length;
      }
      held += options.held;
      if (!options.more) flush();
      else if (!timed) {
        timed = true;
        setImmediate(flush);
      }
    },
    end: () => {
      flush();
      socket.end();
    },
    get unsentBytes() {
      return readyBytes + socket.writableLength;
    },
  };
}
