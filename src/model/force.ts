/**
 * Orders that go before the schedule for a while: ForceReplication for a whole connection, ForceFolderReplication for one
 * folder of it; and what a connection may do at a moment in view of both. [dfsr.md §1.1, §2.2]
 */
import { isLevel, LEVEL_FULL, LEVEL_OFF } from './bandwidth.ts';
import { levelAt, nextChange, nextOpening, type Schedule, type ZoneOffset } from './schedule.ts';

/** InitiationReason of a session's record. */
export type InitiationReason = 'schedule' | Force['reason'];

/** An order in effect: ForceReplicationEndTime, ForceReplicationBandwidthlevel and InitiationReason of the sessions under it. */
export interface Force {
  readonly reason: 'forced' | 'paused' | 'forced-until-sync';
  /** Milliseconds since the epoch; then the schedule rules again. */
  readonly endTime: number;
  /** 0 to 15. */
  readonly level: number;
}

/** The orders in effect for one connection. */
export interface Forces {
  readonly connection: Force | null;
  /** By the folder's GUID. */
  readonly folders: ReadonlyMap<string, Force>;
}

export interface ForceOrder {
  /** 1: obey the schedule again, 2: synchronise now, 3: stop, 4: synchronise until in sync. */
  readonly mode: number;
  readonly durationMinutes: number;
  readonly level: number;
}

/** What a connection may do now. */
export interface Window {
  /** 0: nothing. */
  readonly level: number;
  /** The folders that replicate, by GUID; null: all. */
  readonly folders: ReadonlySet<string> | null;
  readonly forces: Forces;
  /** When to look again, if no order comes before; null: never. */
  readonly until: number | null;
}

export const NO_FORCES: Forces = { connection: null, folders: new Map() };
export const FORCE_MODES = { obey: 1, now: 2, stop: 3, untilInSync: 4 } as const;
/** A week. */
export const LONGEST_FORCE_MINUTES = 10_080;

/** What is wrong with an order for a connection; null: nothing. */
export function faultOfForce({ mode, durationMinutes, level }: ForceOrder): string | null {
  if (!Number.isInteger(mode) || mode < 1 || mode > 4) {
    return `there is no mode ${mode}: 1 obeys the schedule, 2 synchronises now, 3 stops, 4 synchronises until in sync`;
  }
  const needsTime = mode === FORCE_MODES.now || mode === FORCE_MODES.stop;
  const needsLevel = mode === FORCE_MODES.now || mode === FORCE_MODES.untilInSync;
  return faultOfDuration(durationMinutes, needsTime) ?? faultOfLevel(level, needsLevel);
}

/** What is wrong with an order for a folder; null: nothing. */
export function faultOfFolderForce({ durationMinutes, level }: Omit<ForceOrder, 'mode'>): string | null {
  return faultOfDuration(durationMinutes, true) ?? faultOfLevel(level, true);
}

/** The orders after one for the whole connection: it takes the place of all before it. `order` is without fault. */
export function orderForce({ mode, durationMinutes, level }: ForceOrder, now: number): Forces {
  const endTime = now + (durationMinutes || LONGEST_FORCE_MINUTES) * 60_000;
  switch (mode) {
    case FORCE_MODES.now:
      return { ...NO_FORCES, connection: { reason: 'forced', endTime, level } };
    case FORCE_MODES.stop:
      return { ...NO_FORCES, connection: { reason: 'paused', endTime, level: LEVEL_OFF } };
    case FORCE_MODES.untilInSync:
      return { ...NO_FORCES, connection: { reason: 'forced-until-sync', endTime, level } };
    default:
      return NO_FORCES;
  }
}

/** The orders after one for a folder: it goes before those for the connection, as far as this folder is concerned. */
export function orderFolderForce(
  forces: Forces,
  folder: string,
  { durationMinutes, level }: Omit<ForceOrder, 'mode'>,
  now: number,
): Forces {
  const force: Force = { reason: 'forced', endTime: now + durationMinutes * 60_000, level };
  return { ...forces, folders: new Map([...forces.folders, [folder, force]]) };
}

/** Without those whose time is over. The same object if there are none. */
export function withoutEnded(forces: Forces, now: number): Forces {
  const lasts = (force: Force): boolean => force.endTime > now;
  const connection = forces.connection && lasts(forces.connection) ? forces.connection : null;
  const folders = [...forces.folders].filter(([, force]) => lasts(force));
  if (connection === forces.connection && folders.length === forces.folders.size) return forces;
  return { connection, folders: new Map(folders) };
}

/** The member is in sync with its partner: what was to last until then is over. */
export function withoutUntilSync(forces: Forces): Forces {
  return forces.connection?.reason === 'forced-until-sync' ? { ...forces, connection: null } : forces;
}

/** `forces` holds none whose time is over. */
export function planWindow(schedule: Schedule, forces: Forces, now: number, zone: ZoneOffset): Window {
  const { connection, folders } = forces;
  const base = connection ? connection.level : levelAt(schedule, now, zone);
  const forced = Math.max(LEVEL_OFF, ...[...folders.values()].map(force => force.level));
  const ends = [...folders.values(), ...(connection ? [connection] : [])].map(force => force.endTime);
  const change = connection ? null : nextChange(schedule, now, zone);
  const times = change === null ? ends : [...ends, change];
  return {
    level: Math.max(base, forced),
    folders: base === LEVEL_OFF ? new Set(folders.keys()) : null,
    forces,
    until: times.length === 0 ? null : Math.min(...times),
  };
}

/** When the schedule opens the connection next, having been closed by it or by an order; null: it does not. */
export function nextStart(schedule: Schedule, { connection }: Forces, now: number, zone: ZoneOffset): number | null {
  const from = connection ? connection.endTime : now;
  const opensThen = connection !== null && levelAt(schedule, from, zone) !== LEVEL_OFF;
  return opensThen ? from : nextOpening(schedule, from, zone);
}

/** The order under which a folder's session runs; null: the schedule. */
export function forceOf({ connection, folders }: Forces, folder: string): Force | null {
  return folders.get(folder) ?? connection;
}

/** Whether what runs in the one may go on in the other as it is. */
export function sameWindow(a: Window, b: Window): boolean {
  if (a.level !== b.level || a.forces.connection !== b.forces.connection) return false;
  if ((a.folders === null) !== (b.folders === null) || a.forces.folders.size !== b.forces.folders.size) return false;
  return [...a.forces.folders].every(([folder, force]) => b.forces.folders.get(folder) === force);
}

function faultOfDuration(minutes: number, needed: boolean): string | null {
  if (!Number.isInteger(minutes) || minutes < 0 || minutes > LONGEST_FORCE_MINUTES) {
    return `a duration of ${minutes} minutes is out of range: at most ${LONGEST_FORCE_MINUTES} minutes, a week, are allowed`;
  }
  return needed && minutes === 0 ? 'a duration of 0 minutes would order nothing: give at least 1' : null;
}

function faultOfLevel(level: number, needed: boolean): string | null {
  if (!isLevel(level)) return `there is no bandwidth level ${level}: 0x0 (off) to 0xF (full) are the levels`;
  return needed && level === LEVEL_OFF
    ? `with bandwidth level 0 (off) nothing could be synchronised: give 1 to ${LEVEL_FULL}, or order a stop`
    : null;
}
