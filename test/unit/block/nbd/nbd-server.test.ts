import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../../../src/base/log.ts';
import { systemClock } from '../../../../src/base/system-clock.ts';
import { createExports } from '../../../../src/block/nbd/exports.ts';
import { exposureProblem, openNbdServer } from '../../../../src/block/nbd/nbd-server.ts';
import type { NbdTls } from '../../../../src/block/nbd/tls.ts';
import { createTraffic } from '../../../../src/block/nbd/traffic.ts';
import { until } from '../../../e2e/harness/until.ts';
import { makeIdentity } from '../../peer/certificates.ts';
import { createMemoryDevice } from '../memory-device.ts';
import { type HostOptions, type NbdHost, startNbdHost, USUAL_BOUNDS } from './host.ts';
import { content, enter, infoData, optionBytes } from './nbd-client.ts';

let host: NbdHost;
afterEach(() => host?.stop());

const [ACK, SERVER, INFO] = [1, 2, 3];
const [POLICY, INVALID, TLS_REQD] = [2, 3, 5].map(n => 2 ** 31 + n);
const LOOPBACK = { kind: 'tcp', address: { host: '127.0.0.1', port: 0 } } as const;

function openAt(path: string) {
  return openNbdServer({
    listen: { kind: 'unix', path },
    exports: createExports(),
    traffic: createTraffic(USUAL_BOUNDS),
    tls: null,
    clock: systemClock,
    log: silentLog,
  });
}

