import fc from 'fast-check';
import { describe, test } from 'vitest';
import {
  levelAt,
  nextChange,
  nextOpening,
  QUARTER_MS,
  type Schedule,
  type ZoneOffset,
} from '../../src/model/schedule.ts';
import { parseDay, parseWeek } from '../../src/model/schedule-text.ts';

const digit = fc.constantFrom(...'0000000f16');
const week = fc.array(digit, { minLength: 672, maxLength: 672 }).map(digits => digits.join(''));
/** Long windows, as people have them. */
const calm = fc
  .array(fc.record({ digit, length: fc.integer({ min: 1, max: 300 }) }), { minLength: 1, maxLength: 12 })
  .map(parts =>
    parts
      .map(part => part.digit.repeat(part.length))
      .join('')
      .slice(0, 672)
      .padEnd(672, '0'),
  );
const schedule: fc.Arbitrary<Schedule> = fc.record({
  week: fc.oneof(week, calm),
  time: fc.constantFrom('utc' as const, 'local' as const),
});
const instant = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2040, 0, 1) });
/** An offset that changes once, at a quarter-hour of UTC. */
const zone: fc.Arbitrary<ZoneOffset> = fc
  .record({ base: fc.integer({ min: -48, max: 56 }), shift: fc.constantFrom(-60, -30, 0, 30, 60), from: instant })
  .map(({ base, shift, from }) => {
    const quarter = from - (from % QUARTER_MS);
    return ms => base * 15 + (ms >= quarter ? shift : 0);
  });

describe('schedules', () => {
  test('between a moment and the next change the level stays, and then it is another', () => {
    fc.assert(
      fc.property(
        schedule,
        instant,
        zone,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (plan, now, offset, share) => {
          const level = levelAt(plan, now, offset);
          const change = nextChange(plan, now, offset);
          if (change === null) return plan.week === plan.week[0]!.repeat(672);
          const between = Math.min(change - 1, Math.floor(now + (change - now) * share));
          return change > now && levelAt(plan, between, offset) === level && levelAt(plan, change, offset) !== level;
        },
      ),
      { numRuns: 300 },
    );
  });

  test('the next opening is the first change from nothing to something', () => {
    fc.assert(
      fc.property(schedule, instant, zone, (plan, now, offset) => {
        let at: number | null = now;
        let expected: number | null = null;
        while (expected === null && at !== null && at < now + 14 * 86_400_000) {
          const level = levelAt(plan, at, offset);
          at = nextChange(plan, at, offset);
          if (at !== null && level === 0) expected = at;
        }
        const found = nextOpening(plan, now, offset);
        return expected === null || found === expected;
      }),
      { numRuns: 200 },
    );
  });

  test('in UTC every week is the same', () => {
    fc.assert(
      fc.property(schedule, instant, fc.integer({ min: 1, max: 500 }), (plan, now, weeks) => {
        const utc: ZoneOffset = () => 0;
        return levelAt(plan, now, utc) === levelAt(plan, now + weeks * 7 * 86_400_000, utc);
      }),
    );
  });

  test('days of digits are read as written', () => {
    fc.assert(fc.property(week, text => parseDay(text.slice(0, 96).toUpperCase()) === text.slice(0, 96)));
  });

  test('any text is either a week of 672 levels or refused with words', () => {
    const part = fc.constantFrom(
      'mon',
      'tue-sat',
      '08:00-12:15',
      '22:00-02:00',
      ':',
      ',',
      ' ',
      'full',
      '1Mbps',
      'else',
      'x',
      '-',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), parts => {
        try {
          return /^[0-9a-f]{672}$/.test(parseWeek(parts.join('')));
        } catch (error) {
          return error instanceof Error && error.message.length > 10 && !(error instanceof TypeError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
