/**
 * An administrator's order to fence a folder or a part of it: each record that it chooses gets a version with another fence.
 * The order is in the folder's state from its beginning to its end, so that it is carried out whole, whatever comes between.
 */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import {
  countFenced,
  EMPTY_TALLY,
  FENCE_MODES,
  type FenceOrder,
  type FenceScope,
  type FenceTally,
  fencedRecord,
  fenceOf,
  givenUpBy,
  takesFence,
  totalOf,
} from '../model/fence.ts';
import { COMPARE_SOON } from '../model/record-comparison.ts';
import type { FileRecord } from '../model/update.ts';
import type { Gvsn, Uid } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';

export interface FencePlan {
  readonly fence: number;
  readonly tally: FenceTally;
}

/** What an order given now would choose, and the fence it would give. Changes nothing. */
export async function planFence(core: FolderCore, scope: FenceScope): Promise<FencePlan> {
  const now = core.clock.now();
  let highest = 0;
  for await (const chosen of everyChosen(core, scope))
    for (const record of chosen) highest = Math.max(highest, record.fence);
  const fence = fenceOf(scope.mode, { now, highest });
  let tally: FenceTally = { ...EMPTY_TALLY, highest };
  for await (const chosen of everyChosen(core, scope)) {
    for (const record of chosen) if (takesFence(record, scope.mode, fence)) tally = countFenced(tally, record, fence);
  }
  return { fence, tally };
}

export class Fencing {
  readonly #core: FolderCore;
  /** What the last order has come to. */
  #done: FenceTally = EMPTY_TALLY;
  /** Tells the sessions that something may be asked for again. */
  retry: () => void = () => {};

  constructor(core: FolderCore) {
    this.#core = core;
  }

  /** Begins an order; it goes on after a restart too. REFUSED where a fence says nothing, or another order is under way. */
  async begin(scope: FenceScope, { fence, tally }: FencePlan): Promise<void> {
    const core = this.#core;
    await core.line.run(async () => {
      assertFenceable(core);
      if (tally.lowered > LIMITS.loweredFences) {
        throw new TandemError(
          'REFUSED',
          `the fence of ${tally.lowered} files would be lowered, at most ${LIMITS.loweredFences} at once are allowed: take smaller parts of the folder`,
        );
      }
      this.#done = EMPTY_TALLY;
      await core.commit({ memory: { fencing: { ...scope, fence } } });
    });
  }

  /** Resolves at the end of the order with what was done; null if it was interrupted: it goes on when the folder does. */
  async ended(signal: AbortSignal): Promise<FenceTally | null> {
    const core = this.#core;
    const { bell, stop } = core.listen();
    try {
      while (core.memory.fencing !== null && core.active && !signal.aborted) await bell.heard(signal);
      return core.memory.fencing === null ? this.#done : null;
    } finally {
      stop();
    }
  }

  /** Carries out orders until the signal, first one that a restart interrupted. */
  async run(signal: AbortSignal): Promise<void> {
    const core = this.#core;
    const { bell, stop } = core.listen();
    while (!signal.aborted) {
      if (core.memory.fencing === null || !core.active) {
        await bell.heard(signal);
        continue;
      }
      try {
        await this.#carryOut(core.memory.fencing, signal);
      } catch (error) {
        if (!(error instanceof TandemError) || error.reaction === 'stop-member') throw error;
        core.log.warn({ err: error }, 'fencing was interrupted, trying again');
        await core.clock.sleep(LIMITS.diskFullRetryMs, signal).catch(() => {});
      }
    }
    stop();
  }

