/**
 * The order to have one file’s content from a partner again, whatever is believed to be here: nothing of it is taken from
 * this host, and it is installed in one step like any other update. [dfsr.md §1.1 ForceDownload]
 */
import { TandemError } from '../base/errors.ts';
import type { FileRecord, Update } from '../model/update.ts';
import { containsVersion, EMPTY_VECTOR, subtractVectors, vectorFromVersions } from '../model/version-vector.ts';
import type { InboundConnection } from './inbound-connection.ts';
import type { InboundSession } from './inbound-session.ts';
import type { PendingUpdate } from './pending.ts';
import { noSession } from './sync-session.ts';

/**
 * Resolves when the download is ordered. REFUSED where the record has no content, or the partner has not this version of
 * it; PEER_UNREACHABLE while the connection is not up.
 */
export async function forceDownload(
  connection: InboundConnection,
  session: InboundSession,
  { record, path }: { readonly record: FileRecord; readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const { core, flow } = session.folder;
  const { partner } = connection.parts;
  const stopped = connection.standingSentence(session);
  if (stopped !== null) throw refused(stopped);
  if (!record.present) throw refused(`“${path}” was deleted: there is no content to download`);
  if (record.kind !== 'file') throw refused(`“${path}” is a ${record.kind}: only files have content to download`);
  if (core.memory.halt) throw refused(`folder ${core.config.name} is halted: ${core.memory.halt.sentence}`);
  const update = await askFor(record, connection, session, signal);
  if (update === null) {
    throw refused(
      `${partner.name} has not the version of “${path}” that is recorded here; what it has that is newer comes by itself`,
    );
  }
  // Meanwhile a newer version may have come.
  const [now] = await core.store.records([record.uid]);
  if (now?.gvsn !== record.gvsn || core.pending.hasUid(record.uid)) {
    throw refused(`“${path}” is just being changed; give the order again if it is still needed`);
  }
  const item: PendingUpdate = {
    update,
    round: {
      partner: partner.name,
      connection: connection.parts.guid,
      closed: true,
      abandoned: false,
      asOf: null,
      letGo: EMPTY_VECTOR,
      tally: session.running.at(-1) ?? noSession(),
    },
    source: connection.fetcher.source({ core, flow }),
    contentNeeded: true,
    staged: null,
    stage: 'scheduled',
    reason: 'queued',
    since: core.clock.now(),
    attempts: 0,
    wait: null,
    receivedBytes: 0,
    reserved: false,
    forced: () => {
      const fields = { path, partner: partner.name };
      core.emit('DOWNLOAD_FINISHED', `the content of “${path}” was had from ${partner.name} again`, fields);
    },
  };
  core.pending.add(item);
  core.emit('DOWNLOAD_ORDERED', `the content of “${path}” is had from ${partner.name} again, by order`, {
    path,
    partner: partner.name,
  });
  item.source.fetch(item);
}

/** The partner’s word on just the version that is recorded here; null: it has none, or another one. */
async function askFor(
  { uid, gvsn }: FileRecord,
  connection: InboundConnection,
  session: InboundSession,
  signal: AbortSignal,
): Promise<Update | null> {
  const theirs = session.latest?.vector;
  if (!theirs) {
    const { name } = connection.parts.partner;
    throw new TandemError(
      'PEER_UNREACHABLE',
      connection.failure?.message ??
        `the connection from ${name} is not open; order it to synchronise with “tandem connection force”, or wait for its schedule`,
    );
  }
  if (!containsVersion(theirs, gvsn)) return null;
  const have = subtractVectors(theirs, vectorFromVersions([gvsn]));
  for await (const answer of connection.requestUpdates(session.guid, have, signal)) {
    if (answer.kind !== 'updates') continue;
    const found = answer.updates.find(update => update.uid === uid);
    if (found) return found.gvsn === gvsn ? found : null;
  }
  return null;
}

function refused(sentence: string): TandemError {
  return new TandemError('REFUSED', sentence);
}
