import { describe, expect, test } from 'vitest';
import {
  faultOfFolderForce,
  faultOfForce,
  forceOf,
  NO_FORCES,
  nextStart,
  orderFolderForce,
  orderForce,
  planWindow,
  sameWindow,
  withoutEnded,
  withoutUntilSync,
} from '../../../src/model/force.ts';
import { ALWAYS, NEVER_OPEN, type Schedule } from '../../../src/model/schedule.ts';
import { parseWeek } from '../../../src/model/schedule-text.ts';

const utc = () => 0;
const MINUTE = 60_000;
/** A Monday, 07:00. */
const NOW = Date.parse('2026-01-05T07:00:00Z');
const OFFICE: Schedule = { week: parseWeek('mon-fri 08:00-18:00: 1Mbps'), time: 'utc' };

describe('orders', () => {
  test.each([
    [{ mode: 0, durationMinutes: 10, level: 15 }, 'no mode 0'],
    [{ mode: 5, durationMinutes: 10, level: 15 }, 'no mode 5'],
    [{ mode: 1.5, durationMinutes: 10, level: 15 }, 'no mode 1.5'],
    [{ mode: 2, durationMinutes: 10_081, level: 15 }, 'at most 10080 minutes'],
    [{ mode: 2, durationMinutes: -1, level: 15 }, 'out of range'],
    [{ mode: 1, durationMinutes: 10_081, level: 0 }, 'out of range'],
    [{ mode: 2, durationMinutes: 0, level: 15 }, 'give at least 1'],
    [{ mode: 3, durationMinutes: 0, level: 0 }, 'give at least 1'],
    [{ mode: 2, durationMinutes: 10, level: 16 }, 'no bandwidth level 16'],
    [{ mode: 3, durationMinutes: 10, level: -1 }, 'no bandwidth level -1'],
    [{ mode: 2, durationMinutes: 10, level: 0 }, 'or order a stop'],
    [{ mode: 4, durationMinutes: 0, level: 0 }, 'or order a stop'],
  ])('%o is refused: %s', (order, words) => {
    expect(faultOfForce(order)).toContain(words);
  });

  test('what a caller must give and is not used does no harm', () => {
    expect(faultOfForce({ mode: 1, durationMinutes: 0, level: 0 })).toBeNull();
    expect(faultOfForce({ mode: 3, durationMinutes: 10, level: 0 })).toBeNull();
    expect(faultOfForce({ mode: 4, durationMinutes: 0, level: 15 })).toBeNull();
    expect(faultOfForce({ mode: 2, durationMinutes: 10_080, level: 1 })).toBeNull();
    expect(faultOfFolderForce({ durationMinutes: 0, level: 3 })).toContain('at least 1');
    expect(faultOfFolderForce({ durationMinutes: 3, level: 0 })).toContain('bandwidth level 0');
  });
});

