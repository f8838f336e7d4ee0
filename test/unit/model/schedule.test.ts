import { describe, expect, test } from 'vitest';
import { BANDWIDTH_LEVELS, bytesPerSecond, levelNamed } from '../../../src/model/bandwidth.ts';
import {
  ALWAYS,
  levelAt,
  NEVER_OPEN,
  nextChange,
  nextOpening,
  openHours,
  type ZoneOffset,
} from '../../../src/model/schedule.ts';
import { parseDay, parseWeek } from '../../../src/model/schedule-text.ts';

const UTC: ZoneOffset = () => 0;
const at = (text: string): number => Date.parse(text);
const show = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** Central Europe in 2026: an hour ahead, two from 29 March 01:00 UTC to 25 October 01:00 UTC. */
const BERLIN: ZoneOffset = ms => (ms >= at('2026-03-29T01:00:00Z') && ms < at('2026-10-25T01:00:00Z') ? 120 : 60);

function refusal(text: string): string {
  try {
    parseWeek(text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`“${text}” was accepted`);
}

test('the levels are those of DFS Replication', () => {
  expect(BANDWIDTH_LEVELS).toHaveLength(16);
  expect(bytesPerSecond(0)).toBe(0);
  expect(bytesPerSecond(1)).toBe(2000);
  expect(bytesPerSecond(6)).toBe(128_000);
  expect(bytesPerSecond(14)).toBe(32_768_000);
  expect(bytesPerSecond(15)).toBeNull();
  expect(levelNamed('1 mbps')).toBe(6);
  expect(levelNamed('3Mbps')).toBeUndefined();
});

describe('a week written for people', () => {
  const office = { week: parseWeek('mon-fri 08:00-18:00: 1Mbps, else: full'), time: 'utc' } as const;

  test('the first rule that fits decides, else takes the rest', () => {
    expect(levelAt(office, at('2026-01-05T07:59:59Z'), UTC)).toBe(15);
    expect(levelAt(office, at('2026-01-05T08:00:00Z'), UTC)).toBe(6);
    expect(levelAt(office, at('2026-01-09T17:59:59Z'), UTC)).toBe(6);
    expect(levelAt(office, at('2026-01-09T18:00:00Z'), UTC)).toBe(15);
    expect(levelAt(office, at('2026-01-10T12:00:00Z'), UTC)).toBe(15);
  });

  test('where no rule fits nothing moves', () => {
    const nights = { week: parseWeek('22:00-06:00: full'), time: 'utc' } as const;
    expect(levelAt(nights, at('2026-01-05T05:59:00Z'), UTC)).toBe(15);
    expect(levelAt(nights, at('2026-01-05T06:00:00Z'), UTC)).toBe(0);
    expect(openHours(nights)).toBe(56);
    expect(openHours({ week: parseWeek('sat 22:00-06:00: full'), time: 'utc' })).toBe(8);
    expect(levelAt({ week: parseWeek('sat 22:00-06:00: full'), time: 'utc' }, at('2026-01-04T05:45:00Z'), UTC)).toBe(
      15,
    );
  });

  test('several days and times make one rule', () => {
    const week = parseWeek('mon, wed-thu 08:00-12:00, 13:00-18:00: 256 kbps; sat,sun: off; else: 16Mbps');
    const schedule = { week, time: 'utc' } as const;
    expect(levelAt(schedule, at('2026-01-07T11:45:00Z'), UTC)).toBe(4);
    expect(levelAt(schedule, at('2026-01-07T12:00:00Z'), UTC)).toBe(10);
    expect(levelAt(schedule, at('2026-01-06T09:00:00Z'), UTC)).toBe(10);
    expect(levelAt(schedule, at('2026-01-04T09:00:00Z'), UTC)).toBe(0);
    expect(parseWeek('fri-mon: full')).toBe(parseWeek('fri, sat, sun, mon: full'));
    expect(parseWeek('Monday 0:00-24:00: FULL')).toBe(parseWeek('mon: full'));
  });

  test('always and never', () => {
    expect(parseWeek('always')).toBe(ALWAYS.week);
    expect(parseWeek(' Never ')).toBe(NEVER_OPEN.week);
  });

  test.each([
    ['', 'expected a schedule'],
    ['mon-fri 08:00-18:00', 'a colon and a level are missing'],
    ['mon: 3Mbps', '“3mbps” is no bandwidth level'],
    ['moon: full', '“moon” is not a day'],
    ['m: full', 'is not a day'],
    ['08:10-09:00: full', 'not on a quarter-hour'],
    ['25:00-26:00: full', 'there is no time 25:00'],
    ['08:00-08:00: full', 'no time at all'],
    ['24:00-08:00: full', 'begins when the day has ended'],
    ['08:00-09:00 mon: full', 'days stand before times'],
    ['else: full, mon: off', '“else” stands last'],
    ['mon: full tue: off', 'a comma is missing'],
    [': full', 'names days or times'],
    ['mon: full!', '“!” has no place'],
  ])('“%s” is refused with a reason', (text, reason) => {
    expect(refusal(text)).toContain(reason);
  });

  test('a day of digits is 96 of them', () => {
    expect(parseDay(`F0${'a'.repeat(94)}`)).toBe(`f0${'a'.repeat(94)}`);
    expect(() => parseDay('ff')).toThrow(
      '96 hexadecimal digits, one bandwidth level for each quarter-hour of the day, found 2',
    );
    expect(() => parseDay('g'.repeat(96))).toThrow('is not 96 hexadecimal digits');
  });
});

describe('changes', () => {
  const office = { week: parseWeek('mon-fri 08:00-18:00: full'), time: 'utc' } as const;

  test('the next change and the next opening', () => {
    expect(show(nextChange(office, at('2026-01-05T08:00:00Z'), UTC))).toBe('2026-01-05T18:00:00.000Z');
    expect(show(nextOpening(office, at('2026-01-05T08:00:00Z'), UTC))).toBe('2026-01-06T08:00:00.000Z');
    expect(show(nextChange(office, at('2026-01-09T18:00:00Z'), UTC))).toBe('2026-01-12T08:00:00.000Z');
    expect(nextChange(ALWAYS, at('2026-01-05T08:00:00Z'), UTC)).toBeNull();
    expect(nextOpening(NEVER_OPEN, at('2026-01-05T08:00:00Z'), UTC)).toBeNull();
    const slower = { week: parseWeek('mon: 1Mbps, else: full'), time: 'utc' } as const;
    expect(nextOpening(slower, at('2026-01-05T08:00:00Z'), UTC)).toBeNull();
  });

  test('local time follows daylight saving', () => {
    const local = { ...office, time: 'local' } as const;
    expect(show(nextOpening(local, at('2026-03-27T12:00:00Z'), BERLIN))).toBe('2026-03-30T06:00:00.000Z');
    expect(show(nextOpening(local, at('2026-03-26T12:00:00Z'), BERLIN))).toBe('2026-03-27T07:00:00.000Z');
    expect(show(nextOpening(local, at('2026-10-24T12:00:00Z'), BERLIN))).toBe('2026-10-26T07:00:00.000Z');
  });

  test('an hour that the clocks leave out is not, one they repeat is twice', () => {
    const spring = { week: parseWeek('sun 02:00-03:00: full'), time: 'local' } as const;
    expect(show(nextOpening(spring, at('2026-03-28T12:00:00Z'), BERLIN))).toBe('2026-04-05T00:00:00.000Z');
    expect(show(nextOpening(spring, at('2026-10-24T12:00:00Z'), BERLIN))).toBe('2026-10-25T00:00:00.000Z');
    expect(show(nextChange(spring, at('2026-10-25T00:00:00Z'), BERLIN))).toBe('2026-10-25T02:00:00.000Z');
  });

  test('offsets that are no whole hours are followed', () => {
    const kathmandu: ZoneOffset = () => 345;
    const local = { ...office, time: 'local' } as const;
    expect(show(nextOpening(local, at('2026-01-05T00:00:00Z'), kathmandu))).toBe('2026-01-05T02:15:00.000Z');
    const odd: ZoneOffset = () => 53;
    expect(show(nextOpening(local, at('2026-01-05T00:00:00Z'), odd))).toBe('2026-01-05T07:07:00.000Z');
  });
});
