/**
 * ReplicationSettingData: what an operation or a creation may be told beyond its own parameters, as an embedded instance of
 * CIM_ReplicationSettingData in MOF. What Tandem does not do is refused, not ignored. [volumes.md §2.4]
 */
import {
  COPY_METHODOLOGIES,
  COPY_PRIORITIES,
  COPY_RECOVERY_MODES,
  type CopyMethodology,
  type CopyPriority,
  type CopyRecoveryMode,
  type CopyState,
  nameOf,
  type ReplicaOperation,
  type SyncType,
} from './replica-values.ts';

/** Left out: the default, or as it was. */
export interface ReplicationSettings {
  readonly copyPriority?: CopyPriority;
  readonly recoveryMode?: Exclude<CopyRecoveryMode, 'Unknown'>;
  readonly failedCopyStopsHostIO?: boolean;
  readonly copyMethodology?: CopyMethodology;
  /** Of a group: go on with the other pairs where one fails, or stop. */
  readonly onGroupError?: 'continue' | 'stop';
  /** All pairs of a group at one moment. */
  readonly consistentPointInTime?: boolean;
  /** How far the target may be behind before an event tells of it, in seconds. */
  readonly desiredRpoSeconds?: number;
}

export type ParsedSettings = { readonly settings: ReplicationSettings } | { readonly problem: string };

type Value = number | boolean | string;
type Reader = (value: Value) => ReplicationSettings | null;

const READERS: Readonly<Record<string, { readonly form: string; readonly read: Reader }>> = {
  CopyPriority: {
    form: '0 to 4',
    read: value => {
      const copyPriority = typeof value === 'number' ? nameOf(COPY_PRIORITIES, value) : undefined;
      return copyPriority === undefined ? null : { copyPriority };
    },
  },
  CopyRecoveryMode: {
    form: '2 or 3',
    read: value => {
      const mode = typeof value === 'number' ? nameOf(COPY_RECOVERY_MODES, value) : undefined;
      return mode === undefined || mode === 'Unknown' ? null : { recoveryMode: mode };
    },
  },
  FailedCopyStopsHostIO: {
    form: 'true or false',
    read: value => (typeof value === 'boolean' ? { failedCopyStopsHostIO: value } : null),
  },
  DesiredCopyMethodology: {
    form: '0 to 9',
    read: value => {
      const copyMethodology = typeof value === 'number' ? nameOf(COPY_METHODOLOGIES, value) : undefined;
      return copyMethodology === undefined ? null : { copyMethodology };
    },
  },
  OnGroupOrListError: {
    form: '2 or 3',
    read: value => (value === 2 || value === 3 ? { onGroupError: value === 2 ? 'continue' : 'stop' } : null),
  },
  ConsistentPointInTime: {
    form: 'true or false',
    read: value => (typeof value === 'boolean' ? { consistentPointInTime: value } : null),
  },
  DesiredRPO: {
    form: 'an interval, ddddddddhhmmss.mmmmmm:000',
    read: value => {
      const seconds = typeof value === 'string' ? intervalSeconds(value) : null;
      return seconds === null ? null : { desiredRpoSeconds: seconds };
    },
  },
};

/** How a copy of each kind is made: what else may be wished for cannot be had. */
const METHODOLOGIES: Readonly<Record<SyncType, readonly CopyMethodology[]>> = {
  Mirror: ['Full Copy', 'Delta-Update'],
  Snapshot: ['Copy-On-Write'],
  Clone: ['Snap-And-Clone'],
};
const UNDECIDED: readonly CopyMethodology[] = ['Not Specified', 'Implementation decides'];

/** Why the settings do not go with a pair of this kind; null: they do. */
export function misfitOfSettings(
  settings: ReplicationSettings,
  syncType: SyncType,
  ordered: OrderedMoment | null = null,
): string | null {
  const { copyMethodology, failedCopyStopsHostIO, recoveryMode, desiredRpoSeconds } = settings;
  const kind = `a ${syncType.toLowerCase()}`;
  if (copyMethodology !== undefined && ![...UNDECIDED, ...METHODOLOGIES[syncType]].includes(copyMethodology)) {
    return `${kind} is made by ${METHODOLOGIES[syncType].join(', then ')}, not by ${copyMethodology}`;
  }
  if (settings.consistentPointInTime === true) {
    const problem = problemOfMoment(syncType, ordered);
    if (problem !== null) return problem;
  }
  if (syncType === 'Mirror') return null;
  if (failedCopyStopsHostIO === true) return `FailedCopyStopsHostIO is of mirrors, not of ${kind}`;
  if (recoveryMode !== undefined && syncType === 'Snapshot')
    return `CopyRecoveryMode is not of ${kind}: it needs no link`;
  return desiredRpoSeconds === undefined ? null : `DesiredRPO is of mirrors, not of ${kind}`;
}

