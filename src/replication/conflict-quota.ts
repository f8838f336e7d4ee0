/** The conflict area kept within its quota: every item that goes is told, and no only copy goes unless that is allowed. */
import { formatSize } from '../base/sizes-and-durations.ts';
import type { Preserved } from '../disk/disk.ts';
import { needsCleaning, planPurge } from '../model/quota.ts';
import type { Stat } from '../model/update.ts';
import type { FolderCore } from './folder-core.ts';

/** By id. */
export type PreservedContents = Map<string, { readonly hash: string; readonly ino: bigint }>;

/**
 * Only within a task of the line: what is current must stay so until the copy of it is gone. `contents`: of items
 * that were read before.
 */
export async function keepConflictQuota(core: FolderCore, contents: PreservedContents = new Map()): Promise<void> {
  const { conflictQuotaBytes: quotaBytes, purgeOnlyCopies: onlyCopies } = core.config;
  if (!core.active) return;
  const items = (await core.disk.preserved('conflicts')).map(item => ({ ...item, bytes: item.size }));
  const there = new Set(items.map(({ id }) => id));
  for (const id of contents.keys()) if (!there.has(id)) contents.delete(id);
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
  if (!needsCleaning(bytes, quotaBytes)) {
    core.conflictsExceeded = null;
    return;
  }
  const copies = new Set<string>();
  for (const item of items) if (await isCurrent(core, item, contents)) copies.add(item.id);
  const { purge, leftBytes, exceeded } = planPurge(items, { quotaBytes, copies, onlyCopies });
  for (const { id, path, bytes: size } of purge) {
    if ((await core.disk.deletePreserved('conflicts', id)) === 'missing') continue;
    const why = copies.has(id) ? 'its content is still in the folder' : 'purgeOnlyCopies allows it';
    core.emit('ITEM_DELETED', `the preserved “${path}” was deleted to keep within conflictQuota: ${why}`, {
      id,
      path,
      bytes: size,
      onlyCopy: !copies.has(id),
    });
  }
  if (purge.length > 0) await core.commit({ memory: { conflictCleanup: core.clock.now() } });
  tellExceeded(core, exceeded ? leftBytes : null);
}

function tellExceeded(core: FolderCore, leftBytes: number | null): void {
  if (leftBytes === null) {
    core.conflictsExceeded = null;
    return;
  }
  const { name, conflictQuotaBytes } = core.config;
  const sentence = `${formatSize(leftBytes)} are preserved, the quota is ${formatSize(conflictQuotaBytes)}. Nothing more is deleted by itself, as it is nowhere else: look through “tandem conflict list --folder ${name}”, or raise conflictQuota.`;
  if (core.conflictsExceeded === null) core.emit('CONFLICT_QUOTA_EXCEEDED', sentence, { bytes: leftBytes });
  core.conflictsExceeded = sentence;
}

/** Whether a file in the folder, as it lies on disk now, has just this content. */
async function isCurrent(
  core: FolderCore,
  { id, kind, size }: Preserved,
  contents: PreservedContents,
): Promise<boolean> {
  if (kind !== 'file' || size === 0) return false;
  const content = contents.get(id) ?? (await core.disk.hashPreserved('conflicts', id));
  if (content === null) return false;
  contents.set(id, content);
  const [uids] = await core.store.findByHash([content.hash]);
  for (const record of await core.store.records(uids ?? [])) {
    if (!record?.present || record.provisional || record.hash !== content.hash || !record.disk) continue;
    const place = await core.paths.of(record);
    const [look] = place === undefined ? [] : await core.disk.look([place]);
    if (look && look.ino !== content.ino && isUntouched(look, record.disk)) return true;
  }
  return false;
}

function isUntouched(look: Stat, recorded: Stat): boolean {
  return (
    look.kind === recorded.kind &&
    look.ino === recorded.ino &&
    look.size === recorded.size &&
    look.mtimeNs === recorded.mtimeNs &&
    look.ctimeNs === recorded.ctimeNs
  );
}
