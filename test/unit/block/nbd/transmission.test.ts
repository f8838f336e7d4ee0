import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { TandemError } from '../../../../src/base/errors.ts';
import { LIMITS } from '../../../../src/base/limits.ts';
import type { BlockDevice } from '../../../../src/block/device.ts';
import { createBufferPool } from '../../../../src/block/nbd/buffer-pool.ts';
import { createTraffic } from '../../../../src/block/nbd/traffic.ts';
import { startTransmission } from '../../../../src/block/nbd/transmission.ts';
import { pause, until } from '../../../e2e/harness/until.ts';
import { createMemoryDevice } from '../memory-device.ts';
import { type HostOptions, type NbdHost, startNbdHost, USUAL_BOUNDS } from './host.ts';
import { type Chunk, content, type RawClient, type RequestForm, requestBytes } from './nbd-client.ts';

let host: NbdHost;
afterEach(() => host.stop());

const [READ, WRITE, DISC, FLUSH, TRIM, ZEROES, STATUS] = [0, 1, 2, 3, 4, 6, 7];
const [FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO] = [1, 2, 4, 8, 16];
const [EPERM, EIO, EINVAL, ENOSPC, EOVERFLOW, ESHUTDOWN] = [1, 5, 22, 28, 75, 108];
const [NONE, DATA, BLOCK_STATUS, ERROR] = [0, 1, 5, 0x8001];
const MIB = 1024 * 1024;
const PIECE = LIMITS.nbdPieceBytes;

async function simple(options?: HostOptions): Promise<RawClient> {
  host = await startNbdHost(options);
  return host.client();
}

async function structured(options?: HostOptions, contexts: string[] = []): Promise<RawClient> {
  host = await startNbdHost(options);
  return host.client({ structured: true, contexts });
}

async function errorOf(client: RawClient, form: RequestForm): Promise<number> {
  client.request(form);
  return (await client.simple()).error;
}

/** The error of a structured reply, which carries a sentence. */
function errorIn(chunk: Chunk): number {
  expect(chunk).toMatchObject({ type: ERROR, flags: 1 });
  expect(chunk.data.length).toBe(6 + chunk.data.readUInt16BE(4));
  expect(chunk.data.length).toBeGreaterThan(6);
  return chunk.data.readUInt32BE();
}

