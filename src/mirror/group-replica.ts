/** CreateGroupReplica: a pair for each of several sources, together in a new group. */
import { refuse } from '../model/refusal.ts';
import { nameOf, numberOf, REPLICA_OPERATIONS, SYNC_TYPES } from '../model/replica-values.ts';
import { parseReplicationSettings } from '../model/replication-settings.ts';
import { failedOutcome, type MethodOutcome, refusedOutcome } from './method-outcome.ts';
import { type PairCreation, type PairCreationParts, planPair } from './pair-creation.ts';
import { problemOfConsistency, type ReplicaGroups } from './replica-groups.ts';

export interface GroupReplicaWish extends Omit<PairCreation, 'source' | 'target' | 'detachWhenCopied'> {
  readonly name: string;
  readonly sources: readonly string[];
  /** With `*` for the name of the source. */
  readonly target: string;
  readonly deleteOnEmptyElement: boolean;
  /** As `GroupWish`. */
  readonly consistency?: number | undefined;
}

export interface GroupReplicaParts {
  readonly groups: ReplicaGroups;
  readonly parts: PairCreationParts;
  readonly create: (wanted: PairCreation) => Promise<MethodOutcome>;
}

/** Nothing is made where one of them is refused. Where one fails afterwards, those that were made stay, in the group. */
export async function createGroupReplica(parts: GroupReplicaParts, wish: GroupReplicaWish): Promise<MethodOutcome> {
  const { groups, create } = parts;
  const { name, sources, target, deleteOnEmptyElement, consistency, ...common } = wish;
  if (sources.length === 0) return refused('there is no source: name volumes, or a group that has pairs');
  if (new Set(sources).size < sources.length) return refused('a source is named twice');
  if (sources.length > 1 && !target.includes('*')) {
    return refused(`“${target}” would be the target of ${sources.length} sources: write * for the name of the source`);
  }
  const wanted = sources.map(source => {
    const plain = source.slice(source.indexOf(':') + 1);
    return { ...common, source, target: target.replaceAll('*', plain), detachWhenCopied: false };
  });
  for (const each of wanted) {
    const planned = planPair(parts.parts, each);
    if ('verdict' in planned) return refusedOutcome(planned, null);
  }
  const syncType = nameOf(SYNC_TYPES, wish.syncType)!;
  const problem = problemOfConsistency(consistency, syncType);
  if (problem !== null) return refusedOutcome(problem, null);
  const group = await groups.create({ name, syncType: wish.syncType, pairs: [], deleteOnEmptyElement });
  if (group.returnCode !== 0) return group;
  const settings = wish.settings === null ? { settings: {} } : parseReplicationSettings(wish.settings);
  const goesOn = 'settings' in settings && settings.settings.onGroupError === 'continue';
  const failures: string[] = [];
  let job: string | null = null;
  let made = 0;
  for (const each of wanted) {
    const outcome = await create(each);
    const pair = outcome.synchronization === null ? undefined : parts.parts.pairs.get(outcome.synchronization);
    if (pair !== undefined) {
      const order = { operation: ADD, force: false, waitForCopyState: null, settings: null };
      const added = await groups.modify(groups.find(name)!, { ...order, syncPairs: [pair.record] });
      if (added.returnCode === 0) made++;
      else failures.push(added.sentence);
    }
    job ??= outcome.job;
    if (outcome.returnCode === 0 || outcome.returnCode === 4096 || outcome.returnCode === 3) continue;
    failures.push(outcome.sentence);
    if (!goesOn) break;
  }
  const { synchronization } = group;
  if (consistency === SEQUENTIAL && failures.length === 0) {
    const order = { operation: ACTIVATE, force: false, waitForCopyState: null, settings: null, syncPairs: [] };
    const made = await groups.modify(groups.find(name)!, order);
    if (made.returnCode !== 0) failures.push(made.sentence);
  }
  if (failures.length > 0) {
    return failedOutcome(
      `group ${name} has ${made} of ${wanted.length} pairs: ${failures.join('; ')}`,
      synchronization,
    );
  }
  const sentence = `group ${name} has ${made} new pairs${job === null ? '' : '; they are being copied, see “tandem job list”'}`;
  return { returnCode: job === null ? 0 : 4096, sentence, detail: null, synchronization, job };
}

const SEQUENTIAL = 3;
const ACTIVATE = numberOf(REPLICA_OPERATIONS, 'Activate Consistency');
const ADD = numberOf(REPLICA_OPERATIONS, 'AddSyncPair');

function refused(sentence: string): MethodOutcome {
  return refusedOutcome(refuse(5, 'sync_pair', sentence), null);
}
