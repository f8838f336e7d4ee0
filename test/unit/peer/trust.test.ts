import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, expect, test, vi } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { readCertificate } from '../../../src/peer/certificate.ts';
import { createPeerServer } from '../../../src/peer/grpc-server.ts';
import type { PeerLink } from '../../../src/peer/link.ts';
import { makeIdentity } from './certificates.ts';
import {
  CONNECTION,
  collect,
  FOLDER,
  GROUP,
  identityOf,
  linkTo,
  never,
  type PairOptions,
  quietService,
  startPair,
} from './pair.ts';

const refusedUs = expect.stringContaining('refused this member');
const showedAnother = expect.stringContaining('it showed the certificate');
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function pairWith(options: PairOptions) {
  const pair = await startPair({}, options);
  cleanups.push(pair.stop);
  return pair;
}

function check(link: PeerLink): Promise<void> {
  return link.checkConnectivity({ group: GROUP, connection: CONNECTION }, never);
}

test('a caller whose certificate is not pinned is refused, told why, and reported', async () => {
  const mallory = await identityOf('mallory');
  const { link, strangers } = await pairWith({ caller: mallory });
  const { fingerprint } = readCertificate(mallory.certificate);
  await expect(check(link)).rejects.toMatchObject({
    code: 'PEER_UNTRUSTED',
    message: expect.stringMatching(/beta at 127.0.0.1:\d+ refused this member: the certificate “mallory”.*not pinned/),
  });
  expect(strangers[0]).toMatchObject({
    fingerprint,
    commonName: 'mallory',
    address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  });
});