describe('requests', () => {
  test('read what was written, with simple replies', async () => {
    const client = await simple();
    const data = Buffer.from('written at an odd place');
    client.request({ command: WRITE, offset: 4095, data, cookie: 0xffff_ffff_ffff_fffen });
    expect(await client.simple()).toMatchObject({ error: 0, cookie: 0xffff_ffff_ffff_fffen });
    client.request({ command: READ, offset: 4095, length: data.length });
    expect((await client.simple(data.length)).data).toEqual(data);
  });

  test('read what was written, with structured replies', async () => {
    const client = await structured();
    client.request({ command: WRITE, offset: 512, data: Buffer.from('abc'), cookie: 5n });
    expect(await client.chunk()).toMatchObject({ flags: 1, type: NONE, cookie: 5n });
    client.request({ command: READ, flags: DF, offset: 511, length: 5, cookie: 6n });
    const chunk = await client.chunk();
    expect(chunk).toMatchObject({ flags: 1, type: DATA, cookie: 6n });
    expect(chunk.data.readBigUInt64BE()).toBe(511n);
    expect(chunk.data.subarray(8).toString()).toBe('\0abc\0');
  });

  test('carry their flags to the device', async () => {
    const client = await simple();
    const forms: RequestForm[] = [
      { command: WRITE, flags: FUA, data: Buffer.alloc(512) },
      { command: FLUSH },
      { command: TRIM, offset: 4096, length: 4096 },
      { command: TRIM, flags: FUA, length: 4096 },
      { command: ZEROES, flags: NO_HOLE | FUA, offset: 8, length: 9 },
      { command: ZEROES, length: MIB },
      { command: READ, flags: FUA, length: 0 },
      { command: WRITE, data: Buffer.alloc(0) },
    ];
    for (const form of forms) expect(await errorOf(client, form)).toBe(0);
    expect(host.device.calls).toEqual([
      'write 0+512 durable',
      'flush',
      'trim 4096+4096',
      'trim 0+4096 durable',
      'zero 8+9 durable keep',
      `zero 0+${MIB}`,
    ]);
  });

  test('of 32 MiB go through in both directions', async () => {
    const client = await structured({ size: 40 * MIB });
    const data = Buffer.alloc(32 * MIB, 'thirty-two');
    client.request({ command: WRITE, offset: MIB, data });
    expect(await client.chunk()).toMatchObject({ type: NONE });
    client.request({ command: READ, offset: MIB, length: data.length });
    expect((await content(client, MIB, data.length)).equals(data)).toBe(true);
    client.request({ command: READ, flags: DF, offset: MIB, length: data.length });
    const chunk = await client.chunk();
    expect(chunk.flags).toBe(1);
    expect(chunk.data.subarray(8).equals(data)).toBe(true);
  });

  test('that write much have memory of their own until the device is done with it', async () => {
    const held: { readonly data: Uint8Array; readonly done: () => void; readonly fail: (error: Error) => void }[] = [];
    const device: BlockDevice = {
      ...createMemoryDevice(64 * MIB),
      write: (_offset, data) => new Promise((resolve, reject) => held.push({ data, done: resolve, fail: reject })),
    };
    const client = await simple({ spec: { device } });
    const isWhole = (i: number, byte: number): boolean => held[i]!.data.every(value => value === byte);
    const memory = (i: number): ArrayBufferLike => held[i]!.data.buffer;
    const send = async (byte: number): Promise<void> => {
      client.request({ command: WRITE, offset: byte * MIB, data: Buffer.alloc(MIB, byte) });
      await until('the device has it', () => held.length === byte, { everyMs: 1 });
    };
    for (let byte = 1; byte <= 3; byte++) await send(byte);
    expect([1, 2, 3].map(byte => isWhole(byte - 1, byte))).toEqual([true, true, true]);
    held[0]!.done();
    expect((await client.simple()).error).toBe(0);
    // Who knows what a device that failed still does with it.
    held[1]!.fail(new TandemError('BLOCK_IO', 'a bad sector'));
    expect((await client.simple()).error).toBe(EIO);
    for (let byte = 4; byte <= 5; byte++) await send(byte);
    expect([2, 3, 4, 5].map(byte => isWhole(byte - 1, byte))).toEqual([true, true, true, true]);
    expect(memory(3)).toBe(memory(0));
    for (const { done } of held.slice(2)) done();
  });

  test('that read much come in pieces; where one of them fails, its error ends the reply', async () => {
    const device = createMemoryDevice(MIB);
    device.bytes.fill('abc');
    const torn: BlockDevice = {
      ...device,
      read: (offset, into) =>
        offset < 2 * PIECE ? device.read(offset, into) : Promise.reject(new TandemError('BLOCK_IO', 'a bad sector')),
    };
    const client = await structured({ spec: { device: torn } });
    client.request({ command: READ, offset: 7, length: 4 * PIECE, cookie: 8n });
    for (const at of [7, 7 + PIECE]) {
      const chunk = await client.chunk();
      expect(chunk).toMatchObject({ type: DATA, flags: 0, cookie: 8n });
      expect(chunk.data.readBigUInt64BE()).toBe(BigInt(at));
      expect(chunk.data.subarray(8).equals(device.bytes.subarray(at, at + PIECE))).toBe(true);
    }
    expect(errorIn(await client.chunk())).toBe(EIO);
    client.request({ command: READ, length: 3 });
    expect((await content(client, 0, 3)).toString()).toBe('abc');
  });

  test('that read much leave no more than a few pieces unsent', async () => {
    const client = await structured({ size: 32 * MIB });
    client.pause();
    client.request({ command: READ, length: 32 * MIB });
    const asked = () => host.device.calls.length;
    await until('pieces are read', () => asked() > 1);
    for (let before = -1; before !== asked(); await pause(50)) before = asked();
    expect(asked() * PIECE).toBeLessThan(4 * MIB);
    client.resume();
    expect(await content(client, 0, 32 * MIB)).toHaveLength(32 * MIB);
  });

  test('are begun while others wait, and answered as they end', async () => {
    const client = await simple();
    const open = host.device.hold();
    client.request({ command: READ, length: 512, cookie: 1n });
    client.request({ command: 99, cookie: 2n });
    expect(await client.simple()).toMatchObject({ cookie: 2n, error: EINVAL });
    client.request({ command: WRITE, data: Buffer.alloc(512), cookie: 3n });
    await until('both are on the way', () => host.device.busy === 2, { everyMs: 1 });
    open();
    expect((await client.simple(512)).cookie).toBe(1n);
    expect((await client.simple()).cookie).toBe(3n);
  });

  test('of many sizes on one line read back what each wrote last', async () => {
    const client = await simple({ size: 4 * MIB });
    const expected = Buffer.alloc(4 * MIB);
    const batch: Buffer[] = [];
    for (let i = 0; i < 300; i++) {
      const data = Buffer.alloc(((i * 7919) % 70_000) + 1, i);
      const offset = (i * 104_729) % (4 * MIB - data.length);
      data.copy(expected, offset);
      batch.push(requestBytes({ command: WRITE, offset, data, cookie: BigInt(i) }));
    }
    client.send(Buffer.concat(batch));
    for (let i = 0; i < 300; i++) expect((await client.simple()).error).toBe(0);
    client.request({ command: READ, length: 4 * MIB });
    expect((await client.simple(4 * MIB)).data.equals(expected)).toBe(true);
  });
});

