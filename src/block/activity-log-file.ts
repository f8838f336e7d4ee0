/**
 * Which extents of 4 MiB may differ from what partners have without the dirty maps telling: those written to lately. A ring of
 * records in sealed pages; each holds the whole set, so the newest that is whole counts and one that was cut off changes nothing.
 * What it would have allowed has not begun then.
 * Payload: extent numbers, u32 little-endian.
 */
import { assert } from '../base/errors.ts';
import type { BlockFile } from './block-files.ts';
import { openPage, PAGE_BYTES, PAGE_PAYLOAD_BYTES, sealPage } from './sealed-page.ts';

export const EXTENT_BYTES = 4 * 1024 * 1024;
/** As many as a record holds. */
export const MOST_HOT_EXTENTS = PAGE_PAYLOAD_BYTES / 4;
const MARK = 'TLOG';
const RECORDS = 8;

export class ActivityLogFile {
  readonly #file: BlockFile;
  #sequence: number;

  constructor(file: BlockFile, sequence: number) {
    this.#file = file;
    this.#sequence = sequence;
  }

  /** `hot` is the set from now on; durable when it settles. One call at a time. */
  async write(hot: Iterable<number>): Promise<void> {
    const extents = Uint32Array.from(hot);
    assert(extents.length <= MOST_HOT_EXTENTS, 'hot extents fit one record');
    const payload = Buffer.alloc(extents.length * 4);
    extents.forEach((extent, index) => {
      payload.writeUInt32LE(extent, index * 4);
    });
    // A record whose write failed may be there all the same: its place and number are not used again.
    const sequence = ++this.#sequence;
    await this.#file.write(sealPage(MARK, { sequence, payload }), (sequence % RECORDS) * PAGE_BYTES);
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** The extents that were hot, and the log to go on with. Where no record is whole, null: nothing is known. */
export async function openActivityLog(
  file: BlockFile,
): Promise<{ readonly log: ActivityLogFile; readonly hot: readonly number[] | null }> {
  await file.sync();
  const { size } = await file.look();
  const ring = Buffer.alloc(RECORDS * PAGE_BYTES);
  await file.read(ring.subarray(0, Math.min(size, ring.length)), 0);
  const newest = Array.from({ length: RECORDS }, (_, record) =>
    openPage(MARK, ring.subarray(record * PAGE_BYTES, (record + 1) * PAGE_BYTES)),
  )
    .filter(page => page !== null)
    .sort((a, b) => b.sequence - a.sequence)[0];
  if (newest === undefined) return { log: new ActivityLogFile(file, 0), hot: null };
  const payload = Buffer.from(newest.payload);
  const hot = Array.from({ length: payload.length / 4 }, (_, index) => payload.readUInt32LE(index * 4));
  return { log: new ActivityLogFile(file, newest.sequence), hot };
}
