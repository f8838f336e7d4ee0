/**
 * The end of a first synchronisation: what lay here before and no partner has told of goes to the pre-existing area, or,
 * after a lost database, is published; then the folder serves as a source.
 */
import { LIMITS } from '../base/limits.ts';
import type { FileRecord } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import type { FolderStateName } from '../peer/link.ts';
import type { FolderCore } from './folder-core.ts';
import { setAside } from './setting-aside.ts';

/** Whether a folder that is in its first synchronisation may end it, having nothing left to ask of this partner. */
export function mayFinish(
  core: FolderCore,
  partner: { readonly guid: string; readonly state: FolderStateName; readonly inSync: boolean },
): boolean {
  const { phase, initialScanDone } = core.memory;
  if (!initialScanDone || core.pending.size > 0) return false;
  if (phase === 'initial-sync') return partner.state === 'normal' && partner.inSync;
  if (phase !== 'auto-recovery') return false;
  if (partner.state === 'normal') return partner.inSync;
  if (core.readOnly) return false;
  // Nobody is left who knows better: of two that lost their records the one with the lower GUID begins.
  return partner.state === 'initial-sync' || (partner.state === 'auto-recovery' && core.member.guid < partner.guid);
}

export function isInFirstSync({ memory: { phase } }: FolderCore): boolean {
  return phase === 'initial-sync' || phase === 'auto-recovery';
}

/** Does nothing in a folder that is in none, or stands still. Within no task of the line. */
export async function finishFirstSync(core: FolderCore): Promise<void> {
  await core.line.run(async () => {
    const { phase } = core.memory;
    if (!core.active || !isInFirstSync(core)) return;
    const provisional = await provisionalRecords(core);
    if (core.readOnly) return keepToPartners(core, provisional);
    const publish = phase === 'auto-recovery' ? provisional : withNews(provisional, await newcomers(core, provisional));
    const kept = new Set(publish.map(record => record.uid));
    const touched = await preserveRest(
      core,
      provisional.filter(record => !kept.has(record.uid)),
    );
    await publishAll(core, [...publish, ...touched]);
    await finish(core);
  });
}

/** A read-only member publishes nothing: what could not be preserved has been moved or removed, and is found anew. */
async function keepToPartners(core: FolderCore, provisional: readonly FileRecord[]): Promise<void> {
  const touched = await preserveRest(core, provisional);
  await core.commit({ forget: touched });
  await finish(core);
}

async function finish(core: FolderCore): Promise<void> {
  await core.commit({ memory: { phase: 'normal' } });
  core.emit('INITIAL_SYNC_FINISHED', `the first synchronisation of folder ${core.config.name} is complete`);
}

async function provisionalRecords(core: FolderCore): Promise<FileRecord[]> {
  const found: FileRecord[] = [];
  for await (const batch of core.store.everyRecord())
    found.push(...batch.filter(record => record.provisional && record.present));
  return found;
}

/** Directories that someone put new files into since the first look: they stay. */
async function newcomers(core: FolderCore, provisional: readonly FileRecord[]): Promise<Set<Uid>> {
  const directories = provisional.filter(record => record.kind === 'directory');
  const children = await core.store.children(directories.map(record => record.uid));
  const records = await Promise.all(children.map(list => core.store.records(list.map(child => child.uid))));
  return new Set(
    directories
      .filter((_, i) => records[i]!.some(record => record?.present && !record.provisional))
      .map(record => record.uid),
  );
}

function withNews(provisional: readonly FileRecord[], news: ReadonlySet<Uid>): FileRecord[] {
  const byUid = new Map(provisional.map(record => [record.uid, record]));
  const kept = new Map<Uid, FileRecord>();
  for (const uid of news) {
    for (let at = byUid.get(uid); at && !kept.has(at.uid); at = byUid.get(at.parent)) kept.set(at.uid, at);
  }
  return [...kept.values()];
}

/** Answers what could not be preserved, as somebody has moved or removed it: the next scan will see to it. */
function preserveRest(core: FolderCore, records: readonly FileRecord[]): Promise<readonly FileRecord[]> {
  return setAside(core, records, {
    area: 'pre-existing',
    conflictType: 6,
    reason: 'the primary did not have it at the first synchronisation',
    partner: core.config.primary ?? '',
  });
}

async function publishAll(core: FolderCore, records: readonly FileRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += LIMITS.installGroupFiles) {
    const group = records.slice(from, from + LIMITS.installGroupFiles);
    const stamps = await core.stamps(group);
    await core.commit({
      put: group.map((before, i) => ({
        before,
        after: { ...before, ...stamps[i]!, fence: Math.max(before.fence, 3), ancestry: [], provisional: false },
      })),
    });
  }
}
