/**
 * When a connection replicates, and how fast: a week of quarter-hours, each with a bandwidth level. The week begins on
 * Sunday at 00:00. [dfsr.md §3.9]
 */
import { LEVEL_FULL, LEVEL_OFF } from './bandwidth.ts';

export interface Schedule {
  /** 672 hexadecimal digits, one a quarter-hour in order. */
  readonly week: string;
  /** `local`: by the clock of the member that receives. */
  readonly time: 'utc' | 'local';
}

/** How far local time is ahead of UTC at that moment (milliseconds since the epoch), in minutes. Daylight saving moves it. */
export type ZoneOffset = (utcMs: number) => number;

export const QUARTER_MS = 15 * 60_000;
export const QUARTERS_A_DAY = 96;
export const QUARTERS_A_WEEK = 7 * QUARTERS_A_DAY;
export const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

/** The epoch was a Thursday. */
const EPOCH_QUARTER = 4 * QUARTERS_A_DAY;
/** A change of the clocks may leave out a quarter-hour that comes once a week; it comes the week after. */
const SEARCHED_MS = 15 * 24 * 3_600_000;

export const ALWAYS: Schedule = { week: weekOf(LEVEL_FULL), time: 'utc' };
export const NEVER_OPEN: Schedule = { week: weekOf(LEVEL_OFF), time: 'utc' };

/** A week that is the same all the time. */
export function weekOf(level: number): string {
  return level.toString(16).repeat(QUARTERS_A_WEEK);
}

export function isConstant(week: string): boolean {
  return week === week[0]!.repeat(week.length);
}

/** The bandwidth level at a moment, 0 to 15. A quarter-hour that the clocks leave out never is; one they repeat is twice. */
export function levelAt(schedule: Schedule, utcMs: number, zone: ZoneOffset): number {
  const quarter = Math.floor(localMs(schedule, utcMs, zone) / QUARTER_MS) + EPOCH_QUARTER;
  return Number.parseInt(schedule.week[modulo(quarter, QUARTERS_A_WEEK)]!, 16);
}

/** The next moment after `utcMs` at which the level is another one; null if it never changes. */
export function nextChange(schedule: Schedule, utcMs: number, zone: ZoneOffset): number | null {
  const level = levelAt(schedule, utcMs, zone);
  return findQuarter(schedule, utcMs, zone, found => found !== level);
}

/** The next moment after `utcMs` at which replication begins, having stood still; null if there is none. */
export function nextOpening(schedule: Schedule, utcMs: number, zone: ZoneOffset): number | null {
  let open = levelAt(schedule, utcMs, zone) !== LEVEL_OFF;
  return findQuarter(schedule, utcMs, zone, level => {
    const opens = !open && level !== LEVEL_OFF;
    open = level !== LEVEL_OFF;
    return opens;
  });
}

/** Quarter-hours of the week in which the connection is open, in hours: 168 is always. */
export function openHours(schedule: Schedule): number {
  return [...schedule.week].filter(digit => digit !== '0').length / 4;
}

/** The beginning of the first quarter-hour after `utcMs` whose level fits. */
function findQuarter(
  schedule: Schedule,
  utcMs: number,
  zone: ZoneOffset,
  fits: (level: number) => boolean,
): number | null {
  if (isConstant(schedule.week)) return null;
  let at = utcMs;
  while (at < utcMs + SEARCHED_MS) {
    // Offsets change at quarter-hours of UTC, whatever the local clock shows then.
    const local = localMs(schedule, at, zone);
    at += Math.min(untilQuarter(local), untilQuarter(at));
    if (fits(levelAt(schedule, at, zone))) return at;
  }
  return null;
}

function localMs({ time }: Schedule, utcMs: number, zone: ZoneOffset): number {
  return time === 'utc' ? utcMs : utcMs + zone(utcMs) * 60_000;
}

function untilQuarter(ms: number): number {
  return QUARTER_MS - modulo(ms, QUARTER_MS);
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
