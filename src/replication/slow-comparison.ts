/**
 * Once a week for each folder and partner in sync: the partner's live records are compared with those here, and what
 * should be here and is not is asked for again. [dfsr.md §5.5]
 */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { COMPARISON_PAUSE_MS, disagrees, firstComparison, isComparisonDue } from '../model/record-comparison.ts';
import { equalVectors } from '../model/version-vector.ts';
import type { RecordVersion } from '../peer/link.ts';
import type { InboundConnection } from './inbound-connection.ts';
import type { InboundSession } from './inbound-session.ts';

/** One at a time: it reads all records on both sides. */
export async function runSlowComparisons(
  connections: readonly InboundConnection[],
  signal: AbortSignal,
): Promise<void> {
  const [first] = connections;
  while (first && !signal.aborted) {
    await first.parts.clock.sleep(LIMITS.housekeepingMs, signal).catch(() => {});
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
  const planned = core.memory.comparisons[guid];
  if (planned === undefined) return plan(firstComparison(guid, now));
  if (!isComparisonDue(planned, now) || !session.inSync) return;
  try {
    if (await compareRecords(connection, session, signal)) await plan(core.clock.now() + COMPARISON_PAUSE_MS);
  } catch (error) {
    if (!(error instanceof TandemError) || error.reaction === 'stop-member') throw error;
    log.info({ err: error, partner: connection.parts.partner.name }, 'a slow comparison broke off');
  }
}

/** False where something moved meanwhile: what is under way would look like disagreement. */
export async function compareRecords(
  connection: InboundConnection,
  session: InboundSession,
  signal: AbortSignal,
): Promise<boolean> {
  const { core } = session.folder;
  const here = core.store.vector;
  const there = session.latest?.vector;
  if (!there) return false;
  const vectors = { here, there, readOnly: core.readOnly };
  const found: RecordVersion[] = [];
  let compared = 0;
  for await (const batch of connection.requestRecords(session.guid, signal)) {
    const records = await core.store.records(batch.map(({ uid }) => uid));
    compared += batch.length;
    batch.forEach((theirs, i) => {
      // What is beyond the bound shows the next time.
      if (found.length < LIMITS.recordsPerBatch && disagrees(theirs.gvsn, records[i], vectors)) found.push(theirs);
    });
  }
  const nothingMoved = () =>
    session.inSync &&
    session.latest !== null &&
    core.pending.size + core.pending.givenUpSize === 0 &&
    equalVectors(here, core.store.vector) &&
    equalVectors(there, session.latest.vector);
  return core.line.run(async () => {
    if (!core.active || !nothingMoved()) return false;
    if (found.length > 0) await core.commit({ unclaims: found.map(({ gvsn }) => gvsn) });
    const { name } = connection.parts.partner;
    const sentence =
      found.length === 0
        ? `${compared} records were compared with those of ${name}: they agree`
        : `${found.length} of ${compared} records of ${name} were missing or other here; they are asked for again`;
    core.emit(found.length === 0 ? 'RECORDS_AGREE' : 'RECORDS_DISAGREED', sentence, {
      partner: name,
      compared,
      found: found.length,
    });
    return true;
  });
}
