/**
 * Reading files so that what was read is known to be one state of them: the look before and the look after are the
 * same, ctime included, so nothing was written in between.
 */
import { createHash, hash as hashOnce } from 'node:crypto';
import { errnoOf } from '../base/errno.ts';
import { LIMITS } from '../base/limits.ts';
import type { Xxh64, Xxh64State } from '../base/xxh64.ts';
import { chunkSizesFor, createChunkCutter } from '../model/chunk-cutter.ts';
import type { Recipe } from '../model/recipe.ts';
import type { Stat } from '../model/update.ts';
import type { Hashed } from './disk.ts';
import { type Directory, type File, type Look, using } from './file-system.ts';
import { asExpected, sameLook, toStat } from './look.ts';

const READ_BYTES = 1024 * 1024;
/** Between two turns of a long read. */
const TURN_BYTES = 16 * 1024 * 1024;
/** Time stamps move in steps of at most this: a change within one step of the last would not show. */
const TIME_STEP_MS = 10;

/** It is not what it was when it was looked at, or is there no more. */
export type Unread = 'changed' | 'gone';

export interface ContentReader {
  /** Reads and hashes a file that looked so a moment ago. Gives way after every 16 MiB. EACCES where it may not be read. */
  hash(directory: Directory, name: string, look: Look): Generator<void, Hashed | Unread>;
  /** The two halves of `hash` for a large file, each with a reading of its own. */
  digest(directory: Directory, name: string, look: Look): Generator<void, { hash: string } | Unread>;
  recipe(directory: Directory, name: string, look: Look): Generator<void, Recipe | Unread>;
  /** Reads a range of a file into `into`. */
  read(directory: Directory, name: string, stat: Stat, into: Uint8Array, offset: number): 'read' | Unread;
  /** Lent for a moment: no other call on the reader meanwhile. */
  readonly buffer: Uint8Array;
}

export interface ContentTools {
  readonly xxh64: Xxh64;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Blocks for a moment, so that time stamps can move on. */
  readonly pause: (ms: number) => void;
}

export function createContentReader({ xxh64, now, pause }: ContentTools): ContentReader {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

  /** Waits until a change from now on must get a later ctime than the file has. */
  function passTimeStep(look: Look): void {
    const ageMs = now() - Number(look.ctimeNs / 1_000_000n);
    if (ageMs >= 0 && ageMs < TIME_STEP_MS) pause(TIME_STEP_MS - ageMs);
  }

  /** Reads a file that looked so a moment ago from front to back; gives way after every 16 MiB. */
  function* readThrough(
    directory: Directory,
    name: string,
    look: Look,
    take: (bytes: Uint8Array) => void,
  ): Generator<void, 'read' | Unread> {
    passTimeStep(look);
    const file = openToRead(directory, name);
    if (typeof file === 'string') return file;
    try {
      const isRead = yield* readSpan(file, { from: 0, to: look.size }, buffer, take);
      return isRead && sameLook(look, file.look()) ? 'read' : 'changed';
    } finally {
      file.close();
    }
  }

  function* hash(directory: Directory, name: string, look: Look): Generator<void, Hashed | Unread> {
    if (look.size <= LIMITS.wholeFileBytes) {
      let content: Uint8Array = buffer.subarray(0, 0);
      const read = yield* readThrough(directory, name, look, bytes => {
        content = bytes;
      });
      return read === 'read' ? { hash: sha256(content), recipe: null, stat: toStat(look) } : read;
    }
    const whole = createHash('sha256');
    const chunks = collectChunks(look.size, xxh64);
    const read = yield* readThrough(directory, name, look, bytes => {
      whole.update(bytes);
      chunks.push(bytes);
    });
    return read === 'read' ? { hash: whole.digest('hex'), recipe: chunks.finish(), stat: toStat(look) } : read;
  }

  function* digest(directory: Directory, name: string, look: Look): Generator<void, { hash: string } | Unread> {
    const whole = createHash('sha256');
    const read = yield* readThrough(directory, name, look, bytes => whole.update(bytes));
    return read === 'read' ? { hash: whole.digest('hex') } : read;
  }

  function* recipe(directory: Directory, name: string, look: Look): Generator<void, Recipe | Unread> {
    const chunks = collectChunks(look.size, xxh64);
    const read = yield* readThrough(directory, name, look, bytes => chunks.push(bytes));
    return read === 'read' ? chunks.finish() : read;
  }

  function read(directory: Directory, name: string, stat: Stat, into: Uint8Array, offset: number): 'read' | Unread {
    const file = openToRead(directory, name);
    if (typeof file === 'string') return file;
    return using(file, () => {
      const length = file.read(into, 0, into.length, offset);
      return length === into.length && asExpected(stat, file.look()) ? 'read' : 'changed';
    });
  }

  return { hash, digest, recipe, read, buffer };
}

/** Runs a reading to its end at once. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

export function sha256(bytes: Uint8Array): string {
  return hashOnce('sha256', bytes, 'hex');
}

/** SHA-256 of the first `size` bytes of an open file, in hex; null: it is shorter. */
export function hashPrefix(file: File, size: number, buffer: Uint8Array): string | null {
  const whole = createHash('sha256');
  const isRead = atOnce(readSpan(file, { from: 0, to: size }, buffer, bytes => whole.update(bytes)));
  return isRead ? whole.digest('hex') : null;
}

/** Reads an open file between two places, through `buffer`. Gives way after every 16 MiB. False: it is shorter. */
export function* readSpan(
  file: File,
  { from, to }: { readonly from: number; readonly to: number },
  buffer: Uint8Array,
  take: (bytes: Uint8Array) => void,
): Generator<void, boolean> {
  let turn = from + TURN_BYTES;
  for (let at = from; at < to; ) {
    const length = file.read(buffer, 0, Math.min(buffer.length, to - at), at);
    if (length === 0) return false;
    take(buffer.subarray(0, length));
    at += length;
    if (at < turn) continue;
    turn = at + TURN_BYTES;
    yield;
  }
  return true;
}

function openToRead(directory: Directory, name: string): File | Unread {
  try {
    return directory.openFile(name, 'read');
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return 'gone';
    if (code === 'ELOOP' || code === 'ENXIO' || code === 'EISDIR') return 'changed';
    throw error;
  }
}

function collectChunks(fileSize: number, xxh64: Xxh64): { push(bytes: Uint8Array): void; finish(): Recipe } {
  const cutter = createChunkCutter(chunkSizesFor(fileSize));
  const lengths: number[] = [];
  const hashes: bigint[] = [];
  let state: Xxh64State | null = null;
  function end(length: number): void {
    lengths.push(length);
    hashes.push(state!.digest());
    state = null;
  }
  return {
    push(bytes) {
      let from = 0;
      cutter.push(bytes, (length, to) => {
        state ??= xxh64.begin();
        state.update(bytes.subarray(from, to));
        end(length);
        from = to;
      });
      if (from === bytes.length) return;
      state ??= xxh64.begin();
      state.update(bytes.subarray(from));
    },
    finish() {
      const rest = cutter.finish();
      if (rest > 0) end(rest);
      return { lengths: Uint32Array.from(lengths), hashes: BigUint64Array.from(hashes) };
    },
  };
}
