/** CreateElementReplica: checks what is wanted, makes the target where it is missing, and keeps the pair. [volumes.md §2.2, §4] */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { describeUnknown } from '../base/known-names.ts';
import { LIMITS } from '../base/limits.ts';
import { createAssociation, type StorageElement } from '../model/association.ts';
import { createGenerations } from '../model/generations.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import { CREATION_WAITS } from '../model/replica-operations.ts';
import { COPY_STATES, type CopyState, MODES, nameOf, SYNC_TYPES, type SyncType } from '../model/replica-values.ts';
import {
  misfitOfSettings,
  misfitWithinMember,
  parseReplicationSettings,
  settingsOf,
} from '../model/replication-settings.ts';
import { copyingInto } from './beside-mirror.ts';
import type { Elements } from './elements.ts';
import type { PairSet } from './pair-set.ts';
import type { KeptPair } from './replica-book.ts';
import type { VolumeShelf } from './volume-shelf.ts';

export interface PairCreation {
  readonly syncType: number;
  /** Null: Asynchronous for mirrors. */
  readonly mode: number | null;
  /** `name`, or `member:name`. */
  readonly source: string;
  readonly target: string;
  readonly waitForCopyState: number | null;
  /** MOF of CIM_ReplicationSettingData; null: not given. */
  readonly settings: string | null;
  /** Of a snapshot or clone: clients may write to it. */
  readonly writable: boolean;
  /** CopyType UnSyncUnAssoc of a clone. */
  readonly detachWhenCopied: boolean;
  /** What the target holds may be overwritten. */
  readonly force: boolean;
}

export interface PairCreationParts {
  /** This member. */
  readonly member: string;
  /** Names of all members. */
  readonly members: () => readonly string[];
  readonly pairs: PairSet;
  readonly elements: Elements;
  readonly shelf: VolumeShelf;
  readonly uuid: () => string;
  readonly clock: Clock;
}

/** Everything that was looked at before anything is made. */
export interface PlannedPair {
  readonly kept: KeptPair;
  readonly waitFor: CopyState | null;
  /** Where the pair is to be in the end. */
  readonly arrival: CopyState;
  /** The target is a volume that has to be made. */
  readonly makesTarget: boolean;
  readonly sizeBytes: number;
}

export function planPair(parts: PairCreationParts, wanted: PairCreation): PlannedPair | Refusal {
  const syncType = nameOf(SYNC_TYPES, wanted.syncType);
  if (syncType === undefined) return refuse(5, 'settings', `${wanted.syncType} is no SyncType; they are 6, 7 and 8`);
  const mode = wanted.mode === null ? null : (nameOf(MODES, wanted.mode) ?? 'Unknown');
  if (mode === 'Unknown') return refuse(5, 'settings', `${wanted.mode} is no Mode; 2 is Synchronous, 3 Asynchronous`);
  if (mode !== null && syncType !== 'Mirror') return refuse(5, 'settings', `a ${syncType.toLowerCase()} has no Mode`);
  const parsed = wanted.settings === null ? { settings: {} } : parseReplicationSettings(wanted.settings);
  if ('problem' in parsed) return refuse(5, 'settings', `ReplicationSettingData: ${parsed.problem}`);
  const misfit = misfitOfSettings(parsed.settings, syncType);
  if (misfit !== null) return refuse(5, 'settings', `ReplicationSettingData: ${misfit}`);
  const waitFor = wanted.waitForCopyState === null ? null : nameOf(COPY_STATES, wanted.waitForCopyState);
  if (waitFor === undefined || (waitFor !== null && !CREATION_WAITS.includes(waitFor))) {
    return refuse(5, 'wait_for_copy_state', `a creation can wait for ${CREATION_WAITS.join(', ')}`);
  }
  const elements = planElements(parts, wanted, syncType);
  if ('verdict' in elements) return elements;
  const { source, target, makesTarget, sizeBytes } = elements;
  const needless = target.member === parts.member ? misfitWithinMember(parsed.settings) : null;
  if (needless !== null) return refuse(5, 'settings', `ReplicationSettingData: ${needless}`);
  const holdAt = waitFor === 'Initialized' || waitFor === 'Inactive' || waitFor === 'Prepared' ? waitFor : null;
  const record = createAssociation(
    {
      id: parts.uuid(),
      syncType,
      source,
      target,
      here: target.member === parts.member ? 'both' : 'source',
      ...(mode === null ? {} : { mode }),
      writableTarget: wanted.writable,
      detachWhenCopied: wanted.detachWhenCopied,
      holdAt,
      ...settingsOf(parsed.settings),
    },
    parts.clock.now(),
  );
  const kept: KeptPair = {
    record,
    generations: createGenerations(record.here === 'both' ? null : parts.uuid()),
    intent: null,
    snapshot: null,
    desiredRpoSeconds: parsed.settings.desiredRpoSeconds ?? null,
    verification: null,
    trouble: null,
  };
  return { kept, waitFor, arrival: holdAt ?? 'Synchronized', makesTarget, sizeBytes };
}