test('a stranger’s stream is refused as a single call is', async () => {
  const { link, strangers } = await pairWith({ caller: await identityOf('mallory') });
  const stream = link.watchVectors({ connection: CONNECTION, folders: [FOLDER] }, never);
  await expect(collect(stream)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED', message: refusedUs });
  expect(strangers.length).toBeGreaterThan(0);
});

test('a caller with a member’s name but another key is refused', async () => {
  const { link, strangers } = await pairWith({ caller: await makeIdentity('alpha') });
  await expect(check(link)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED', message: refusedUs });
  expect(strangers[0]?.commonName).toBe('alpha');
});

test('an answerer with another certificate than the pinned one is refused with both fingerprints', async () => {
  const impostor = await makeIdentity('beta');
  const beta = await identityOf('beta');
  const { link } = await pairWith({ answerer: impostor });
  await expect(check(link)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED' });
  const error = (await check(link).catch(thrown => thrown)) as Error;
  expect(error.message).toContain(readCertificate(impostor.certificate).fingerprint);
  expect(error.message).toContain(readCertificate(beta.certificate).fingerprint);
});

test('a pinned certificate cannot vouch for another, in either direction', async () => {
  const alpha = await identityOf('alpha');
  const beta = await identityOf('beta');
  const asCaller = await pairWith({ caller: await makeIdentity('alpha', { issuer: alpha }) });
  await expect(check(asCaller.link)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED', message: refusedUs });
  const asAnswerer = await pairWith({ answerer: await makeIdentity('beta', { issuer: beta }) });
  await expect(check(asAnswerer.link)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED', message: showedAnother });
});

test('an expired certificate of the caller is refused though it is pinned', async () => {
  const expired = await makeIdentity('alpha', { from: -10, to: -1 });
  const { link, strangers } = await pairWith({
    caller: expired,
    members: () => [{ name: 'alpha', certificate: expired.certificate }],
  });
  await expect(check(link)).rejects.toMatchObject({
    code: 'PEER_UNTRUSTED',
    message: expect.stringContaining('expired on'),
  });
  expect(strangers[0]?.reason).toContain('expired on');
});

test.each([
  { what: 'expired', form: { from: -10, to: -1 }, says: 'expired on' },
  { what: 'early', form: { from: 1, to: 10 }, says: 'not valid before' },
])('an $what certificate of the answerer is refused though it is pinned', async ({ form, says }) => {
  const answerer = await makeIdentity('beta', form);
  const { link } = await pairWith({ answerer, pin: answerer.certificate });
  await expect(check(link)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED', message: expect.stringContaining(says) });
});

test('a caller without a certificate and one without TLS are reported', async () => {
  const { server, strangers } = await pairWith({});
  const bare = connectTls({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  bare.on('error', () => {});
  cleanups.push(() => bare.destroy());
  await vi.waitFor(() => expect(strangers[0]?.reason).toBe('no certificate was shown'));
  const plain = connectTcp(server.port, '127.0.0.1', () => plain.write('GET / HTTP/1.1\r\n\r\n'));
  plain.on('error', () => {});
  cleanups.push(() => plain.destroy());
  await vi.waitFor(() => expect(strangers[1]?.reason).toContain('TLS handshake failed'));
});

test('members added and removed while the server runs count at once', async () => {
  const alpha = await identityOf('alpha');
  let members = [{ name: 'other', certificate: (await identityOf('mallory')).certificate }];
  const { link, server } = await pairWith({ members: () => members });
  await expect(check(link)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED' });
  members = [{ name: 'alpha', certificate: alpha.certificate }];
  await check(link);
  members = [];
  server.refresh();
  await expect(check(link)).rejects.toMatchObject({ code: expect.stringMatching(/^PEER_UN/) });
  await expect(check(link)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED' });
});

test('a port nobody listens on is unreachable, not untrusted', async () => {
  const { server } = await pairWith({});
  await server.close(0);
  const link = linkTo(server.port, {
    identity: await identityOf('alpha'),
    pin: (await identityOf('beta')).certificate,
  });
  cleanups.push(() => link.close());
  await expect(check(link)).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE',
    message: expect.stringContaining('connection refused'),
  });
});

/** Calls where something else than Tandem answers. */
async function linkToOther(answer: (socket: Socket) => void): Promise<PeerLink> {
  const other: Server = createServer(answer);
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => other.close());
  const port = (other.address() as { port: number }).port;
  const link = linkTo(port, { identity: await identityOf('alpha'), pin: (await identityOf('beta')).certificate });
  cleanups.push(() => link.close());
  return link;
}

test('something else on the port is unreachable with a reason', async () => {
  const link = await linkToOther(socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
  await expect(check(link)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
});

test('a link that was closed after it failed connects no more', async () => {
  let connections = 0;
  const link = await linkToOther(socket => {
    connections++;
    socket.destroy();
  });
  await expect(check(link)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  link.close();
  const before = connections;
  // gRPC's own first pause is a second, a fifth more or less.
  await new Promise(resolve => setTimeout(resolve, 1600));
  expect(connections).toBe(before);
});

test('a link connects again at once when the partner is back', async () => {
  const alpha = await identityOf('alpha');
  const beta = await identityOf('beta');
  const options = {
    identity: beta,
    members: () => [{ name: 'alpha', certificate: alpha.certificate }],
    service: quietService,
    onStranger: () => {},
    log: silentLog,
  };
  const first = await createPeerServer({ ...options, listen: { host: '127.0.0.1', port: 0 } });
  const link = linkTo(first.port, { identity: alpha, pin: beta.certificate });
  cleanups.push(() => link.close());
  await check(link);
  await first.close(0);
  await expect(check(link)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  const second = await createPeerServer({ ...options, listen: { host: '127.0.0.1', port: first.port } });
  cleanups.push(() => second.close(0));
  await check(link);
});

test('a port in use is an error that says what to do', async () => {
  const { server } = await pairWith({});
  const again = createPeerServer({
    listen: { host: '127.0.0.1', port: server.port },
    identity: await identityOf('beta'),
    members: () => [],
    service: quietService,
    onStranger: () => {},
    log: silentLog,
  });
  await expect(again).rejects.toMatchObject({
    code: 'ADDRESS_IN_USE',
    message: expect.stringContaining('another program listens on'),
  });
});

test('an address of another host is an error of the configuration', async () => {
  const elsewhere = createPeerServer({
    listen: { host: '192.0.2.1', port: 0 },
    identity: await identityOf('beta'),
    members: () => [],
    service: quietService,
    onStranger: () => {},
    log: silentLog,
  });
  await expect(elsewhere).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('192.0.2.1'),
  });
});

test('closing ends every connection, whatever stage it is in', async () => {
  const alpha = await identityOf('alpha');
  const { server } = await pairWith({});
  const closed: Promise<unknown>[] = [];
  const keep = (socket: ReturnType<typeof connectTcp>) => {
    socket.on('error', () => {}).resume();
    closed.push(new Promise(resolve => socket.once('close', resolve)));
    return socket;
  };
  const settings = { port: server.port, ...alpha, cert: alpha.certificate, rejectUnauthorized: false };
  const inside = keep(connectTls({ ...settings, ALPNProtocols: ['h2'] }));
  await new Promise(resolve => inside.once('secureConnect', resolve));
  const silent = keep(connectTcp(server.port));
  await new Promise(resolve => silent.once('connect', resolve));
  // Its handshake is about to end just when everything does.
  keep(connectTls({ ...settings, ALPNProtocols: ['h2'] }));
  await new Promise(resolve => setImmediate(resolve));
  await server.close(50);
  await Promise.all(closed);
});
