/** Both elements of a pair are there: it leaves Initialized. */
import { messageOf, TandemError } from '../base/errors.ts';
import type { Association } from '../model/association.ts';
import type { MirrorElement } from './mirror-flows.ts';
import type { Pair } from './pair.ts';

/** The record it has then. A clone is of this moment. */
export async function beginPair(pair: Pair, { point }: MirrorElement): Promise<Association> {
  try {
    if (pair.record.holdAt === null) await point?.take();
    await pair.step({ type: 'initialized' });
  } catch (error) {
    pair.trouble = messageOf(error);
    const isFull = error instanceof TandemError && error.code === 'BLOCK_FULL';
    await pair.step({ type: 'copy-failed', cause: isFull ? 'space' : 'source' });
  }
  return pair.record;
}
