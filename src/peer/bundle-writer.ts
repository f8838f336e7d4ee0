/** Writes a bundle front to back. It has its name only when it is whole and durable. */
import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { syncDirectory } from '../base/sync-directory.ts';
import type { Recipe } from '../model/recipe.ts';
import type { Update } from '../model/update.ts';
import { type BundleCipher, sealFor } from './bundle-cipher.ts';
import {
  type BundleHeader,
  type FrameType,
  frameHead,
  headerToWire,
  LARGE_HEAD_BYTES,
  openingLine,
  signatureOf,
} from './bundle-format.ts';
import { peerCalls } from './proto-calls.ts';
import { digestToWire } from './wire-parts.ts';
import { splitUpdates } from './wire-update.ts';

export interface BundleWriter {
  /** Bytes so far. */
  readonly bytes: number;
  updates(updates: readonly Update[]): Promise<void>;
  /** A content of at most LIMITS.wholeFileBytes. `hash`: its SHA-256 as hex. */
  small(hash: string, data: Uint8Array): Promise<void>;
  /** A larger one. Its pieces follow, each of LIMITS.contentMessageBytes but the last, and `over`. */
  large(hash: string, size: number, recipe: Recipe): Promise<void>;
  piece(data: Uint8Array): Promise<void>;
  /** `whole` false: what was written of the large file is not its content. */
  over(whole: boolean): Promise<void>;
  /** Signs it and gives it its name. */
  finish(): Promise<void>;
  /** Leaves nothing behind; does nothing after `finish`. */
  discard(): Promise<void>;
}

export interface BundleKeys {
  /** The maker’s, PEM. */
  readonly key: string;
  /** Of the member it is for, PEM. */
  readonly certificate: string;
}

/** REFUSED if there is something at `path`. All calls may reject with DISK_FULL or DISK_FAILED. */
export async function createBundleWriter(
  path: string,
  header: BundleHeader,
  { key, certificate }: BundleKeys,
): Promise<BundleWriter> {
  const { seal, cipher } = sealFor(certificate);
  const partial = `${path}.part`;
  // Keeps the name; media for carrying may know no hard links.
  await told(path, async () => (await open(path, 'wx', 0o600)).close());
  const file = await told(path, () => open(partial, 'w', 0o600)).catch(async error => {
    await unlink(path).catch(() => {});
    throw error;
  });
  const output = new Output(path, file);
  let [isOpen, isNamed] = [true, false];
  const frame = async (type: FrameType, ...parts: readonly Uint8Array[]): Promise<void> => {
    const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
    await output.write(frameHead(type, length));
    for (const part of parts) await output.write(part);
  };
  const close = async (): Promise<void> => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  const writer: BundleWriter = {
    get bytes() {
      return output.bytes;
    },
    updates: async updates => {
      for (const part of splitUpdates({ kind: 'updates', updates }))
        await frame('updates', peerCalls().requestUpdates.answer.write(part));
    },
    small: (hash, data) => frame('small', digestToWire(hash), data),
    large: async (hash, size, recipe) => {
      const head = Buffer.alloc(LARGE_HEAD_BYTES);
      digestToWire(hash).copy(head);
      head.writeBigUInt64LE(BigInt(size), LARGE_HEAD_BYTES - 8);
      await frame('large', head);
      const chunks = { kind: 'chunks', id: 0, group: 0, recipe, last: true } as const;
      await frame('recipe', peerCalls().fetchContent.answer.write([chunks]));
    },
    piece: data => frame('piece', data),
    over: whole => frame('over', Buffer.of(whole ? 1 : 0)),
    finish: async () => {
      const digest = output.digest();
      await frame('end', digest, signatureOf(digest, key));
      await output.flush();
      await told(path, () => file.sync());
      await close();
      await told(path, () => rename(partial, path));
      isNamed = true;
      await told(path, () => syncDirectory(dirname(path)));
    },
    discard: async () => {
      await close().catch(() => {});
      if (isNamed) return;
      for (const name of [partial, path]) await unlink(name).catch(() => {});
    },
  };
  try {
    await output.write(openingLine());
    await frame('header', headerToWire(header));
    await frame('seal', seal);
    await output.encrypt(cipher);
  } catch (error) {
    await writer.discard();
    throw error;
  }
  return writer;
}

/** Collects small writes, counts and hashes them, and encrypts what goes out. */
class Output {
  bytes = 0;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(LIMITS.bundleBufferBytes);
  #filled = 0;
  #written = 0;
  #cipher: BundleCipher | null = null;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  async write(data: Uint8Array): Promise<void> {
    this.bytes += data.byteLength;
    for (let at = 0; at < data.byteLength; ) {
      const part = data.subarray(at, at + this.#buffer.length - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#buffer.length) await this.flush();
    }
  }

  /** What was written so far stays as it is. */
  async encrypt(cipher: BundleCipher): Promise<void> {
    await this.flush();
    this.#cipher = cipher;
  }

  async flush(): Promise<void> {
    const plain = this.#buffer.subarray(0, this.#filled);
    this.#hash.update(plain);
    this.#filled = 0;
    const data = this.#cipher?.(plain, this.#written) ?? plain;
    this.#written += data.length;
    for (let at = 0; at < data.length; ) {
      const { bytesWritten } = await told(this.#path, () => this.#file.write(data, at, data.length - at));
      at += bytesWritten;
    }
  }

  /** SHA-256 of all that was written, before it was encrypted. */
  digest(): Buffer {
    return this.#hash.copy().update(this.#buffer.subarray(0, this.#filled)).digest();
  }
}

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') throw new TandemError('REFUSED', `${path} exists already; choose another name`, {}, error);
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    throw new TandemError(
      full ? 'DISK_FULL' : 'DISK_FAILED',
      `the bundle ${path} cannot be written: ${messageOf(error)}`,
      {},
      error,
    );
  }
}
