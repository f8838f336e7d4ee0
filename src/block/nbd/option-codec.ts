/** Bytes of the handshake: the greeting, the client's flags and options, and the replies to them. */
import { LIMITS } from '../../base/limits.ts';
import { GREETING_MAGIC, HANDSHAKE, INFO, OPTION_MAGIC, OPTION_REPLY_MAGIC, REPLY } from './numbers.ts';

/** What a client says before the transmission. */
export type ClientMessage =
  | { readonly kind: 'flags'; readonly flags: number }
  | { readonly kind: 'option'; readonly option: number; readonly data: Buffer }
  /** Its data are more than `LIMITS.nbdOptionBytes` and were skipped. */
  | { readonly kind: 'too-big'; readonly option: number }
  | { readonly kind: 'broken'; readonly reason: string };

/** Cuts a client's bytes into messages. */
export interface OptionReader {
  push(chunk: Buffer): void;
  /** Null: more bytes are needed. After 'broken' nothing follows. */
  next(): ClientMessage | null;
  /** What came after the messages taken so far; the reader is empty then. */
  rest(): Buffer;
}

export interface InfoRequest {
  readonly name: string;
  /** Numbers of `INFO`, unknown ones too. */
  readonly items: readonly number[];
}

export interface MetaRequest {
  readonly name: string;
  readonly queries: readonly string[];
}

const FLAGS_BYTES = 4;
const OPTION_HEADER_BYTES = 16;
/** More than that is no mistake any more. */
const SKIPPED_BYTES = 16 * LIMITS.nbdOptionBytes;

export function createOptionReader(): OptionReader {
  let bytes: Buffer = Buffer.alloc(0);
  let flagsSeen = false;
  let skipping: { option: number; left: number } | null = null;
  let broken = false;

  function take(length: number): Buffer {
    const taken = bytes.subarray(0, length);
    bytes = bytes.subarray(length);
    return taken;
  }

  function breakOff(reason: string): ClientMessage {
    broken = true;
    return { kind: 'broken', reason };
  }

  function nextFlags(): ClientMessage | null {
    if (bytes.length < FLAGS_BYTES) return null;
    flagsSeen = true;
    return { kind: 'flags', flags: take(FLAGS_BYTES).readUInt32BE() };
  }

  function nextOption(): ClientMessage | null {
    if (bytes.length < OPTION_HEADER_BYTES) return null;
    if (bytes.readBigUInt64BE() !== OPTION_MAGIC) return breakOff('an option does not begin with IHAVEOPT');
    const option = bytes.readUInt32BE(8);
    const length = bytes.readUInt32BE(12);
    if (length > SKIPPED_BYTES) return breakOff(`an option has ${length} bytes of data`);
    if (length > LIMITS.nbdOptionBytes) {
      take(OPTION_HEADER_BYTES);
      skipping = { option, left: length };
      return null;
    }
    if (bytes.length < OPTION_HEADER_BYTES + length) return null;
    take(OPTION_HEADER_BYTES);
    return { kind: 'option', option, data: take(length) };
  }

  function skip(): ClientMessage | null {
    if (skipping === null) return null;
    skipping.left -= take(Math.min(skipping.left, bytes.length)).length;
    if (skipping.left > 0) return null;
    const { option } = skipping;
    skipping = null;
    return { kind: 'too-big', option };
  }

  return {
    push: chunk => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    },
    next: () => {
      if (broken) return null;
      if (!flagsSeen) return nextFlags();
      if (skipping !== null) return skip();
      return nextOption() ?? skip();
    },
    rest: () => take(bytes.length),
  };
}

export function encodeGreeting(): Buffer {
  const greeting = Buffer.alloc(18);
  greeting.writeBigUInt64BE(GREETING_MAGIC, 0);
  greeting.writeBigUInt64BE(OPTION_MAGIC, 8);
  greeting.writeUInt16BE(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes, 16);
  return greeting;
}

