/** Records of preserved items, and which folder holds the one that a command names. */
import { join } from 'node:path';
import type { ConflictsAnswer } from '../admin/backend.ts';
import { toDatetime } from '../admin/records/column.ts';
import type { ConflictRecord } from '../admin/records/conflict.ts';
import { TandemError } from '../base/errors.ts';
import type { GroupConfig } from '../config/config.ts';
import type { Preserved } from '../disk/disk.ts';
import { nameInArea } from '../disk/preserving.ts';
import { PRIVATE_DIRECTORY } from '../model/name-rules.ts';
import type { Folder } from '../replication/folder.ts';

export interface FoundConflict {
  readonly folder: Folder;
  readonly item: Preserved;
}

/** Of these folders, oldest first within each. A single folder's disk failing is an error, one of many is passed over. */
export async function listConflicts(
  group: GroupConfig,
  folders: readonly Folder[],
  limit: number,
): Promise<ConflictsAnswer> {
  const found = await conflictsOf(folders);
  const conflicts = found.slice(0, limit).map(conflict => conflictRecord(group, conflict));
  return { total: found.length, conflicts };
}

/** NOT_FOUND if no folder has such an item, INVALID_ARGUMENT if several have. */
export async function findConflict(folders: readonly Folder[], id: string): Promise<FoundConflict> {
  const found = (await conflictsOf(folders)).filter(({ item }) => item.id === id);
  const [first, ...others] = found;
  if (!first)
    throw new TandemError('NOT_FOUND', `there is no preserved item “${id}”; “tandem conflict list” shows them`);
  if (others.length > 0) {
    const names = found.map(({ folder }) => folder.core.config.name).join(', ');
    throw new TandemError('INVALID_ARGUMENT', `several folders have an item “${id}”; name one with --folder: ${names}`);
  }
  return first;
}

export function conflictRecord(group: GroupConfig, { folder, item }: FoundConflict): ConflictRecord {
  const { config, rootPath, member } = folder.core;
  const name = nameInArea(item.path);
  return {
    Id: item.id,
    Area: item.area,
    GVsn: item.gvsn,
    Uid: item.uid,
    FileName: name,
    FileKind: item.kind,
    FileAttributes: item.mode,
    ConflictFileCount: item.files,
    ConflictSizeInBytes: item.size,
    ConflictTime: toDatetime(item.time),
    ConflictPath: item.path,
    ConflictType: item.conflictType,
    Reason: item.reason,
    PreservedPath: join(rootPath, PRIVATE_DIRECTORY, item.area, item.id, name),
    ReplicatedFolderGuid: config.guid,
    ReplicatedFolderName: config.name,
    ReplicationGroupGuid: group.guid,
    MemberGuid: member.guid,
    PartnerGuid: group.members.get(item.partner)?.guid ?? '',
    PartnerName: item.partner,
  };
}

async function conflictsOf(folders: readonly Folder[]): Promise<FoundConflict[]> {
  const lists = await Promise.all(
    folders.map(async folder => {
      try {
        return (await folder.conflicts()).map(item => ({ folder, item }));
      } catch (error) {
        // Its halt tells what is wrong with it; the others' items are shown all the same.
        const haltsFolder = error instanceof TandemError && error.reaction === 'halt-folder';
        if (folders.length > 1 && haltsFolder) return [];
        throw error;
      }
    }),
  );
  return lists.flat();
}
