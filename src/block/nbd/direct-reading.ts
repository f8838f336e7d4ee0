/**
 * Reading from a connection into memory of our choice. For every read Node takes 64 KiB of fresh memory, which a large payload is then
 * copied out of; a socket that is made with `onread` reads to where it is told. [nodejs.org, net.connect]
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

export interface DirectReading {
  /** What arrives goes here from now on, and not to the socket's `data`. */
  into(taker: DirectTaker): void;
}

export interface DirectTaker {
  /** Where the next bytes are to lie, and stay until `filled`; null: they come by `arrived`. */
  room(): Uint8Array | null;
  /** So many bytes lie at the beginning of the room. */
  filled(bytes: number): void;
  /** Bytes that are here during the call. */
  arrived(bytes: Buffer): void;
}

/**
 * The connection as another socket, which says `data` as usual until somebody takes what arrives. For one that a server has taken in
 * with `pauseOnConnect`. Where Node does not show what is behind it, it is the socket as it is, and there is no such reading. `shared`:
 * where bytes lie during a call of `arrived`; any number of connections may have the same.
 */
export function readDirectly(
  accepted: Socket,
  shared: Buffer,
): { readonly socket: Socket; readonly reading: DirectReading | null } {
  const behind = accepted as unknown as { _handle?: { readonly useUserBuffer?: unknown } | null };
  const handle = behind._handle;
  if (typeof handle?.useUserBuffer !== 'function') return { socket: accepted.resume(), reading: null };
  let taker: DirectTaker | null = null;
  let room: Uint8Array | null = null;
  const options: SocketConstructorOpts & { readonly handle: object; readonly onread: OnReadOpts } = {
    handle,
    onread: {
      buffer: (): Uint8Array => {
        room = taker?.room() ?? null;
        return room ?? shared;
      },
      callback: (bytes: number): boolean => {
        if (taker === null) socket.emit('data', Buffer.from(shared.subarray(0, bytes)));
        else if (room === null) taker.arrived(shared.subarray(0, bytes));
        else taker.filled(bytes);
        return true;
      },
    },
  };
  const socket = new Socket(options);
  // The server counts the one it has taken in.
  behind._handle = null;
  socket.once('close', () => accepted.destroy());
  return {
    socket,
    reading: {
      into: next => {
        taker = next;
      },
    },
  };
}
