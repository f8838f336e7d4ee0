/** Gathers what is known of one path or UID, here and of the partners, for the model to say what holds it. */
import type { RecordQuery } from '../admin/backend.ts';
import type { WhyAnswer } from '../admin/insight.ts';
import { toDatetime } from '../admin/records/column.ts';
import type { WhyRecord } from '../admin/records/why.ts';
import { sameLook } from '../disk/look.ts';
import { isReserved, PRIVATE_DIRECTORY } from '../model/name-rules.ts';
import type { FileRecord } from '../model/update.ts';
import { databaseOf, formatVersion, parseVersion, type Uid } from '../model/version.ts';
import { containsVersion, countVersions, subtractVectors } from '../model/version-vector.ts';
import {
  type DiskFacts,
  explainWhy,
  type Hold,
  type PartnerFacts,
  type UpdateFacts,
  type WhyFacts,
} from '../model/why.ts';
import type { Folder } from '../replication/folder.ts';
import { type FolderCore, servesAsSource } from '../replication/folder-core.ts';
import type { Member } from '../replication/member.ts';
import { connectionFrom } from './backlog-records.ts';
import { connectionRecords } from './connection-records.ts';
import { excludingFilter, findFile, isUid, placeOf, uidOnItsWay } from './file-lookup.ts';
import { databaseOwners, releaseCommand } from './folder-records.ts';
import { createKnownPaths } from './known-path.ts';

interface Subject {
  readonly folder: Folder;
  /** Below the root. */
  readonly path: string;
  readonly record: FileRecord | null;
  readonly uid: Uid | null;
}

export async function whyFile(member: Member, folders: readonly Folder[], query: RecordQuery): Promise<WhyAnswer> {
  const subject = await findSubject(folders, query);
  const { folder, path } = subject;
  const { verdict, sentence, holds } = explainWhy(await factsOf(member, subject));
  return { path, folder: folder.core.config.name, verdict, sentence, holds: holds.map(whyRecord) };
}

/** NOT_FOUND and INVALID_ARGUMENT as for records, but a path needs nothing to be there. */
async function findSubject(folders: readonly Folder[], query: RecordQuery): Promise<Subject> {
  if (isUid(query.file)) {
    const uid = parseVersion(query.file);
    for (const folder of folders) {
      const update = folder.core.pending.ofUid(uid).at(-1)?.update;
      const [record] = await folder.core.store.records([uid]);
      const place = record ?? update;
      if (place) return { folder, uid, record: record ?? null, path: await createKnownPaths(folder.core)(place) };
    }
    const { folder, record } = await findFile(folders, query);
    return { folder, record, uid, path: await createKnownPaths(folder.core)(record) };
  }
  const { folder, names } = placeOf(folders, query);
  const { core } = folder;
  const path = names.join('/');
  const record = (await core.paths.recordAt(path)) ?? null;
  const uid = record?.uid ?? (await uidOnItsWay(core, path));
  if (record !== null || uid !== null) return { folder, path, record, uid };
  const tombstone = await newestTombstone(core, names);
  return { folder, path, record: tombstone, uid: tombstone?.uid ?? null };
}

/** Tombstones are not found by path: all records have to be looked at. */
async function newestTombstone(core: FolderCore, names: readonly string[]): Promise<FileRecord | null> {
  const path = names.join('/');
  const name = names.at(-1);
  const pathOf = createKnownPaths(core);
  let newest: FileRecord | null = null;
  for await (const records of core.store.everyRecord()) {
    for (const record of records) {
      if (record.present || record.name !== name || record.clock <= (newest?.clock ?? 0)) continue;
      if ((await pathOf(record)) === path) newest = record;
    }
  }
  return newest;
}

async function factsOf(member: Member, subject: Subject): Promise<WhyFacts> {
  const { folder, path, record, uid } = subject;
  const { core, scanner } = folder;
  const { halt } = core.memory;
  const { config } = core;
  const unreadable = scanner.reports.last.unreadable.find(above => above === '' || path.startsWith(`${above}/`));
  return {
    excluded: record?.present ? null : await exclusionOf(folder, path),
    unreadable: unreadable ?? null,
    halt: halt && { reason: halt.sentence, since: halt.since, command: releaseCommand(core, halt) },
    obstacles: core.obstacles.standing,
    readOnly: core.readOnly,
    notServing: core.serving || core.readOnly ? '' : await folder.reason(),
    updates: uid === null ? [] : updatesOf(core, uid),
    record: record && {
      present: record.present,
      provisional: record.provisional,
      nameConflict: record.nameConflict,
      author: databaseOwners(member).get(databaseOf(record.gvsn)) ?? null,
      madeAt: record.clock / 1000,
    },
    disk: await diskFacts(core, path, record),
    quiet: { restMs: config.quietMs, limitMs: config.quietLimitMs },
    partners: partnersOf(member, folder, record),
    preserved: (await folder.conflicts().catch(() => []))
      .filter(item => item.path === path || (uid !== null && item.uid === formatVersion(uid)))
      .map(({ id, reason, time }) => ({ id, reason, time })),
  };
}

