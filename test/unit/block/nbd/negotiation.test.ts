import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../../src/base/limits.ts';
import { createMemoryDevice } from '../memory-device.ts';
import { type HostOptions, type NbdHost, startNbdHost } from './host.ts';
import { connectRaw, enter, infoData, metaData, optionBytes, type RawClient, requestBytes } from './nbd-client.ts';

let host: NbdHost;
afterEach(() => host.stop());

const MIB = 1024 * 1024;
const [ACK, SERVER, INFO, META] = [1, 2, 3, 4];
const [UNSUP, POLICY, INVALID, UNKNOWN, SHUTDOWN, TOO_BIG] = [1, 2, 3, 6, 7, 9].map(n => 2 ** 31 + n);
/** has flags, flush, FUA, trim, write zeroes, multi-conn. */
const WRITABLE = 0x16d;

async function start(options?: HostOptions): Promise<RawClient> {
  host = await startNbdHost(options);
  return host.connect();
}

async function types(client: RawClient, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await client.reply()).type);
  return found;
}

describe('the flags', () => {
  test('a client with unknown flags is dropped', async () => {
    host = await startNbdHost();
    const client = await host.connect(4);
    await client.closed();
    expect(host.complaints).toHaveLength(1);
  });

  test.each([
    [3, 10],
    [1, 134],
    [0, 134],
  ])('with flags %i the answer to EXPORT_NAME has %i bytes', async (flags, bytes) => {
    host = await startNbdHost();
    const client = await host.connect(flags);
    client.option(1, Buffer.from('v'));
    const answer = await client.read(bytes);
    expect(answer.readBigUInt64BE()).toBe(BigInt(MIB));
    expect(answer.readUInt16BE(8)).toBe(WRITABLE);
    expect(answer.subarray(10).every(byte => byte === 0)).toBe(true);
    client.request({ command: 0, length: 512 });
    expect(await client.simple(512)).toMatchObject({ error: 0 });
  });
});

