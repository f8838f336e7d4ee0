/** What both ends of a link set for TLS. Only version 1.3: it hides the certificates from onlookers. */
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Identity } from './identity.ts';

/** Server name that callers ask for. It says nothing: whom they mean, they know by the pinned certificate. */
export const SERVER_NAME = 'tandem';
export const ALPN_PROTOCOLS = ['h2'];
/** AES-128 first: as good here, and cheaper. */
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';

export function contextOptions(identity: Identity, pins: readonly string[]): SecureContextOptions {
  return {
    key: identity.key,
    cert: identity.certificate,
    ca: [...pins],
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
  };
}

export function callerContext(identity: Identity, pin: string): SecureContext {
  return createSecureContext(contextOptions(identity, [pin]));
}
