/**
 * ReplicaSync, “bring this folder here up to date from that source”: its options, its results, and when it is refused.
 * It is carried out on the member that receives. [DsReplicaSync, dfsr.md §7]
 */
import type { ErrorCode } from '../base/errors.ts';

/** DS_REPSYNC_ constants of the API; the bits of the wire protocol of the original are others. [dfsr.md §7.1] */
export const SYNC_OPTIONS = {
  ASYNCHRONOUS_OPERATION: 0x1,
  WRITEABLE: 0x2,
  PERIODIC: 0x4,
  INTERSITE_MESSAGING: 0x8,
  ALL_SOURCES: 0x10,
  FULL: 0x20,
  URGENT: 0x40,
  NO_DISCARD: 0x80,
  FORCE: 0x100,
  ADD_REFERENCE: 0x200,
} as const;
export type SyncOption = keyof typeof SYNC_OPTIONS;

/** Results, with their names in Windows (ERROR_DS_DRA_ for those above 8000, but for 8614 and 8617). [dfsr.md §7.3] */
export const SYNC_RESULTS = {
  0: 'SUCCESS',
  5: 'ACCESS_DENIED',
  87: 'INVALID_PARAMETER',
  8436: 'DRA_GENERIC',
  8437: 'DRA_INVALID_PARAMETER',
  8438: 'DRA_BUSY',
  8440: 'DRA_BAD_NC',
  8444: 'DRA_CONNECTION_FAILED',
  8451: 'DRA_DB_ERROR',
  8452: 'DRA_NO_REPLICA',
  8453: 'DRA_ACCESS_DENIED',
  8454: 'DRA_NOT_SUPPORTED',
  8456: 'DRA_SOURCE_DISABLED',
  8457: 'DRA_SINK_DISABLED',
  8461: 'DRA_PREEMPTED',
  8462: 'DRA_ABANDON_SYNC',
  8463: 'DRA_SHUTDOWN',
  8477: 'REPL_PENDING',
  8593: 'DIFFERENT_REPL_EPOCHS',
  8614: 'REPL_LIFETIME_EXCEEDED',
  8617: 'DRA_OUT_SCHEDULE_WINDOW',
} as const;
export type SyncResult = keyof typeof SYNC_RESULTS;

/** What came of a request, as number and sentence. */
export interface SyncOutcome {
  readonly result: SyncResult;
  readonly sentence: string;
  /** The source was not tried: nothing of it had arrived. */
  readonly nothingWaits?: true;
}

/**
 * What came of all sources of a folder, each of which was tried whatever came of the others: the first failure, and in
 * the sentence what came of everyone. A source of which nothing had arrived is a failure only where that is so of all.
 */
export function outcomeOfAll(
  found: readonly { readonly source: string; readonly outcome: SyncOutcome }[],
): SyncOutcome {
  const [first] = found;
  if (found.length <= 1 && first) return first.outcome;
  const failed = found.filter(({ outcome: { result, nothingWaits } }) => result !== 0 && !nothingWaits);
  const done = found.filter(({ outcome: { result } }) => result === 0);
  const telling = [...failed, ...done, ...found.filter(({ outcome }) => outcome.nothingWaits)];
  const words = telling.map(({ source, outcome: { result, sentence } }) =>
    result === 0 ? `${source}: ${sentence}` : `${source} (${result}): ${sentence}`,
  );
  const result = failed[0]?.outcome.result ?? (done.length > 0 ? 0 : (first?.outcome.result ?? 0));
  return outcome(result, `${done.length} of ${found.length} sources; ${words.join('; ')}`);
}

export interface SyncOrder {
  /** Name or GUID. */
  readonly folder: string;
  /** Name or GUID of a member; null: none given. */
  readonly source: string | null;
  readonly options: number;
}

const EVERY_OPTION = Object.values(SYNC_OPTIONS).reduce((all, bit) => all | bit, 0);
const NO_SOURCE = /^[{(]?0{8}-0{4}-0{4}-0{4}-0{12}[)}]?$/;

export function hasOption(options: number, option: SyncOption): boolean {
  return (options & SYNC_OPTIONS[option]) !== 0;
}

/** Names of the options in the order of the table, for people: `FULL FORCE`; empty if there are none. */
export function optionNames(options: number): string {
  const names = Object.keys(SYNC_OPTIONS) as SyncOption[];
  return names.filter(name => hasOption(options, name)).join(' ');
}

/** What an order finds on this member. */
export interface SyncPlace {
  /** The folder it names; null: there is none here. */
  readonly folder: { readonly name: string; readonly readOnly: boolean } | null;
  /** The directory in which bundles of other members arrive; null: member.yaml names none. */
  readonly spool: string | null;
}

/**
 * Why an order is refused before it enters the queue, and so in its own answer also where it is asynchronous; null: it
 * is not. Steps 1 to 6 of the server. [dfsr.md §7.2]
 */
export function refuseOrder(order: SyncOrder, { folder, spool }: SyncPlace): SyncOutcome | null {
  const { options } = order;
  if (!Number.isInteger(options) || options < 0 || (options & ~EVERY_OPTION) !== 0 || options > EVERY_OPTION) {
    return outcome(
      87,
      `options ${toHex(options)} have bits that are none of ReplicaSync: ${toHex(EVERY_OPTION)} is all of them`,
    );
  }
  const all = hasOption(options, 'ALL_SOURCES');
  const source = order.source?.trim() ?? '';
  if (order.folder.trim() === '') return outcome(8437, 'no folder is given: say which one is to be synchronised');
  if (source === '' && !all) {
    return outcome(8437, 'no source is given: say from which member, or synchronise from all sources');
  }
  if (source !== '' && all) return outcome(8437, 'a source and “all sources” exclude each other: give one of them');
  if (all && !hasOption(options, 'ASYNCHRONOUS_OPERATION')) {
    return outcome(8437, 'synchronising from all sources is possible asynchronously only: order it so');
  }
  if (folder === null) return outcome(8440, `folder “${order.folder}” is not replicated by this member`);
  if (NO_SOURCE.test(source)) return outcome(8437, 'the GUID of the source is the null GUID: it names nobody');
  return refuseReadOnly(options, folder) ?? refuseMessaging(options, spool);
}

