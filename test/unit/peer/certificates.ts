/** Certificates that no member would make: expired ones, early ones, and ones signed by another's key. */
import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Identity } from '../../../src/peer/identity.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 24 * 3_600_000;

export interface CertificateForm {
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
  /** The issuer; the certificate itself if not given. */
  readonly issuer?: Identity;
  /** It may issue others. */
  readonly authority?: boolean;
}

export async function makeIdentity(
  name: string,
  { from = -2, to = 365, issuer, authority = false }: CertificateForm = {},
): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const signingKey = issuer ? await importKey(issuer) : keys.privateKey;
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    notBefore: new Date(Date.now() + from * DAY_MS),
    notAfter: new Date(Date.now() + to * DAY_MS),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: authority ? [new x509.BasicConstraintsExtension(true, undefined, true)] : [],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return {
    name,
    guid: '55555555-5555-4555-8555-555555555555',
    key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    certificate: certificate.toString('pem'),
  };
}

function importKey(identity: Identity): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(identity.key).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
