/** CreateGroupReplica: a pair for each of several sources, together in a new group; snapshots and clones are of one moment. */
import { refuse } from '../model/refusal.ts';
import { COPY_STATES, nameOf, numberOf, REPLICA_OPERATIONS, SYNC_TYPES } from '../model/replica-values.ts';
import { parseReplicationSettings } from '../model/replication-settings.ts';
import { failedOutcome, type MethodOutcome, refusedOutcome } from './method-outcome.ts';
import type { Pair } from './pair.ts';
import { type PairCreation, type PairCreationParts, planPair } from './pair-creation.ts';
import { BARE_ORDER, type PairOrder } from './pair-orders.ts';
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

/**
 * Nothing is made where one of them is refused. Where one fails afterwards, those that were made stay, in the group. Snapshots and
 * clones are made Inactive, and activated as one, where they are not to stay so.
 */
export async function createGroupReplica(parts: GroupReplicaParts, wish: GroupReplicaWish): Promise<MethodOutcome> {
  const { groups } = parts;
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
  const { synchronization } = group;
  const modify = (order: Partial<PairOrder> & Pick<PairOrder, 'operation'>): Promise<MethodOutcome> =>
    groups.modify(groups.find(name)!, { ...BARE_ORDER, ...order });
  const { waitForCopyState } = wish;
  const atOnce = syncType !== 'Mirror' && (waitForCopyState === null || ACTIVATED.includes(waitForCopyState));
  const all = await createAll(
    parts,
    wanted.map(each => (atOnce ? { ...each, waitForCopyState: INACTIVE } : each)),
    pair => modify({ operation: ADD, syncPairs: [pair.record] }),
  );
  const { failures, made } = all;
  let { job } = all;
  if (atOnce && made > 0) {
    const activated = await modify({ operation: ACTIVATE, waitForCopyState });
    ({ job } = activated);
    if (!BEGUN.includes(activated.returnCode)) failures.push(activated.sentence);
  }
  if (consistency === SEQUENTIAL && failures.length === 0) {
    const { returnCode, sentence } = await modify({ operation: ACTIVATE_CONSISTENCY });
    if (returnCode !== 0) failures.push(sentence);
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

/** `job`: of the first that has one. */
async function createAll(
  { create, parts }: GroupReplicaParts,
  wanted: readonly PairCreation[],
  add: (pair: Pair) => Promise<MethodOutcome>,
): Promise<{ readonly failures: string[]; readonly made: number; readonly job: string | null }> {
  const { settings } = wanted[0]!;
  const parsed = settings === null ? { settings: {} } : parseReplicationSettings(settings);
  const goesOn = 'settings' in parsed && parsed.settings.onGroupError === 'continue';
  const failures: string[] = [];
  let job: string | null = null;
  let made = 0;
  for (const each of wanted) {
    const outcome = await create(each);
    const pair = outcome.synchronization === null ? undefined : parts.pairs.get(outcome.synchronization);
    if (pair !== undefined) {
      const added = await add(pair);
      if (added.returnCode === 0) made++;
      else failures.push(added.sentence);
    }
    job ??= outcome.job;
    if (BEGUN.includes(outcome.returnCode)) continue;
    failures.push(outcome.sentence);
    if (!goesOn) break;
  }
  return { failures, made, job };
}

const SEQUENTIAL = 3;
/** Completed, a job that goes on, and a wait that was too long. */
const BEGUN: readonly number[] = [0, 4096, 3];
const INACTIVE = numberOf(COPY_STATES, 'Inactive');
/** What a creation can wait for that Inactive pairs come to be activated. */
const ACTIVATED: readonly number[] = [numberOf(COPY_STATES, 'Unsynchronized'), numberOf(COPY_STATES, 'Synchronized')];
const ACTIVATE = numberOf(REPLICA_OPERATIONS, 'Activate');
const ACTIVATE_CONSISTENCY = numberOf(REPLICA_OPERATIONS, 'Activate Consistency');
const ADD = numberOf(REPLICA_OPERATIONS, 'AddSyncPair');

function refused(sentence: string): MethodOutcome {
  return refusedOutcome(refuse(5, 'sync_pair', sentence), null);
}
