/** SHA-256 of files while they are being staged: each reading goes on where the last one ended. */
import { createHash, type Hash } from 'node:crypto';
import { readSpan } from './content.ts';
import type { File } from './file-system.ts';

/** Files of which it is remembered how far they have been read; others are read anew. */
const REMEMBERED = 256;

export interface StagedDigests {
  /** SHA-256 of the first `bytes` bytes, in hex; null: the file is shorter. Gives way after every 16 MiB. */
  read(stagingId: string, file: File, bytes: number): Generator<void, string | null>;
}

interface Running {
  /** Which file it was: a staging id may be used again. */
  readonly ino: bigint;
  readonly birthtimeNs: bigint;
  readonly bytes: number;
  readonly hash: Hash;
}

export function createStagedDigests(buffer: Uint8Array): StagedDigests {
  const running = new Map<string, Running>();

  /** What goes on is nobody else's meanwhile. */
  function take(stagingId: string, ino: bigint, birthtimeNs: bigint, bytes: number): Running {
    const known = running.get(stagingId);
    running.delete(stagingId);
    const goesOn = known?.ino === ino && known.birthtimeNs === birthtimeNs && known.bytes <= bytes;
    return goesOn ? known : { ino, birthtimeNs, bytes: 0, hash: createHash('sha256') };
  }

  function keep(stagingId: string, state: Running): void {
    running.set(stagingId, state);
    if (running.size > REMEMBERED) running.delete(running.keys().next().value!);
  }

  return {
    *read(stagingId, file, bytes) {
      const { ino, birthtimeNs } = file.look();
      const { hash, bytes: from } = take(stagingId, ino, birthtimeNs, bytes);
      const isRead = yield* readSpan(file, { from, to: bytes }, buffer, read => hash.update(read));
      if (!isRead) return null;
      keep(stagingId, { ino, birthtimeNs, bytes, hash });
      return hash.copy().digest('hex');
    },
  };
}
