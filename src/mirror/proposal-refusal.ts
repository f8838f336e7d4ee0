/** Why this member does not follow what its partner proposes. */
import { arrowOf, OPERATION_ROWS } from '../model/replica-operations.ts';
import type { ReplicaOperation } from '../model/replica-values.ts';
import type { Elements } from './elements.ts';
import type { Pair } from './pair.ts';

export interface Proposal {
  readonly operation: ReplicaOperation;
  /** Of the record as the partner keeps it. */
  readonly revision: number;
  readonly force: boolean;
}

/** Null: it does. */
export function refuseProposal(
  { record }: Pair,
  { operation, revision, force }: Proposal,
  elements: Elements,
): string | null {
  if (revision !== record.revision) return 'the partner’s record is not the one here';
  if (record.work?.phase === 'transition' && record.work.operation !== operation)
    return `it is busy: ${record.work.activity}`;
  if (record.work?.phase !== 'transition') {
    const arrow = arrowOf(operation, record.syncType, record.copyState);
    if (arrow === null) return `${operation} cannot be done while it is ${record.copyState}`;
    // What was written here the partner may not have heard of yet.
    if (arrow.need === 'F' && !force) return `${operation} from ${record.copyState} gives up writes: give Force`;
  }
  const { unseats } = OPERATION_ROWS[operation];
  if (unseats === undefined || unseats !== record.here || force || elements.writers(record[unseats].name) === 0)
    return null;
  return `a client that may write is connected to ${record[unseats].name}: disconnect it, or give Force`;
}
