/**
 * One client's transmission: requests are begun as they come, as many as the bounds allow, and answered in any order. Who
 * does not take its replies is not read from.
 */
import type { Duplex } from 'node:stream';
import { createAnticipation } from '../../base/anticipation.ts';
import type { Clock } from '../../base/clock.ts';
import { assert } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import type { BlockDevice } from '../device.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { DirectReading } from './direct-reading.ts';
import { type MetaContext, planStatus } from './meta-contexts.ts';
import { COMMAND, COMMAND_FLAG } from './numbers.ts';
import { createReplyLine } from './reply-line.ts';
import { type Refusal, refusalFor, refusalOf, type Terms } from './request-check.ts';
import {
  createRequestReader,
  DATA_HEADER_BYTES,
  encodeDone,
  encodeErrorChunk,
  encodeSimpleReply,
  encodeStatusChunk,
  type Request,
  SIMPLE_HEADER_BYTES,
  writeDataHeader,
  writeSimpleHeader,
} from './request-codec.ts';
import type { ClientTraffic } from './traffic.ts';

export interface TransmissionOptions {
  /** Nobody else reads from it or writes to it. */
  readonly socket: Duplex;
  /** How it is read from; null: as any stream. */
  readonly reading: DirectReading | null;
  /** What was read from it already. */
  readonly first: Buffer;
  readonly device: BlockDevice;
  readonly readOnly: boolean;
  readonly structured: boolean;
  /** The id of a context is its place here. */
  readonly contexts: readonly MetaContext[];
  readonly traffic: ClientTraffic;
  readonly buffers: BufferPool;
  readonly clock: Clock;
  /** The client broke the protocol and is cut off. */
  readonly onViolation: (reason: string) => void;
}

export interface Transmission {
  /** Requests answered with success or failure, and bytes of the successful ones. */
  readonly counters: Readonly<TransmissionCounters>;
  /** Requests that the device works on. */
  readonly onTheWay: number;
  /** From now on requests are answered ESHUTDOWN; when those on the way are answered the connection ends. */
  drain(): void;
  /** The connection is closed and the device works on nothing of it any more. */
  readonly ended: Promise<void>;
}

export interface TransmissionCounters {
  requests: number;
  readBytes: number;
  writtenBytes: number;
}

const CLOSING: Refusal = { error: 'ESHUTDOWN', text: 'the export closes; connect again' };