describe('errors', () => {
  const beyond = { offset: MIB - 512, length: 513 };

  test.each<[string, number, RequestForm]>([
    ['a read beyond the end', EINVAL, { command: READ, ...beyond }],
    ['a read far beyond the end', EINVAL, { command: READ, offset: 2n ** 64n - 1n, length: 1 }],
    ['a trim beyond the end', EINVAL, { command: TRIM, ...beyond }],
    ['a write beyond the end', ENOSPC, { command: WRITE, ...beyond, data: Buffer.alloc(513) }],
    ['zeroes beyond the end', ENOSPC, { command: ZEROES, ...beyond }],
    ['an unknown command', EINVAL, { command: 8 }],
    ['CACHE, which is not offered', EINVAL, { command: 5, length: 512 }],
    ['an unknown flag', EINVAL, { command: READ, flags: 64, length: 512 }],
    ['a flag of another command', EINVAL, { command: READ, flags: NO_HOLE, length: 512 }],
    ['FAST_ZERO, which is not offered', EINVAL, { command: ZEROES, flags: FAST_ZERO, length: 512 }],
    ['REQ_ONE on a write', EINVAL, { command: WRITE, flags: REQ_ONE, data: Buffer.alloc(512) }],
    ['DF without structured replies', EINVAL, { command: READ, flags: DF, length: 512 }],
    ['a flush with a range', EINVAL, { command: FLUSH, length: 512 }],
    ['block status without a context', EINVAL, { command: STATUS, length: 512 }],
  ])('%s: error %i, nothing reaches the device, the connection goes on', async (_, error, form) => {
    const client = await simple();
    expect(await errorOf(client, form)).toBe(error);
    expect(host.device.calls).toEqual([]);
    expect(await errorOf(client, { command: FLUSH })).toBe(0);
  });

  test('whatever writes to a read-only export: EPERM', async () => {
    const client = await simple({ spec: { readOnly: true } });
    expect(await errorOf(client, { command: WRITE, data: Buffer.alloc(100_000, 1) })).toBe(EPERM);
    expect(await errorOf(client, { command: TRIM, length: 512 })).toBe(EPERM);
    expect(await errorOf(client, { command: ZEROES, length: 512 })).toBe(EPERM);
    expect(await errorOf(client, { command: FLUSH })).toBe(0);
    expect(host.device.calls).toEqual(['flush']);
  });

  test('more than 64 MiB at once is refused, and what was sent is skipped', async () => {
    const client = await structured({ size: 65 * MIB });
    client.request({ command: READ, length: 64 * MIB + 1 });
    expect(errorIn(await client.chunk())).toBe(EOVERFLOW);
    client.request({ command: WRITE, data: Buffer.alloc(64 * MIB + 1) });
    expect(errorIn(await client.chunk())).toBe(EINVAL);
    client.request({ command: FLUSH });
    expect(await client.chunk()).toMatchObject({ type: NONE });
  });

  test.each<[string, number, Error]>([
    ['BLOCK_RANGE', EINVAL, new TandemError('BLOCK_RANGE', 'beyond')],
    ['BLOCK_READ_ONLY', EPERM, new TandemError('BLOCK_READ_ONLY', 'a target')],
    ['BLOCK_FULL', ENOSPC, new TandemError('BLOCK_FULL', 'full')],
    ['BLOCK_IO', EIO, new TandemError('BLOCK_IO', 'bad sector')],
    ['CANCELLED', ESHUTDOWN, new TandemError('CANCELLED', 'going')],
    ['a bug', EIO, new Error('oops')],
  ])('a device that fails with %s: error %i with its sentence', async (_, error, thrown) => {
    const client = await structured({}, ['base:allocation']);
    host.device.fail(thrown);
    const forms = [
      { command: READ, length: 512 },
      { command: WRITE, data: Buffer.alloc(512) },
      { command: FLUSH },
      { command: TRIM, length: 512 },
      { command: ZEROES, length: 512 },
      { command: STATUS, length: 512 },
    ];
    for (const form of forms) {
      client.request(form);
      const chunk = await client.chunk();
      expect(errorIn(chunk)).toBe(error);
      if (thrown instanceof TandemError) expect(chunk.data.subarray(6).toString()).toBe(thrown.message);
    }
    host.device.fail(null);
    client.request({ command: READ, length: 512 });
    expect(await client.chunk()).toMatchObject({ type: DATA });
  });

  test('a very long sentence is cut at a character', async () => {
    const client = await structured();
    host.device.fail(new TandemError('BLOCK_IO', 'ü'.repeat(LIMITS.textBytes)));
    client.request({ command: FLUSH });
    const text = (await client.chunk()).data.subarray(6).toString();
    expect(text).toBe('ü'.repeat(LIMITS.textBytes / 2));
  });
});

