/** A group of updates turned into operations on disk and the records that follow from them. */
import type { Operation } from '../disk/disk.ts';
import type { FileRecord } from '../model/update.ts';
import type { Gvsn } from '../model/version.ts';
import type { Wait } from '../model/wait-circle.ts';
import type { PendingUpdate } from './pending.ts';

/** Operations that belong together: the records are committed if all of them are done. */
export interface Step {
  readonly operations: Operation[];
  readonly puts: Put[];
  readonly forget: FileRecord[];
  readonly claims: Gvsn[];
  readonly items: PendingUpdate[];
  /** Conflicts met while it was planned. */
  conflicts: number;
}

export interface Put {
  readonly before: FileRecord | undefined;
  readonly after: FileRecord;
  /** The operation of this step whose outcome shows how the file looks now; null: as `after.disk` says. */
  readonly lookFrom: number | null;
}

export interface Blocked {
  readonly item: PendingUpdate;
  /** Null: the end of the round. */
  readonly wait: Wait | null;
  readonly reason: string;
  /** Whether its round had ended when this was found. */
  readonly closed: boolean;
}

export interface GroupPlan {
  readonly steps: Step[];
  readonly blocked: Blocked[];
  readonly rejected: { readonly item: PendingUpdate; readonly reason: string }[];
  /** Taken meanwhile to need content after all. */
  readonly unfetched: PendingUpdate[];
}

export function emptyStep(item: PendingUpdate | null): Step {
  return {
    operations: [],
    puts: [],
    forget: [],
    claims: item ? [item.update.gvsn] : [],
    items: item ? [item] : [],
    conflicts: 0,
  };
}

export function emptyPlan(): GroupPlan {
  return { steps: [], blocked: [], rejected: [], unfetched: [] };
}

/** What was staged for these items and is not part of any operation of the plan. */
export function unusedStaging(items: readonly PendingUpdate[], plan: GroupPlan): string[] {
  const installed = new Set<string>();
  for (const { operations } of plan.steps) {
    for (const operation of operations) if (operation.kind === 'install') installed.add(operation.staged.stagingId);
  }
  return items.flatMap(({ staged }) => (staged && !installed.has(staged.stagingId) ? [staged.stagingId] : []));
}
