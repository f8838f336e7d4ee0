/** A client of our own for what proper clients never send. Says exactly what it is told and checks the form of what it hears. */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

export interface OptionReply {
  readonly option: number;
  readonly type: number;
  readonly data: Buffer;
}

export interface SimpleReply {
  readonly error: number;
  readonly cookie: bigint;
}

export interface Chunk {
  readonly flags: number;
  readonly type: number;
  readonly cookie: bigint;
  readonly data: Buffer;
}

export interface RequestForm {
  readonly command: number;
  readonly flags?: number;
  readonly cookie?: bigint;
  readonly offset?: number | bigint;
  readonly length?: number;
  readonly magic?: number;
  /** Default: none. */
  readonly data?: Buffer;
}

export interface RawClient {
  send(bytes: Buffer): void;
  /** Rejects when the connection ends before so many came. */
  read(bytes: number): Promise<Buffer>;
  /** Resolves when the server has closed; rejects if anything comes before. */
  closed(): Promise<void>;
  option(option: number, data?: Buffer): void;
  reply(): Promise<OptionReply>;
  request(form: RequestForm): void;
  simple(dataBytes?: number): Promise<SimpleReply & { data: Buffer }>;
  chunk(): Promise<Chunk>;
  /** From here on over TLS. */
  secure(options?: ConnectionOptions): Promise<void>;
  /** Does not read from the socket. */
  pause(): void;
  resume(): void;
  destroy(): void;
}

const OPTION_MAGIC = Buffer.from('IHAVEOPT');

export function optionBytes(option: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(option, 0);
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([OPTION_MAGIC, header, data]);
}

export function requestBytes(form: RequestForm): Buffer {
  const header = Buffer.alloc(28);
  header.writeUInt32BE(form.magic ?? 0x2560_9513, 0);
  header.writeUInt16BE(form.flags ?? 0, 4);
  header.writeUInt16BE(form.command, 6);
  header.writeBigUInt64BE(form.cookie ?? 1n, 8);
  header.writeBigUInt64BE(BigInt(form.offset ?? 0), 16);
  header.writeUInt32BE(form.length ?? form.data?.length ?? 0, 24);
  return form.data === undefined ? header : Buffer.concat([header, form.data]);
}

/** The data of INFO and GO. */
export function infoData(name: string, items: readonly number[] = []): Buffer {
  const text = Buffer.from(name);
  const data = Buffer.alloc(6 + text.length + 2 * items.length);
  data.writeUInt32BE(text.length, 0);
  text.copy(data, 4);
  data.writeUInt16BE(items.length, 4 + text.length);
  for (const [index, item] of items.entries()) data.writeUInt16BE(item, 6 + text.length + 2 * index);
  return data;
}

/** The data of LIST_META_CONTEXT and SET_META_CONTEXT. */
export function metaData(name: string, queries: readonly string[]): Buffer {
  const string = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32BE(queries.length);
  return Buffer.concat([string(name), count, ...queries.map(string)]);
}

/** Connected and greeted; `flags` are sent unless null. */
export async function connectRaw(where: string | number, flags: number | null = 3): Promise<RawClient> {
  const client = rawClient(typeof where === 'string' ? connect(where) : connect(where, '127.0.0.1'));
  const greeting = await client.read(18);
  if (greeting.subarray(0, 16).toString() !== 'NBDMAGICIHAVEOPT' || greeting.readUInt16BE(16) !== 3) {
    throw new Error(`an odd greeting: ${greeting.toString('hex')}`);
  }
  if (flags !== null) client.send(uint32(flags));
  return client;
}

export interface Entered {
  /** Bytes. */
  readonly size: bigint;
  readonly flags: number;
}

export interface Wishes {
  readonly structured?: boolean;
  readonly contexts?: readonly string[];
}

/** Enters the transmission with GO; throws with the reply that refuses it. */
export async function enter(client: RawClient, name: string, wishes: Wishes = {}): Promise<Entered> {
  if (wishes.structured || wishes.contexts) {
    client.option(8);
    await expectAck(client);
  }
  if (wishes.contexts) {
    client.option(10, metaData(name, wishes.contexts));
    for (const _ of wishes.contexts) await client.reply();
    await expectAck(client);
  }
  client.option(7, infoData(name));
  let entered: Entered | null = null;
  for (;;) {
    const reply = await client.reply();
    if (reply.type === 1 && entered !== null) return entered;
    if (reply.type !== 3) throw new Error(`GO was answered ${reply.type.toString(16)}: ${reply.data}`);
    if (reply.data.readUInt16BE() === 0) {
      entered = { size: reply.data.readBigUInt64BE(2), flags: reply.data.readUInt16BE(10) };
    }
  }
}

