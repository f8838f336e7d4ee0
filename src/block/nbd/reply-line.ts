/** Replies on their way to one client: those that are ready at the same time go out in one system call. */
import type { Duplex } from 'node:stream';

export interface Sending {
  /** Further replies may be ready in this turn. */
  readonly more: boolean;
  /** Called once, when the kernel has these or the connection is gone. */
  readonly gone?: (() => void) | undefined;
}

export interface ReplyLine {
  send(chunks: readonly Buffer[], sending: Sending): void;
  /** Sends what is there and then closes the writing side. */
  end(): void;
  /** Bytes handed over that the kernel has not taken. */
  readonly unsentBytes: number;
}

export function createReplyLine(socket: Duplex): ReplyLine {
  let ready: Buffer[] = [];
  let readyBytes = 0;
  let waiting: (() => void)[] = [];
  let timed = false;

  function flush(): void {
    timed = false;
    if (ready.length === 0) return;
    const [batch, gone] = [ready, waiting];
    ready = [];
    readyBytes = 0;
    waiting = [];
    const last = batch.pop()!;
    if (batch.length > 0) socket.cork();
    for (const chunk of batch) socket.write(chunk);
    socket.write(last, () => {
      for (const call of gone) call();
    });
    if (batch.length > 0) socket.uncork();
  }

  return {
    send: (chunks, { more, gone }) => {
      for (const chunk of chunks) {
        ready.push(chunk);
        readyBytes += chunk.length;
      }
      if (gone !== undefined) waiting.push(gone);
      if (!more) flush();
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
