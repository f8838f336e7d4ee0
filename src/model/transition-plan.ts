/**
 * How two members change an association together so that at every moment at most the right ones may write, whoever dies or
 * loses the link at whatever step. One of them decides: it is the only one whose word counts, and it gives up its own
 * rights before the other takes them. [volumes.md §10.2, §10.3]
 */
import { assert } from '../base/errors.ts';
import type { Association, StorageElement } from './association.ts';
import { dutiesOf } from './association-duties.ts';
import { stepAssociation } from './association-step.ts';
import type { ElementSide } from './replica-operations.ts';
import type { ReplicaOperation } from './replica-values.ts';

/** In one plan steps follow one another: the next begins when the one before has settled. */
export const TRANSITION_STEPS = {
  'write-intent': 'durable: which transition was begun, and which part is ours',
  propose: 'tells the follower',
  'expect-agreement': 'until the follower has made its intent durable',
  'expect-proposal': 'until the decider proposes',
  agree: 'tells the decider that the intent is durable here',
  'hold-writes': 'clients’ writes wait; those that run go on',
  'stop-stream': 'nothing more is sent; what was on its way is in the dirty map, durable',
  drain: 'until no write runs and the queue is empty',
  flush: 'everything written here is durable',
  'send-barrier': 'tells the follower that nothing comes after it',
  'expect-barrier': 'until the decider’s barrier has come, and everything before it was applied',
  'confirm-barrier': 'tells the decider that everything before the barrier is durable here',
  'expect-durable': 'until the follower has confirmed the barrier',
  'close-clients': 'clients that may write are disconnected; the element is read-only',
  decide: 'durable, in one write: the new association, its generations, and that it is decided. Never taken back',
  'release-writes': 'writes that waited go on, under the new association',
  'tell-decision': 'tells the follower the new association, again after each loss of the link',
  'expect-decision': 'until the decider has decided',
  commit: 'durable, in one write: the new association, its generations, and the intent is gone',
  'open-clients': 'clients may write from now on',
  'confirm-decision': 'tells the decider that it is committed here',
  'expect-confirmation': 'until the follower has committed',
  'clear-intent': 'durable: the transition is over',
} as const;
export type TransitionStep = keyof typeof TRANSITION_STEPS;

export interface TransitionPlan {
  /** The element whose member decides. */
  readonly decider: ElementSide;
  readonly deciderSteps: readonly TransitionStep[];
  /** Empty: there is no other member, or it is out of reach and hears of it when it is back. */
  readonly followerSteps: readonly TransitionStep[];
}

/** `accepted` is in the transition of its operation. `alone`: without the other member. */
export function planTransition(accepted: Association, { alone }: { readonly alone: boolean }): TransitionPlan {
  const operation = accepted.work?.operation;
  assert(accepted.work?.phase === 'transition' && operation, 'a transition is under way');
  const single = alone || accepted.here === 'both';
  const decider = deciderOf(operation, accepted, alone);
  const change = changeOf(accepted, decider);
  return {
    decider,
    deciderSteps: single ? singleSteps(operation, accepted, change) : deciderSteps(operation, accepted, change),
    followerSteps: single ? [] : followerSteps(operation, accepted, change),
  };
}

/** What the two elements’ clients may do before and after. */
interface Change {
  readonly ours: { readonly before: boolean; readonly after: boolean };
  readonly theirs: { readonly before: boolean; readonly after: boolean };
}

/** Whoever is in use decides: it must not be so any longer before another one is. */
function deciderOf(operation: ReplicaOperation, { copyState, here }: Association, alone: boolean): ElementSide {
  if (alone && here !== 'both') return here;
  return copyState === 'Failedover' && SWITCHES.has(operation) ? 'target' : 'source';
}

const SWITCHES: ReadonlySet<ReplicaOperation> = new Set(['Failover', 'Failback', 'Reverse Roles']);
/** What the target has at the end is the source at one moment, where data flowed until then. */
const MEETING_AT_A_BARRIER: ReadonlySet<ReplicaOperation> = new Set([
  'Failover',
  'Failback',
  'Reverse Roles',
  'Split',
  'Detach',
  'Dissolve',
  'Reset To Sync',
]);
/** A snapshot is of one moment, and a rollback to it as well. */
const FREEZING: ReadonlySet<ReplicaOperation> = new Set(['Activate', 'Resync Replica', 'Restore from Replica']);

