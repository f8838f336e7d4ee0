/** Has staged files read behind whoever writes them, so that their digest is there soon after the last byte. */

/** SHA-256 of the first `bytes` bytes of a staged file, read on from the last reading; null: it is shorter. */
export type ReadStaged = (stagingId: string, bytes: number) => Promise<string | null>;

export interface DigestBehind {
  /** The file has this many bytes now. */
  appended(stagingId: string, bytes: number): void;
  /** Nothing more is written: the digest of its first `bytes` bytes. */
  finish(stagingId: string, bytes: number): Promise<string | null>;
}

export function createDigestBehind(read: ReadStaged): DigestBehind {
  /** How far each file may be read, and the reading that is under way. */
  const files = new Map<string, { written: number; reading: Promise<void> }>();

  async function follow(stagingId: string, file: { written: number }): Promise<void> {
    for (let done = 0; done < file.written; ) {
      const bytes = file.written;
      await read(stagingId, bytes);
      done = bytes;
    }
    files.delete(stagingId);
  }

  return {
    appended(stagingId, bytes) {
      const file = files.get(stagingId);
      if (file !== undefined) {
        file.written = bytes;
        return;
      }
      const begun = { written: bytes, reading: Promise.resolve() };
      files.set(stagingId, begun);
      // What fails here fails again, and is heard of, when the file is finished.
      begun.reading = follow(stagingId, begun).catch(() => void files.delete(stagingId));
    },
    async finish(stagingId, bytes) {
      await files.get(stagingId)?.reading;
      return read(stagingId, bytes);
    },
  };
}
