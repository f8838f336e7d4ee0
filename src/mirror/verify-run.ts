/** One run of a verification over a flow in step, from where the last one ended until it is complete, cancelled or interrupted. */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { PIECE_BYTES } from '../block/digests.ts';
import type { PaceNow } from '../model/copy-plan.ts';
import type { ByteRange } from '../model/dirty-map.ts';
import { noteCompared, type Verification } from '../model/verification.ts';
import { LinePacing } from './copy-pacing.ts';
import type { Pair } from './pair.ts';
import type { SourceFlow } from './source-flow.ts';

export interface VerifyRunParts {
  readonly pair: Pair;
  readonly flow: SourceFlow;
  readonly pace: PaceNow;
  readonly clock: Clock;
  /** It was not cancelled. */
  readonly runs: () => boolean;
  /** How far it is, now and then. */
  readonly tell: (verification: Verification) => Promise<void>;
  readonly end: AbortSignal;
}

interface Asked {
  readonly end: number;
  readonly differing: Promise<readonly ByteRange[]>;
  readonly arrived: () => void;
}

/** What digests of a piece take on the line, about. */
const DIGEST_BYTES = 2048 + 64;

/**
 * True: everything is compared, and what was copied is durable there. False: it does not run any more. CANCELLED or PEER_UNREACHABLE
 * where the flow was interrupted; the pair says how far it came.
 */
export async function runVerification({ pair, flow, pace, clock, runs, tell, end }: VerifyRunParts): Promise<boolean> {
  const asked: Asked[] = [];
  let now = pair.verification!;
  let next = now.comparedBytes;
  /** Something was copied that may not be durable there. */
  let fresh = false;
  let toldAt = clock.now();
  let keptAt = toldAt;
  const pacing = new LinePacing(pace, clock);

  async function ask(): Promise<void> {
    while (next < now.sizeBytes && asked.length < LIMITS.verifyPieces && runs()) {
      const ms = pacing.waitMs();
      if (ms > 0) {
        if (asked.length > 0) return;
        await clock.sleep(ms, end);
        continue;
      }
      const { differing } = await flow.comparison.ask(next);
      const length = Math.min(PIECE_BYTES, now.sizeBytes - next);
      pacing.spend(DIGEST_BYTES, length);
      next += length;
      asked.push({ end: next, differing, arrived: pacing.begin(length) });
    }
  }

  async function repair(ranges: readonly ByteRange[]): Promise<void> {
    for (const range of ranges) {
      for (let ms = pacing.waitMs(); ms > 0; ms = pacing.waitMs()) await clock.sleep(ms, end);
      fresh = true;
      await flow.comparison.sendAgain(range);
      pacing.spend(range.length, range.length);
      // The queue is for clients: it must not overflow with this.
      if (flow.lag().bytes > LIMITS.mirrorEpochBytes) await flow.drain();
    }
  }

  async function note(): Promise<void> {
    const at = clock.now();
    if (at - keptAt >= LIMITS.verifyKeepMs) {
      if (fresh) await flow.drain();
      fresh = false;
      keptAt = at;
      if (runs()) await pair.verified(now, { durable: true });
    } else await pair.verified(now, { durable: false });
    if (at - toldAt < LIMITS.verifyTellMs || !runs()) return;
    toldAt = at;
    pair.touch();
    await tell(now);
  }

  while (runs()) {
    await ask();
    const first = asked.shift();
    if (first === undefined) break;
    const differing = await first.differing;
    first.arrived();
    // A copy may have begun that does not know of it.
    if (!flow.comparison.ready) throw new TandemError('CANCELLED', 'a copy comes first');
    if (now.repair) await repair(differing);
    if (!runs()) return false;
    now = noteCompared(now, { end: first.end, differing, repaired: now.repair });
    await note();
  }
  if (!runs()) return false;
  if (fresh) await flow.drain();
  return true;
}
