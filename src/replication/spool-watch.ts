/**
 * Bundles that arrive in the spool are taken in by themselves: what lies still there becomes an order like any other, so that it
 * is seen in the queue, and recorded for its source. Hints bring a look forward; looks come round by themselves.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { SYNC_OPTIONS } from '../model/replica-sync.ts';
import { type Arrival, type SeenArrival, stepSpool } from '../model/spool-look.ts';
import type { SyncRequest } from '../model/sync-order.ts';
import { peekBundle } from '../peer/bundle-file.ts';
import { BUNDLE_SUFFIX } from '../peer/bundle-format.ts';
import type { Member } from './member.ts';

export interface SpoolWatchParts {
  /** Absolute; it may not be there yet. */
  readonly spool: string;
  readonly clock: Clock;
  /** The member that runs now; throws while there is none. */
  readonly member: () => Member;
  /** Takes an order for all bundles of one source and folder. */
  readonly order: (request: SyncRequest) => void;
  /** Calls `changed` when something may have changed in the spool, until it is closed. */
  readonly hints: (changed: () => void) => { close(): Promise<void> };
  readonly log: Log;
}

const OPTIONS = SYNC_OPTIONS.ASYNCHRONOUS_OPERATION | SYNC_OPTIONS.PERIODIC | SYNC_OPTIONS.INTERSITE_MESSAGING;

export async function watchSpool(parts: SpoolWatchParts, signal: AbortSignal): Promise<void> {
  const { clock, hints, log } = parts;
  const bell = new Bell();
  const hinting = hints(() => bell.ring());
  let seen: ReadonlyMap<string, SeenArrival> = new Map();
  try {
    while (!signal.aborted) {
      let isMoving = false;
      try {
        ({ seen, isMoving } = await lookAround(parts, seen));
      } catch (error) {
        // Among others while group.yaml is read again.
        log.debug({ err: error }, 'the spool could not be looked at');
      }
      const cancel = clock.after(isMoving ? LIMITS.spoolStillMs : LIMITS.spoolLookMs, () => bell.ring());
      await bell.heard(signal);
      cancel();
      // A bundle that is being copied hints all the time.
      await clock.sleep(LIMITS.spoolStillMs, signal).catch(() => {});
    }
  } finally {
    await hinting.close();
  }
}

async function lookAround(
  { spool, clock, member, order }: SpoolWatchParts,
  before: ReadonlyMap<string, SeenArrival>,
): Promise<{ seen: ReadonlyMap<string, SeenArrival>; isMoving: boolean }> {
  const { guid, folders } = member();
  const { seen, due, isMoving } = stepSpool(before, await arrivalsIn(spool), clock.now());
  const wanted = new Map<string, SyncRequest>();
  for (const name of due) {
    const header = await peekBundle(join(spool, name)).catch((error: unknown) => {
      if (error instanceof TandemError) return null;
      throw error;
    });
    if (header?.to !== guid || !folders.has(header.folder)) continue;
    const request = { folder: header.folder, source: header.from, options: OPTIONS };
    wanted.set(`${request.folder} ${request.source}`, request);
  }
  for (const request of wanted.values()) order(request);
  return { seen, isMoving };
}

async function arrivalsIn(spool: string): Promise<Arrival[]> {
  const names = (await readdir(spool)).filter(name => name.endsWith(BUNDLE_SUFFIX));
  const found = await Promise.all(
    names.map(async name => {
      // What was taken in or away meanwhile is none.
      const look = await stat(join(spool, name), { bigint: true }).catch(() => null);
      return look?.isFile() ? [{ name, look: `${look.ino} ${look.size} ${look.mtimeNs}` }] : [];
    }),
  );
  return found.flat();
}