interface PlannedElements {
  readonly source: StorageElement;
  readonly target: StorageElement;
  readonly makesTarget: boolean;
  readonly sizeBytes: number;
}

function planElements(parts: PairCreationParts, wanted: PairCreation, syncType: SyncType): PlannedElements | Refusal {
  const { member, members, pairs, elements, shelf } = parts;
  if (pairs.list().length >= LIMITS.replicas) return refuse(6, 'busy', `there are ${LIMITS.replicas} pairs already`);
  const [source, target] = [elementOf(wanted.source, member), elementOf(wanted.target, member)];
  for (const { member: named } of [source, target]) {
    if (!members().includes(named)) {
      return refuse(5, 'unknown_synchronization', describeUnknown({ what: 'member', name: named, known: members() }));
    }
  }
  if (source.member !== member) {
    return refuse(5, 'unknown_synchronization', `${wanted.source} is on ${source.member}: give the order there`);
  }
  const remote = target.member !== member;
  if (remote && syncType === 'Snapshot') {
    return refuse(1, 'not_supported', 'a snapshot lies on the member of its source; make a clone');
  }
  if (!remote && syncType === 'Mirror') {
    const sentence = `a mirror is on another member: write MEMBER:${target.name}, or make a clone`;
    return refuse(1, 'not_supported', sentence);
  }
  if (!shelf.has(source.name)) {
    const known = shelf.list().map(({ name }) => name);
    return refuse(5, 'unknown_synchronization', describeUnknown({ what: 'volume', name: source.name, known }));
  }
  const sizeBytes = elements.volume(source.name).size;
  if (copyingInto(pairs, source.name) !== undefined) {
    return refuse(4, 'inconsistent', `${source.name} is only half copied itself; wait until it is whole`);
  }
  if (remote) return { source, target, makesTarget: false, sizeBytes };
  if (target.name === source.name) return refuse(5, 'sync_pair', 'source and target are the same volume');
  if (syncType === 'Snapshot') {
    if (elements.isTaken(target.name) || pairs.of(target.name).length > 0) {
      return refuse(
        5,
        'sync_pair',
        `there is a volume or snapshot ${target.name} already; name the snapshot otherwise`,
      );
    }
    return { source, target, makesTarget: false, sizeBytes };
  }
  const makesTarget = !elements.isTaken(target.name);
  const refusal = makesTarget ? null : refuseTarget(parts, target.name, { sizeBytes, force: wanted.force });
  return refusal ?? { source, target, makesTarget, sizeBytes };
}

/** Volumes of this member that one of this size can be copied into, by rising name. */
export function availableTargets(
  parts: Pick<PairCreationParts, 'pairs' | 'elements' | 'shelf'>,
  sizeBytes: number,
): readonly { readonly name: string; readonly requiresForce: boolean }[] {
  const names = parts.shelf.list().flatMap(({ name, problem }) => (problem === null ? [name] : []));
  return names
    .filter(name => refuseTarget(parts, name, { sizeBytes, force: true }) === null)
    .map(name => ({ name, requiresForce: refuseTarget(parts, name, { sizeBytes, force: false }) !== null }));
}

/** Why a volume that is there cannot become a target; null: it can. */
export function refuseTarget(
  { pairs, elements, shelf }: Pick<PairCreationParts, 'pairs' | 'elements' | 'shelf'>,
  name: string,
  { sizeBytes, force }: { readonly sizeBytes: number; readonly force: boolean },
): Refusal | null {
  if (!shelf.has(name)) return refuse(5, 'sync_pair', `${name} is a snapshot; only a volume can be copied into`);
  const bond = pairs.of(name).length > 0 ? pairs.bond(name) : null;
  if (bond !== null) return refuse(6, 'busy', `${name} cannot become a target: ${bond}`);
  const volume = elements.volume(name);
  if (volume.size !== sizeBytes) {
    return refuse(5, 'sync_pair', `${name} has ${volume.size} bytes and the source ${sizeBytes}; resize one of them`);
  }
  if (elements.writers(name) > 0 && !force) {
    return refuse(
      6,
      'writer_connected',
      `a client that may write is connected to ${name}: disconnect it, or give Force`,
    );
  }
  if (volume.allocatedBytes > 0 && !force) {
    return refuse(4, 'force_required', `${name} holds data, which the copy replaces: give Force if that is meant`);
  }
  return null;
}

function elementOf(text: string, here: string): StorageElement {
  const at = text.indexOf(':');
  const element = at === -1 ? { member: here, name: text } : { member: text.slice(0, at), name: text.slice(at + 1) };
  if (element.name === '')
    throw new TandemError('INVALID_ARGUMENT', `“${text}” names no element; write NAME or MEMBER:NAME`);
  return element;
}
