/** TLS in the middle of a connection, as NBD begins it. */
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { messageOf } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';

export interface NbdTls {
  /** Nothing but TLS is spoken; otherwise clients may ask for it, and must for exports that are `tlsOnly`. */
  readonly required: boolean;
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  /** PEM. Clients must show one of these certificates, or one that is signed by one of them. None: they need not show any. */
  readonly clientAuthorities: readonly string[];
}

/** Takes over a socket from which nobody reads. Null, with `onFailure` told why, if TLS does not come about. */
export function upgrade(
  socket: Socket,
  { key, certificate, clientAuthorities }: NbdTls,
  onFailure: (reason: string) => void,
): Promise<TLSSocket | null> {
  const asksForCertificate = clientAuthorities.length > 0;
  return new Promise(resolve => {
    // A server that listens nowhere: it does what a server does with a connection, checks included.
    const server = createServer({
      key,
      cert: certificate,
      ca: [...clientAuthorities],
      // The protocol wants 1.2 at least.
      minVersion: 'TLSv1.2',
      requestCert: asksForCertificate,
      rejectUnauthorized: asksForCertificate,
      handshakeTimeout: LIMITS.connectTimeoutMs,
    });
    server.once('secureConnection', resolve);
    server.once('tlsClientError', error => {
      onFailure(`TLS did not come about: ${messageOf(error)}`);
      socket.destroy();
      resolve(null);
    });
    socket.once('close', () => resolve(null));
    server.emit('connection', socket);
  });
}
