/**
 * What partners are known to hold, by their links and bundles, kept over restarts: a bundle for one of them has only what
 * it lacks. A member may hold less than it once did, so the newest word counts and nothing is added up.
 */
import { LIMITS } from '../base/limits.ts';
import { equalVectors } from '../model/version-vector.ts';
import { type FolderCore, versionsFromMemory, versionsToMemory } from './folder-core.ts';
import type { InboundConnection } from './inbound-connection.ts';
import type { Holdings } from './inbound-session.ts';

/** By the newest word of a partner, over a link or in a bundle; null: it was never heard. */
export function holdingsOf(
  core: FolderCore,
  partner: string,
  connections: readonly InboundConnection[],
): Holdings | null {
  const noted = core.memory.bundled[partner];
  const heard = connections
    .filter(({ parts }) => parts.partner.guid === partner)
    .flatMap(({ sessions }) => sessions.filter(({ folder }) => folder.core === core))
    .map(session => session.heard)
    .filter(each => each !== null);
  const all = noted ? [...heard, { holds: versionsFromMemory(noted), time: noted.time }] : heard;
  return all.reduce<Holdings | null>((newest, each) => (newest && newest.time >= each.time ? newest : each), null);
}

/** Durably. An older word than the one that is noted changes nothing, nor does one that says the same. */
export async function noteHoldings(core: FolderCore, partner: string, { holds, time }: Holdings): Promise<void> {
  await core.line.run(async () => {
    const before = core.memory.bundled[partner];
    if (before && (before.time >= time || equalVectors(versionsFromMemory(before), holds))) return;
    const noted = versionsToMemory(time, holds);
    await core.commit({ memory: { bundled: { ...core.memory.bundled, [partner]: noted } } });
  });
}

export async function noteHeard(connections: readonly InboundConnection[]): Promise<void> {
  for (const { parts, sessions } of connections) {
    for (const { heard, folder } of sessions) {
      if (heard) await noteHoldings(folder.core, parts.partner.guid, heard);
    }
  }
}

/** Now and then: a death of the member costs no more than that a bundle is larger than it would have to be. */
export async function keepHeard(connections: readonly InboundConnection[], signal: AbortSignal): Promise<void> {
  const [first] = connections;
  while (first && !signal.aborted) {
    await first.parts.clock.sleep(LIMITS.heardNoteMs, signal).catch(() => {});
    if (!signal.aborted) await noteHeard(connections);
  }
}