/** `text` is for people where the reply is an error. */
export function encodeReply(option: number, type: number, data: Buffer | string = ''): Buffer {
  const payload = typeof data === 'string' ? Buffer.from(data) : data;
  const header = Buffer.alloc(20);
  header.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
  header.writeUInt32BE(option, 8);
  header.writeUInt32BE(type, 12);
  header.writeUInt32BE(payload.length, 16);
  return Buffer.concat([header, payload]);
}

/** Size in bytes, flags of `TRANSMISSION`. */
export interface ExportFacts {
  readonly size: number;
  readonly flags: number;
}

/** The answer to EXPORT_NAME, which has no header. */
export function encodeExportNameReply({ size, flags }: ExportFacts, withZeroes: boolean): Buffer {
  const reply = Buffer.alloc(withZeroes ? 134 : 10);
  reply.writeBigUInt64BE(BigInt(size), 0);
  reply.writeUInt16BE(flags, 8);
  return reply;
}

export function infoExport({ size, flags }: ExportFacts): Buffer {
  const info = Buffer.alloc(12);
  info.writeUInt16BE(INFO.export, 0);
  info.writeBigUInt64BE(BigInt(size), 2);
  info.writeUInt16BE(flags, 10);
  return info;
}

export function infoText(item: typeof INFO.name | typeof INFO.description, text: string): Buffer {
  return Buffer.concat([Buffer.from([item >> 8, item & 0xff]), Buffer.from(text)]);
}

/** All in bytes: what requests must be multiples of, what they had better be multiples of, and the most they may carry. */
export function infoBlockSize(sizes: { minimum: number; preferred: number; maximum: number }): Buffer {
  const info = Buffer.alloc(14);
  info.writeUInt16BE(INFO.blockSize, 0);
  info.writeUInt32BE(sizes.minimum, 2);
  info.writeUInt32BE(sizes.preferred, 6);
  info.writeUInt32BE(sizes.maximum, 10);
  return info;
}

export function encodeServerReply(option: number, name: string, description: string): Buffer {
  return encodeReply(option, REPLY.server, Buffer.concat([withLength(Buffer.from(name)), Buffer.from(description)]));
}

export function encodeMetaReply(option: number, id: number, name: string): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(id);
  return encodeReply(option, REPLY.metaContext, Buffer.concat([number, Buffer.from(name)]));
}

function withLength(text: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
}

/** A string of the protocol; null if it is none: not UTF-8, a NUL in it, too long. */
export function parseString(bytes: Buffer): string | null {
  if (bytes.length > LIMITS.nbdStringBytes || bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The data of INFO and GO; null if malformed. */
export function parseInfoRequest(data: Buffer): InfoRequest | null {
  if (data.length < 6) return null;
  const nameBytes = data.readUInt32BE();
  if (nameBytes > data.length - 6) return null;
  const name = parseString(data.subarray(4, 4 + nameBytes));
  const count = data.readUInt16BE(4 + nameBytes);
  if (name === null || data.length !== 6 + nameBytes + 2 * count) return null;
  return { name, items: Array.from({ length: count }, (_, i) => data.readUInt16BE(6 + nameBytes + 2 * i)) };
}

/** The data of LIST_META_CONTEXT and SET_META_CONTEXT; null if malformed. */
export function parseMetaRequest(data: Buffer): MetaRequest | null {
  let at = 0;
  const nextNumber = (): number | null => {
    if (data.length - at < 4) return null;
    at += 4;
    return data.readUInt32BE(at - 4);
  };
  const nextString = (): string | null => {
    const length = nextNumber();
    if (length === null || length > data.length - at) return null;
    at += length;
    return parseString(data.subarray(at - length, at));
  };
  const name = nextString();
  const count = name === null ? null : nextNumber();
  if (name === null || count === null) return null;
  const queries: string[] = [];
  for (let i = 0; i < count; i++) {
    const query = nextString();
    if (query === null) return null;
    queries.push(query);
  }
  return at === data.length ? { name, queries } : null;
}
