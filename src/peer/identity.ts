/**
 * A member's identity: an ECDSA key on P-256, a self-signed certificate that partners pin in group.yaml, and a GUID. Kept
 * in three files that only the owner may read. Whoever holds the key is the member.
 */
import { createPrivateKey, randomUUID, webcrypto, X509Certificate } from 'node:crypto';
import { chmod, mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { messageOf, TandemError } from '../base/errors.ts';
import { syncDirectory } from '../base/sync-directory.ts';

export interface Identity {
  readonly name: string;
  readonly guid: string;
  /** PEM, PKCS#8. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
}

const FILES = { key: 'key.pem', certificate: 'certificate.pem', member: 'member.json' } as const;
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const VALID_YEARS = 20;
/** Covers clocks that run behind this one when the certificate is first shown to them. */
const VALID_BEFORE_MS = 24 * 3_600_000;

const memberFile = z.strictObject({ name: z.string().min(1), guid: z.guid() });

/**
 * Makes an identity in `directory`, which is created (0700) where missing. Durable when it returns. HOME_EXISTS if one of
 * the files is there already: an identity is never overwritten.
 */
export async function createIdentity(directory: string, name: string): Promise<Identity> {
  const identity: Identity = { name, guid: randomUUID(), ...(await makeKeyAndCertificate(name)) };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  await writeNew(join(directory, FILES.key), identity.key);
  await writeNew(join(directory, FILES.certificate), identity.certificate);
  await writeNew(join(directory, FILES.member), `${JSON.stringify({ name, guid: identity.guid })}\n`);
  await syncDirectory(directory);
  await syncDirectory(dirname(directory));
  return identity;
}

/** CONFIG_UNREADABLE if a file is missing or malformed, if key and certificate do not belong together, or if others may read the key. */
export async function loadIdentity(directory: string): Promise<Identity> {
  const keyFile = join(directory, FILES.key);
  const certificateFile = join(directory, FILES.certificate);
  const key = await read(keyFile);
  const { mode } = await stat(keyFile);
  if ((mode & 0o077) !== 0) {
    throw unreadable(`others can read or write the member's key ${keyFile}; run: chmod 600 '${keyFile}'`);
  }
  const certificate = await read(certificateFile);
  const member = parseMember(join(directory, FILES.member), await read(join(directory, FILES.member)));
  const parsedCertificate = parse(certificateFile, 'certificate', () => new X509Certificate(certificate));
  const parsedKey = parse(keyFile, 'private key', () => createPrivateKey(key));
  if (!parsedCertificate.checkPrivateKey(parsedKey)) {
    throw unreadable(`${keyFile} is not the key of ${certificateFile}; restore both files from the same backup`);
  }
  return { name: member.name, guid: member.guid.toLowerCase(), key, certificate };
}

async function makeKeyAndCertificate(name: string): Promise<Pick<Identity, 'key' | 'certificate'>> {
  // Loaded here only: a daemon that has its identity does not need it. The library wants its polyfill first.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
  const notBefore = new Date(Date.now() - VALID_BEFORE_MS);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + VALID_YEARS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    notBefore,
    notAfter,
    extensions: [
      // It vouches for nobody but itself.
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  return {
    key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    certificate: `${certificate.toString('pem')}\n`,
  };
}

async function writeNew(path: string, content: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new TandemError(
        'HOME_EXISTS',
        `${path} exists already; choose another home, or use the member that is there`,
        { path },
      );
    }
    throw new TandemError('CONFIG_UNREADABLE', `cannot write ${path}: ${messageOf(error)}`, { path }, error);
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const advice = missing ? 'it is missing; make a member with “tandem init”, or restore its home' : messageOf(error);
    throw unreadable(`cannot read ${path}: ${advice}`, error);
  }
}

function parseMember(path: string, text: string): z.infer<typeof memberFile> {
  const json = parse(path, 'JSON', () => JSON.parse(text) as unknown);
  const result = memberFile.safeParse(json);
  if (!result.success)
    throw unreadable(`${path} is malformed: ${z.prettifyError(result.error)}; restore it from a backup`);
  return result.data;
}

function parse<T>(path: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(`${path} is not a ${what}: ${messageOf(error)}; restore it from a backup`, error);
  }
}

function unreadable(message: string, cause?: unknown): TandemError {
  return new TandemError('CONFIG_UNREADABLE', message, {}, cause);
}
