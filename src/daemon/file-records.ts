/** The record of one file, with what holds it back. */

import { toDatetime } from '../admin/records/column.ts';
import type { IdRecord } from '../admin/records/id-record.ts';
import { sameLook } from '../disk/look.ts';
import type { FileRecord, Stat } from '../model/update.ts';
import { formatVersion } from '../model/version.ts';
import type { Folder } from '../replication/folder.ts';
import type { FolderCore } from '../replication/folder-core.ts';
import { createKnownPaths } from './known-path.ts';
import { putOffReason } from './update-records.ts';

/** Bits of IdRecordInfo's Flags. [dfsr.md §3.5] */
const FLAGS = [
  { bit: 0x01, name: 'present', holds: (record: FileRecord) => record.present },
  { bit: 0x02, name: 'name conflict', holds: (record: FileRecord) => record.nameConflict },
  { bit: 0x04, name: 'visible', holds: (record: FileRecord) => !record.provisional },
  { bit: 0x10, name: 'to be verified', holds: (record: FileRecord) => record.present && record.disk === null },
] as const;

const KIND_LETTERS = { file: '-', directory: 'd', symlink: 'l' } as const;

export async function idRecord(folder: Folder, record: FileRecord): Promise<IdRecord> {
  const { core } = folder;
  const path = await createKnownPaths(core)(record);
  const flags = FLAGS.filter(flag => flag.holds(record));
  return {
    Uid: formatVersion(record.uid),
    Flags: flags.reduce((sum, { bit }) => sum + bit, 0),
    FlagNames: flags.map(({ name }) => name).join(', '),
    Attributes: record.mode,
    Mode: formatMode(record),
    GVsn: formatVersion(record.gvsn),
    Usn: 0,
    ParentUid: formatVersion(record.parent),
    Fid: record.disk === null ? '' : record.disk.ino.toString(),
    Volume: core.memory.device,
    Fence: record.fence,
    Clock: record.clock,
    CreateTime: toDatetime(record.createTime),
    // The hybrid clock follows the members’ clocks within a bounded distance.
    UpdateTime: toDatetime(record.clock / 1000),
    FileHash: record.hash,
    FileName: record.name,
    FileKind: record.kind,
    FullPathName: path,
    SizeInBytes: record.size,
    ModifyTime: toDatetime(Number(record.mtimeNs / 1_000_000n)),
    SymlinkTarget: record.target,
    Index: 0,
    ReplicatedFolderGuid: core.config.guid,
    ReplicatedFolderName: core.config.name,
    Ancestry: record.ancestry.map(formatVersion).join(', '),
    HeldBack: await whatHoldsBack(folder, record),
  };
}

/** As ls shows it: `-rw-r--r--`. */
export function formatMode({ kind, mode }: Pick<FileRecord, 'kind' | 'mode'>): string {
  const bits = [6, 3, 0].map(shift => {
    const [read, write, run] = [4, 2, 1].map(bit => ((mode >> shift) & bit) !== 0);
    const special = (mode >> (9 + shift / 3)) & 1;
    const letter = shift === 0 ? 't' : 's';
    const last = special ? (run ? letter : letter.toUpperCase()) : run ? 'x' : '-';
    return `${read ? 'r' : '-'}${write ? 'w' : '-'}${last}`;
  });
  return KIND_LETTERS[kind] + bits.join('');
}

/** Why an update of this file, known by its UID, is not here yet; null: none is on its way. */
export function whatUpdateWaitsFor(core: FolderCore, uid: string): string | null {
  const item = core.pending.ofUid(uid).at(-1);
  if (item)
    return `version ${formatVersion(item.update.gvsn)} from ${item.round.partner} is ${item.stage}: ${item.reason}`;
  const entry = core.pending.listGivenUp().find(({ update }) => update.uid === uid);
  if (!entry) return null;
  return `version ${formatVersion(entry.update.gvsn)} from ${entry.partner} was put off: ${putOffReason(entry)}`;
}

async function whatHoldsBack(folder: Folder, record: FileRecord): Promise<string | null> {
  const { core } = folder;
  if (core.memory.halt) return `the folder is halted: ${core.memory.halt.sentence}`;
  const update = whatUpdateWaitsFor(core, record.uid);
  if (update !== null) return update;
  if (record.provisional)
    return 'it was here before the first synchronisation and is not told to anyone until that is over';
  if (!core.serving) return `the folder does not serve as a source: ${await folder.reason()}`;
  if (!record.present) return null;
  if (record.disk === null) return 'it is not on disk here and is asked for again from the partners';
  return (await changedOnDisk(core, record, record.disk)) ? 'it changed on disk since, and waits until it rests' : null;
}

async function changedOnDisk(core: FolderCore, record: FileRecord, disk: Stat): Promise<boolean> {
  const path = await core.paths.of(record);
  if (path === undefined) return false;
  const [look] = await core.disk.look([path]).catch(() => []);
  if (look === undefined) return false;
  if (look === null) return true;
  // The times of a directory move with its children.
  return record.kind === 'directory' ? look.ino !== disk.ino : !sameLook(disk, look);
}
