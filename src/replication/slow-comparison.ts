/**
 * Once a week for each folder and partner in sync: the partner's live records are compared with those here, and what
 * should be here and is not is asked for again; on a read-only member, or where a folder is resynchronised by order, what should
 * not be here leaves. [dfsr.md §5.5, §5.8]
 */
import type { Bell } from '../base/bell.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import {
  COMPARISON_AGAIN_MS,
  COMPARISON_PAUSE_MS,
  disagrees,
  firstComparison,
  isComparisonDue,
  isUntold,
  plannedComparison,
} from '../model/record-comparison.ts';
import type { FileRecord } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import { equalVectors, type VersionVector } from '../model/version-vector.ts';
import type { RecordVersion } from '../peer/link.ts';
import type { FolderCore } from './folder-core.ts';
import type { InboundConnection } from './inbound-connection.ts';
import type { InboundSession } from './inbound-session.ts';
import { setAside } from './setting-aside.ts';
import { endYielding } from './yielding.ts';

/** One at a time: it reads all records on both sides. */
export async function runSlowComparisons(
  connections: readonly InboundConnection[],
  /** Rings when something was ordered that may want a comparison. */
  ordered: Bell,
  signal: AbortSignal,
): Promise<void> {
  const [first] = connections;
  while (first && !signal.aborted) {
    const waits = connections.some(({ sessions }) => sessions.some(({ folder }) => folder.core.memory.yielding));
    const cancel = first.parts.clock.after(waits ? LIMITS.resyncLookMs : LIMITS.comparisonLookMs, () => ordered.ring());
    await ordered.heard(signal);
    cancel();
    for (const connection of connections) {
      for (const session of connection.sessions) if (!signal.aborted) await compareIfDue(connection, session, signal);
    }
  }
}

async function compareIfDue(
  connection: InboundConnection,
  session: InboundSession,
  signal: AbortSignal,
): Promise<void> {
  const { core } = session.folder;
  const { guid, log } = connection.parts;
  if (!core.active || core.memory.phase !== 'normal') return;
  if (!connection.welcome?.capabilities.includes('record-comparison')) return;
  const now = core.clock.now();
  const plan = (time: number) =>
    core.line.run(() => core.commit({ memory: { comparisons: { ...core.memory.comparisons, [guid]: time } } }));
  const planned = plannedComparison(core.memory.comparisons, guid);
  const isDue = planned !== undefined && isComparisonDue(planned, now);
  const ordered = core.memory.yielding?.connection === guid;
  if (planned === undefined && !ordered) return plan(firstComparison(guid, now));
  if (!(isDue || ordered) || !session.inSync) return;
  try {
    const outcome = await compareRecords(connection, session, signal);
    if (outcome === 'moved') return;
    const pause = outcome === 'in-part' ? COMPARISON_AGAIN_MS : COMPARISON_PAUSE_MS;
    await plan(core.clock.now() + pause);
  } catch (error) {
    if (!(error instanceof TandemError) || error.reaction === 'stop-member') throw error;
    log.info({ err: error, partner: connection.parts.partner.name }, 'a slow comparison broke off');
  }
}

/** 'moved': something did meanwhile, and what is under way would look like disagreement. 'in-part': more may show next time. */
export type ComparisonOutcome = 'moved' | 'in-part' | 'whole';

export async function compareRecords(
  connection: InboundConnection,
  session: InboundSession,
  signal: AbortSignal,
): Promise<ComparisonOutcome> {
  const { core } = session.folder;
  const here = core.store.vector;
  const there = session.latest?.vector;
  if (!there) return 'moved';
  const yields = core.memory.yielding?.connection === connection.parts.guid;
  const vectorsFor = (local: FileRecord | undefined) => {
    const readOnly = core.readOnly || (yields && local !== undefined && core.givesWay(local.gvsn));
    return { here, there, readOnly };
  };
  const found: RecordVersion[] = [];
  const untold = core.readOnly || yields ? await untoldRecords(core, there) : new Map<Uid, FileRecord>();
  let compared = 0;
  for await (const batch of connection.requestRecords(session.guid, signal)) {
    const records = await core.store.records(batch.map(({ uid }) => uid));
    compared += batch.length;
    batch.forEach((theirs, i) => {
      // What is beyond the bound shows the next time.
      untold.delete(theirs.uid);
      if (found.length < LIMITS.recordsPerBatch && disagrees(theirs.gvsn, records[i], vectorsFor(records[i])))
        found.push(theirs);
    });
  }
  const nothingMoved = () =>
    session.inSync &&
    session.latest !== null &&
    core.pending.size + core.pending.givenUpSize === 0 &&
    equalVectors(here, core.store.vector) &&
    equalVectors(there, session.latest.vector);
  return core.line.run(async () => {
    if (!core.active || !nothingMoved()) return 'moved';
    if (found.length > 0) await core.commit({ unclaims: found.map(({ gvsn }) => gvsn) });
    const { name } = connection.parts.partner;
    // What comes back first may lie in a directory that is to leave.
    if (found.length === 0 && untold.size > 0) await leave(core, [...untold.values()], name);
    if (found.length === 0 && yields) await endYielding(core);
    const sentence =
      found.length === 0
        ? `${compared} records were compared with those of ${name}: they agree`
        : `${found.length} of ${compared} records of ${name} were missing or other here; they are asked for again`;
    core.emit(found.length === 0 ? 'RECORDS_AGREE' : 'RECORDS_DISAGREED', sentence, {
      partner: name,
      compared,
      found: found.length,
    });
    return found.length > 0 && untold.size > 0 ? 'in-part' : 'whole';
  });
}

async function untoldRecords(core: FolderCore, there: VersionVector): Promise<Map<Uid, FileRecord>> {
  const untold = new Map<Uid, FileRecord>();
  for await (const records of core.store.everyRecord()) {
    for (const record of records) {
      const { uid, gvsn } = record;
      if (core.givesWay(gvsn) && isUntold(record, core.members.database, there)) untold.set(uid, record);
    }
  }
  return untold;
}

/** Out of a folder that is read-only here or resynchronised, and kept. Whoever has it after all may tell of it again. */
async function leave(core: FolderCore, records: readonly FileRecord[], partner: string): Promise<void> {
  await core.commit({ unclaims: records.map(({ gvsn }) => gvsn) });
  const why = core.readOnly ? 'the folder is read-only here' : `the folder was resynchronised from ${partner}`;
  const order = { area: 'conflicts', conflictType: 7, reason: why, partner } as const;
  const stayed = await setAside(core, records, order);
  const count = records.length - stayed.length;
  const sentence = `${why}: ${count} files and directories that ${partner} does not know of were preserved and left it`;
  core.emit('LOCAL_CHANGE_UNDONE', sentence, { count, partner });
}