/** The content that answers one read, from however many pieces. */
export async function content(client: RawClient, offset: number, length: number): Promise<Buffer> {
  const data = Buffer.alloc(length);
  const pieces: (readonly [number, number])[] = [];
  for (;;) {
    const chunk = await client.chunk();
    if (chunk.type !== 1) throw new Error(`instead of data came ${chunk.type.toString(16)}`);
    const at = Number(chunk.data.readBigUInt64BE()) - offset;
    pieces.push([at, chunk.data.copy(data, at, 8)]);
    if (chunk.flags !== 1) continue;
    let end = 0;
    for (const [from, bytes] of pieces.sort(([a], [b]) => a - b)) {
      if (from !== end) throw new Error(`the pieces do not cover the read once: ${JSON.stringify(pieces)}`);
      end += bytes;
    }
    if (end !== length) throw new Error(`${end} of ${length} bytes came`);
    return data;
  }
}

async function expectAck(client: RawClient): Promise<void> {
  const reply = await client.reply();
  if (reply.type !== 1) throw new Error(`instead of an ACK came ${reply.type.toString(16)}: ${reply.data}`);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function rawClient(first: Socket): RawClient {
  let socket = first;
  let chunks: Buffer[] = [];
  let bytes = 0;
  let over = false;
  let wake = (): void => {};
  const listen = (): void => {
    const ended = (): void => {
      over = true;
      wake();
    };
    socket.on('data', chunk => {
      chunks.push(chunk);
      bytes += chunk.length;
      wake();
    });
    socket.on('error', ended);
    socket.on('close', ended);
  };
  listen();
  const news = (): Promise<void> =>
    new Promise(resolve => {
      wake = resolve;
    });

  const client: RawClient = {
    send: data => void socket.write(data),
    read: async wanted => {
      while (bytes < wanted) {
        if (over) throw new Error(`the server closed after ${bytes} of ${wanted} bytes`);
        await news();
      }
      const all = Buffer.concat(chunks);
      chunks = [all.subarray(wanted)];
      bytes -= wanted;
      return all.subarray(0, wanted);
    },
    closed: async () => {
      while (!over && bytes === 0) await news();
      if (bytes > 0) throw new Error(`instead of the end came ${Buffer.concat(chunks).toString('hex').slice(0, 100)}`);
    },
    option: (option, data) => client.send(optionBytes(option, data)),
    reply: async () => {
      const header = await client.read(20);
      if (header.readBigUInt64BE() !== 0x3e889045565a9n) throw new Error(`no option reply: ${header.toString('hex')}`);
      const data = await client.read(header.readUInt32BE(16));
      return { option: header.readUInt32BE(8), type: header.readUInt32BE(12), data };
    },
    request: form => client.send(requestBytes(form)),
    simple: async (dataBytes = 0) => {
      const header = await client.read(16);
      if (header.readUInt32BE() !== 0x67446698) throw new Error(`no simple reply: ${header.toString('hex')}`);
      const error = header.readUInt32BE(4);
      return { error, cookie: header.readBigUInt64BE(8), data: await client.read(error === 0 ? dataBytes : 0) };
    },
    chunk: async () => {
      const header = await client.read(20);
      if (header.readUInt32BE() !== 0x668e33ef) throw new Error(`no chunk: ${header.toString('hex')}`);
      const data = await client.read(header.readUInt32BE(16));
      return {
        flags: header.readUInt16BE(4),
        type: header.readUInt16BE(6),
        cookie: header.readBigUInt64BE(8),
        data,
      };
    },
    secure: options =>
      new Promise((resolve, reject) => {
        first.removeAllListeners('data');
        socket = connectTls({ ...options, socket: first, rejectUnauthorized: false }, resolve);
        socket.once('error', reject);
        listen();
      }),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    destroy: () => void first.destroy(),
  };
  return client;
}
