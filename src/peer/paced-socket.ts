/**
 * A TCP connection read no faster than a pacer allows. What is not read makes the partner wait: HTTP/2 lets it have only
 * one small window on the way, so the wire is as smooth as the reading.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Pacer } from './pacer.ts';

/** Takes the socket over: ending or destroying the one ends or destroys the other. */
export function paceSocket(socket: Socket, pacer: Pacer): Duplex {
  let wanted = false;
  let ended = false;
  let cancelWait: (() => void) | null = null;

  function pump(): void {
    while (wanted && cancelWait === null) {
      const there = socket.readableLength;
      if (there === 0) {
        // Asked for nothing, an ended socket says so.
        if (!ended) return void socket.read(0);
        wanted = false;
        return void paced.push(null);
      }
      const bytes = pacer.take(there);
      if (bytes === 0) {
        cancelWait = pacer.room(() => {
          cancelWait = null;
          pump();
        });
        return;
      }
      const chunk = socket.read(bytes) as Buffer | null;
      if (chunk === null) return;
      wanted = paced.push(chunk);
    }
  }

  const paced: Duplex = new Duplex({
    read: () => {
      wanted = true;
      pump();
    },
    write: (chunk: Buffer, encoding, done) => {
      pacer.charge(chunk.length);
      socket.write(chunk, encoding, error => done(error));
    },
    final: done => {
      socket.end(() => done());
    },
    destroy: (error, done) => {
      cancelWait?.();
      socket.destroy();
      done(error);
    },
  });
  socket.on('readable', pump);
  socket.on('end', () => {
    ended = true;
    pump();
  });
  socket.on('error', error => paced.destroy(error));
  socket.on('close', () => {
    if (!ended) paced.destroy(new Error('the connection was closed'));
  });
  return paced;
}
