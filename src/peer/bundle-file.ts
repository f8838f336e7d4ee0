/**
 * Reads a bundle. It is read once from end to end, against its SHA-256 and the signature of its maker, before anything in it
 * is believed; after that, parts of it are read where they lie. A medium that changes meanwhile is noticed: updates by
 * their digests, contents by their SHA-256.
 */
import { createHash, hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Recipe } from '../model/recipe.ts';
import type { Update } from '../model/update.ts';
import { type BundleCipher, openSeal } from './bundle-cipher.ts';
import {
  BUNDLE_VERSION,
  type BundleHeader,
  DIGEST_BYTES,
  damaged,
  FRAME_HEAD_BYTES,
  type FrameType,
  headerFromWire,
  isSignedBy,
  LARGE_HEAD_BYTES,
  openingLine,
  readFrameHead,
  versionOfOpening,
} from './bundle-format.ts';
import { ContentIndex } from './content-index.ts';
import { peerCalls, unwrap } from './proto-calls.ts';

/** A content that the bundle has. */
export type BundledContent =
  | { readonly kind: 'small'; readonly data: Buffer }
  | {
      readonly kind: 'large';
      readonly size: number;
      recipe(): Promise<Recipe>;
      /** `offset` and `length` lie within the file; at most LIMITS.contentMessageBytes. */
      read(offset: number, length: number): Promise<Buffer>;
    };

export interface Bundle {
  readonly path: string;
  readonly header: BundleHeader;
  readonly bytes: number;
  /** In the order of the bundle: tombstones first, then live ones, parents before children. */
  updates(): AsyncIterable<readonly Update[]>;
  /** By its SHA-256 as hex; null: the bundle has it not. */
  content(hash: string): Promise<BundledContent | null>;
  close(): Promise<void>;
}

export interface BundleChecks {
  /** The certificate pinned for the maker, PEM. Throws what is wrong with the header, before the rest is read. */
  readonly certificateFor: (header: BundleHeader) => string;
  /** Of this member, PEM. */
  readonly key: string;
  /** Told how many bytes have been checked. */
  readonly checked: (bytes: number) => void;
}

/**
 * NOT_FOUND if there is no such file, BUNDLE_DAMAGED if it is no bundle or not as it was made, PEER_INCOMPATIBLE if it is of a later
 * or earlier version, PEER_UNTRUSTED if its maker did not sign it or it is encrypted for another key, DISK_FAILED if it cannot be read.
 */
