/** ModifyListSynchronization: one operation on several pairs. */
import { failedOutcome, type MethodOutcome, refusedOutcome } from '../mirror/method-outcome.ts';
import type { PairOrder } from '../mirror/pair-orders.ts';
import type { Judgement } from '../model/operation-judge.ts';
import { refuse } from '../model/refusal.ts';
import { OPERATION_ROWS } from '../model/replica-operations.ts';
import { nameOf, REPLICA_OPERATIONS } from '../model/replica-values.ts';
import { parseReplicationSettings } from '../model/replication-settings.ts';
import type { NamedReplica } from './replica-names.ts';
import { idOf } from './replica-names.ts';

export interface ListOrderParts {
  readonly judge: (named: NamedReplica | undefined, order: PairOrder) => Judgement;
  readonly modify: (named: NamedReplica | undefined, order: PairOrder) => Promise<MethodOutcome>;
}

export interface ListOutcome {
  readonly outcome: MethodOutcome;
  /** In the order of the pairs; empty where nothing was begun. */
  readonly outcomes: readonly MethodOutcome[];
}

/** `named`: undefined stands for one that is not here. */
export async function modifyList(
  { judge, modify }: ListOrderParts,
  named: readonly (NamedReplica | undefined)[],
  order: PairOrder,
): Promise<ListOutcome> {
  const operation = nameOf(REPLICA_OPERATIONS, order.operation);
  if (named.length === 0)
    return nothing(refusedOutcome(refuse(5, 'unknown_synchronization', 'no pair is named'), null));
  if (operation !== undefined && OPERATION_ROWS[operation].groupOnly) {
    return nothing(refusedOutcome(refuse(1, 'not_supported', `${operation} is for groups, not for a list`), null));
  }
  const ids = named.flatMap(each => (each === undefined ? [] : [idOf(each)]));
  if (new Set(ids).size < ids.length) {
    return nothing(refusedOutcome(refuse(5, 'unknown_synchronization', 'a pair is named twice'), null));
  }
  const settings = order.settings === null ? { settings: {} } : parseReplicationSettings(order.settings);
  const goesOn = 'settings' in settings && settings.settings.onGroupError === 'continue';
  for (const each of goesOn ? [] : named) {
    const judgement = judge(each, order);
    if (judgement.verdict !== 'refused') continue;
    return nothing(refusedOutcome(judgement, each === undefined ? null : idOf(each)));
  }
  const outcomes = await Promise.all(named.map(each => modify(each, order)));
  const failed = outcomes.filter(({ returnCode }) => returnCode !== 0 && returnCode !== 4096);
  if (failed.length > 0) {
    const sentences = failed.map(({ sentence }) => sentence).join('; ');
    const all = failedOutcome(`${failed.length} of ${named.length} failed: ${sentences}`, null);
    return { outcome: { ...all, returnCode: failed.length === 1 ? failed[0]!.returnCode : 4 }, outcomes };
  }
  const running = outcomes.find(({ returnCode }) => returnCode === 4096);
  const sentence =
    running === undefined
      ? `${operation}: all ${named.length} pairs are there`
      : `${operation} goes on; see “tandem job list”`;
  const outcome: MethodOutcome = {
    returnCode: running === undefined ? 0 : 4096,
    sentence,
    detail: null,
    synchronization: null,
    job: running?.job ?? null,
  };
  return { outcome, outcomes };
}

function nothing(outcome: MethodOutcome): ListOutcome {
  return { outcome, outcomes: [] };
}
