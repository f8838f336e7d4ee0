/** What a mirrored pair's data here is, compared with the other side's. */
import { type Association, withOwnSettings } from '../model/association.ts';
import { dutiesOf } from '../model/association-duties.ts';
import { beginAlone, type GenerationSide, type Generations, yieldLine } from '../model/generations.ts';

/** `dirtyBytes`: of the map kept here for the partner. */
export function generationSide(record: Association, generations: Generations, dirtyBytes: number): GenerationSide {
  const { here, mode } = record;
  const side = here === 'both' ? 'source' : here;
  const inUse = dutiesOf(record)[side] === 'read-write' || dutiesOf(record)[side] === 'held';
  const lacking = generations.base === null && generations.current !== null && dirtyBytes > 0;
  // A synchronous write is answered when both sides have it, or a generation was begun for it.
  const ahead = lacking && inUse && mode === 'Asynchronous';
  return { generations, condition: record[`${side}Data`], inUse, ahead, interrupted: lacking && !ahead };
}

/**
 * Of a side whose clients may write and whose partner does not get that. Where a copy was ordered, the side it goes into gives its own
 * line up from the decision on: a link that is lost before the copy begins must not make a split brain of it.
 */
export function generationsAfter(record: Association, generations: Generations, fresh: string): Generations {
  const duties = dutiesOf(record);
  const side = record.here === 'both' ? 'source' : record.here;
  const ordered = record.work?.phase === 'copy' && record.work.operation !== null;
  if (ordered && duties.into !== null)
    return duties.into === side ? yieldLine(generations, 'dirty') : beginAlone(generations, fresh);
  return duties[side] === 'read-write' && duties.flow === 'none' ? beginAlone(generations, fresh) : generations;
}

/** What the partner decided, as this member keeps it instead of `ours`. */
export function seenFromHere(decided: Association, ours: Association, member: string): Association {
  return { ...withOwnSettings(decided, ours), here: decided.source.member === member ? 'source' : 'target' };
}