  async #carryOut(order: FenceOrder, signal: AbortSignal): Promise<void> {
    const core = this.#core;
    for await (const chosen of everyChosen(core, order)) {
      const uids = chosen.filter(record => takesFence(record, order.mode, order.fence)).map(({ uid }) => uid);
      for (let from = 0; from < uids.length; from += LIMITS.installGroupFiles) {
        if (signal.aborted || !core.active) return;
        await core.line.run(() => this.#fence(uids.slice(from, from + LIMITS.installGroupFiles), order));
      }
    }
    if (signal.aborted || !core.active) return;
    const { lowered } = this.#done;
    await core.line.run(async () => {
      // What a partner lost to a version that has given way meanwhile shows only when all records are compared.
      const comparisons = lowered > 0 ? COMPARE_SOON : core.memory.comparisons;
      await core.commit({ memory: { fencing: null, comparisons } });
    });
    core.emit('FOLDER_FENCED', sentenceOf(order, this.#done), { mode: order.mode, fence: order.fence });
    if (lowered > 0) this.retry();
  }

  /** Only within a task of the line: the records are as they are now. */
  async #fence(uids: readonly Uid[], { mode, fence }: FenceOrder): Promise<void> {
    const core = this.#core;
    if (!core.active) return;
    const records = (await core.store.records(uids)).filter(
      (record): record is FileRecord => record !== undefined && takesFence(record, mode, fence),
    );
    const stamps = await core.stamps(records);
    const unclaims: Gvsn[] = records.flatMap(record => givenUpBy(record, fence));
    await core.commit({
      put: records.map((before, i) => ({ before, after: fencedRecord(before, fence, stamps[i]!) })),
      unclaims,
    });
    for (const record of records) this.#done = countFenced(this.#done, record, fence);
  }
}

/** REFUSED where a fence given here would tell nobody anything, or while an order is carried out. */
export function assertFenceable(core: FolderCore): void {
  const { name } = core.config;
  const refuse = (why: string): never => {
    throw new TandemError('REFUSED', why);
  };
  if (core.readOnly)
    refuse(`folder ${name} is read-only here: nothing made here counts. Fence it on a member that may write`);
  if (core.memory.halt) refuse(`folder ${name} is halted: ${core.memory.halt.sentence}`);
  if (!core.active || core.memory.phase !== 'normal')
    refuse(`folder ${name} has not finished its first synchronisation; what lies here is told to nobody yet`);
  if (core.memory.fencing) refuse(`an order to fence folder ${name} is being carried out; wait for its event`);
}

/** Records within the scope, in batches. Those whose directories are not known any more belong to the whole folder only. */
async function* everyChosen(core: FolderCore, { top, recursive }: FenceScope): AsyncGenerator<FileRecord[]> {
  if (!recursive) {
    const [record] = await core.store.records([top]);
    if (record) yield [record];
    return;
  }
  const isBelow = createScope(core, top);
  for await (const records of core.store.everyRecord()) {
    if (top === core.root) {
      yield records;
      continue;
    }
    const chosen: FileRecord[] = [];
    for (const record of records) if (record.uid === top || (await isBelow(record.parent))) chosen.push(record);
    if (chosen.length > 0) yield chosen;
  }
}

/** Whether a directory, present or deleted, is the top or lies below it. Remembers the directories it met. */
function createScope(core: FolderCore, top: Uid): (directory: Uid) => Promise<boolean> {
  const known = new Map<Uid, boolean>([
    [top, true],
    [core.root, false],
  ]);
  return async directory => {
    const chain: Uid[] = [];
    let answer: boolean | undefined;
    for (let at = directory; answer === undefined; ) {
      answer = known.get(at);
      if (answer !== undefined) break;
      chain.push(at);
      const [record] = chain.length > LIMITS.depthLevels ? [] : await core.store.records([at]);
      if (!record) answer = false;
      else at = record.parent;
    }
    for (const uid of chain) known.set(uid, answer);
    return answer;
  };
}

function sentenceOf({ mode, fence }: FenceOrder, tally: FenceTally): string {
  const what = `${totalOf(tally)} records (${tally.tombstones} of them deletions)`;
  return mode === FENCE_MODES.fence
    ? `${what} are fenced with ${fence}: what this member has of them wins`
    : `${what} have fence ${fence} now`;
}
