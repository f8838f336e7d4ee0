/** Certificates as they stand in group.yaml. */
import { X509Certificate } from 'node:crypto';

/**
 * The certificate in PEM with lines of 64 characters, however white space was mangled by YAML. Throws an `Error` whose
 * message says what is wrong.
 */
export function readCertificate(text: string): string {
  const blocks = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g)];
  if (blocks.some(([, label]) => label?.endsWith('PRIVATE KEY'))) {
    throw new Error(
      'this is a private key; it must never leave its host. Put the certificate here that “tandem init” printed, and make a new identity',
    );
  }
  const [block] = blocks;
  if (blocks.length !== 1 || block?.[1] !== 'CERTIFICATE') {
    throw new Error(
      'expected one certificate, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----; copy it whole from what “tandem init” printed',
    );
  }
  const pem = makePem(block[2]!.replace(/\s+/g, ''));
  try {
    return makePem(new X509Certificate(pem).raw.toString('base64'));
  } catch {
    throw new Error('this certificate cannot be decoded; copy it whole from what “tandem init” printed');
  }
}

function makePem(base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
