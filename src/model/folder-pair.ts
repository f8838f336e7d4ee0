/**
 * What is kept of a replicated folder of an inbound connection as a pair of storage elements: what was ordered last, and when.
 * Whether it flows follows from that; everything else follows from the folder and the connection. [volumes.md §3]
 */
import type { AssociationTimes } from './association.ts';
import type { OrderedFolderState } from './folder-association.ts';
import type { Arrow, ElementSide } from './replica-operations.ts';
import type { CopyState, ReplicaOperation } from './replica-values.ts';

/** The versions that a member has made of a folder, up to and with this one. */
export interface VersionMark {
  /** GUID, 32 hex digits. */
  readonly database: string;
  readonly vsn: number;
}

export interface FolderPairState {
  /** What was ordered last and still holds; null: it replicates. */
  readonly ordered: OrderedFolderState | null;
  /** It is no association any more, until it is established again. */
  readonly detached: boolean;
  readonly requestedCopyState: CopyState;
  /** What had been made here when it was fractured or split: what is beyond was changed since. */
  readonly parted: VersionMark | null;
  /** A restore goes on until the partner has all that was made here up to this. */
  readonly restoring: VersionMark | null;
  /** Which side the last copy went into. */
  readonly lastInto: ElementSide;
  readonly when: Pick<AssociationTimes, 'established' | 'activated' | 'deactivated' | 'suspended'>;
}

export function freshPairState(now: number): FolderPairState {
  return {
    ordered: null,
    detached: false,
    requestedCopyState: 'Synchronized',
    parted: null,
    restoring: null,
    lastInto: 'target',
    when: { established: now, activated: now, deactivated: null, suspended: null },
  };
}

/** Nothing of the folder is had over the connection. */
export function standsStill({ ordered, detached }: FolderPairState): boolean {
  return detached || ordered !== null;
}

/** The state once an operation that the table allows is committed. `made`: what this member has made of the folder until now. */
export function stepPairState(
  state: FolderPairState,
  operation: ReplicaOperation,
  { now: to, arrival }: Pick<Arrow, 'now' | 'arrival'>,
  { now, made }: { readonly now: number; readonly made: VersionMark },
): FolderPairState {
  if (to === 'removed') return { ...state, detached: true, ordered: null, parted: null, restoring: null };
  const requested = { ...state, requestedCopyState: arrival === 'removed' ? to : arrival };
  const { when } = state;
  switch (to) {
    case 'Suspended':
      return { ...requested, ordered: to, restoring: null, when: { ...when, suspended: now } };
    case 'Inactive':
      return { ...requested, ordered: to, restoring: null, when: { ...when, deactivated: now } };
    case 'Aborted':
      return { ...requested, ordered: to, restoring: null };
    case 'Fractured':
    case 'Split':
      return { ...requested, ordered: to, restoring: null, parted: made };
    default: {
      const restores = operation === 'Restore from Replica';
      const activated = state.ordered === 'Inactive' ? now : when.activated;
      return {
        ...requested,
        ordered: null,
        // A restore that is aborted can still be turned back.
        parted: restores ? state.parted : null,
        restoring: restores ? made : null,
        lastInto: restores ? 'source' : 'target',
        when: { ...when, activated },
      };
    }
  }
}

/** What has arrived is wanted no more. The same object if nothing has. `restored`: the partner has all that a restore was to bring. */
export function settledPair(
  state: FolderPairState,
  { copyState, restored }: { readonly copyState: CopyState; readonly restored: boolean },
): FolderPairState {
  const ended = restored && state.restoring !== null ? { ...state, restoring: null, parted: null } : state;
  const arrived = copyState === state.requestedCopyState && ended.restoring === null;
  return arrived ? { ...ended, requestedCopyState: 'Not Applicable' } : ended;
}

/** Something was changed here since it was fractured or split. */
export function isChangedSince({ parted }: FolderPairState, made: VersionMark): boolean {
  if (parted === null) return false;
  return parted.database !== made.database ? made.vsn > 0 : made.vsn > parted.vsn;
}

export interface StandStill {
  /** In words, without the command. */
  readonly reason: string;
  readonly detached: boolean;
  /** What has it go on. */
  readonly command: string;
}

/** Why nothing flows; null: it may flow. `id`: of the association. */
export function whyStandsStill(
  { ordered, detached }: FolderPairState,
  { id, folder, partner }: { readonly id: string; readonly folder: string; readonly partner: string },
): StandStill | null {
  if (!detached && ordered === null) return null;
  const reason = `by order folder ${folder} is not had from ${partner}: the pair is ${detached ? 'Detached' : ordered}`;
  return {
    reason,
    detached,
    command: detached ? `tandem replica attach ${id}` : `tandem replica modify ${id} ${wayOn(ordered)}`,
  };
}

function wayOn(ordered: OrderedFolderState | null): string {
  switch (ordered) {
    case 'Inactive':
      return 'activate';
    case 'Fractured':
    case 'Split':
    case 'Aborted':
      return 'resync-replica';
    default:
      return 'resume';
  }
}

export function standStillSentence({ reason, command }: StandStill): string {
  return `${reason}; “${command}” has it go on`;
}
