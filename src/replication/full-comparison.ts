/**
 * FULL of ReplicaSync: every update of the partner is compared with what is recorded here. What is not as the partner has it
 * leaves the vector, and so comes again as if it had never been here. [dfsr.md §7.1]
 */
import { wantsAgain } from '../model/reconcile.ts';
import { containsVersion, EMPTY_VECTOR, type VersionVector } from '../model/version-vector.ts';
import type { UpdatesAnswer } from '../peer/link.ts';
import type { FolderCore } from './folder-core.ts';

export interface Comparison {
  /** Updates the partner has. */
  compared: number;
  /** Of these, what is had again. */
  wanted: number;
}

/** Rejects as `ask` does, which asks the partner for what a vector lacks. `tell` hears how far it is. */
export async function compareAll(
  core: FolderCore,
  ask: (have: VersionVector) => AsyncIterable<UpdatesAnswer>,
  signal: AbortSignal,
  tell: (so: Comparison) => void,
): Promise<Comparison> {
  const done: Comparison = { compared: 0, wanted: 0 };
  for await (const answer of ask(EMPTY_VECTOR)) {
    if (answer.kind !== 'updates') continue;
    if (signal.aborted || !core.active) break;
    // Within the line no group is half recorded.
    await core.line.run(async () => {
      const { updates } = answer;
      const records = await core.store.records(updates.map(({ uid }) => uid));
      const unclaims = updates
        .filter(({ gvsn }, i) => {
          const believed = containsVersion(core.store.vector, gvsn) && !core.pending.has(gvsn);
          return believed && wantsAgain(records[i], updates[i]!, core.judge(records[i], updates[i]!));
        })
        .map(({ gvsn }) => gvsn);
      if (unclaims.length > 0) await core.commit({ unclaims });
      done.wanted += unclaims.length;
      done.compared += updates.length;
    });
    tell(done);
  }
  return done;
}