export function startTransmission(options: TransmissionOptions): Transmission {
  const { socket, reading, device, structured, contexts, traffic, buffers, clock, onViolation } = options;
  const terms: Terms = { size: device.size, readOnly: options.readOnly, structured, contexts: contexts.length };
  const counters: TransmissionCounters = { requests: 0, readBytes: 0, writtenBytes: 0 };
  const reader = createRequestReader(buffers);
  const replies = createReplyLine(socket);
  const anticipation = createAnticipation();
  /** The request whose payload is not here yet, or for which there is no room yet. */
  let current: { readonly request: Request; refusal: Refusal | null; room: 'none' | 'awaited' | 'taken' } | null = null;
  let onTheWay = 0;
  let holding = false;
  let state: 'open' | 'draining' | 'ending' | 'closed' = 'open';
  /** The one timer there is at a time: of a request that stops halfway, or of the farewell. */
  let cancelTimer: (() => void) | null = null;
  let received = 0;
  let resolveEnded = (): void => {};
  const ended = new Promise<void>(resolve => {
    resolveEnded = resolve;
  });

  const came = (bytes: number, take: () => void): void => {
    if (state === 'ending' || state === 'closed') return;
    received += bytes;
    anticipation.heard();
    take();
    pump();
  };
  if (reading === null) socket.on('data', chunk => came(chunk.length, () => reader.push(chunk)));
  else
    reading.into({
      room: () => reader.room(),
      filled: bytes => came(bytes, () => reader.filled(bytes)),
      arrived: bytes => {
        came(bytes.length, () => reader.lend(bytes));
        reader.keep();
      },
    });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    state = 'closed';
    anticipation.end();
    cancelTimer?.();
    traffic.cancel();
    settleEnd();
  });
  reader.push(options.first);
  if (socket.destroyed) {
    state = 'closed';
    settleEnd();
  } else {
    pump();
  }

  /** Takes requests as far as they are here and there is room. */
  function pump(): void {
    holding = false;
    while (state === 'open' || state === 'draining') {
      if (current === null && !takeHeader()) break;
      if (current === null || !advance()) break;
    }
    if (holding) socket.pause();
    else if (socket.isPaused()) socket.resume();
    if (!holding && reader.halfway) watchForStall();
  }

  function takeHeader(): boolean {
    if (onTheWay >= LIMITS.nbdRequests || replies.unsentBytes > LIMITS.nbdUnsentBytes) {
      holding = true;
      return false;
    }
    const request = reader.header();
    if (request === null) return false;
    if (request === 'broken') return violate('what was sent is no request');
    if (request.command === COMMAND.disconnect) {
      state = 'ending';
      endWhenIdle();
      return false;
    }
    const refusal = state === 'draining' ? CLOSING : refusalOf(request, terms);
    current = { request, refusal, room: 'none' };
    return true;
  }

  /** False: bytes or room are wanting. */
  function advance(): boolean {
    const { request, refusal } = current!;
    if (refusal !== null) {
      if (request.command === COMMAND.write) {
        if (request.length > LIMITS.nbdDiscardBytes) return violate(`a write of ${request.length} bytes`);
        if (!reader.discard(request.length)) return false;
      }
      current = null;
      refuse(request, refusal);
      return true;
    }
    if (!haveRoom()) return false;
    let data: Buffer | null = null;
    if (request.command === COMMAND.write) {
      data = reader.payload(request.length);
      if (data === null) return false;
    }
    current = null;
    if (state === 'draining') {
      traffic.give(payloadBytes(request));
      refuse(request, CLOSING);
    } else if (request.length === 0 && request.command !== COMMAND.flush) {
      // Without a length a request means nothing, which is done at once.
      send([doneReply(request)]);
    } else {
      begin(request, data);
    }
    return true;
  }

  function haveRoom(): boolean {
    const waiting = current!;
    if (waiting.room === 'none') {
      const taken = traffic.take(payloadBytes(waiting.request), () => {
        waiting.room = 'taken';
        pump();
      });
      waiting.room = taken ? 'taken' : 'awaited';
    }
    holding = waiting.room === 'awaited';
    return !holding;
  }

  function begin(request: Request, data: Buffer | null): void {
    onTheWay++;
    try {
      carryOut(request, data);
    } catch (error) {
      fail(request, error);
    }
  }

  function carryOut(request: Request, data: Buffer | null): void {
    const { offset, length, flags } = request;
    const done = (): void => answer([doneReply(request)]);
    const failed = (error: unknown): void => fail(request, error);
    const durable = (flags & COMMAND_FLAG.fua) !== 0;
    switch (request.command) {
      case COMMAND.read:
        read(request);
        break;
      case COMMAND.write:
        device.write(offset, data!, { durable }).then(() => {
          buffers.give(data!);
          counters.writtenBytes += length;
          traffic.give(length);
          done();
        }, failed);
        break;
      case COMMAND.flush:
        device.flush().then(done, failed);
        break;
      case COMMAND.trim:
        device.trim(offset, length, { durable }).then(done, failed);
        break;
      case COMMAND.writeZeroes:
        device.zero(offset, length, { durable, keep: (flags & COMMAND_FLAG.noHole) !== 0 }).then(done, failed);
        break;
      case COMMAND.blockStatus:
        tellStatus(request).then(chunks => answer(chunks), failed);
    }
  }

  /** The device fills the reply itself, behind its header. */
  function read(request: Request): void {
    const { cookie, offset, length, flags } = request;
    if (structured && length > LIMITS.nbdPieceBytes && (flags & COMMAND_FLAG.df) === 0) {
      void readInPieces(request);
      return;
    }
    const headerBytes = structured ? DATA_HEADER_BYTES : SIMPLE_HEADER_BYTES;
    const reply = buffers.take(headerBytes + length);
    device.read(offset, reply.subarray(headerBytes)).then(
      () => {
        if (structured) writeDataHeader(reply, cookie, { offset, bytes: length, last: true });
        else writeSimpleHeader(reply, cookie, 0);
        counters.readBytes += length;
        answer([reply], () => goneWith(reply, length));
      },
      error => fail(request, error),
    );
  }

  /** While the client takes one piece the next one is read: memory and time of a large read are those of a few pieces. */
  async function readInPieces(request: Request): Promise<void> {
    const { cookie, offset, length } = request;
    let at = 0;
    let before: Promise<void> | null = null;
    try {
      for (;;) {
        const bytes = Math.min(LIMITS.nbdPieceBytes, length - at);
        const last = at + bytes === length;
        const reply = buffers.take(DATA_HEADER_BYTES + bytes);
        await device.read(offset + at, reply.subarray(DATA_HEADER_BYTES));
        writeDataHeader(reply, cookie, { offset: offset + at, bytes, last });
        await before;
        counters.readBytes += bytes;
        at += bytes;
        if (last) return answer([reply], () => goneWith(reply, bytes));
        before = new Promise(resolve => {
          const gone = (): void => {
            goneWith(reply, bytes);
            resolve();
          };
          if (state === 'closed') gone();
          else replies.send([reply], { more: false, gone });
        });
      }
    } catch (error) {
      fail(request, error, length - at);
    }
  }

  /** Payload has left. */
  function goneWith(reply: Buffer, bytes: number): void {
    if (state !== 'closed') buffers.give(reply);
    traffic.give(bytes);
    if (holding) pump();
  }

  async function tellStatus({ cookie, offset, length, flags }: Request): Promise<Buffer[]> {
    const range = { length, onlyOne: (flags & COMMAND_FLAG.reqOne) !== 0 };
    const chunks: Buffer[] = [];
    for (const [id, context] of contexts.entries()) {
      const extents = planStatus(await context.extents(offset, length), range);
      assert(extents.length > 0, `the context ${context.name} tells nothing of a range`);
      chunks.push(encodeStatusChunk(cookie, { id, extents, last: id === contexts.length - 1 }));
    }
    return chunks;
  }

  function doneReply({ cookie }: Request): Buffer {
    return structured ? encodeDone(cookie) : encodeSimpleReply(cookie, null);
  }

  /** `held`: what the request still holds of its room. */
  function fail(request: Request, error: unknown, held = payloadBytes(request)): void {
    onTheWay--;
    traffic.give(held);
    refuse(request, refusalFor(error));
    afterAnswer();
  }

  function refuse({ cookie }: Request, { error, text }: Refusal): void {
    send([structured ? encodeErrorChunk(cookie, error, text) : encodeSimpleReply(cookie, error)]);
  }

  /** Answers a request that was on the way. */
  function answer(chunks: readonly Buffer[], gone?: () => void): void {
    onTheWay--;
    send(chunks, gone);
    afterAnswer();
  }

  function send(chunks: readonly Buffer[], gone?: () => void): void {
    counters.requests++;
    if (state === 'closed') gone?.();
    else replies.send(chunks, { more: onTheWay > 0, gone });
  }

  function afterAnswer(): void {
    if (holding) pump();
    if (onTheWay === 0) anticipation.said();
    if (state === 'closed') settleEnd();
    else if (state !== 'open') endWhenIdle();
  }

  function endWhenIdle(): void {
    if (onTheWay > 0) return;
    state = 'ending';
    cancelTimer?.();
    traffic.cancel();
    replies.end();
    // What still comes is thrown away: unread, it could make the last replies be lost.
    socket.resume();
    cancelTimer = clock.after(LIMITS.nbdCloseMs, () => socket.destroy());
  }

  function violate(reason: string): false {
    onViolation(reason);
    socket.destroy();
    return false;
  }

  /** Whoever begins a request and does not send the rest of it holds room that others want. */
  function watchForStall(): void {
    if (cancelTimer !== null) return;
    const before = received;
    cancelTimer = clock.after(LIMITS.nbdStallMs, () => {
      cancelTimer = null;
      if (holding || !reader.halfway) return;
      if (received === before) violate('a request was begun and its rest does not come');
      else watchForStall();
    });
  }

  function settleEnd(): void {
    if (onTheWay > 0) return;
    traffic.end();
    resolveEnded();
  }

  return {
    counters,
    get onTheWay() {
      return onTheWay;
    },
    ended,
    drain: () => {
      if (state !== 'open') return;
      state = 'draining';
      if (current?.room === 'awaited') {
        traffic.cancel();
        current.refusal = CLOSING;
      }
      pump();
      // The pump may have come upon a farewell.
      if ((state as string) === 'draining') endWhenIdle();
    },
  };
}

/** What a request holds until its reply is out. */
function payloadBytes({ command, length }: Request): number {
  return command === COMMAND.read || command === COMMAND.write ? length : 0;
}
