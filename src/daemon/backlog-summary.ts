/** The backlogs of all folders to and from all partners in numbers, by what is known here: nobody is asked. */

import type { BacklogSummaryRecord } from '../admin/records/backlog-summary.ts';
import { toDatetime } from '../admin/records/column.ts';
import type { SessionRecord } from '../admin/records/session.ts';
import { LIMITS } from '../base/limits.ts';
import { remainingMs } from '../model/backlog-pace.ts';
import { countVersions, subtractVectors, type VersionVector } from '../model/version-vector.ts';
import type { Folder } from '../replication/folder.ts';
import { servesAsSource } from '../replication/folder-core.ts';
import type { Member } from '../replication/member.ts';
import { connectionFrom, whyUnheard } from './backlog-records.ts';
import { sessionRecords } from './session-records.ts';

interface Backlog {
  readonly updates: number;
  readonly bytes: number;
  /** When the oldest update was made, milliseconds; null: not known. */
  readonly oldest: number | null;
}

interface Route {
  readonly from: string;
  readonly to: string;
  readonly folder: Folder;
}

export async function backlogSummaries(member: Member, now: number): Promise<BacklogSummaryRecord[]> {
  const sessions = (await sessionRecords(member)).filter(({ State }) => State <= 2);
  const here = member.parts.name;
  const records: BacklogSummaryRecord[] = [];
  for (const folder of member.folders.values()) {
    for (const partner of folder.core.config.members.keys()) {
      if (partner === here) continue;
      const inbound = connectionFrom(member, folder, partner);
      const session = inbound?.sessions.find(each => each.folder === folder);
      const latest = session?.latest;
      const stopped = inbound && session ? inbound.standingSentence(session) : null;
      const told = latest && servesAsSource(latest.state) ? latest.vector : null;
      const silence = inbound
        ? (stopped ?? inbound.failure?.message ?? (latest ? `its folder is ${latest.state}` : 'it has not told yet'))
        : whyUnheard(member, folder, partner);
      const comes = told ? backlogFrom(folder, partner, told) : inbound ? silence : null;
      // Nothing flows out of a read-only member.
      const goes = folder.core.readOnly ? null : told ? await backlogTo(folder, told) : silence;
      if (comes !== null) records.push(summary({ from: partner, to: here, folder }, comes, { sessions, now }));
      if (goes !== null) records.push(summary({ from: here, to: partner, folder }, goes, { sessions, now }));
    }
  }
  return records;
}

/** By what the partner told last. */
export function backlogFrom({ core, flow }: Folder, partner: string, told: VersionVector): Backlog {
  const updates = [
    ...core.pending.list().filter(({ round }) => round.partner === partner),
    ...core.pending.listGivenUp().filter(entry => entry.partner === partner),
  ].map(({ update }) => update);
  return {
    updates: updates.length + countVersions(subtractVectors(told, flow.have())),
    bytes: updates.reduce((sum, { present, size }) => sum + (present ? size : 0), 0),
    oldest: oldestOf(updates),
  };
}

async function backlogTo({ core }: Folder, told: VersionVector): Promise<Backlog> {
  const view = core.store.view();
  try {
    const difference = subtractVectors(view.vector, told);
    if (difference.size === 0) return { updates: 0, bytes: 0, oldest: null };
    const count = await core.store.countUpdates(difference);
    let oldest: number | null = null;
    let looked = 0;
    for (const pass of ['tombstones', 'live'] as const) {
      for await (const records of view.updates(difference, pass)) {
        const first = oldestOf(records);
        if (first !== null) oldest = Math.min(oldest ?? first, first);
        looked += records.length;
        // The order is that of the versions, so the oldest are among the first of each database.
        if (looked >= LIMITS.adminRecords) break;
      }
    }
    return { ...count, oldest };
  } finally {
    await view.close();
  }
}

function oldestOf(updates: readonly { readonly clock: number }[]): number | null {
  let oldest: number | null = null;
  for (const { clock } of updates) if (oldest === null || clock / 1000 < oldest) oldest = clock / 1000;
  return oldest;
}

function summary(
  { from, to, folder }: Route,
  backlog: Backlog | string,
  { sessions, now }: { readonly sessions: readonly SessionRecord[]; readonly now: number },
): BacklogSummaryRecord {
  const { core } = folder;
  const inbound = to === core.member.name;
  const session = sessions.find(
    ({ Inbound, PartnerName, ReplicatedFolderGuid }) =>
      Inbound === inbound && PartnerName === (inbound ? from : to) && ReplicatedFolderGuid === core.config.guid,
  );
  const known = typeof backlog === 'string' ? null : backlog;
  const oldest = known?.oldest ?? null;
  return {
    ReplicatedFolderGuid: core.config.guid,
    ReplicatedFolderName: core.config.name,
    FromMember: from,
    ToMember: to,
    BacklogFileCount: known?.updates ?? null,
    BacklogSizeInBytes: known?.bytes ?? null,
    OldestTime: toDatetime(oldest),
    AgeSeconds: oldest === null ? null : Math.max(0, Math.round((now - oldest) / 1000)),
    EtaSeconds: known === null ? null : etaSeconds(known, session, now),
    Reason: typeof backlog === 'string' ? backlog : backlog.updates > 0 ? (session?.StateReason ?? '') : '',
  };
}

function etaSeconds(left: Backlog, session: SessionRecord | undefined, now: number): number | null {
  const pace = {
    updates: session?.UpdatesTransferred ?? 0,
    bytes: session?.BytesTransferred ?? 0,
    elapsedMs: session ? now - Date.parse(session.StartTime) : 0,
  };
  const ms = remainingMs(left, pace);
  return ms === null ? null : Math.ceil(ms / 1000);
}
