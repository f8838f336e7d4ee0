/** What a partner's updates are worth here before anything is fetched: known already, wanted, or wanted but for content. */
import { LIMITS } from '../base/limits.ts';
import { needsRepair } from '../model/reconcile.ts';
import type { FileRecord, Update } from '../model/update.ts';
import { databaseOf, formatVersion, vsnOf } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import { copyWhole } from './local-content.ts';
import type { ContentSource, PendingUpdate, Round } from './pending.ts';

export interface Origin {
  readonly round: Round;
  readonly source: ContentSource;
  /** Attempts made before. */
  readonly attempts: number;
}

/** The update as work to be done; null where there is none. `local` is the record of its UID. */
export function takeIn(
  core: FolderCore,
  update: Update,
  local: FileRecord | undefined,
  { round, source, attempts }: Origin,
): PendingUpdate | null {
  if (databaseOf(update.gvsn) === core.members.database && vsnOf(update.gvsn) > core.members.reservedVsn) {
    core.emit(
      'UPDATE_REJECTED',
      `“${update.name}” carries version ${formatVersion(update.gvsn)}, which this database has not given out: it is an old copy. Stop the daemon, move its database directory away and start it again.`,
    );
    return null;
  }
  const verdict = core.judge(local, update);
  if (verdict.kind !== 'take' && !needsRepair(local, update)) {
    round.tally.updatesTransferred++;
    if (verdict.kind === 'stale' && verdict.conflict) round.tally.conflicts++;
    return null;
  }
  return {
    update,
    round,
    source,
    contentNeeded: verdict.kind === 'take' ? verdict.contentNeeded : update.kind === 'file',
    staged: null,
    stage: 'scheduled',
    reason: 'queued',
    since: core.clock.now(),
    attempts,
    wait: null,
    receivedBytes: 0,
    reserved: false,
    forced: null,
  };
}

/** Those whose content is on this host already: taken over where it lies, or copied from another file. */
export async function findHere(core: FolderCore, wanting: readonly PendingUpdate[]): Promise<Set<PendingUpdate>> {
  const found = new Set<PendingUpdate>();
  if (core.memory.phase === 'initial-sync' || core.memory.phase === 'auto-recovery') {
    const occupants = await core.store.occupants(wanting.map(item => item.update));
    const occupied = wanting.flatMap((item, i) => (occupants[i] === undefined ? [] : [{ item, uid: occupants[i] }]));
    const records = occupied.length === 0 ? [] : await core.store.records(occupied.map(({ uid }) => uid));
    for (const [i, { item }] of occupied.entries()) {
      const record = records[i];
      if (record?.provisional && record.hash === item.update.hash && record.disk) found.add(item);
    }
  }
  const small = wanting.filter(item => !found.has(item) && item.update.size <= LIMITS.wholeFileBytes);
  for (const item of await copyWhole(core, small)) found.add(item);
  return found;
}
