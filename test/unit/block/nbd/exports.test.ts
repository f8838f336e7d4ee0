import { afterEach, describe, expect, test } from 'vitest';
import { createExports } from '../../../../src/block/nbd/exports.ts';
import { until } from '../../../e2e/harness/until.ts';
import { createMemoryDevice } from '../memory-device.ts';
import { type NbdHost, startNbdHost } from './host.ts';
import { enter, type RawClient } from './nbd-client.ts';

let host: NbdHost;
afterEach(() => host?.stop());

const [READ, WRITE, FLUSH] = [0, 1, 3];
const ESHUTDOWN = 108;

async function write(client: RawClient, text: string): Promise<number> {
  client.request({ command: WRITE, data: Buffer.from(text) });
  return (await client.simple()).error;
}

describe('names', () => {
  const exports = createExports();
  const spec = (name: string) => ({ name, device: createMemoryDevice(512), readOnly: false });

  test.each(['', 'a\0b', 'tab\t', '\ud800', 'ü'.repeat(128)])('%j is none', name => {
    expect(() => exports.add(spec(name))).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('are taken once, and free again after a removal', async () => {
    exports.add(spec('twice'));
    expect(() => exports.add(spec('twice'))).toThrowError(expect.objectContaining({ code: 'REFUSED' }));
    await exports.remove('twice');
    exports.add(spec('twice'));
  });

  test('that are unknown are not found', async () => {
    await expect(exports.remove('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(exports.change('nobody', { readOnly: true })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(exports.record('nobody')).toBeUndefined();
    expect(exports.enter('nobody')).toBeNull();
  });
});

test('a record tells who is connected, who may write, and what they did', async () => {
  host = await startNbdHost();
  const client = await host.client();
  await host.client({ structured: true });
  await write(client, 'twelve bytes');
  client.request({ command: READ, length: 4096 });
  await client.simple(4096);
  const [record] = host.exports.list();
  expect(record).toMatchObject({ name: 'v', size: 1024 * 1024, readOnly: false, closing: false });
  expect(record?.clients).toEqual([
    {
      address: 'this host',
      secured: false,
      writer: true,
      requests: 2,
      onTheWay: 0,
      readBytes: 4096,
      writtenBytes: 12,
    },
    expect.objectContaining({ writer: true, requests: 0 }),
  ]);
  expect(record?.movedBytes).toBe(4108);
  client.destroy();
  await until('the client is forgotten', () => host.exports.record('v')?.clients.length === 1);
  expect(host.exports.record('v')?.movedBytes).toBe(4108);
});

describe('a change of the role', () => {
  test('lets what is on the way end, answers the rest ESHUTDOWN, closes, and takes clients in the new role', async () => {
    host = await startNbdHost();
    const [busy, idle] = [await host.client(), await host.client()];
    const open = host.device.hold();
    busy.request({ command: WRITE, data: Buffer.from('begun before'), cookie: 1n });
    await until('the write is on the way', () => host.device.busy === 1, { everyMs: 1 });
    let changed = false;
    const change = host.exports.change('v', { readOnly: true }).then(() => {
      changed = true;
    });
    await idle.closed();
    busy.request({ command: WRITE, data: Buffer.from('too late'), cookie: 2n });
    busy.request({ command: FLUSH, cookie: 3n });
    expect(await busy.simple()).toMatchObject({ cookie: 2n, error: ESHUTDOWN });
    expect(await busy.simple()).toMatchObject({ cookie: 3n, error: ESHUTDOWN });
    expect(host.exports.record('v')).toMatchObject({ closing: true, readOnly: false });
    expect(changed).toBe(false);
    open();
    expect(await busy.simple()).toMatchObject({ cookie: 1n, error: 0 });
    await busy.closed();
    await change;
    expect(host.exports.record('v')).toMatchObject({ closing: false, readOnly: true, clients: [] });
    expect(host.device.bytes.toString('utf8', 0, 12)).toBe('begun before');
    expect(await write(await host.client(), 'no')).toBe(1);
    await host.exports.change('v', { readOnly: false });
    expect(await write(await host.client(), 'yes')).toBe(0);
  });

  test('does not wait for a client whose export is another', async () => {
    host = await startNbdHost();
    host.exports.add({ name: 'w', device: createMemoryDevice(4096), readOnly: false });
    const other = await host.connect();
    await enter(other, 'w');
    await host.exports.change('v', { readOnly: true });
    expect(await write(other, 'still here')).toBe(0);
  });

  test('ends a write of which only a part has come, without carrying it out', async () => {
    host = await startNbdHost();
    const client = await host.client();
    client.request({ command: WRITE, length: 5000 });
    client.request({ command: WRITE, length: 5000 });
    await write(await host.client(), 'x');
    const calls = host.device.calls.length;
    await host.exports.change('v', { readOnly: true });
    await client.closed();
    expect(host.device.calls).toHaveLength(calls);
  });

  test('follows one that is under way, and finds nothing after a removal', async () => {
    host = await startNbdHost();
    const client = await host.client();
    const open = host.device.hold();
    client.request({ command: FLUSH });
    await until('the flush is on the way', () => host.device.busy === 1, { everyMs: 1 });
    const [first, removal, late] = [
      host.exports.change('v', { readOnly: true }),
      host.exports.remove('v'),
      host.exports.change('v', { readOnly: false }),
    ];
    late.catch(() => {});
    open();
    await first;
    await removal;
    await expect(late).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(host.exports.list()).toEqual([]);
  });

  test('with a new device shows its size to the clients that come', async () => {
    host = await startNbdHost();
    await host.exports.change('v', { device: createMemoryDevice(8192) });
    expect((await enter(await host.connect(), 'v')).size).toBe(8192n);
  });
});

test('a client that does not take its last replies does not hold up a change for ever', async () => {
  const late: (() => void)[] = [];
  const clock = {
    now: () => 0,
    sleep: () => new Promise<void>(() => {}),
    after: (ms: number, fire: () => void) => {
      if (ms === 5000) late.push(fire);
      return () => {};
    },
  };
  host = await startNbdHost({ size: 16 * 1024 * 1024, clock });
  const client = await host.client();
  client.pause();
  client.request({ command: READ, length: 16 * 1024 * 1024 });
  await until('it is read', () => host.device.calls.length === 1 && host.device.busy === 0, { everyMs: 1 });
  const change = host.exports.change('v', { readOnly: true });
  await until('the farewell has its time', () => late.length === 1, { everyMs: 1 });
  late[0]!();
  await change;
});
