/** What nobody else knows of leaves the folder: moved into an area where it is kept, and its records forgotten. */
import type { PreserveOrder } from '../disk/disk.ts';
import type { FileRecord } from '../model/update.ts';
import { formatVersion, type Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import { emptyPlan, emptyStep, type Step } from './group-plan.ts';
import { runGroup } from './group-run.ts';

export interface AsideOrder extends Pick<PreserveOrder, 'area'> {
  readonly conflictType: PreserveOrder['manifest']['conflictType'];
  readonly reason: string;
  /** The member that does not know of it; '': none in particular. */
  readonly partner: string;
}

/**
 * Directories go as a whole, with everything in them. Answers what could not be moved, as somebody has moved or removed it: the
 * next scan will see to it. Only within a task of the line.
 */
export async function setAside(
  core: FolderCore,
  records: readonly FileRecord[],
  order: AsideOrder,
): Promise<readonly FileRecord[]> {
  const byUid = new Map(records.map(record => [record.uid, record]));
  const steps = new Map<Uid, Step>();
  for (const record of records) {
    let top = record;
    for (let above = byUid.get(top.parent); above; above = byUid.get(top.parent)) top = above;
    const step = steps.get(top.uid) ?? emptyStep(null);
    steps.set(top.uid, step);
    step.forget.push(record);
    const path = record === top ? await core.paths.of(record) : undefined;
    if (path === undefined) continue;
    step.operations.push({ kind: 'preserve', path, preserve: preserveOrder(core, { record, path, order }) });
  }
  const plan = emptyPlan();
  plan.steps.push(...steps.values());
  const { failed } = await runGroup(core, plan, new Map());
  return failed.flatMap(({ step }) => step.forget);
}

interface Leaving {
  readonly record: FileRecord;
  readonly path: string;
  readonly order: AsideOrder;
}

function preserveOrder(core: FolderCore, { record, path, order }: Leaving): PreserveOrder {
  const { area, conflictType, reason, partner } = order;
  const manifest = {
    path,
    uid: formatVersion(record.uid),
    gvsn: formatVersion(record.gvsn),
    conflictType,
    reason,
    member: core.member.name,
    partner,
    time: core.clock.now(),
  };
  return { always: true, area, manifest };
}
