/** What the partner of a mirrored pair began by itself is begun here too. */
import { TandemError } from '../base/errors.ts';
import type { Association } from '../model/association.ts';
import { arrowOf } from '../model/replica-operations.ts';
import type { ReplicaOperation } from '../model/replica-values.ts';
import type { Pair } from './pair.ts';

/** `theirs`: the pair as the partner keeps it now, while both are on one stream. REFUSED where `refusal` says why it cannot be followed. */
export async function followPartner(
  pair: Pair,
  theirs: Association,
  refusal: (operation: ReplicaOperation) => string | null,
): Promise<void> {
  const ours = pair.record;
  if (theirs.revision !== ours.revision) return;
  if (theirs.work?.phase === 'copy' && ours.work === null) {
    const { operation } = theirs.work;
    if (operation === null) await pair.step({ type: 'fell-behind' });
    const arrow = operation === 'Failback' ? arrowOf(operation, ours.syncType, ours.copyState) : null;
    const sentence = arrow && refusal('Failback');
    if (sentence) {
      pair.trouble = sentence;
      throw new TandemError('REFUSED', sentence);
    }
    if (arrow !== null) await pair.step({ type: 'operation-accepted', operation: 'Failback', arrow });
  } else if (theirs.copyState === 'Skewed' && ours.copyState !== 'Skewed') {
    await pair.step({ type: 'client-wrote', element: 'target' });
  } else if (theirs.copyState === 'Broken' && theirs.brokenBy !== 'link') {
    const cause = theirs.brokenBy ?? 'source';
    if (ours.copyState !== 'Broken') pair.trouble ??= failedThere(cause);
    if (ours.work?.phase === 'copy') await pair.step({ type: 'copy-failed', cause });
    else await pair.step({ type: 'element-failed', element: cause });
  }
}

/** Until the partner says more. */
export function failedThere(cause: NonNullable<Association['brokenBy']>): string {
  return `its ${cause} failed, as the partner says`;
}