export async function openBundle(path: string, checks: BundleChecks, signal: AbortSignal): Promise<Bundle> {
  const source = await openSource(path);
  try {
    return new BundleFile(source, await check(source, checks, signal));
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** What a bundle says of itself, unchecked. As `openBundle`. */
export async function peekBundle(path: string): Promise<BundleHeader> {
  const source = await openSource(path);
  try {
    return (await readHeader(new Frames(source), path)).header;
  } finally {
    await source.close();
  }
}

interface Batch {
  readonly offset: number;
  readonly length: number;
  /** SHA-256 as hex. */
  readonly digest: string;
}

interface Checked {
  readonly header: BundleHeader;
  readonly batches: readonly Batch[];
  readonly contents: ContentIndex;
}

async function readHeader(frames: Frames, path: string): Promise<{ header: BundleHeader }> {
  const opening = openingLine();
  const begin = await frames.take(opening.length, true);
  const version = versionOfOpening(begin);
  if (version === null) throw new TandemError('BUNDLE_DAMAGED', `${path} is no bundle of Tandem`);
  if (version !== BUNDLE_VERSION) {
    throw new TandemError(
      'PEER_INCOMPATIBLE',
      `the bundle ${path} is of version ${version}; this program reads version ${BUNDLE_VERSION}`,
    );
  }
  const first = await frames.next();
  if (first.type !== 'header') throw damaged(path, 'it does not begin with what it is');
  return { header: headerFromWire(await frames.take(first.length), path) };
}

async function check(source: Source, checks: BundleChecks, signal: AbortSignal): Promise<Checked> {
  const { path } = source;
  const frames = new Frames(source);
  const { header } = await readHeader(frames, path);
  const certificate = checks.certificateFor(header);
  const seal = await frames.next();
  if (seal.type !== 'seal') throw damaged(path, 'it does not say for whom it is encrypted');
  source.decrypt(openSeal(Buffer.from(await frames.take(seal.length)), checks.key, path));
  frames.readAgain();
  const batches: Batch[] = [];
  const contents = new ContentIndex();
  let large: { readonly digest: Buffer; readonly offset: number } | null = null;
  for (let told = 0; ; ) {
    if (signal.aborted) throw new TandemError('CANCELLED', `reading the bundle ${path} was given up`);
    if (frames.offset - told >= LIMITS.bundleBufferBytes * 16) {
      told = frames.offset;
      checks.checked(told);
    }
    const offset = frames.offset;
    const { type, length, before } = await frames.next();
    switch (type) {
      case 'updates': {
        const payload = await frames.take(length);
        batches.push({ offset: offset + FRAME_HEAD_BYTES, length, digest: hash('sha256', payload) });
        break;
      }
      case 'small': {
        if (length < DIGEST_BYTES || length > DIGEST_BYTES + LIMITS.wholeFileBytes)
          throw damaged(path, 'a content has an impossible size');
        contents.add((await frames.take(length)).subarray(0, DIGEST_BYTES), offset);
        break;
      }
      case 'large': {
        if (length !== LARGE_HEAD_BYTES) throw damaged(path, 'a content has an impossible size');
        large = { digest: Buffer.from((await frames.take(length)).subarray(0, DIGEST_BYTES)), offset };
        break;
      }
      case 'over': {
        const whole = (await frames.take(length))[0] === 1;
        if (large && whole) contents.add(large.digest, large.offset);
        large = null;
        break;
      }
      case 'end': {
        const payload = await frames.take(length);
        if (!payload.subarray(0, DIGEST_BYTES).equals(before!))
          throw damaged(path, 'its SHA-256 is not the one it was made with');
        if (frames.offset !== source.bytes) throw damaged(path, 'something follows its end');
        if (!isSignedBy(before!, payload.subarray(DIGEST_BYTES), certificate)) {
          throw new TandemError(
            'PEER_UNTRUSTED',
            `the bundle ${path} is not signed with the key that group.yaml pins for its maker`,
          );
        }
        return { header, batches, contents };
      }
      case 'header':
      case 'seal':
        throw damaged(path, 'it begins twice');
      default:
        await frames.take(length);
    }
  }
}

class BundleFile implements Bundle {
  readonly header: BundleHeader;
  readonly #source: Source;
  readonly #batches: readonly Batch[];
  readonly #contents: ContentIndex;

  constructor(source: Source, { header, batches, contents }: Checked) {
    this.#source = source;
    this.header = header;
    this.#batches = batches;
    this.#contents = contents;
  }

  get path(): string {
    return this.#source.path;
  }

  get bytes(): number {
    return this.#source.bytes;
  }

  async *updates(): AsyncGenerator<readonly Update[]> {
    const { read } = peerCalls().requestUpdates.answer;
    for (const { offset, length, digest } of this.#batches) {
      const payload = await this.#source.read(offset, length);
      if (hash('sha256', payload) !== digest) throw damaged(this.path, 'it changes while it is read');
      const answer = unwrap(read(payload));
      if (answer.kind === 'updates') yield answer.updates;
    }
  }

  async content(wanted: string): Promise<BundledContent | null> {
    const digest = Buffer.from(wanted, 'hex');
    const offset = this.#contents.find(digest);
    if (offset === undefined) return null;
    const source = this.#source;
    const frame = readFrameHead(await source.read(offset, FRAME_HEAD_BYTES));
    const from = offset + FRAME_HEAD_BYTES;
    if (!frame) throw damaged(this.path, 'it changes while it is read');
    const payload = await source.read(from, frame.length);
    if (!payload.subarray(0, DIGEST_BYTES).equals(digest)) return null;
    if (frame.type === 'small') return { kind: 'small', data: payload.subarray(DIGEST_BYTES) };
    const next = from + frame.length;
    const recipeFrame = readFrameHead(await source.read(next, FRAME_HEAD_BYTES));
    if (frame.type !== 'large' || recipeFrame?.type !== 'recipe') return null;
    const size = Number(payload.readBigUInt64LE(DIGEST_BYTES));
    const pieces = next + FRAME_HEAD_BYTES + recipeFrame.length;
    return {
      kind: 'large',
      size,
      recipe: async () => {
        const [answer] = unwrap(
          peerCalls().fetchContent.answer.read(await source.read(next + FRAME_HEAD_BYTES, recipeFrame.length)),
        );
        if (answer?.kind !== 'chunks') throw damaged(this.path, 'a large file has no list of its chunks');
        return answer.recipe;
      },
      read: async (start, length) => {
        const parts: Buffer[] = [];
        for (let at = start; at < start + length; ) {
          const piece = Math.floor(at / LIMITS.contentMessageBytes);
          const inside = at - piece * LIMITS.contentMessageBytes;
          const take = Math.min(LIMITS.contentMessageBytes - inside, start + length - at);
          // Each piece has a head of its own before it.
          parts.push(await source.read(pieces + (piece + 1) * FRAME_HEAD_BYTES + at, take));
          at += take;
        }
        return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      },
    };
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

interface Source {
  readonly path: string;
  readonly bytes: number;
  /** A buffer of its own. BUNDLE_DAMAGED where it ends before. */
  read(offset: number, length: number): Promise<Buffer>;
  /** What is read from now on. */
  decrypt(cipher: BundleCipher): void;
  close(): Promise<void>;
}

async function openSource(path: string): Promise<Source> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'r');
    const stat = await file.stat();
    if (!stat.isFile()) throw new TandemError('INVALID_ARGUMENT', `${path} is no file`);
    return sourceOf(path, file, stat.size);
  } catch (error) {
    await file?.close();
    if (error instanceof TandemError) throw error;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw missing
      ? new TandemError('NOT_FOUND', `there is no bundle ${path}`, {}, error)
      : new TandemError('DISK_FAILED', `the bundle ${path} cannot be read: ${messageOf(error)}`, {}, error);
  }
}

function sourceOf(path: string, file: FileHandle, bytes: number): Source {
  let cipher: BundleCipher | null = null;
  return {
    path,
    bytes,
    decrypt: by => {
      cipher = by;
    },
    read: async (offset, length) => {
      const data = Buffer.allocUnsafe(length);
      for (let at = 0; at < length; ) {
        const { bytesRead } = await file.read(data, at, length - at, offset + at).catch(error => {
          throw new TandemError('DISK_FAILED', `the bundle ${path} cannot be read: ${messageOf(error)}`, {}, error);
        });
        if (bytesRead === 0) throw damaged(path, `it is cut off after ${offset + at} bytes`);
        at += bytesRead;
      }
      return cipher?.(data, offset) ?? data;
    },
    close: () => file.close(),
  };
}

/** Front to back, hashing what is passed. */
class Frames {
  offset = 0;
  readonly #source: Source;
  readonly #hash = createHash('sha256');
  #buffer = Buffer.alloc(0);

  constructor(source: Source) {
    this.#source = source;
  }

  /** `before`: SHA-256 of all that comes before the end. */
  async next(): Promise<{ readonly type: FrameType; readonly length: number; readonly before: Buffer | null }> {
    await this.#fill(FRAME_HEAD_BYTES, false);
    const head = readFrameHead(this.#buffer);
    if (!head) throw damaged(this.#source.path, `what stands at byte ${this.offset} is unknown`);
    const before = head.type === 'end' ? this.#hash.copy().digest() : null;
    await this.take(FRAME_HEAD_BYTES);
    return { ...head, before };
  }

  /** The next bytes, good until the next call. `few`: fewer where the file ends. */
  async take(length: number, few = false): Promise<Buffer> {
    await this.#fill(length, few);
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(taken.length);
    this.offset += taken.length;
    this.#hash.update(taken);
    return taken;
  }

  /** What was read ahead is forgotten: from here on the source reads otherwise. */
  readAgain(): void {
    this.#buffer = Buffer.alloc(0);
  }

  async #fill(length: number, few: boolean): Promise<void> {
    if (this.#buffer.length >= length) return;
    const from = this.offset + this.#buffer.length;
    const left = this.#source.bytes - from;
    const wanted = Math.min(Math.max(length - this.#buffer.length, LIMITS.bundleBufferBytes), left);
    this.#buffer = Buffer.concat([this.#buffer, await this.#source.read(from, wanted)]);
    if (this.#buffer.length < length && !few)
      throw damaged(this.#source.path, `it is cut off after ${this.#source.bytes} bytes`);
  }
}
