/** ConfirmTargetData: waits until the target of a mirror durably holds everything that was written to its source until now. */
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { formatBytes } from '../base/sizes-and-durations.ts';
import { dutiesOf } from '../model/association-duties.ts';
import { place, refuse } from '../model/refusal.ts';
import { knownDifferentBytes } from '../model/verification.ts';
import { type MethodOutcome, refusedOutcome } from './method-outcome.ts';
import type { MirrorPair } from './mirror-pair.ts';
import type { Pair } from './pair.ts';

export interface Confirmation {
  readonly pair: Pair;
  /** Null: both elements are here. */
  readonly mirror: MirrorPair | null;
  readonly waitMs: number;
  readonly clock: Clock;
  /** This member stops. */
  readonly end: AbortSignal;
}

/**
 * 0: it does. 3: not within the time. 1: the target of such a pair never follows. 4: nothing flows, this is not its source, or a verification
 * found the target to differ and nothing was copied since.
 */
export async function confirmTarget({ pair, mirror, waitMs, clock, end }: Confirmation): Promise<MethodOutcome> {
  const { record } = pair;
  if (mirror === null || record.syncType !== 'Mirror') {
    const sentence = `${place(record)} is a ${record.syncType.toLowerCase()}: its target shows one moment of the source`;
    return refusedOutcome(refuse(1, 'not_supported', sentence), pair.id);
  }
  if (record.here === 'target') {
    const sentence = `only the source knows what was written to it: give the order on ${record.source.member}`;
    return refusedOutcome(refuse(4, 'illegal_state', sentence), pair.id);
  }
  const limit = new AbortController();
  const cancel = clock.after(waitMs, () => limit.abort());
  const signal = AbortSignal.any([limit.signal, end]);
  try {
    for (;;) {
      await pair.until(() => pair.removed || mirror.flowing || !mayFlow(pair), signal);
      if (pair.removed || !mayFlow(pair)) {
        const now = pair.removed ? 'a pair no more' : pair.record.copyState;
        return refusedOutcome(
          refuse(4, 'illegal_state', `${place(record)} is ${now}: nothing reaches its target`),
          pair.id,
        );
      }
      if (await drained(mirror, signal)) break;
      await clock.sleep(LIMITS.orderLookMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    const sentence = `the target of ${place(record)} does not hold everything yet; it is ${pair.record.copyState}`;
    return { returnCode: 3, sentence, detail: null, synchronization: pair.id, job: null };
  } finally {
    cancel();
  }
  const differing = knownDifferentBytes(pair.verification);
  if (differing > 0) {
    const sentence = `the target of ${place(record)} got everything, and a verification found ${formatBytes(differing)} in which it differs all the same: give “tandem replica verify ${pair.id} --repair”, or resynchronise it`;
    return refusedOutcome(refuse(4, 'inconsistent', sentence), pair.id);
  }
  const sentence = `the target of ${place(record)} holds everything that was written until the order`;
  return { returnCode: 0, sentence, detail: null, synchronization: pair.id, job: null };
}

/** It flows, or will by itself when the link is back. */
function mayFlow({ record }: Pair): boolean {
  const { copyState, brokenBy, recoveryMode, work } = record;
  if (copyState === 'Broken') return brokenBy === 'link' && recoveryMode === 'Automatic';
  return work?.phase === 'transition' || copyState === 'Initialized' || dutiesOf(record).flow !== 'none';
}

/** False: the link was lost, or the flow gave way to another one. */
async function drained(mirror: MirrorPair, signal: AbortSignal): Promise<boolean> {
  const given = new Promise<never>((_, reject) => {
    const onAbort = () => reject(new TandemError('CANCELLED', 'the waiting was given up'));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([mirror.drain(), given]);
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof TandemError && error.code === 'PEER_UNREACHABLE') return false;
    throw new TandemError('INTERNAL', messageOf(error), { cause: error });
  }
}
