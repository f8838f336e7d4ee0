/**
 * What is known of a volume or snapshot, in a small file beside its data: two sealed pages of JSON, written in turn. The newer
 * one that is whole counts, so a write that was cut off changes nothing.
 */
import { z } from 'zod';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { BlockFile } from './block-files.ts';
import { PAGE_PAYLOAD_BYTES, readNewest, writeInTurn } from './sealed-page.ts';

const MARK = 'TVOL';
export const SUPERBLOCK_FORMAT = 1;

const SCHEMA = z.object({
  /** A program that knows only lower numbers refuses the volume. */
  format: z.number().int(),
  uuid: z.string(),
  /** Bytes. */
  size: z.number().int().min(0).max(LIMITS.volumeBytes),
  blockSize: z.number().int(),
  /** Where the data is; null: in the file `data` beside the superblock, which is ours to delete. */
  backing: z.object({ path: z.string(), kind: z.enum(['file', 'device']) }).nullable(),
  /** What tells the file with the data from others. */
  backingIdentity: z.string(),
  /** Whether everything was committed when it was last closed. */
  clean: z.boolean(),
  /** Texts of those above: what part the volume has in replicas, and its generations. */
  role: z.string().max(LIMITS.superblockTextBytes),
  generations: z.string().max(LIMITS.superblockTextBytes),
  /** A snapshot's own; null for a volume. */
  snapshot: z
    .object({
      /** Of the volume it was taken of. */
      source: z.string(),
      /** ms since the epoch */
      takenMs: z.number(),
      writable: z.boolean(),
      /** Bytes its own clusters may take; null: as many as there are. */
      quotaBytes: z.number().nullable(),
      /** Why it does not show its point in time any more; null while it does. */
      broken: z.string().nullable(),
    })
    .nullable(),
});

export type SuperblockContent = Readonly<z.infer<typeof SCHEMA>>;

export class Superblock {
  #content: SuperblockContent;
  readonly #file: BlockFile;
  #sequence: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: BlockFile, content: SuperblockContent, sequence: number) {
    this.#file = file;
    this.#content = content;
    this.#sequence = sequence;
  }

  get content(): SuperblockContent {
    return this.#content;
  }

  /** Durable when it settles; changes take place one after the other. */
  change(change: Partial<SuperblockContent>): Promise<void> {
    const done = this.#last.then(async () => {
      const content = { ...this.#content, ...change };
      await writeSuperblock(this.#file, content, this.#sequence + 1);
      this.#sequence++;
      this.#content = content;
    });
    this.#last = done.catch(() => {});
    return done;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file.close();
  }
}

/** Writes and syncs one of the two copies. */
export async function writeSuperblock(file: BlockFile, content: SuperblockContent, sequence: number): Promise<void> {
  const payload = Buffer.from(JSON.stringify(content));
  if (payload.length > PAGE_PAYLOAD_BYTES) {
    throw new TandemError('INVALID_ARGUMENT', 'the names and texts of a volume take more than 4000 bytes together');
  }
  await writeInTurn(file, MARK, { sequence, payload });
}

/** The newest content that is whole; null where there is none. BLOCK_IO for one of a later format. */
export async function readSuperblock(
  file: BlockFile,
): Promise<{ readonly content: SuperblockContent; readonly sequence: number } | null> {
  const found = await readNewest(file, MARK);
  if (found === null) return null;
  const value: unknown = JSON.parse(Buffer.from(found.payload).toString('utf8'));
  const format = z.object({ format: z.number() }).parse(value).format;
  if (format > SUPERBLOCK_FORMAT) {
    throw new TandemError(
      'BLOCK_IO',
      `the volume was written by a later version of Tandem (format ${format}); use that one`,
    );
  }
  return { content: SCHEMA.parse(value), sequence: found.sequence };
}
