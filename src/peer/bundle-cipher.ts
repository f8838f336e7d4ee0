/**
 * Encrypts a bundle for the member it is for, by an agreement of a key made for this bundle alone with the key of that member’s
 * pinned certificate (ECDH on P-256, HKDF, AES-256 in counter mode). Any part is read where it lies. That nothing was changed is
 * told by the SHA-256 and the signature over the whole, not by this. docs/STATE.md has the format.
 */
import {
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto';
import { messageOf, TandemError } from '../base/errors.ts';
import { BUNDLE_VERSION, DIGEST_BYTES, damaged } from './bundle-format.ts';

const CURVE = 'prime256v1';
const BLOCK_BYTES = 16;
const KEY_BYTES = 32;

/** Encrypts or decrypts what stands at that byte of the file; the same either way. */
export type BundleCipher = (data: Uint8Array, offset: number) => Buffer;

/** `certificate`: of the member the bundle is for, PEM. `seal` goes into the bundle as it is. REFUSED where its key cannot be used so. */
export function sealFor(certificate: string): { readonly seal: Buffer; readonly cipher: BundleCipher } {
  const { publicKey } = new X509Certificate(certificate);
  if (publicKey.asymmetricKeyDetails?.namedCurve !== CURVE) {
    throw new TandemError('REFUSED', 'a bundle can be encrypted only for a member whose key is one of “tandem init”');
  }
  const own = generateKeyPairSync('ec', { namedCurve: CURVE });
  const seal = Buffer.concat([digestOf(publicKey), toDer(own.publicKey)]);
  return { seal, cipher: cipherOf(diffieHellman({ privateKey: own.privateKey, publicKey }), seal) };
}

/** `key`: of this member, PEM. PEER_UNTRUSTED if the bundle is encrypted for another key, BUNDLE_DAMAGED if the seal is none. */
export function openSeal(seal: Buffer, key: string, path: string): BundleCipher {
  const privateKey = createPrivateKey(key);
  if (!seal.subarray(0, DIGEST_BYTES).equals(digestOf(createPublicKey(privateKey)))) {
    throw new TandemError(
      'PEER_UNTRUSTED',
      `the bundle ${path} is encrypted for another key than this member’s: have one made where group.yaml has its present certificate`,
    );
  }
  try {
    const publicKey = createPublicKey({ key: seal.subarray(DIGEST_BYTES), format: 'der', type: 'spki' });
    return cipherOf(diffieHellman({ privateKey, publicKey }), seal);
  } catch (error) {
    throw damaged(path, `its key cannot be used (${messageOf(error)})`);
  }
}

function cipherOf(secret: Buffer, seal: Buffer): BundleCipher {
  const about = `tandem bundle ${BUNDLE_VERSION} content`;
  const key = Buffer.from(hkdfSync('sha256', secret, seal, about, KEY_BYTES));
  return (data, offset) => {
    // The key is this bundle’s alone, so that counting may begin at the first byte of every one.
    const counter = Buffer.alloc(BLOCK_BYTES);
    counter.writeBigUInt64BE(BigInt(Math.floor(offset / BLOCK_BYTES)), BLOCK_BYTES - 8);
    const cipher = createCipheriv('aes-256-ctr', key, counter);
    cipher.update(Buffer.alloc(offset % BLOCK_BYTES));
    return cipher.update(data);
  };
}

function digestOf(key: KeyObject): Buffer {
  return createHash('sha256').update(toDer(key)).digest();
}

function toDer(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}
