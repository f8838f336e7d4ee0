/** Certificates that “tandem init” would never make. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';
import type { Member } from './member.ts';

/** Gives the member a new key and a self-signed certificate with this validity, in place of its own, and answers the certificate in PEM. */
export async function makeIdentity(
  member: Member,
  validity: { readonly notBefore: Date; readonly notAfter: Date },
): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: `CN=${member.name}`, ...validity, signingAlgorithm: algorithm, keys, serialNumber: '01' },
    webcrypto as unknown as Parameters<typeof X509CertificateGenerator.createSelfSigned>[1],
  );
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  const directory = join(member.home, 'identity');
  for (const name of readdirSync(directory)) {
    const text = readFileSync(join(directory, name), 'utf8');
    if (text.includes('PRIVATE KEY')) writeFileSync(join(directory, name), `${key}\n`);
    else if (text.includes('BEGIN CERTIFICATE'))
      writeFileSync(join(directory, name), `${certificate.toString('pem')}\n`);
  }
  return `${certificate.toString('pem')}\n`;
}
