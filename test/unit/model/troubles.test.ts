import { expect, test } from 'vitest';
import { gatherTroubles, type TroubleEvent } from '../../../src/model/troubles.ts';

const event = (time: number, number: number, given: Partial<TroubleEvent> = {}): TroubleEvent => ({
  time,
  number,
  name: `E${number}`,
  severity: 'warning',
  message: `at ${time}`,
  subject: 'docs',
  ...given,
});

test('one of a kind and subject, counted, errors first, then the latest', () => {
  const events = [
    event(10, 5008, { subject: 'beta' }),
    event(20, 1004, { severity: 'information', subject: '' }),
    event(30, 5008, { subject: 'beta' }),
    event(40, 5008, { subject: 'gamma' }),
    event(15, 20002, { severity: 'error' }),
  ];
  expect(gatherTroubles(events, 0)).toMatchObject([
    { number: 20002, count: 1, sinceStart: false },
    { number: 5008, subject: 'gamma', count: 1, sinceStart: true },
    { number: 5008, subject: 'beta', count: 2, first: 10, last: 30, message: 'at 30', sinceStart: true },
  ]);
});

test('what is older is left out, and information too', () => {
  expect(gatherTroubles([event(10, 5008), event(30, 5004, { severity: 'information' })], 20)).toEqual([]);
});

test('staging at work is told of only when it comes often', () => {
  const cleanups = (times: number) =>
    Array.from({ length: times }, (_, i) => event(i, 4202, { severity: 'information' }));
  const full = (times: number) => Array.from({ length: times }, (_, i) => event(i, 4208));
  expect(gatherTroubles([...cleanups(19), ...full(9)], 0)).toEqual([]);
  expect(gatherTroubles([...cleanups(20), ...full(10)], 0).map(({ number, count }) => [number, count])).toEqual([
    [4208, 10],
    [4202, 20],
  ]);
});
