/** The method Fence of a replicated folder: what this member has wins, or gives way. [dfsr.md §1.4, §3.5] */
import type { FenceFolderOrder } from '../admin/backend.ts';
import type { FenceRecord } from '../admin/records/fence.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { EMPTY_TALLY, type FenceTally, isFenceMode, totalOf } from '../model/fence.ts';
import { assertFenceable, planFence } from '../replication/fencing.ts';
import type { Folder } from '../replication/folder.ts';
import { findFile } from './file-lookup.ts';
import { createKnownPaths } from './known-path.ts';
import { folderSettled } from './settled-folder.ts';

/** INVALID_ARGUMENT, NOT_FOUND and REFUSED before anything is changed; once begun, an order goes on whatever becomes of the call. */
export async function* fenceFolder(
  folder: Folder,
  order: FenceFolderOrder,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): AsyncGenerator<FenceRecord> {
  const { core, fencing } = folder;
  const { mode, recursive } = order;
  if (!isFenceMode(mode)) {
    throw new TandemError(
      'INVALID_ARGUMENT',
      `there is no mode ${mode}: 0 unfences, 1 is initial sync, 2 initial primary, 3 default, 4 fences`,
    );
  }
  assertFenceable(core);
  // What is to be fenced may lie on the disk since a moment ago: it is looked up once that is recorded.
  const record = (Stage: string, top: Top | null, fence: number, tally: FenceTally): FenceRecord => ({
    ReplicatedFolderName: core.config.name,
    FullPathName: top?.path ?? order.file ?? '',
    Recursive: recursive,
    Mode: mode,
    Fence: fence,
    Stage,
    FileCount: tally.files,
    DirectoryCount: tally.directories,
    SymlinkCount: tally.symlinks,
    TombstoneCount: tally.tombstones,
  });
  yield record('scanning', null, mode, EMPTY_TALLY);
  const settled = await folderSettled(folder, clock, signal);
  if (signal.aborted) return;
  if (!settled)
    throw new TandemError('REFUSED', `group.yaml was read again meanwhile; order it once more for ${core.config.name}`);
  const top = await topOf(folder, order.file);
  const scope = { top: top.uid, recursive, mode };
  const plan = await planFence(core, scope);
  if (order.dryRun) {
    yield record('counted', top, plan.fence, plan.tally);
    return;
  }
  if (totalOf(plan.tally) === 0) {
    yield record('done', top, plan.fence, plan.tally);
    return;
  }
  await fencing.begin(scope, plan);
  yield record('fencing', top, plan.fence, plan.tally);
  const done = await fencing.ended(signal);
  if (done) yield record('done', top, plan.fence, done);
  else if (!signal.aborted) {
    const why = core.memory.halt?.sentence ?? 'it was stopped';
    throw new TandemError('REFUSED', `folder ${core.config.name} stands still: ${why} The order goes on when it does.`);
  }
}

interface Top {
  readonly uid: string;
  readonly path: string;
}

async function topOf(folder: Folder, file: string | undefined): Promise<Top> {
  const { core } = folder;
  if (file === undefined) return { uid: core.root, path: '' };
  const { record } = await findFile([folder], { folder: core.config.name, file });
  return { uid: record.uid, path: await createKnownPaths(core)(record) };
}
