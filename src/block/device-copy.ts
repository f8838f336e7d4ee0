/**
 * Copies a device that does not change meanwhile, a snapshot, to another: holes as holes, and only what differs. How far it is
 * lies in a file beside the target and is durable only after what it tells of, so a copy goes on after a crash where it was.
 * The file: two sealed pages `TCPY`, written in turn; payload: bytes done, u64 little-endian, and the source's name in UTF-8.
 */
import { join } from 'node:path';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { type BlockFile, type BlockFiles, openOrCreate, removeIfThere } from './block-files.ts';
import type { BlockDevice } from './device.ts';
import { isZero } from './digests.ts';
import { readNewest, writeInTurn } from './sealed-page.ts';

const MARK = 'TCPY';
/** Between two notes of how far the copy is. */
const STRETCH_BYTES = 64 * 1024 * 1024;
/** What is compared and written as one. */
const GRAIN_BYTES = 64 * 1024;

export interface DeviceCopy {
  readonly files: BlockFiles;
  /** The target's. */
  readonly directory: string;
  /** Tells this content of the source from any other: a snapshot's uuid. A copy of another source begins anew. */
  readonly sourceName: string;
  readonly from: BlockDevice;
  /** At least as large; what is beyond the source's end reads as zeroes afterwards. */
  readonly to: BlockDevice;
  readonly signal: AbortSignal;
  /** After each piece: bytes of the source that are dealt with, of them written in this run. */
  readonly progress: (doneBytes: number, writtenBytes: number) => void;
  /** Called before each piece; a copy that may not take all there is waits here. */
  readonly pace?: (bytes: number) => Promise<void>;
}

/** Durable when it settles. Bytes written. CANCELLED, and everything reading and writing can say. */
export async function copyDevice(copy: DeviceCopy): Promise<number> {
  const { files, directory, from, to, sourceName } = copy;
  if (to.size < from.size) {
    throw new TandemError(
      'REFUSED',
      `the target has ${to.size} bytes and the source ${from.size}; resize the target first`,
    );
  }
  const path = join(directory, 'copy');
  const file = await openOrCreate(files, path);
  let written = 0;
  try {
    await files.syncDirectory(directory);
    const note = await readNote(file);
    let sequence = note?.sequence ?? 0;
    let done = note?.sourceName === sourceName ? Math.min(note.done, from.size) : 0;
    while (done < from.size) {
      const end = Math.min(from.size, done + STRETCH_BYTES);
      for (let at = done; at < end; at += LIMITS.blockPieceBytes) {
        const length = Math.min(LIMITS.blockPieceBytes, end - at);
        if (copy.signal.aborted) throw new TandemError('CANCELLED', 'the copy was given up; it can be gone on with');
        await copy.pace?.(length);
        written += await copyPiece(from, to, at, length);
        copy.progress(at + length, written);
      }
      await to.flush();
      done = end;
      await writeNote(file, { sequence: ++sequence, done, sourceName });
    }
    if (to.size > from.size) await to.trim(from.size, to.size - from.size);
    await to.flush();
  } finally {
    await file.close();
  }
  await removeIfThere(files, path);
  await files.syncDirectory(directory);
  return written;
}

async function copyPiece(from: BlockDevice, to: BlockDevice, offset: number, length: number): Promise<number> {
  if (await isHole(from, offset, length)) {
    if (!(await isHole(to, offset, length))) await to.trim(offset, length);
    return 0;
  }
  const [theirs, ours] = [Buffer.allocUnsafe(length), Buffer.allocUnsafe(length)];
  await Promise.all([from.read(offset, theirs), to.read(offset, ours)]);
  let written = 0;
  for (let at = 0; at < length; at += GRAIN_BYTES) {
    const wanted = theirs.subarray(at, at + GRAIN_BYTES);
    if (wanted.equals(ours.subarray(at, at + GRAIN_BYTES))) continue;
    if (isZero(wanted)) {
      await to.trim(offset + at, wanted.length);
    } else {
      await to.write(offset + at, wanted);
      written += wanted.length;
    }
  }
  return written;
}

async function isHole(device: BlockDevice, offset: number, length: number): Promise<boolean> {
  const [first] = await device.extents(offset, length);
  return first?.hole === true && first.length >= length;
}

interface Note {
  readonly sequence: number;
  readonly done: number;
  readonly sourceName: string;
}

async function readNote(file: BlockFile): Promise<Note | null> {
  const newest = await readNewest(file, MARK);
  if (newest === null) return null;
  const payload = Buffer.from(newest.payload);
  return {
    sequence: newest.sequence,
    done: Number(payload.readBigUInt64LE()),
    sourceName: payload.toString('utf8', 8),
  };
}

async function writeNote(file: BlockFile, { sequence, done, sourceName }: Note): Promise<void> {
  const payload = Buffer.alloc(8 + Buffer.byteLength(sourceName));
  payload.writeBigUInt64LE(BigInt(done));
  payload.write(sourceName, 8);
  await writeInTurn(file, MARK, { sequence, payload });
}