describe('options', () => {
  test('an unknown option is answered ERR_UNSUP, its data skipped, and the handshake goes on', async () => {
    const client = await start();
    for (const option of [0, 4, 11, 0x7654321]) {
      client.option(option, Buffer.alloc(100, option));
      expect(await client.reply()).toMatchObject({ option, type: UNSUP });
    }
    expect((await enter(client, 'v')).size).toBe(BigInt(MIB));
  });

  test('EXPORT_NAME of an export that is not there ends the connection, as there is no way to say so', async () => {
    const client = await start();
    client.option(1, Buffer.from('w'));
    await client.closed();
  });

  test('ABORT is acknowledged, whatever its data, and ends the connection', async () => {
    const client = await start();
    client.option(2, Buffer.from('well'));
    expect(await client.reply()).toMatchObject({ option: 2, type: ACK });
    await client.closed();
    expect(host.complaints).toEqual([]);
  });

  test('LIST tells names and descriptions', async () => {
    const client = await start({ spec: { description: 'the first' } });
    host.exports.add({ name: 'zweites Gerät', device: createMemoryDevice(512), readOnly: true });
    client.option(3);
    const first = await client.reply();
    expect(first).toMatchObject({ type: SERVER, data: Buffer.from('\0\0\0\x01vthe first') });
    expect((await client.reply()).data.subarray(4).toString()).toBe('zweites Gerät');
    expect(await types(client, 1)).toEqual([ACK]);
    client.option(3, Buffer.from('x'));
    expect(await types(client, 1)).toEqual([INVALID]);
  });

  test('INFO tells what was asked for, and GO the same and then transmits', async () => {
    const client = await start({ spec: { description: 'the first' } });
    for (const option of [6, 7]) {
      client.option(option, infoData('v', [1, 2, 3, 999]));
      const replies = [];
      for (let i = 0; i < 4; i++) replies.push(await client.reply());
      expect(replies.every(reply => reply.type === INFO && reply.option === option)).toBe(true);
      const [facts, name, description, sizes] = replies.map(reply => reply.data);
      expect(facts!.toString('hex')).toBe(`0000${MIB.toString(16).padStart(16, '0')}016d`);
      expect(name!.subarray(2).toString()).toBe('v');
      expect(description!.subarray(2).toString()).toBe('the first');
      expect([2, 6, 10].map(at => sizes!.readUInt32BE(at))).toEqual([1, 4096, 32 * MIB]);
      expect(await types(client, 1)).toEqual([ACK]);
    }
    client.request({ command: 0, length: 512 });
    expect(await client.simple(512)).toMatchObject({ error: 0 });
  });

  test('GO of an export that is not there is answered ERR_UNKNOWN, and another may be tried', async () => {
    const client = await start();
    client.option(7, infoData(''));
    client.option(7, infoData('V'));
    client.option(6, infoData('v\0'));
    expect(await types(client, 3)).toEqual([UNKNOWN, UNKNOWN, INVALID]);
    await enter(client, 'v');
  });

  test('malformed data are answered ERR_INVALID, and the handshake goes on', async () => {
    const client = await start();
    client.option(8);
    await client.reply();
    const name = infoData('v');
    const queries = metaData('v', ['base:allocation']);
    const bad: [number, Buffer][] = [
      [7, Buffer.alloc(0)],
      [7, Buffer.alloc(5)],
      [7, Buffer.concat([name, Buffer.alloc(1)])],
      [6, Buffer.from('7fffffff0000', 'hex')],
      [6, Buffer.from('00000001ff0000', 'hex')],
      [8, Buffer.from('x')],
      [9, queries.subarray(0, -1)],
      [10, Buffer.concat([queries, Buffer.alloc(1)])],
      [10, Buffer.from('00000001760000ffff00000001', 'hex')],
      [10, metaData('v', ['no colon'])],
      [10, metaData('v', [':leaf'])],
      [10, metaData('v', ['a:'.padEnd(LIMITS.nbdStringBytes + 1, 'a')])],
      [5, Buffer.alloc(0)],
    ];
    for (const [option, data] of bad) {
      client.option(option, data);
      expect(await types(client, 1)).toEqual([option === 5 ? POLICY : INVALID]);
    }
    await enter(client, 'v');
  });

  test('an option with too many data is skipped and answered ERR_TOO_BIG; with absurdly many it ends the connection', async () => {
    const client = await start();
    client.option(3, Buffer.alloc(LIMITS.nbdOptionBytes + 1));
    client.option(99, Buffer.alloc(3));
    expect(await types(client, 2)).toEqual([TOO_BIG, UNSUP]);
    client.send(optionBytes(3).fill(0xff, 12));
    await client.closed();
    expect(host.complaints).toHaveLength(1);
  });

  test('what is no option ends the connection, and so does an endless row of them', async () => {
    const client = await start();
    client.send(Buffer.from('IHAVEOPS00000000'));
    await client.closed();
    const other = await host.connect();
    for (let i = 0; i <= LIMITS.nbdOptions; i++) other.option(99);
    await types(other, LIMITS.nbdOptions);
    await other.closed();
    expect(host.complaints).toHaveLength(2);
  });

  test('requests that come right behind GO are not lost', async () => {
    const client = await start();
    client.send(Buffer.concat([optionBytes(7, infoData('v')), requestBytes({ command: 0, length: 8, cookie: 77n })]));
    expect(await types(client, 2)).toEqual([INFO, ACK]);
    expect(await client.simple(8)).toMatchObject({ error: 0, cookie: 77n });
  });

  test('who leaves answers unread is not read from, and loses nothing', async () => {
    host = await startNbdHost();
    for (let i = 0; i < 500; i++) {
      host.exports.add({ name: `${i}`.padEnd(200, 'x'), device: createMemoryDevice(512), readOnly: true });
    }
    const client = await host.connect();
    client.pause();
    for (let i = 0; i < 200; i++) client.option(3);
    await new Promise(resolve => setTimeout(resolve, 100));
    client.resume();
    let acks = 0;
    while (acks < 200) if ((await client.reply()).type === ACK) acks++;
    await enter(client, 'v');
  });
});