async function exclusionOf({ core, scanner }: Folder, path: string): Promise<WhyFacts['excluded']> {
  const names = path.split('/');
  if (isReserved(true, names[0]!)) return { kind: 'reserved', reason: `${PRIVATE_DIRECTORY} belongs to Tandem` };
  const filter = excludingFilter(core, names);
  if (filter !== null) return { kind: 'filter', reason: filter };
  const reported = scanner.reports.last.unsupported.find(item => item.path === path);
  if (reported) return { kind: 'unsupported', reason: `${reported.reason}` };
  const [look] = await core.disk.look([path]).catch(() => []);
  return look?.kind === 'other' ? { kind: 'unsupported', reason: 'a device, socket or fifo' } : null;
}

function updatesOf({ pending }: FolderCore, uid: Uid): UpdateFacts[] {
  const underWay = pending.ofUid(uid).map(({ update, round, stage, reason, since }) => ({
    version: formatVersion(update.gvsn),
    partner: round.partner,
    stage,
    reason,
    since,
    retryAt: null,
  }));
  const putOff = pending
    .listGivenUp()
    .filter(({ update }) => update.uid === uid)
    .map(({ update, partner, reason, since, retryAt }) => ({
      version: formatVersion(update.gvsn),
      partner,
      stage: 'wait',
      reason,
      since,
      retryAt,
    }));
  return [...underWay, ...putOff];
}

async function diskFacts(core: FolderCore, path: string, record: FileRecord | null): Promise<DiskFacts> {
  const [look] = await core.disk.look([path]).catch(() => []);
  if (look === undefined) return { look: 'unknown', changedAt: null };
  if (look === null) return { look: 'nothing', changedAt: null };
  const known = record?.present ? record.disk : null;
  // The times of a directory move with its children.
  const same = known !== null && (look.kind === 'directory' ? look.ino === known.ino : sameLook(known, look));
  return { look: same ? 'as-recorded' : 'changed', changedAt: Number(look.ctimeNs / 1_000_000n) };
}

function partnersOf(member: Member, folder: Folder, record: FileRecord | null): PartnerFacts[] {
  const { core } = folder;
  const rows = connectionRecords(member, core.clock.now());
  return [...core.config.members.keys()]
    .filter(name => name !== core.member.name)
    .map(name => {
      const inbound = connectionFrom(member, folder, name);
      const session = inbound?.sessions.find(each => each.folder === folder);
      const latest = session?.latest;
      const told = latest && servesAsSource(latest.state) ? latest.vector : null;
      const outbound = rows.find(row => !row.Inbound && row.PartnerName === name);
      const inRow = rows.find(row => row.ConnectionGuid === inbound?.parts.guid);
      return {
        name,
        has: !record || !told ? 'unknown' : containsVersion(told, record.gvsn) ? 'yes' : 'no',
        ahead: told ? countVersions(subtractVectors(told, core.store.vector)) : 0,
        silence: silenceOf({
          member,
          folder,
          name,
          told: told !== null,
          stopped: inbound && session ? inbound.standingSentence(session) : null,
          state: latest?.state,
          reason: inRow?.StateReason,
        }),
        outbound: outbound ? outbound.StateReason : goesTo(member, name),
        next: inbound?.nextAttempt ?? null,
      };
    });
}

interface Silence {
  readonly member: Member;
  readonly folder: Folder;
  readonly name: string;
  readonly told: boolean;
  /** By order nothing is had from it. */
  readonly stopped: string | null;
  readonly state: string | undefined;
  readonly reason: string | undefined;
}

function silenceOf({ member, folder, name, told, stopped, state, reason }: Silence): string {
  if (told) return '';
  if (stopped !== null) return stopped;
  if (folder.core.config.readOnly.includes(name))
    return 'the folder is read-only there, and it tells nobody what it holds';
  if (reason === undefined) return `no enabled connection leads from it to ${member.parts.name}`;
  if (state !== undefined) return `its folder is ${state}`;
  return reason === '' ? `${name} has not told yet` : reason;
}

/** Why nothing goes to a partner that has not called; '': that is not known. */
function goesTo({ parts }: Member, partner: string): string {
  const joined = parts.group.connections.some(
    ({ from, to, enabled }) => enabled && from === parts.name && to === partner,
  );
  return joined ? `${partner} has not called` : `no enabled connection leads from ${parts.name} to it`;
}

function whyRecord({ kind, member, reason, since, next, nextAt }: Hold): WhyRecord {
  return {
    Kind: kind,
    MemberName: member,
    Reason: reason,
    Since: toDatetime(since),
    Next: next,
    NextTime: toDatetime(nextAt),
  };
}