describe('block status', () => {
  function extentsIn(chunk: Chunk): { id: number; extents: number[][] } {
    expect(chunk.type).toBe(BLOCK_STATUS);
    const extents: number[][] = [];
    for (let at = 4; at < chunk.data.length; at += 8) {
      extents.push([chunk.data.readUInt32BE(at), chunk.data.readUInt32BE(at + 4)]);
    }
    return { id: chunk.data.readUInt32BE(), extents };
  }

  test('tells holes, joined where they touch', async () => {
    const client = await structured({}, ['base:allocation']);
    host.device.bytes.fill(1, 8192, 16_384);
    client.request({ command: STATUS, offset: 100, length: MIB - 100 });
    expect(extentsIn(await client.chunk())).toEqual({
      id: 0,
      extents: [
        [8092, 3],
        [8192, 0],
        [MIB - 16_384, 3],
      ],
    });
    client.request({ command: STATUS, flags: REQ_ONE, offset: 8192, length: 5000 });
    expect(extentsIn(await client.chunk()).extents).toEqual([[5000, 0]]);
    client.request({ command: STATUS, offset: MIB, length: 1 });
    expect(errorIn(await client.chunk())).toBe(EINVAL);
    client.request({ command: STATUS, length: 0 });
    expect(errorIn(await client.chunk())).toBe(EINVAL);
  });

  test('has one chunk for each context, the last one marked', async () => {
    const dirty = {
      name: 'tandem:dirty:a',
      extents: async (_: number, length: number) => [
        { length: 4096, flags: 1 },
        { length: length - 4096, flags: 0 },
      ],
    };
    const client = await structured({ spec: { contexts: () => [dirty] } }, ['base:allocation', 'tandem:dirty:a']);
    client.request({ command: STATUS, length: MIB, cookie: 9n });
    const [first, second] = [await client.chunk(), await client.chunk()];
    expect([first.flags, second.flags, first.cookie, second.cookie]).toEqual([0, 1, 9n, 9n]);
    expect(extentsIn(first)).toEqual({ id: 0, extents: [[MIB, 3]] });
    expect(extentsIn(second).extents).toEqual([
      [4096, 1],
      [MIB - 4096, 0],
    ]);
  });

  test('tells at most so many extents, and the client asks on', async () => {
    const many = {
      name: 'tandem:many',
      extents: async (_: number, length: number) =>
        Array.from({ length }, (_unused, i) => ({ length: 1, flags: i % 2 })),
    };
    const client = await structured({ spec: { contexts: () => [many] } }, ['tandem:many']);
    client.request({ command: STATUS, length: LIMITS.nbdExtents + 5 });
    expect(extentsIn(await client.chunk()).extents).toHaveLength(LIMITS.nbdExtents);
  });
});