/** Why the settings do not go with a pair whose elements are on one member; null: they do. */
export function misfitWithinMember({ recoveryMode }: ReplicationSettings): string | null {
  if (recoveryMode !== 'Manual') return null;
  return 'CopyRecoveryMode says what is done when the link is back, and there is none between volumes of one member';
}

/** What is ordered of pairs; the states they are in. */
export interface OrderedMoment {
  /** Undefined: something that is no operation. */
  readonly operation: ReplicaOperation | undefined;
  readonly states: readonly CopyState[];
}

/** Operations that pass one moment of all sources, of which the targets are then. */
const MOMENTS: Readonly<Record<SyncType, readonly ReplicaOperation[]>> = {
  Mirror: ['Detach', 'Dissolve', 'Failover', 'Reverse Roles', 'Split'],
  Snapshot: ['Activate', 'Resync Replica'],
  Clone: ['Activate', 'Resync Replica'],
};

function problemOfMoment(syncType: SyncType, ordered: OrderedMoment | null): string | null {
  if (ordered?.operation === undefined) return 'ConsistentPointInTime cannot be had for what is newly copied';
  const { operation, states } = ordered;
  if (!MOMENTS[syncType].includes(operation)) {
    const able = MOMENTS[syncType].join(', ') || 'no operation on it';
    return `ConsistentPointInTime cannot be had by ${operation} of a ${syncType.toLowerCase()}; it can by ${able}`;
  }
  if (syncType !== 'Mirror' || states.every(state => state === 'Synchronized')) return null;
  return 'ConsistentPointInTime can only be had of mirrors that are all Synchronized';
}

/** What the settings of an order say about the record. */
export function settingsOf({
  copyPriority,
  recoveryMode,
  failedCopyStopsHostIO,
}: ReplicationSettings): Pick<ReplicationSettings, 'copyPriority' | 'recoveryMode' | 'failedCopyStopsHostIO'> {
  return {
    ...(copyPriority === undefined ? {} : { copyPriority }),
    ...(recoveryMode === undefined ? {} : { recoveryMode }),
    ...(failedCopyStopsHostIO === undefined ? {} : { failedCopyStopsHostIO }),
  };
}

const INSTANCE = /^\s*instance\s+of\s+CIM_ReplicationSettingData\s*\{([^{}]*)\}\s*;?\s*$/i;
const PROPERTY = /\s*([A-Za-z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]+)\s*;\s*/y;
/** Of every managed element; they say nothing about replication. */
const NAMING: ReadonlySet<string> = new Set(['InstanceID', 'ElementName', 'Caption', 'Description']);

/** `instance of CIM_ReplicationSettingData { CopyPriority = 3; };`: names and words in any case. */
export function parseReplicationSettings(text: string): ParsedSettings {
  const body = INSTANCE.exec(text)?.[1];
  if (body === undefined) return { problem: 'write it as “instance of CIM_ReplicationSettingData { Name = value; };”' };
  let settings: ReplicationSettings = {};
  const met = new Set<string>();
  PROPERTY.lastIndex = 0;
  while (PROPERTY.lastIndex < body.length) {
    const at = PROPERTY.lastIndex;
    const match = PROPERTY.exec(body);
    if (match === null) {
      if (body.slice(at).trim() === '') break;
      return { problem: `“${body.slice(at).trim().slice(0, 40)}” is no property` };
    }
    const name = knownName(match[1]!);
    if (name === undefined) return { problem: `${match[1]} is not something that can be set` };
    if (met.has(name)) return { problem: `${name} stands there twice` };
    met.add(name);
    if (NAMING.has(name) || match[2]!.toLowerCase() === 'null') continue;
    const { read, form } = READERS[name]!;
    const value = read(readValue(match[2]!));
    if (value === null) return { problem: `${name} is ${form}, not ${match[2]}` };
    settings = { ...settings, ...value };
  }
  return { settings };
}

function knownName(text: string): string | undefined {
  return [...Object.keys(READERS), ...NAMING].find(name => name.toLowerCase() === text.toLowerCase());
}

function readValue(text: string): Value {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return text.replace(/^"(.*)"$/s, '$1');
}

/** A CIM interval: days, hours, minutes, seconds. */
function intervalSeconds(text: string): number | null {
  const match = /^(\d{8})(\d\d)(\d\d)(\d\d)\.\d{6}:000$/.exec(text);
  if (match === null) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map(Number) as [number, number, number, number];
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
}
