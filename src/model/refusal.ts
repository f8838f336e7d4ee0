/** Why an operation on an association does not begin: code, detail and sentence, and what would be legal. [volumes.md §3.3] */
import type { Association } from './association.ts';
import type { CopyState, ReplicaOperation } from './replica-values.ts';

export type RefusalDetail =
  | 'unknown_operation'
  | 'unknown_synchronization'
  | 'not_supported'
  | 'sync_pair'
  | 'wait_for_copy_state'
  | 'settings'
  | 'busy'
  | 'illegal_state'
  | 'inconsistent'
  | 'force_required'
  | 'peer_unreachable'
  | 'writer_connected'
  | 'dependents';

export interface Refusal {
  readonly verdict: 'refused';
  readonly returnCode: 1 | 4 | 5 | 6;
  readonly detail: RefusalDetail;
  /** For people; says what to do where something can be done. */
  readonly sentence: string;
  /** What would be legal now, by rising number; and where this operation would be. Empty unless the state is the reason. */
  readonly operations: readonly ReplicaOperation[];
  readonly states: readonly CopyState[];
}

/** `projects on alpha → projects-copy on beta` */
export function place({ source, target }: Association): string {
  return `${source.name} on ${source.member} → ${target.name} on ${target.member}`;
}

export function refuse(
  returnCode: Refusal['returnCode'],
  detail: RefusalDetail,
  sentence: string,
  legal: { readonly operations?: readonly ReplicaOperation[]; readonly states?: readonly CopyState[] } = {},
): Refusal {
  return {
    verdict: 'refused',
    returnCode,
    detail,
    sentence,
    operations: legal.operations ?? [],
    states: legal.states ?? [],
  };
}