describe('the Unix socket', () => {
  test('is for this user only, and gone after the close', async () => {
    host = await startNbdHost();
    const path = host.server.where;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await host.server.close();
    expect(existsSync(path)).toBe(false);
  });

  test('replaces one that nobody listens on', async () => {
    host = await startNbdHost();
    const path = join(host.directory, 'stale.sock');
    const stale = createServer().listen(path);
    await until('it listens', () => stale.listening);
    // Its file stays where it was, as after a kill.
    const kept = `${path}.kept`;
    renameSync(path, kept);
    stale.close();
    renameSync(kept, path);
    const server = await openAt(path);
    await server.close();
  });

  test('is refused where a program answers, where something else lies, and where others could replace it', async () => {
    host = await startNbdHost();
    await expect(openAt(host.server.where)).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
    await enter(await host.connect(), 'v');
    const file = join(host.directory, 'file');
    writeFileSync(file, 'precious');
    await expect(openAt(file)).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(openAt(join(host.directory, 'x'.repeat(120)))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    chmodSync(host.directory, 0o777);
    await expect(openAt(join(host.directory, 'other.sock'))).rejects.toMatchObject({ code: 'REFUSED' });
  });
});

describe('TCP', () => {
  test('serves this host', async () => {
    host = await startNbdHost({ listen: LOOPBACK });
    await host.client();
    expect(host.exports.record('v')?.clients[0]?.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('is refused where others could listen in or come in', async () => {
    const listen = { kind: 'tcp', address: { host: '0.0.0.0', port: 0 } } as const;
    await expect(startNbdHost({ listen })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const tls = { required: true, key: '', certificate: '', clientAuthorities: ['some'] };
    expect(exposureProblem('192.0.2.1', tls)).toBeNull();
    expect(exposureProblem('192.0.2.1', { ...tls, required: false })).toContain('in the clear');
    expect(exposureProblem('::', { ...tls, clientAuthorities: [] })).toContain('anybody');
    for (const ip of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
      expect(exposureProblem(ip, null)).toBeNull();
  });

  test('is refused on a port that is taken', async () => {
    host = await startNbdHost({ listen: LOOPBACK });
    const listen = { kind: 'tcp', address: { host: '127.0.0.1', port: host.server.port! } } as const;
    await expect(startNbdHost({ listen })).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
  });
});

describe('TLS', () => {
  async function startSecured(options: HostOptions, tls: Partial<NbdTls>) {
    const { key, certificate } = await makeIdentity('server');
    host = await startNbdHost({
      ...options,
      tls: { required: false, key, certificate, clientAuthorities: [], ...tls },
    });
    return host.connect();
  }

  async function startTls(client: Awaited<ReturnType<typeof startSecured>>, options = {}): Promise<void> {
    client.option(5);
    expect((await client.reply()).type).toBe(ACK);
    await client.secure(options);
  }

  test('is refused where there is none', async () => {
    host = await startNbdHost();
    const client = await host.connect();
    client.option(5);
    expect((await client.reply()).type).toBe(POLICY);
    await enter(client, 'v');
  });

  test('carries data in both directions, and the connection ends cleanly', async () => {
    const client = await startSecured({ size: 4 * 1024 * 1024, listen: LOOPBACK }, {});
    await startTls(client);
    await enter(client, 'v', { structured: true });
    const data = Buffer.alloc(2 * 1024 * 1024, 'secret');
    client.request({ command: 1, offset: 5, data });
    await client.chunk();
    client.request({ command: 0, offset: 5, length: data.length });
    expect((await content(client, 5, data.length)).equals(data)).toBe(true);
    expect(host.exports.record('v')?.clients[0]?.secured).toBe(true);
    client.request({ command: 2 });
    await client.closed();
    await until('the client is forgotten', () => host.exports.record('v')?.clients.length === 0);
  });

  test('forgets what was negotiated before it, and is not begun twice', async () => {
    const client = await startSecured({}, {});
    client.option(8);
    await client.reply();
    await startTls(client);
    client.option(10, Buffer.from('000000017600000000', 'hex'));
    expect((await client.reply()).type).toBe(INVALID);
    client.option(5);
    expect((await client.reply()).type).toBe(INVALID);
    expect((await enter(client, 'v')).flags & 0x80).toBe(0);
    client.request({ command: 0, length: 512 });
    expect((await client.simple(512)).error).toBe(0);
  });

  test('required: every option but STARTTLS and ABORT is answered TLS_REQD, EXPORT_NAME ends the connection', async () => {
    const client = await startSecured({}, { required: true });
    for (const option of [3, 6, 7, 8, 9, 10, 99]) {
      client.option(option, infoData('v'));
      expect(await client.reply()).toMatchObject({ option, type: TLS_REQD });
    }
    await startTls(client);
    await enter(client, 'v');
    const other = await host.connect();
    other.option(1, Buffer.from('v'));
    await other.closed();
  });

  test('offered: an export for TLS only is hidden in the clear', async () => {
    const client = await startSecured({}, {});
    host.exports.add({ name: 'hidden', device: createMemoryDevice(512), readOnly: false, tlsOnly: true });
    client.option(3);
    expect([(await client.reply()).type, (await client.reply()).type]).toEqual([SERVER, ACK]);
    for (const option of [6, 7]) {
      client.option(option, infoData('hidden'));
      expect((await client.reply()).type).toBe(TLS_REQD);
    }
    await startTls(client);
    client.option(6, infoData('hidden'));
    expect([(await client.reply()).type, (await client.reply()).type]).toEqual([INFO, ACK]);
    await enter(client, 'hidden');
    const other = await host.connect();
    other.option(1, Buffer.from('hidden'));
    await other.closed();
  });

  test('what stands behind STARTTLS in the clear is not taken for something said over TLS', async () => {
    const client = await startSecured({}, {});
    client.send(Buffer.concat([optionBytes(5), optionBytes(7, infoData('v'))]));
    expect((await client.reply()).type).toBe(ACK);
    await client.closed();
    expect(host.complaints).toHaveLength(1);
  });

  test('noise instead of a TLS handshake ends the connection', async () => {
    const client = await startSecured({}, {});
    client.option(5);
    expect((await client.reply()).type).toBe(ACK);
    client.send(Buffer.alloc(300, 'noise'));
    await until('it is said', () => host.complaints.length === 1);
    await enter(await host.connect(), 'v');
  });

  test('lets in only clients whose certificate is signed by an authority that is named, or is named itself', async () => {
    const authority = await makeIdentity('authority', { authority: true });
    const friend = await makeIdentity('friend', { issuer: authority });
    const [pinned, stranger] = [await makeIdentity('pinned'), await makeIdentity('stranger')];
    let client = await startSecured({}, { clientAuthorities: [authority.certificate, pinned.certificate] });
    for (const { key, certificate } of [friend, pinned]) {
      await startTls(client, { key, cert: certificate });
      await enter(client, 'v');
      client = await host.connect();
    }
    for (const shown of [{}, { key: stranger.key, cert: stranger.certificate }]) {
      const other = await host.connect();
      await startTls(other, shown);
      await expect(enter(other, 'v')).rejects.toThrow();
    }
    expect(host.exports.record('v')?.clients).toHaveLength(2);
  });
});

test('a server that closes lets requests on the way end and sends all clients away', async () => {
  host = await startNbdHost();
  const [busy, idle, talking] = [await host.client(), await host.client(), await host.connect()];
  const open = host.device.hold();
  busy.request({ command: 1, data: Buffer.from('kept') });
  await until('the write is on the way', () => host.device.busy === 1, { everyMs: 1 });
  const closed = host.server.close();
  await Promise.all([idle.closed(), talking.closed()]);
  open();
  expect((await busy.simple()).error).toBe(0);
  await busy.closed();
  await closed;
  await expect(host.connect()).rejects.toThrow();
});
