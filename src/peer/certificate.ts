/** What can be said of a certificate: who holds it, its fingerprint, its bytes, and whether it may be used now. */
import { X509Certificate } from 'node:crypto';
import { messageOf } from '../base/errors.ts';

export interface CertificateFacts {
  /** The common name of the subject; '' if there is none. */
  readonly commonName: string;
  /** SHA-256 of the DER form: 32 bytes as upper-case hex joined by colons, as OpenSSL prints it. */
  readonly fingerprint: string;
  /** The DER form. Two certificates are the same if these bytes are. */
  readonly raw: Buffer;
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Reads one certificate, PEM or DER. Throws what Node says where it is none. */
export function readCertificate(certificate: string | Buffer): CertificateFacts {
  const parsed = new X509Certificate(certificate);
  return {
    commonName: /^CN=(.*)$/m.exec(parsed.subject)?.[1] ?? '',
    fingerprint: parsed.fingerprint256,
    raw: parsed.raw,
    notBefore: Date.parse(parsed.validFrom),
    notAfter: Date.parse(parsed.validTo),
  };
}

/** Why this certificate is of no use at `now` (milliseconds), as the rest of “the certificate …”; null: nothing is wrong. */
export function certificateProblem(certificate: string | Buffer, now: number): string | null {
  let facts: CertificateFacts;
  try {
    facts = readCertificate(certificate);
  } catch (error) {
    return `cannot be read as an X.509 certificate (${messageOf(error)})`;
  }
  if (now < facts.notBefore) return `is not valid before ${isoSeconds(facts.notBefore)}; is this host's clock right?`;
  if (now > facts.notAfter) return `expired on ${isoSeconds(facts.notAfter)}`;
  return null;
}

/** `“alpha” (SHA-256 4B:1F:…)` */
export function describeCertificate(facts: CertificateFacts): string {
  return `“${facts.commonName}” (SHA-256 ${facts.fingerprint})`;
}

function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
