/**
 * The listening socket: accepts TCP, does TLS, and lets in only whoever holds the key of a pinned certificate. HTTP/2 and
 * gRPC never see anybody else.
 */
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { formatAddress } from '../base/address.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { certificateProblem, describeCertificate, readCertificate } from './certificate.ts';
import { goodbyeFrames } from './goodbye.ts';
import type { Identity } from './identity.ts';
import { ALPN_PROTOCOLS, contextOptions } from './tls-settings.ts';

/** A partner as group.yaml has it. */
export interface PinnedMember {
  readonly name: string;
  /** PEM. */
  readonly certificate: string;
}

/** Somebody who was not let in. */
export interface Stranger {
  /** `host:port` of the other end. */
  readonly address: string;
  /** SHA-256 of the certificate shown, as OpenSSL prints it; null: none was shown. */
  readonly fingerprint: string | null;
  /** What the certificate claims, unproven. */
  readonly commonName: string | null;
  /** A sentence for people: what was wrong. */
  readonly reason: string;
}

export interface TlsDoor {
  readonly port: number;
  /** The name of the member that this certificate (DER) is pinned for at present. */
  memberOf(certificate: Buffer): string | undefined;
  /** Looks at the members again: connections of those no longer pinned end. New connections do so by themselves. */
  refresh(): void;
  /** No new connections from now on. */
  stopListening(): void;
  /** Ends all connections at once, those too that are still in their handshakes. Resolves when the last is gone. */
  destroy(): Promise<void>;
}

export interface TlsDoorOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly identity: Identity;
  readonly members: () => readonly PinnedMember[];
  readonly onStranger: (stranger: Stranger) => void;
  /** A connection whose other end has proven to be a member. */
  readonly onMember: (socket: TLSSocket) => void;
}

/** How long somebody turned away may take to read why. */
const GOODBYE_MS = 1000;
/** TLS failures that only say that the other end went away: probes of load balancers and the like. */
const SILENT_CODES: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE']);

/** ADDRESS_IN_USE or CONFIG_INVALID if it cannot listen there. */
export async function openTlsDoor(options: TlsDoorOptions): Promise<TlsDoor> {
  const { identity, onStranger, onMember } = options;
  const inside = new Map<TLSSocket, string>();
  const connections = new Set<Socket>();
  let pins = new Map<string, string>();

  const server = createServer({
    ...contextOptions(identity, []),
    ALPNProtocols: ALPN_PROTOCOLS,
    requestCert: true,
    // Whoever it is shall be named in an event; the check of `admit` lets nobody else in.
    rejectUnauthorized: false,
    handshakeTimeout: LIMITS.connectTimeoutMs,
    noDelay: true,
  });
  server.maxConnections = LIMITS.inboundChannels;

  function refresh(): void {
    const members = options.members();
    const present = new Map(members.map(({ name, certificate }) => [keyOf(readCertificate(certificate).raw), name]));
    if (sameMap(present, pins)) return;
    pins = present;
    server.setSecureContext(
      contextOptions(
        identity,
        members.map(({ certificate }) => certificate),
      ),
    );
    for (const [socket, key] of inside) if (!pins.has(key)) socket.destroy();
  }

  function admit(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    const refusal = refusalOf(socket, pins);
    if (refusal !== null) {
      onStranger(refusal);
      turnAway(socket, refusal.reason);
      return;
    }
    inside.set(socket, keyOf(socket.getPeerX509Certificate()!.raw));
    socket.on('close', () => inside.delete(socket));
    onMember(socket);
  }

  server.prependListener('connection', connection => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    // Before TLS begins, so that the handshake already knows the present members.
    refresh();
  });
  server.on('secureConnection', admit);
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    if (!SILENT_CODES.has(error.code)) {
      const reason = `the TLS handshake failed: ${messageOf(error)}`;
      onStranger({ address: addressOf(socket), fingerprint: null, commonName: null, reason });
    }
    socket.destroy();
  });
  refresh();
  await listen(server, options.listen);
  server.on('error', () => {});
  const ended = new Promise<void>(resolve => server.once('close', resolve));
  const stopListening = (): void => {
    if (server.listening) server.close();
  };

  return {
    port: (server.address() as AddressInfo).port,
    memberOf: certificate => pins.get(keyOf(certificate)),
    refresh,
    stopListening,
    destroy: () => {
      stopListening();
      for (const socket of inside.keys()) socket.destroy();
      for (const connection of connections) connection.destroy();
      return ended;
    },
  };
}

function refusalOf(socket: TLSSocket, pins: ReadonlyMap<string, string>): Stranger | null {
  const address = addressOf(socket);
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) {
    return { address, fingerprint: null, commonName: null, reason: 'no certificate was shown' };
  }
  const facts = readCertificate(shown.raw);
  const { fingerprint, commonName } = facts;
  const stranger = (reason: string): Stranger => ({ address, fingerprint, commonName, reason });
  const described = `the certificate ${describeCertificate(facts)}`;
  const name = pins.get(keyOf(facts.raw));
  if (name === undefined) {
    return stranger(`${described} is not pinned for any member in group.yaml`);
  }
  const problem = certificateProblem(shown.raw, Date.now());
  if (problem !== null) return stranger(`${described} of ${name} ${problem}`);
  if (!socket.authorized) return stranger(`${described} of ${name} is not accepted (${socket.authorizationError})`);
  return socket.alpnProtocol === 'h2' ? null : stranger(`${name} does not speak HTTP/2`);
}

function turnAway(socket: TLSSocket, reason: string): void {
  socket.end(goodbyeFrames(reason));
  // What it sent is thrown away; unread, it would make the goodbye be lost.
  socket.resume();
  setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
}

function listen(server: ReturnType<typeof createServer>, address: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, address));
    server.once('error', onError);
    server.listen(address.port, address.host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function listenError(error: NodeJS.ErrnoException, address: { host: string; port: number }): TandemError {
  const where = formatAddress(address);
  switch (error.code) {
    case 'EADDRINUSE':
      return new TandemError(
        'ADDRESS_IN_USE',
        `another program listens on ${where}; stop it, or set another address as “listen” in member.yaml and in every group.yaml`,
        { address: where },
        error,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new TandemError(
        'CONFIG_INVALID',
        `${where} is no address of this host (${error.code}); set “listen” in member.yaml to one of its own, or to 0.0.0.0:${address.port}`,
        { address: where },
        error,
      );
    default:
      return new TandemError(
        'CONFIG_INVALID',
        `cannot listen on ${where}: ${messageOf(error)}; set another address as “listen” in member.yaml`,
        { address: where },
        error,
      );
  }
}

function addressOf(socket: TLSSocket): string {
  return formatAddress({ host: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 });
}

function keyOf(certificate: Buffer): string {
  return certificate.toString('base64');
}

function sameMap(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
