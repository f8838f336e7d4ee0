/** Bytes of the transmission: requests cut out of the stream, and the replies to them. */

import type { BufferPool } from './buffer-pool.ts';
import type { StatusExtent } from './meta-contexts.ts';
import {
  CHUNK,
  CHUNK_DONE,
  ERROR,
  type ErrorName,
  REQUEST_MAGIC,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from './numbers.ts';

export interface Request {
  /** Bits of `COMMAND_FLAG`. */
  readonly flags: number;
  /** A number of `COMMAND`, or an unknown one. */
  readonly command: number;
  readonly cookie: Cookie;
  /** Bytes; inexact beyond 2^53, where no export reaches. */
  readonly offset: number;
  readonly length: number;
}

/** Eight bytes of the client's choice, as two numbers. */
export interface Cookie {
  readonly high: number;
  readonly low: number;
}

/** Cuts requests and their payload out of what comes. Memory: the chunks not taken yet, and payloads that were asked for. */
export interface RequestReader {
  push(chunk: Buffer): void;
  /** As `push`, of what is somebody else's again after `keep`. */
  lend(chunk: Buffer): void;
  /** Copies what of a lent chunk was not taken. */
  keep(): void;
  /** Where the rest of a payload that was asked for is to lie; null: nothing is asked for. Filled by `filled`, not by `push`. */
  room(): Buffer | null;
  filled(bytes: number): void;
  /** The next header; null: more bytes are needed; 'broken': what comes is no request. */
  header(): Request | null | 'broken';
  /**
   * The next `length` bytes, whole, in memory of the pool; null: more bytes are needed, ask again with the same length.
   */
  payload(length: number): Buffer | null;
  /** Throws the next `length` bytes away; false: more bytes are needed, ask again with the same length. */
  discard(length: number): boolean;
  /** Part of a header or payload is here and the rest is not. */
  readonly halfway: boolean;
}

const HEADER_BYTES = 28;
export const SIMPLE_HEADER_BYTES = 16;
export const CHUNK_HEADER_BYTES = 20;
export const DATA_HEADER_BYTES = CHUNK_HEADER_BYTES + 8;

export function createRequestReader(buffers: BufferPool): RequestReader {
  const chunks: Buffer[] = [];
  /** Where in the first chunk the bytes begin that were not taken yet. */
  let at = 0;
  const head = Buffer.alloc(HEADER_BYTES);
  let headBytes = 0;
  let payload: Buffer | null = null;
  let payloadBytes = 0;
  let discarded = 0;
  let lent: Buffer | null = null;

  function advance(bytes: number): void {
    at += bytes;
    if (at === chunks[0]!.length) {
      chunks.shift();
      at = 0;
    }
  }

  /** Copies what is there into `target` from `filled` on; how much of it is full then. */
  function fill(target: Buffer, filled: number): number {
    while (chunks.length > 0 && filled < target.length) {
      const bytes = Math.min(target.length - filled, chunks[0]!.length - at);
      chunks[0]!.copy(target, filled, at, at + bytes);
      filled += bytes;
      advance(bytes);
    }
    return filled;
  }

  function parse(bytes: Buffer, from: number): Request | 'broken' {
    if (bytes.readUInt32BE(from) !== REQUEST_MAGIC) return 'broken';
    return {
      flags: bytes.readUInt16BE(from + 4),
      command: bytes.readUInt16BE(from + 6),
      cookie: { high: bytes.readUInt32BE(from + 8), low: bytes.readUInt32BE(from + 12) },
      offset: bytes.readUInt32BE(from + 16) * 0x1_0000_0000 + bytes.readUInt32BE(from + 20),
      length: bytes.readUInt32BE(from + 24),
    };
  }

  return {
    push: chunk => {
      if (chunk.length > 0) chunks.push(chunk);
    },
    lend: chunk => {
      if (chunk.length === 0) return;
      chunks.push(chunk);
      lent = chunk;
    },
    keep: () => {
      if (lent !== null && chunks.at(-1) === lent) {
        // Of the first chunk what lies before `at` was taken.
        const isFirst = chunks.length === 1;
        chunks[chunks.length - 1] = Buffer.from(isFirst ? lent.subarray(at) : lent);
        if (isFirst) at = 0;
      }
      lent = null;
    },
    room: () => payload?.subarray(payloadBytes) ?? null,
    filled: bytes => {
      payloadBytes += bytes;
    },
    header: () => {
      const first = chunks[0];
      if (first === undefined) return null;
      if (headBytes === 0 && first.length - at >= HEADER_BYTES) {
        const request = parse(first, at);
        advance(HEADER_BYTES);
        return request;
      }
      headBytes = fill(head, headBytes);
      if (headBytes < HEADER_BYTES) return null;
      headBytes = 0;
      return parse(head, 0);
    },
    payload: length => {
      payload ??= buffers.take(length);
      payloadBytes = fill(payload, payloadBytes);
      if (payloadBytes < length) return null;
      const whole = payload;
      payload = null;
      payloadBytes = 0;
      return whole;
    },
    discard: length => {
      while (chunks.length > 0 && discarded < length) {
        const bytes = Math.min(length - discarded, chunks[0]!.length - at);
        discarded += bytes;
        advance(bytes);
      }
      if (discarded < length) return false;
      discarded = 0;
      return true;
    },
    get halfway() {
      return headBytes > 0 || payload !== null || discarded > 0;
    },
  };
}

export function writeSimpleHeader(into: Buffer, cookie: Cookie, error: number): void {
  into.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0);
  into.writeUInt32BE(error, 4);
  into.writeUInt32BE(cookie.high, 8);
  into.writeUInt32BE(cookie.low, 12);
}