describe('the end', () => {
  test('DISC is obeyed when everything before it is answered', async () => {
    const client = await simple();
    const open = host.device.hold();
    client.request({ command: WRITE, data: Buffer.alloc(512), cookie: 4n });
    client.request({ command: DISC });
    await until('the write is on the way', () => host.device.busy === 1, { everyMs: 1 });
    open();
    expect(await client.simple()).toMatchObject({ cookie: 4n, error: 0 });
    await client.closed();
    expect(host.complaints).toEqual([]);
    await until('the client is forgotten', () => host.exports.record('v')?.clients.length === 0);
  });

  test.each<[string, Buffer]>([
    ['a wrong magic', requestBytes({ command: READ, length: 512, magic: 0x25609514 })],
    ['a write of four gigabytes', requestBytes({ command: WRITE, length: 0xffff_ffff })],
    ['noise', Buffer.alloc(5000, 'noise')],
  ])('%s ends this connection and hurts nobody else', async (_, bytes) => {
    const client = await simple();
    const other = await host.client();
    client.send(bytes);
    await client.closed();
    expect(host.complaints).toHaveLength(1);
    expect(await errorOf(other, { command: WRITE, data: Buffer.from('fine') })).toBe(0);
    expect(host.exports.record('v')?.clients).toHaveLength(1);
  });

  test('a client that goes while its requests are on the way leaves nothing behind', async () => {
    const client = await simple();
    const open = host.device.hold();
    for (let i = 0; i < 20; i++) client.request({ command: READ, length: 65_536 });
    await until('they are on the way', () => host.device.busy === 20, { everyMs: 1 });
    client.destroy();
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(host.exports.record('v')?.clients[0]?.onTheWay).toBe(20);
    open();
    await until('the client is forgotten', () => host.exports.record('v')?.clients.length === 0);
  });

  test('who begins a write and then sends nothing more is cut off, who is only slow is not', async () => {
    host = await startNbdHost();
    let fire = (): void => {};
    const clock = {
      now: () => 0,
      sleep: () => new Promise<void>(() => {}),
      after: (_ms: number, late: () => void) => {
        fire = late;
        return () => {};
      },
    };
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, taken) => taken() });
    const complaints: string[] = [];
    const { device } = host;
    const running = startTransmission({
      socket,
      reading: null,
      first: requestBytes({ command: WRITE, length: 10_000 }),
      device,
      readOnly: false,
      structured: false,
      contexts: [],
      traffic: createTraffic(USUAL_BOUNDS).client(),
      buffers: createBufferPool(),
      clock,
      onViolation: reason => complaints.push(reason),
    });
    for (let slow = 0; slow < 5; slow++) {
      socket.push(Buffer.alloc(100));
      await new Promise(setImmediate);
      fire();
      expect(socket.destroyed).toBe(false);
    }
    fire();
    expect(complaints).toHaveLength(1);
    await running.ended;
    expect(device.calls).toEqual([]);
  });
});

describe('bounds', () => {
  test('a client that takes no replies is not served on, and memory stays bounded', async () => {
    const client = await simple({ size: 8 * MIB });
    client.pause();
    for (let i = 0; i < 200; i++) client.request({ command: READ, length: MIB, cookie: BigInt(i) });
    let last = -1;
    await until('the device rests', async () => {
      const before = last;
      last = host.device.calls.length;
      await new Promise(resolve => setTimeout(resolve, 100));
      return before === last;
    });
    expect(last).toBeLessThan(80);
    expect(last).toBeGreaterThan(3);
    const other = await host.client();
    expect(await errorOf(other, { command: WRITE, data: Buffer.alloc(512) })).toBe(0);
    client.resume();
    const cookies = new Set<bigint>();
    for (let i = 0; i < 200; i++) cookies.add((await client.simple(MIB)).cookie);
    expect(cookies.size).toBe(200);
  });

  test('a client has so many requests on the way and no more', async () => {
    const client = await simple();
    const open = host.device.hold();
    for (let i = 0; i < LIMITS.nbdRequests + 100; i++) client.request({ command: READ, length: 1 });
    await until('the device is full', () => host.device.busy === LIMITS.nbdRequests);
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(host.device.busy).toBe(LIMITS.nbdRequests);
    open();
    for (let i = 0; i < LIMITS.nbdRequests + 100; i++) expect((await client.simple(1)).error).toBe(0);
  });

  test('where the common store is used up large requests wait, small ones of others do not', async () => {
    const bounds = { own: 64 * 1024, shared: 2 * MIB, client: 2 * MIB };
    const client = await simple({ size: 4 * MIB, bounds });
    const others = [await host.client(), await host.client()];
    const open = host.device.hold();
    client.request({ command: READ, length: 2 * MIB });
    others[0]!.request({ command: WRITE, data: Buffer.alloc(MIB), cookie: 8n });
    others[1]!.request({ command: READ, length: 4096 });
    await until('the small one is on the way', () => host.device.calls.includes('read 0+4096'));
    expect(host.device.busy).toBe(2);
    open();
    await client.simple(2 * MIB);
    expect(await others[0]!.simple()).toMatchObject({ cookie: 8n, error: 0 });
    await others[1]!.simple(4096);
  });
});
