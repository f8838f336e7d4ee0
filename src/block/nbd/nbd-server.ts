/** Where NBD clients connect: a Unix socket for this user's programs, or TCP for this host or with TLS. */
import { type AddressInfo, createServer, isIPv4, type Server, type Socket } from 'node:net';
import { type Address, formatAddress } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf, TandemError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import { placeSocket } from '../../base/unix-socket.ts';
import { createBufferPool } from './buffer-pool.ts';
import { type Client, serveClient } from './client.ts';
import { readDirectly } from './direct-reading.ts';
import type { Exports } from './exports.ts';
import type { NbdTls } from './tls.ts';
import type { Traffic } from './traffic.ts';

export type NbdListen =
  | { readonly kind: 'unix'; readonly path: string }
  /** Port 0: any free one. */
  | { readonly kind: 'tcp'; readonly address: Address };

export interface NbdServerOptions {
  readonly listen: NbdListen;
  /** May be shared with other servers, as `traffic`. */
  readonly exports: Exports;
  readonly traffic: Traffic;
  /** Null: it speaks no TLS. */
  readonly tls: NbdTls | null;
  readonly clock: Clock;
  readonly log: Log;
}

export interface NbdServer {
  /** Where it listens: the path, or the address with the real port. */
  readonly where: string;
  readonly port: number | null;
  /** No new clients; requests that come are answered ESHUTDOWN, those on the way are finished. Resolves when all clients are gone. */
  close(): Promise<void>;
}

/**
 * Listens when it resolves. INVALID_ARGUMENT for TCP in the clear that others than this host could reach, ADDRESS_IN_USE
 * where somebody answers already, otherwise as `placeSocket`.
 */
export async function openNbdServer({ listen, ...options }: NbdServerOptions): Promise<NbdServer> {
  const clients = new Set<Client>();
  const buffers = createBufferPool();
  const shared = Buffer.allocUnsafeSlow(LIMITS.nbdReadBytes);
  const server = createServer({ noDelay: true, pauseOnConnect: true });
  server.maxConnections = LIMITS.nbdClients;
  server.on('connection', (accepted: Socket) => {
    const { socket, reading } = readDirectly(accepted, shared);
    const client = serveClient({ ...options, buffers, socket, reading, address: addressOf(socket) });
    clients.add(client);
    const forget = (): void => void clients.delete(client);
    client.ended.then(forget, forget);
  });

  const { where, unplace } =
    listen.kind === 'unix' ? await listenOnPath(listen.path) : await listenOnTcp(listen.address);
  server.on('error', error => options.log.error({ error: messageOf(error) }, 'the NBD server cannot take a client'));
  const address = server.address();

  return {
    where,
    port: address !== null && typeof address === 'object' ? address.port : null,
    close: async () => {
      const closed = new Promise<void>(resolve => {
        server.close(() => resolve());
      });
      await unplace();
      await Promise.all([...clients].map(client => client.close()));
      await closed;
    },
  };

  async function listenOnPath(path: string): Promise<{ where: string; unplace: () => Promise<void> }> {
    const place = {
      path,
      what: 'the NBD socket',
      setting: 'another path',
      taken: { code: 'ADDRESS_IN_USE', message: `another program answers on ${path}; stop it, or set another path` },
    } as const;
    return { where: path, unplace: await placeSocket(place, temporary => bind(server, { path: temporary })) };
  }

  async function listenOnTcp(wanted: Address): Promise<{ where: string; unplace: () => Promise<void> }> {
    try {
      await bind(server, { host: wanted.host, port: wanted.port });
    } catch (error) {
      throw listenError(error, wanted);
    }
    const bound = server.address() as AddressInfo;
    const problem = exposureProblem(bound.address, options.tls);
    if (problem !== null) {
      server.close();
      throw new TandemError('INVALID_ARGUMENT', `NBD clients cannot be served on ${formatAddress(wanted)}: ${problem}`);
    }
    return { where: formatAddress({ host: bound.address, port: bound.port }), unplace: async () => {} };
  }
}

/** Null: whoever can reach the address may. */
export function exposureProblem(ip: string, tls: NbdTls | null): string | null {
  if (isLoopback(ip)) return null;
  if (tls === null || !tls.required) {
    return 'other hosts could reach it in the clear; use a Unix socket, 127.0.0.1 or [::1], or require TLS';
  }
  if (tls.clientAuthorities.length === 0) {
    return 'anybody could reach it; name the authorities that sign the certificates of its clients';
  }
  return null;
}

function isLoopback(ip: string): boolean {
  const plain = ip.replace(/^::ffff:/i, '');
  return isIPv4(plain) ? plain.startsWith('127.') : ip === '::1';
}

function bind(server: Server, where: { path: string } | Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function listenError(error: unknown, wanted: Address): TandemError {
  const where = formatAddress(wanted);
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new TandemError('ADDRESS_IN_USE', `another program listens on ${where}; stop it, or set another address`);
  }
  return new TandemError('INVALID_ARGUMENT', `cannot listen on ${where}: ${messageOf(error)}`, {}, error);
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? 'this host' : formatAddress({ host: remoteAddress, port: remotePort ?? 0 });
}
