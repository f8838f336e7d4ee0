/**
 * What a read-only member stamps in settling a conflict stays with it, so it must not stand for good: the partners’ versions
 * in whose place it came leave the vector, and are had again once the partners have settled it among themselves.
 */
import type { FileRecord, Update } from '../model/update.ts';
import { databaseOf } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import type { Step } from './group-plan.ts';
import type { PendingUpdate } from './pending.ts';

export interface Replaced {
  /** With the version to be had again. */
  readonly update: Update;
  /** In the course of which it was replaced. */
  readonly item: PendingUpdate | null;
}

export function replacedHere(
  core: FolderCore,
  steps: readonly Step[],
  put: readonly { readonly before: FileRecord | undefined; readonly after: FileRecord }[],
): Replaced[] {
  if (!core.readOnly) return [];
  const { database } = core.members;
  const settled = put.filter(
    ({ before, after }) => databaseOf(after.gvsn) === database && after.gvsn !== before?.gvsn && !after.provisional,
  );
  return settled.flatMap(({ after }) => {
    const gvsn = after.ancestry.find(each => databaseOf(each) !== database);
    if (gvsn === undefined) return [];
    const step = steps.find(({ puts }) => puts.some(each => each.after.uid === after.uid));
    return [{ update: { ...after, gvsn }, item: step?.items[0] ?? null }];
  });
}
