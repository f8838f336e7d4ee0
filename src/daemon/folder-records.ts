/** Records of replicated folders and their version vectors. */
import { toDatetime } from '../admin/records/column.ts';
import type { FolderMemberRecord, FolderRecord, VectorRecord } from '../admin/records/folder.ts';
import type { GroupConfig } from '../config/config.ts';
import { type DatabaseId, guidFromDatabaseId } from '../model/version.ts';
import { formatVector, type VersionVector } from '../model/version-vector.ts';
import type { FolderStateName } from '../peer/link.ts';
import type { Folder } from '../replication/folder.ts';
import type { FolderCore, Halt } from '../replication/folder-core.ts';
import type { Member } from '../replication/member.ts';
import { type ErrorNumbers, NO_ERROR, numbersOfHalt, numbersOfObstacle } from './error-numbers.ts';
import type { FolderSizes } from './folder-sizes.ts';

const MIB = 1024 * 1024;

/** FOLDER_STATES by the names partners are told. */
const STATE_NUMBERS = {
  uninitialized: 0,
  initialized: 1,
  'initial-sync': 2,
  'auto-recovery': 3,
  normal: 4,
  'in-error': 5,
} as const satisfies Record<FolderStateName, number>;

export async function folderRecord(group: GroupConfig, folder: Folder, sizes: FolderSizes): Promise<FolderRecord> {
  const { core, scanner } = folder;
  const { config, member, pending } = core;
  const { counts } = core.store;
  return {
    ReplicatedFolderGuid: config.guid,
    ReplicatedFolderName: config.name,
    ReplicationGroupGuid: group.guid,
    ReplicationGroupName: group.name,
    MemberGuid: member.guid,
    MemberName: member.name,
    State: STATE_NUMBERS[core.publicState],
    StateReason: await folder.reason(),
    FileCount: counts.files,
    DirectoryCount: counts.directories,
    SymlinkCount: counts.symlinks,
    SizeInBytes: counts.bytes,
    TombstoneCount: counts.tombstones,
    UpdatesPending: pending.size + pending.givenUpSize,
    PendingBytes: pendingBytes(core),
    RootPath: core.rootPath,
    IsPrimary: config.primary === member.name,
    ReadOnly: core.readOnly,
    LastConflictCleanupTime: toDatetime(core.memory.conflictCleanup || undefined),
    LastTombstoneCleanupTime: toDatetime(core.memory.tombstoneCleanup || undefined),
    CurrentStageSizeInMb: Math.ceil(sizes.stagedBytes / MIB),
    CurrentConflictSizeInMb: Math.ceil(sizes.conflictBytes / MIB),
    StageSizeInBytes: sizes.stagedBytes,
    ConflictSizeInBytes: sizes.conflictBytes,
    ConflictCount: sizes.conflicts,
    ...numbersOfFolder(core),
    LastScanTime: toDatetime(scanner.lastFullPass?.endedAt),
    ...haltColumns(core),
  };
}

export function numbersOfFolder(core: FolderCore): ErrorNumbers {
  if (core.memory.halt) return numbersOfHalt(core.memory.halt.reason);
  const [obstacle] = core.obstacles.standing;
  return obstacle ? numbersOfObstacle(obstacle.kind) : NO_ERROR;
}

/** The order that decides about a halt. */
export function releaseCommand({ config, readOnly }: FolderCore, { reason }: Halt): string {
  const decision =
    reason === 'away-too-long' ? '--refuse' : isBrake(reason) ? (readOnly ? '--refuse' : '--accept') : '--retry';
  return `tandem folder release ${config.name} ${decision}`;
}

/** What a brake holds is accepted or refused; everything else is looked at again when its cause is gone. */
function isBrake(reason: Halt['reason']): boolean {
  return reason === 'root-emptied' || reason === 'mass-deletion' || reason === 'mass-change';
}

export function folderMemberRecords(member: Member, folder: Folder): FolderMemberRecord[] {
  const { config } = folder.core;
  return [...config.members].map(([name, root]) => ({
    MemberName: name,
    MemberGuid: member.parts.group.members.get(name)?.guid ?? '',
    RootPath: root,
    IsPrimary: config.primary === name,
    ReadOnly: config.readOnly.includes(name),
    IsLocal: name === member.parts.name,
  }));
}

export function vectorRecords(member: Member, vector: VersionVector): VectorRecord[] {
  const owners = databaseOwners(member);
  return [...vector.keys()].sort().flatMap(database => {
    const list = vector.get(database)!;
    const rows: VectorRecord[] = [];
    for (let i = 0; i < list.length; i += 2) {
      rows.push({
        DatabaseGuid: guidFromDatabaseId(database),
        MemberName: owners.get(database) ?? null,
        Low: list[i]!,
        High: list[i + 1]!,
      });
    }
    return rows;
  });
}

/** `formatVector` on one line. */
export function vectorText(vector: VersionVector): string {
  return formatVector(vector).replaceAll('\n', '; ');
}

/** Whose databases are known: this member's, and those partners named when they were connected. */
export function databaseOwners({ parts, inbound }: Member): Map<DatabaseId, string> {
  const owners = new Map<DatabaseId, string>();
  for (const { parts: connection, welcome } of inbound) {
    for (const { database } of welcome?.folders ?? []) owners.set(database, connection.partner.name);
  }
  return owners.set(parts.store.database, parts.name);
}

function pendingBytes({ pending }: FolderCore): number {
  let bytes = 0;
  for (const { update, contentNeeded, staged, receivedBytes } of pending.list()) {
    if (contentNeeded && !staged) bytes += Math.max(0, update.size - receivedBytes);
  }
  for (const { update } of pending.listGivenUp()) bytes += update.size;
  return bytes;
}

function haltColumns(core: FolderCore) {
  const { halt } = core.memory;
  return {
    HaltReason: halt?.reason ?? null,
    HaltDetail: halt?.sentence ?? null,
    HaltCommand: halt ? releaseCommand(core, halt) : null,
    HaltTime: halt ? toDatetime(halt.since) : null,
    HaltDeletedFiles: halt?.held?.deleted ?? null,
    HaltChangedFiles: halt?.held?.changed ?? null,
    HaltTotalFiles: halt?.held?.total ?? null,
  };
}
