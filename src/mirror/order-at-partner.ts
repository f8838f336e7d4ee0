/** An order that the partner is to decide. */
import { LIMITS } from '../base/limits.ts';
import type { MirrorSession } from './mirror-session.ts';
import type { Pair } from './pair.ts';
import type { AcceptedOrder } from './pair-orders.ts';

/** A sentence why not; null: it has begun, or ended, and is known here. PEER_UNREACHABLE */
export async function orderAtPartner(
  pair: Pair,
  session: MirrorSession,
  { operation, arrow, force }: AcceptedOrder,
): Promise<string | null> {
  const { revision } = pair.record;
  const answer = await session.order(operation, force).catch(async error => {
    // What ends the pair ends the stream too, maybe before the answer, and before this member has heard of it.
    if (arrow.arrival === 'removed') await pair.within(LIMITS.replicaAnswerMs, () => pair.removed);
    if (pair.removed) return null;
    throw error;
  });
  if (answer !== null && answer.returnCode !== 0 && answer.returnCode !== 4096) return answer.sentence;
  // What the partner decided is known here a moment later.
  const isKnown = () => pair.removed || pair.record.work !== null || pair.record.revision !== revision;
  await pair.within(LIMITS.replicaAnswerMs, isKnown);
  return null;
}
