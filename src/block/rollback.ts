/** Setting a volume back to a snapshot. The order is noted first, so that a crash leaves nothing in between for long. */
import { join } from 'node:path';
import { type BlockFiles, openIfThere, openOrCreate } from './block-files.ts';
import { CLUSTER_BYTES, type ClusterStore } from './cluster-store.ts';
import { openPage, PAGE_BYTES, sealPage } from './sealed-page.ts';

const MARK = 'TRBK';
const CLUSTERS_AT_ONCE = 16;

/** Durable when it settles. */
export async function noteRollback(files: BlockFiles, directory: string, uuid: string): Promise<void> {
  const file = await openOrCreate(files, join(directory, 'rollback'));
  try {
    await file.write(sealPage(MARK, { sequence: 1, payload: Buffer.from(uuid) }), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.syncDirectory(directory);
}

/** The uuid of the snapshot a volume was being set back to; null: none. */
export async function readRollback(files: BlockFiles, directory: string): Promise<string | null> {
  const file = await openIfThere(files, join(directory, 'rollback'), 'read');
  if (file === null) return null;
  try {
    // The process that wrote it may have died before it was durable; now it is about to be obeyed.
    await file.sync();
    const page = Buffer.alloc(PAGE_BYTES);
    const { size } = await file.look();
    await file.read(page.subarray(0, Math.min(size, PAGE_BYTES)), 0);
    // A note that was cut off was not followed by anything.
    const note = openPage(MARK, page);
    return note === null ? null : Buffer.from(note.payload).toString('utf8');
  } finally {
    await file.close();
  }
}

export interface SettingBack {
  readonly from: ClusterStore;
  readonly to: ClusterStore;
  /** Other snapshots of the volume take what they need before it changes. */
  readonly keepBeforeChange: (first: number, end: number) => Promise<void> | null;
}

/** Copies every cluster the snapshot has of its own; again from the start if it was cut off. Durable when it settles. */
export async function setBack({ from, to, keepBeforeChange }: SettingBack): Promise<void> {
  for (const run of from.present.runs(0, from.clusters)) {
    if (!run.set) continue;
    for (let first = run.from; first < run.to; first += CLUSTERS_AT_ONCE) {
      const end = Math.min(first + CLUSTERS_AT_ONCE, run.to);
      await keepBeforeChange(first, end);
      await copyClusters(from, to, first, end);
    }
  }
  await to.commit();
}

async function copyClusters(from: ClusterStore, to: ClusterStore, first: number, end: number): Promise<void> {
  let at = first * CLUSTER_BYTES;
  for (const { length, hole } of [...from.extents(at, Math.min(end * CLUSTER_BYTES, from.size) - at)]) {
    if (hole) {
      await to.trim(at, length);
    } else {
      const bytes = Buffer.allocUnsafe(length);
      await from.read(at, bytes);
      await to.write(at, bytes);
    }
    at += length;
  }
}
