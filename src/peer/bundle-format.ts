/**
 * A bundle: what one member has of a folder and another one lacks, as a file that anything may carry. docs/STATE.md has the
 * format. It begins with a line of text, then come frames: type (1 byte), length (4 bytes, little-endian), payload.
 */
import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { checkVector, type VersionVector } from '../model/version-vector.ts';
import type { FolderStateName } from './link.ts';

export const BUNDLE_VERSION = 2;
export const BUNDLE_SUFFIX = '.tandem';
export const FRAME_HEAD_BYTES = 5;
export const DIGEST_BYTES = 32;
/** SHA-256 and size. */
export const LARGE_HEAD_BYTES = DIGEST_BYTES + 8;
const OPENING = 'TANDEM BUNDLE ';

export const FRAMES = {
  header: 1,
  /** RequestUpdatesResponse with a batch. */
  updates: 2,
  /** The SHA-256 and the content of a file of at most LIMITS.wholeFileBytes. */
  small: 3,
  /** The SHA-256 and the size of a larger one; a recipe, pieces and `over` follow. */
  large: 4,
  /** FetchContentResponse with the chunks of the large file. */
  recipe: 5,
  /** LIMITS.contentMessageBytes of the large file, or what is left of it. */
  piece: 6,
  /** The large file ends: 1, and is what it should be; 0, and is not. */
  over: 7,
  /** SHA-256 of all bytes before this frame, and the maker's signature. */
  end: 8,
  /** For whose key all that follows is encrypted, and the key made for that. */
  seal: 9,
} as const;
export type FrameType = keyof typeof FRAMES;
const TYPES: ReadonlyMap<number, FrameType> = new Map(
  Object.entries(FRAMES).map(([name, number]) => [number, name as FrameType]),
);

/** What its maker wants in return. */
const ASKS = ['nothing', 'lacking', 'everything'] as const;
export type BundleAsks = (typeof ASKS)[number];

export interface BundleHeader {
  readonly protocol: { readonly major: number; readonly minor: number };
  readonly software: string;
  /** GUIDs. */
  readonly group: string;
  readonly connection: string;
  /** The member that made it. */
  readonly from: string;
  /** The member it is for. */
  readonly to: string;
  readonly folder: string;
  readonly state: FolderStateName;
  /** 32 hex digits. */
  readonly database: string;
  readonly configDigest: string;
  /** When it was made, milliseconds since the Unix epoch, by the clock of whoever made it. */
  readonly time: number;
  /** It holds updates; false: it only tells what its maker holds. */
  readonly serves: boolean;
  /** All that its maker holds. */
  readonly holds: VersionVector;
  /** What of that was left out, as the other member was known to have it. */
  readonly left: VersionVector;
  /** What its maker asks to be sent: all that `holds` lacks, or all there is. */
  readonly asks: BundleAsks;
}

const STATES = ['uninitialized', 'initialized', 'initial-sync', 'auto-recovery', 'normal', 'in-error'] as const;
const guid = z.guid().transform(text => text.toLowerCase());
const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const count = z.int().min(0);
const vector = z
  .record(hex(32), z.array(count))
  .transform(bounds => new Map(Object.entries(bounds)) as VersionVector)
  .refine(value => checkVector(value) === null, 'is no version vector');
// What a later minor version adds is not looked at.
const header = z.object({
  protocol: z.object({ major: count, minor: count }),
  software: z.string().max(LIMITS.textBytes),
  group: guid,
  connection: guid,
  from: guid,
  to: guid,
  folder: guid,
  state: z.enum(STATES),
  database: hex(32),
  configDigest: hex(64),
  time: z.int(),
  serves: z.boolean(),
  holds: vector,
  left: vector,
  asks: z.enum(ASKS).default('nothing'),
});

export function openingLine(version = BUNDLE_VERSION): Buffer {
  return Buffer.from(`${OPENING}${version}\n`);
}

/** The version of a bundle that begins with these bytes; null: it is none. */
export function versionOfOpening(bytes: Buffer): number | null {
  const match = new RegExp(`^${OPENING}(\\d{1,9})\\n`).exec(bytes.toString('latin1'));
  return match ? Number(match[1]) : null;
}

export function frameHead(type: FrameType, length: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  head.writeUInt8(FRAMES[type], 0);
  head.writeUInt32LE(length, 1);
  return head;
}

/** Null: no frame begins so. */
export function readFrameHead(head: Buffer): { readonly type: FrameType; readonly length: number } | null {
  const type = TYPES.get(head.readUInt8(0));
  const length = head.readUInt32LE(1);
  return type === undefined || length > LIMITS.messageBytes ? null : { type, length };
}

export function headerToWire({ holds, left, ...rest }: BundleHeader): Buffer {
  const text = JSON.stringify({ ...rest, holds: Object.fromEntries(holds), left: Object.fromEntries(left) });
  return Buffer.from(text);
}

/** BUNDLE_DAMAGED where it is malformed. */
export function headerFromWire(bytes: Buffer, path: string): BundleHeader {
  try {
    return header.parse(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    throw damaged(path, `what it says of itself cannot be read (${why})`);
  }
}

/** What the maker signs: bound to this use, as the key also serves TLS. */
export function signatureOf(digest: Buffer, key: string): Buffer {
  return sign('sha256', signedBytes(digest), createPrivateKey(key));
}

export function isSignedBy(digest: Buffer, signature: Buffer, certificate: string): boolean {
  return verify('sha256', signedBytes(digest), new X509Certificate(certificate).publicKey, signature);
}

/** `why` completes “the bundle is damaged: …”. */
export function damaged(path: string, why: string): TandemError {
  return new TandemError('BUNDLE_DAMAGED', `the bundle ${path} is damaged: ${why}; carry it over once more`);
}

function signedBytes(digest: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`tandem bundle ${BUNDLE_VERSION}\n`), digest]);
}