describe('metadata contexts', () => {
  const contexts = ['tandem:dirty:one', 'tandem:dirty:two', 'tandem:other'].map(name => ({
    name,
    extents: async (_: number, length: number) => [{ length, flags: 1 }],
  }));

  async function startWithContexts(): Promise<RawClient> {
    const client = await start({ spec: { contexts: () => contexts } });
    client.option(8);
    await client.reply();
    return client;
  }

  async function names(client: RawClient, option: number, queries: string[]): Promise<string[]> {
    client.option(option, metaData('v', queries));
    const found: string[] = [];
    for (;;) {
      const reply = await client.reply();
      if (reply.type === ACK) return found;
      expect(reply.type).toBe(META);
      found.push(`${reply.data.readUInt32BE()} ${reply.data.subarray(4)}`);
    }
  }

  test('are to be had after structured replies only', async () => {
    const client = await start();
    client.option(9, metaData('v', []));
    client.option(10, metaData('v', ['base:allocation']));
    expect(await types(client, 2)).toEqual([INVALID, INVALID]);
  });

  test('are listed by name, by namespace, or all', async () => {
    const client = await startWithContexts();
    expect(await names(client, 9, [])).toHaveLength(4);
    expect(await names(client, 9, ['base:'])).toEqual(['0 base:allocation']);
    expect(await names(client, 9, ['tandem:dirty:'])).toEqual(['0 tandem:dirty:one', '0 tandem:dirty:two']);
    expect(await names(client, 9, ['x-other:whatever', 'base:nothing', 'tandem:other'])).toEqual(['0 tandem:other']);
  });

  test('are selected by full name only, each with a number of its own', async () => {
    const client = await startWithContexts();
    expect(await names(client, 10, [])).toEqual([]);
    expect(await names(client, 10, ['base:', 'tandem:dirty:'])).toEqual([]);
    const twice = await names(client, 10, ['tandem:dirty:two', 'base:allocation', 'base:allocation']);
    expect(twice).toEqual(['0 base:allocation', '1 tandem:dirty:two']);
  });

  test.each([
    ['a later, empty selection', 'v', metaData('v', []), ACK],
    ['a later selection that fails', 'v', metaData('nothing', ['base:allocation']), UNKNOWN],
    ['a selection for another export', 'w', metaData('v', ['base:allocation']), META],
  ])('%s leaves none for the transmission', async (_, name, selection, answer) => {
    const client = await startWithContexts();
    host.exports.add({ name: 'w', device: host.device, readOnly: false });
    expect(await names(client, 10, ['base:allocation'])).toHaveLength(1);
    client.option(10, selection);
    expect(await types(client, answer === META ? 2 : 1)).toContain(answer);
    client.option(7, infoData(name));
    expect(await types(client, 2)).toEqual([INFO, ACK]);
    client.request({ command: 7, length: 4096 });
    expect((await client.chunk()).data.readUInt32BE()).toBe(22);
  });

  test('asking an export that closes is answered ERR_SHUTDOWN', async () => {
    const client = await startWithContexts();
    const open = host.device.hold();
    const busy = await host.client();
    busy.request({ command: 3 });
    while (host.device.busy === 0) await new Promise(setImmediate);
    const changed = host.exports.change('v', { readOnly: true });
    client.option(7, infoData('v'));
    client.option(10, metaData('v', ['base:allocation']));
    expect(await types(client, 2)).toEqual([SHUTDOWN, SHUTDOWN]);
    open();
    await changed;
    expect((await enter(client, 'v')).flags & 2).toBe(2);
  });
});

test('who does not end the handshake is cut off in the end', async () => {
  let fire = (): void => {};
  const clock = {
    now: () => 0,
    sleep: () => new Promise<void>(() => {}),
    after: (ms: number, late: () => void) => {
      if (ms === LIMITS.nbdHandshakeMs) fire = late;
      return () => {};
    },
  };
  const client = await start({ clock });
  client.option(8);
  await client.reply();
  fire();
  await client.closed();
  await connectRaw(host.server.where).then(other => other.destroy());
});
