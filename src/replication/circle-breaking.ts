/**
 * Updates that wait for one another take their places in one step: all that move step aside into staging, out of the
 * names and directories that others wait for, and then go where they belong in turn.
 */
import { reparented } from '../model/name-conflict.ts';
import type { FileRecord, Update } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import { emptyStep, type GroupPlan, type Step } from './group-plan.ts';
import { isAside } from './paths.ts';
import type { PendingUpdate } from './pending.ts';
import { Placement } from './placement.ts';
import { placeCandidate } from './placing.ts';
import type { Circle } from './waiting.ts';

/** `placed` false: somebody waits for something else as well, as the plan says, or one of them is not what it was. */
export async function planCircle(
  core: FolderCore,
  { items, order, astray }: Circle,
): Promise<{ plan: GroupPlan; placed: boolean }> {
  const p = new Placement(core, placeCandidate, { together: new Set(items) });
  await p.view.preload(items.map(item => item.update));
  const step = emptyStep(null);
  const contentLost = new Map<PendingUpdate, boolean>();
  for (const item of items) {
    const verdict = core.judge(await p.view.record(item.update.uid), item.update);
    const isComplete = verdict.kind === 'take' && (!verdict.contentNeeded || item.staged !== null);
    if (!isComplete) return { plan: p.plan, placed: false };
    contentLost.set(item, verdict.contentLost);
    step.items.push(item);
    step.claims.push(item.update.gvsn);
  }
  await stepAside(p, items, step);
  const itemByUid = new Map(items.map(item => [item.update.uid, item]));
  for (const uid of order) {
    const item = itemByUid.get(uid)!;
    const update = astray.includes(uid) ? reparented(item.update, core.root, await p.stamp(item.update)) : item.update;
    if (await liesInItself(p, update)) return { plan: p.plan, placed: false };
    const candidate = { update, item, contentLost: contentLost.get(item)!, depth: 0 };
    if ((await p.place(candidate, await p.view.record(uid), step)) === 'not') return { plan: p.plan, placed: false };
  }
  if (await anyLeftAside(p, items)) return { plan: p.plan, placed: false };
  p.plan.steps.push(step);
  return { plan: p.plan, placed: true };
}

/** Those that lie deepest first, so that nobody is taken along by the directory they lie in. */
async function stepAside(p: Placement, items: readonly PendingUpdate[], step: Step): Promise<void> {
  const movers: { record: FileRecord; depth: number }[] = [];
  for (const { update } of items) {
    const record = await p.view.record(update.uid);
    if (!update.present || !record?.present || !record.disk) continue;
    if (record.parent === update.parent && record.name === update.name) continue;
    movers.push({ record, depth: ((await p.view.path(record)) ?? '').split('/').length });
  }
  for (const { record } of movers.sort((a, b) => b.depth - a.depth)) await p.stepAside(record, step);
}

/** A directory whose new place is below itself is settled as such, when it is planned for itself. */
async function liesInItself(p: Placement, update: Update): Promise<boolean> {
  return update.present && update.kind === 'directory' && (await p.view.isBelow(update.parent, update.uid));
}

async function anyLeftAside(p: Placement, items: readonly PendingUpdate[]): Promise<boolean> {
  const uids: readonly Uid[] = items.map(item => item.update.uid);
  for (const uid of uids) {
    const record = await p.view.record(uid);
    if (record?.present && isAside((await p.view.path(record)) ?? '')) return true;
  }
  return false;
}
