/**
 * Replicas of volumes that are mirrored themselves: what is taken of a target is what its source was at one moment, and nothing comes into
 * a target but from its own source.
 */
import { TandemError } from '../base/errors.ts';
import type { Volume } from '../block/volume.ts';
import { place } from '../model/refusal.ts';
import type { ReplicaOperation } from '../model/replica-values.ts';
import type { MirrorPair } from './mirror-pair.ts';
import type { Pair } from './pair.ts';
import type { ElementPart, PairSet } from './pair-set.ts';

/** Why an operation on a replica cannot be done beside the other mirrors of its source, which is here; null: it can. */
export function refuseBesideMirrors(pairs: PairSet, asked: Pair, operation: ReplicaOperation): string | null {
  const { record } = asked;
  const { name } = record.source;
  const mirrors = pairs.of(name).filter(({ pair }) => pair !== asked && pair.record.syncType === 'Mirror');
  switch (operation) {
    case 'Activate':
    case 'Resync Replica':
      // A mirror waits until its source is whole.
      if (record.syncType === 'Mirror') return null;
      return halfCopied(pairs, name, asked);
    case 'Failback':
    case 'Reverse Roles':
    case 'Restore from Replica': {
      // A volume is set back beneath what tells its mirrors of changes; mirrors and clones are copied back by writes.
      const harmed = mirrors.find(({ side }) => record.syncType === 'Snapshot' || side === 'target');
      if (harmed === undefined) return null;
      return `${name} is the ${harmed.side} of ${place(harmed.pair.record)}, whose two sides would differ unnoticed: detach that mirror first`;
    }
    default:
      return null;
  }
}

/** Runs `work` while the volume shows one moment of its source, if it is a target, and nobody writes to it. REFUSED */
export async function holdAtBoundary(
  { pairs, mirrorOf }: { readonly pairs: PairSet; readonly mirrorOf: (pair: Pair) => MirrorPair | undefined },
  volume: Volume,
  work: () => Promise<void>,
): Promise<void> {
  const fed = pairs.of(volume.name).filter(({ pair, side }) => side === 'target' && pair.record.syncType === 'Mirror');
  const held = (): Promise<void> =>
    volume.hold(async () => {
      const sentence = halfCopied(pairs, volume.name);
      if (sentence !== null) throw new TandemError('REFUSED', sentence);
      await work();
    });
  const mirror = fed.map(({ pair }) => mirrorOf(pair)).find(found => found !== undefined);
  await (mirror === undefined ? held() : mirror.atBoundary(held));
}

/** Why nothing of the volume may be passed on by the pair that asks: another one has half copied it; null: it is whole. */
export function halfBeside(pairs: PairSet, asked: Pair, name: string): string | null {
  // A clone is copied from one moment, which was whole.
  if (asked.record.syncType !== 'Mirror') return null;
  const copying = copyingInto(pairs, name, asked);
  if (copying === undefined) return null;
  return `${name} is only half copied by ${place(copying.pair.record)}; what comes is passed on when that is Synchronized`;
}

/** Which pair, other than the one that asks, has the volume half copied, and as which of its sides. */
export function copyingInto(pairs: PairSet, name: string, asked?: Pair): ElementPart | undefined {
  return pairs.of(name).find(({ pair, side }) => pair !== asked && pair.record[`${side}Data`] === 'Inconsistent');
}

function halfCopied(pairs: PairSet, name: string, asked?: Pair): string | null {
  const copying = copyingInto(pairs, name, asked);
  if (copying === undefined) return null;
  const { pair, side } = copying;
  return `${name} is only half copied as the ${side} of ${place(pair.record)}; wait until that is Synchronized`;
}