function deciderSteps(operation: ReplicaOperation, accepted: Association, { ours }: Change): readonly TransitionStep[] {
  const loses = ours.before && !ours.after;
  const meets = meetsAtBarrier(operation, accepted);
  return [
    'write-intent',
    'propose',
    'expect-agreement',
    ...steps(loses || meets, 'hold-writes'),
    ...steps(meets, 'drain', 'flush', 'send-barrier', 'expect-durable'),
    ...steps(!meets, 'stop-stream'),
    ...steps(loses && !meets, 'drain', 'flush'),
    ...steps(loses, 'close-clients'),
    'decide',
    ...steps(ours.after && (loses || meets), 'release-writes'),
    ...steps(ours.after && !ours.before, 'open-clients'),
    'tell-decision',
    'expect-confirmation',
    'clear-intent',
  ];
}

/** A follower that is to lose its clients stops them before it agrees: what they wrote later would be overwritten unasked. */
function followerSteps(
  operation: ReplicaOperation,
  accepted: Association,
  { theirs }: Change,
): readonly TransitionStep[] {
  const loses = theirs.before && !theirs.after;
  return [
    'expect-proposal',
    ...steps(loses, 'hold-writes', 'drain', 'flush'),
    'write-intent',
    'agree',
    ...steps(meetsAtBarrier(operation, accepted), 'expect-barrier', 'flush', 'confirm-barrier'),
    'expect-decision',
    ...steps(loses, 'close-clients'),
    'commit',
    ...steps(theirs.after && !theirs.before, 'open-clients'),
    'confirm-decision',
  ];
}

/** One durable write is all it takes; nobody else has to know. */
function singleSteps(
  operation: ReplicaOperation,
  accepted: Association,
  { ours, theirs }: Change,
): readonly TransitionStep[] {
  const freezes = accepted.syncType !== 'Mirror' && FREEZING.has(operation);
  const loses = (ours.before && !ours.after) || (accepted.here === 'both' && theirs.before && !theirs.after);
  const gains = (ours.after && !ours.before) || (accepted.here === 'both' && theirs.after && !theirs.before);
  return [
    ...steps(freezes, 'hold-writes', 'drain', 'flush'),
    ...steps(loses, 'close-clients'),
    ...steps(!freezes && accepted.work?.displaced != null, 'stop-stream'),
    'decide',
    ...steps(freezes, 'release-writes'),
    ...steps(gains, 'open-clients'),
  ];
}

function meetsAtBarrier(operation: ReplicaOperation, { syncType, copyState }: Association): boolean {
  if (operation === 'Failback') return true;
  return syncType === 'Mirror' && copyState === 'Synchronized' && MEETING_AT_A_BARRIER.has(operation);
}

function changeOf(accepted: Association, decider: ElementSide): Change {
  const other = decider === 'source' ? 'target' : 'source';
  const after = stepAssociation(accepted, { type: 'transition-committed', sourceAhead: false }, 0);
  assert(after !== null, 'the transition can be committed');
  return {
    ours: { before: mayWrite(accepted, accepted[decider]), after: mayWrite(after, accepted[decider]) },
    theirs: { before: mayWrite(accepted, accepted[other]), after: mayWrite(after, accepted[other]) },
  };
}

/** Elements that are no longer associated are volumes like any other. */
export function mayWrite(association: Association | 'removed', element: StorageElement): boolean {
  if (association === 'removed') return true;
  const { source } = association;
  const side = source.member === element.member && source.name === element.name ? 'source' : 'target';
  return dutiesOf(association)[side] === 'read-write';
}

/** What a member remembers of a transition it has part in. */
export interface TransitionIntent {
  readonly id: string;
  readonly operation: ReplicaOperation;
  readonly part: 'decider' | 'follower';
  /** Of the decider: the new association is its own already. */
  readonly decided: boolean;
  /** Of the follower: the change takes its clients’ right to write, so they wait until it is known. */
  readonly holds: boolean;
}

/**
 * What the partner says of the transition when asked: the decider, that it is decided, still under way on this very link, or
 * that it knows of none; the follower, that it has committed, or not. Null: it cannot be asked.
 */
export type TransitionWord = 'decided' | 'under-way' | 'unknown' | 'committed' | null;

/**
 * After a restart and whenever the link was lost: `abort`: clear the intent, release what waits, the association is as before.
 * `tell`: from `tell-decision` on. `commit`: from `expect-decision` on. `wait`: until the partner can be asked.
 */
export type TransitionRecovery = 'abort' | 'tell' | 'commit' | 'wait' | 'finish';

export function recoverTransition(intent: TransitionIntent, word: TransitionWord): TransitionRecovery {
  if (intent.part === 'decider') {
    // Nobody can have acted on what was never decided.
    if (!intent.decided) return 'abort';
    return word === 'committed' ? 'finish' : word === null ? 'wait' : 'tell';
  }
  if (word === 'decided') return 'commit';
  return word === 'unknown' ? 'abort' : 'wait';
}

function steps(wanted: boolean, ...these: readonly TransitionStep[]): readonly TransitionStep[] {
  return wanted ? these : [];
}
