/**
 * An order to resynchronise a folder from one partner: what was made here since they parted leaves the vector, so that nobody is
 * told of it any more, and gives way to whatever a partner has. What the partner does not know of at all leaves the folder, and
 * is kept. [volumes.md §3.2 Resync Replica]
 */
import { fencedRecord } from '../model/fence.ts';
import type { VersionMark } from '../model/folder-pair.ts';
import type { FileRecord } from '../model/update.ts';
import type { FolderCore } from './folder-core.ts';

/**
 * Begins it, or begins it again. What is changed here from now on is none of it. While the pair stands still; within no task of
 * the line.
 */
export async function beginYielding(core: FolderCore, connection: string, since: VersionMark): Promise<void> {
  await core.line.run(() => {
    const { database } = core.members;
    const to = core.highestClaimed(database);
    const from = since.database === database ? since.vsn : 0;
    const before = core.memory.yielding;
    const same = before !== null && before.database === database;
    const yielding = same
      ? { connection, database, from: Math.min(from, before.from), to: Math.max(to, before.to) }
      : { connection, database, from, to };
    return core.commit({ memory: { yielding } });
  });
  // One partner or the other may hold some of it: then it comes back as theirs.
  for await (const records of core.store.everyRecord()) {
    await core.line.run(async () => {
      const unclaims = records
        .filter(({ gvsn }) => core.isToYield(gvsn) && core.isClaimed(gvsn))
        .map(({ gvsn }) => gvsn);
      if (unclaims.length > 0) await core.commit({ unclaims });
    });
  }
}

/** What is left of it counts again, as changed now; on a read-only member nothing does. Only within a task of the line. */
export async function endYielding(core: FolderCore): Promise<void> {
  if (!core.readOnly)
    for await (const records of core.store.everyRecord()) await tellAgain(core, records.filter(isOwn));
  await core.commit({ memory: { yielding: null } });

  function isOwn({ gvsn, present, disk, provisional }: FileRecord): boolean {
    // What is not on disk is had again from a partner, in the very version that is recorded.
    const isHere = !present || disk !== null;
    return isHere && !provisional && core.isToYield(gvsn) && !core.isClaimed(gvsn);
  }
}

async function tellAgain(core: FolderCore, records: readonly FileRecord[]): Promise<void> {
  if (records.length === 0) return;
  const stamps = await core.stamps(records);
  const put = records.map((before, i) => ({ before, after: fencedRecord(before, before.fence, stamps[i]!) }));
  await core.commit({ put });
}