function writeChunkHeader(
  into: Buffer,
  chunk: { cookie: Cookie; type: number; payloadBytes: number; last: boolean },
): void {
  into.writeUInt32BE(STRUCTURED_REPLY_MAGIC, 0);
  into.writeUInt16BE(chunk.last ? CHUNK_DONE : 0, 4);
  into.writeUInt16BE(chunk.type, 6);
  into.writeUInt32BE(chunk.cookie.high, 8);
  into.writeUInt32BE(chunk.cookie.low, 12);
  into.writeUInt32BE(chunk.payloadBytes, 16);
}

export function encodeSimpleReply(cookie: Cookie, error: ErrorName | null): Buffer {
  const reply = Buffer.allocUnsafe(SIMPLE_HEADER_BYTES);
  writeSimpleHeader(reply, cookie, error === null ? 0 : ERROR[error]);
  return reply;
}

/** Success without a payload. */
export function encodeDone(cookie: Cookie): Buffer {
  const reply = Buffer.allocUnsafe(CHUNK_HEADER_BYTES);
  writeChunkHeader(reply, { cookie, type: CHUNK.none, payloadBytes: 0, last: true });
  return reply;
}

/** The header of a chunk that answers a read, or the last part of it; `bytes` of data follow it. */
export function writeDataHeader(
  into: Buffer,
  cookie: Cookie,
  data: { offset: number; bytes: number; last: boolean },
): void {
  writeChunkHeader(into, { cookie, type: CHUNK.offsetData, payloadBytes: 8 + data.bytes, last: data.last });
  into.writeBigUInt64BE(BigInt(data.offset), CHUNK_HEADER_BYTES);
}

/** `text` is for people. */
export function encodeErrorChunk(cookie: Cookie, error: ErrorName, text: string): Buffer {
  const message = Buffer.from(text);
  const reply = Buffer.alloc(CHUNK_HEADER_BYTES + 6 + message.length);
  writeChunkHeader(reply, { cookie, type: CHUNK.error, payloadBytes: 6 + message.length, last: true });
  reply.writeUInt32BE(ERROR[error], CHUNK_HEADER_BYTES);
  reply.writeUInt16BE(message.length, CHUNK_HEADER_BYTES + 4);
  message.copy(reply, CHUNK_HEADER_BYTES + 6);
  return reply;
}

export function encodeStatusChunk(
  cookie: Cookie,
  context: { id: number; extents: readonly StatusExtent[]; last: boolean },
): Buffer {
  const payloadBytes = 4 + 8 * context.extents.length;
  const reply = Buffer.alloc(CHUNK_HEADER_BYTES + payloadBytes);
  writeChunkHeader(reply, { cookie, type: CHUNK.blockStatus, payloadBytes, last: context.last });
  reply.writeUInt32BE(context.id, CHUNK_HEADER_BYTES);
  for (const [index, extent] of context.extents.entries()) {
    reply.writeUInt32BE(extent.length, CHUNK_HEADER_BYTES + 4 + 8 * index);
    reply.writeUInt32BE(extent.flags, CHUNK_HEADER_BYTES + 8 + 8 * index);
  }
  return reply;
}
