/** The queue of ReplicaSync and what it found of each source, in a file of the home. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { messageOf, TandemError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { SYNC_RESULTS, type SyncResult } from '../model/replica-sync.ts';
import type { SyncBook, SyncState } from '../replication/sync-queue.ts';

const FILE = 'syncs.json';
const EMPTY: SyncState = { nextSerial: 1, queue: [], sources: [] };

const count = z.int().min(0);
const result = count.refine((value): value is SyncResult => value in SYNC_RESULTS);
const state = z.strictObject({
  nextSerial: count,
  queue: z.array(
    z.strictObject({
      serial: count,
      enqueued: z.number(),
      priority: count,
      preemptions: count,
      folder: z.string(),
      source: z.string().nullable(),
      options: count,
    }),
  ),
  sources: z.array(
    z.strictObject({
      folder: z.string(),
      source: z.string(),
      lastAttempt: z.number(),
      lastSuccess: z.number().nullable(),
      lastResult: result,
      sentence: z.string(),
      failures: count,
    }),
  ),
});

/** Each save writes the file anew and syncs it. A file that cannot be read is told of and left aside. */
export function createSyncFile({ home, log }: { readonly home: string; readonly log: Log }): SyncBook {
  const path = join(home, FILE);
  return {
    load: () => {
      try {
        return state.parse(JSON.parse(readFileSync(path, 'utf8')));
      } catch (error) {
        const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
        if (!missing)
          log.warn({ path, reason: messageOf(error) }, 'ordered synchronisations cannot be read and are forgotten');
        return EMPTY;
      }
    },
    save: content => {
      try {
        writeSynced(path, `${JSON.stringify(content, null, 2)}\n`);
      } catch (error) {
        throw new TandemError('STORE_FAILED', `${path} could not be written: ${messageOf(error)}`, {}, error);
      }
    },
  };
}

function writeSynced(path: string, text: string): void {
  const fresh = `${path}.new`;
  const descriptor = openSync(fresh, 'w', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(fresh, path);
  // Only then is the name durable.
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