/**
 * WRITEABLE names a replica that may be written; there is none where the folder only receives. The original takes its absence for
 * “read-only”; here whoever leaves it out says nothing. [dfsr.md §7.1]
 */
function refuseReadOnly(
  options: number,
  { name, readOnly }: { readonly name: string; readonly readOnly: boolean },
): SyncOutcome | null {
  if (!readOnly || !hasOption(options, 'WRITEABLE')) return null;
  return outcome(8440, `folder ${name} is read-only on this member: leave WRITEABLE out`);
}

/** INTERSITE_MESSAGING needs the directory in which messages arrive. */
export function refuseMessaging(options: number, spool: string | null): SyncOutcome | null {
  if (spool !== null || !hasOption(options, 'INTERSITE_MESSAGING')) return null;
  return outcome(8454, 'member.yaml names no directory in which bundles arrive (key “spool”): there is no transport');
}

/** An inbound connection that feeds the folder, as it stands when the request has its turn. */
export interface SyncLink {
  readonly source: string;
  readonly folder: string;
  /** In group.yaml. */
  readonly enabled: boolean;
  /** The schedule and orders let the folder replicate now. */
  readonly open: boolean;
  /** The folder only receives here. */
  readonly readOnly: boolean;
  /** Why by order the folder is not had from this source, with the command that helps; null: no order keeps it. */
  readonly stopped: string | null;
  /** Why the folder is halted here; null: it is not. */
  readonly halt: { readonly reason: string; readonly sentence: string } | null;
}

/**
 * Why a request comes to nothing before the source is asked; null: it does not. `link` null: this folder has no inbound
 * connection from that source. Steps 7 to 9 of the server. FORCE opens what is disabled or closed, never a halted folder
 * nor a pair that was stopped; INTERSITE_MESSAGING obeys no schedule.
 */
export function refuseLink(
  link: SyncLink | null,
  { options, folder, source }: { readonly options: number; readonly folder: string; readonly source: string },
): SyncOutcome | null {
  if (link === null) {
    return outcome(
      8452,
      `${source} is no source of folder ${folder} here: group.yaml has no connection from it, or it has not the folder`,
    );
  }
  const refused = refuseReadOnly(options, { name: folder, readOnly: link.readOnly });
  if (refused) return refused;
  const { halt } = link;
  if (halt)
    return outcome(halt.reason === 'root-unwritable' ? 5 : 8457, `folder ${folder} is halted: ${halt.sentence}`);
  if (link.stopped !== null) return outcome(8457, link.stopped);
  if (hasOption(options, 'FORCE')) return null;
  if (!link.enabled) {
    return outcome(8457, `the connection from ${source} is disabled in group.yaml; FORCE synchronises all the same`);
  }
  // Messages are carried whenever somebody carries them.
  if (!link.open && !hasOption(options, 'INTERSITE_MESSAGING')) {
    return outcome(
      8617,
      `the connection from ${source} is closed by its schedule or an order; FORCE synchronises all the same`,
    );
  }
  return null;
}

/** What the failure of a connection or call means as a result. */
export function resultOfFailure(code: ErrorCode): SyncResult {
  switch (code) {
    case 'PEER_UNREACHABLE':
      return 8444;
    case 'PEER_UNTRUSTED':
      return 8453;
    case 'PEER_UNRECOGNIZED':
      return 8452;
    case 'PEER_INCOMPATIBLE':
      return 8593;
    case 'PEER_DISABLED':
    case 'FOLDER_NOT_READY':
      return 8456;
    case 'BUNDLE_EXPIRED':
      return 8614;
    case 'STORE_FAILED':
      return 8451;
    default:
      return 8436;
  }
}

/** What is known of one source of a folder: the original's neighbour. Times are milliseconds since the epoch. */
export interface SourceState {
  /** GUIDs. */
  readonly folder: string;
  readonly source: string;
  readonly lastAttempt: number;
  readonly lastSuccess: number | null;
  readonly lastResult: SyncResult;
  readonly sentence: string;
  readonly failures: number;
}

/** After an attempt. What was displaced, given up by order or cut short by a stop is no failure of the source. */
export function afterAttempt(
  before: SourceState | undefined,
  { folder, source }: { readonly folder: string; readonly source: string },
  { result, sentence }: SyncOutcome,
  { begun, ended }: { readonly begun: number; readonly ended: number },
): SourceState {
  const displaced = result === 8461 || result === 8462 || result === 8463;
  const failures = before?.failures ?? 0;
  return {
    folder,
    source,
    lastAttempt: begun,
    lastSuccess: result === 0 ? ended : (before?.lastSuccess ?? null),
    lastResult: result,
    sentence,
    failures: result === 0 ? 0 : displaced ? failures : failures + 1,
  };
}

function outcome(result: SyncResult, sentence: string): SyncOutcome {
  return { result, sentence };
}

function toHex(options: number): string {
  return `0x${options.toString(16)}`;
}