describe('what a connection may do', () => {
  test('the schedule rules where there is no order', () => {
    expect(planWindow(OFFICE, NO_FORCES, NOW, utc)).toMatchObject({ level: 0, until: NOW + 60 * MINUTE });
    expect(planWindow(OFFICE, NO_FORCES, NOW + 60 * MINUTE, utc)).toMatchObject({ level: 6, folders: null });
    expect(planWindow(ALWAYS, NO_FORCES, NOW, utc)).toMatchObject({ level: 15, until: null });
  });

  test('an order goes before the schedule, and ends', () => {
    const forces = orderForce({ mode: 2, durationMinutes: 10, level: 7 }, NOW);
    expect(planWindow(NEVER_OPEN, forces, NOW, utc)).toMatchObject({
      level: 7,
      folders: null,
      until: NOW + 10 * MINUTE,
    });
    expect(forceOf(forces, 'docs')).toEqual({ reason: 'forced', endTime: NOW + 10 * MINUTE, level: 7 });
    expect(withoutEnded(forces, NOW + 10 * MINUTE - 1)).toBe(forces);
    const after = withoutEnded(forces, NOW + 10 * MINUTE);
    expect(planWindow(NEVER_OPEN, after, NOW + 10 * MINUTE, utc)).toMatchObject({ level: 0, until: null });
  });

  test('a stop stops what the schedule would let run, until it ends or is taken back', () => {
    const forces = orderForce({ mode: 3, durationMinutes: 60, level: 15 }, NOW);
    expect(planWindow(ALWAYS, forces, NOW, utc)).toMatchObject({ level: 0, until: NOW + 60 * MINUTE });
    expect(planWindow(ALWAYS, orderForce({ mode: 1, durationMinutes: 0, level: 0 }, NOW), NOW, utc).level).toBe(15);
  });

  test('the next start is the schedule’s, after the end of what is ordered', () => {
    const eight = NOW + 60 * MINUTE;
    expect(nextStart(OFFICE, NO_FORCES, NOW, utc)).toBe(eight);
    expect(nextStart(ALWAYS, NO_FORCES, NOW, utc)).toBeNull();
    const stop = (durationMinutes: number) => orderForce({ mode: 3, durationMinutes, level: 0 }, NOW);
    expect(nextStart(ALWAYS, stop(30), NOW, utc)).toBe(NOW + 30 * MINUTE);
    expect(nextStart(OFFICE, stop(30), NOW, utc)).toBe(eight);
    expect(nextStart(OFFICE, stop(90), NOW, utc)).toBe(NOW + 90 * MINUTE);
    expect(nextStart(NEVER_OPEN, stop(90), NOW, utc)).toBeNull();
  });

  test('until in sync lasts until then, at most a week', () => {
    const forces = orderForce({ mode: 4, durationMinutes: 0, level: 15 }, NOW);
    expect(forces.connection).toMatchObject({ reason: 'forced-until-sync', endTime: NOW + 7 * 24 * 60 * MINUTE });
    expect(withoutUntilSync(forces).connection).toBeNull();
    const now = orderForce({ mode: 2, durationMinutes: 5, level: 15 }, NOW);
    expect(withoutUntilSync(now)).toBe(now);
  });

  test('a forced folder runs alone where nothing else would run', () => {
    const stopped = orderForce({ mode: 3, durationMinutes: 60, level: 0 }, NOW);
    const forces = orderFolderForce(stopped, 'docs', { durationMinutes: 10, level: 4 }, NOW);
    const window = planWindow(ALWAYS, forces, NOW, utc);
    expect(window).toMatchObject({ level: 4, until: NOW + 10 * MINUTE });
    expect([...window.folders!]).toEqual(['docs']);
    expect(forceOf(forces, 'docs')?.reason).toBe('forced');
    expect(forceOf(forces, 'media')?.reason).toBe('paused');
    expect(orderForce({ mode: 1, durationMinutes: 0, level: 0 }, NOW).folders.size).toBe(0);
  });

  test('a forced folder raises the level of a connection that is open, and never lowers it', () => {
    const noon = NOW + 5 * 60 * MINUTE;
    const high = orderFolderForce(NO_FORCES, 'docs', { durationMinutes: 10, level: 9 }, noon);
    expect(planWindow(OFFICE, high, noon, utc)).toMatchObject({ level: 9, folders: null });
    const low = orderFolderForce(NO_FORCES, 'docs', { durationMinutes: 10, level: 1 }, noon);
    expect(planWindow(OFFICE, low, noon, utc)).toMatchObject({ level: 6, folders: null });
  });

  test('each order is a window of its own, the passing of time is not', () => {
    const plain = planWindow(ALWAYS, NO_FORCES, NOW, utc);
    expect(sameWindow(plain, planWindow(ALWAYS, NO_FORCES, NOW + 5 * MINUTE, utc))).toBe(true);
    const order = { mode: 2, durationMinutes: 10, level: 15 };
    const first = planWindow(ALWAYS, orderForce(order, NOW), NOW, utc);
    const second = planWindow(ALWAYS, orderForce(order, NOW), NOW, utc);
    expect(sameWindow(plain, first)).toBe(false);
    expect(sameWindow(first, second)).toBe(false);
    expect(sameWindow(first, planWindow(ALWAYS, first.forces, NOW + MINUTE, utc))).toBe(true);
  });
});
