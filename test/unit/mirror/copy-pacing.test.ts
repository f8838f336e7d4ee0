import { expect, it } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { copyPacing, LinePacing } from '../../../src/mirror/copy-pacing.ts';
import { type LinePace, paceCopy } from '../../../src/model/copy-plan.ts';

const MIB = 1024 * 1024;

it('works off what went ahead at the pace of each moment', () => {
  let now = 0;
  let pace: LinePace = { windowBytes: 8 * MIB, bytesPerSecond: MIB / 4, reason: 'clients' };
  const pacing = new LinePacing(() => pace, { now: () => now } as Clock);
  expect(pacing.waitMs()).toBe(0);
  pacing.spend(0, 4 * MIB);
  now = 1000;
  expect(pacing.waitMs()).toBe(LIMITS.mirrorPaceMs);
  // The clients have become calmer: what is owed at the slow pace, 15 seconds, is not waited for.
  pace = { ...pace, bytesPerSecond: 4 * MIB };
  now = 1900;
  expect(pacing.waitMs()).toBe(38);
  now = 1938;
  expect(pacing.waitMs()).toBe(0);
  pacing.spend(0, 4 * MIB);
  pace = { windowBytes: 8 * MIB, bytesPerSecond: null, reason: null };
  expect(pacing.waitMs()).toBe(0);
  pace = { windowBytes: 8 * MIB, bytesPerSecond: MIB, reason: 'schedule' };
  expect(pacing.waitMs()).toBe(0);
  // The schedule counts what goes over the line.
  pacing.spend(MIB / 8, 4 * MIB);
  expect(pacing.waitMs()).toBe(125);
  pace = { windowBytes: 0, bytesPerSecond: null, reason: 'schedule' };
  expect(pacing.waitMs()).toBe(LIMITS.mirrorPaceMs);
});

it('lets a copy within one member go on when its clients have gone', async () => {
  let now = 0;
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
  };
  const clock = { now: () => now, sleep } as unknown as Clock;
  const load = () => ({ bytesPerSecond: now < 1000 ? 1 : 0, waiting: 0, idle: 1 });
  const pace = copyPacing(() => 'Low', load, clock, new AbortController().signal);
  // 16 seconds at the least pace.
  await pace(16 * LIMITS.copyLeastBytesPerSecond);
  now += 400;
  await pace(1);
  expect(now).toBe(1000);
});

it('spends the share of its time on a copy that clients with few wishes leave it', async () => {
  let now = 0;
  let worked = 0;
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
  };
  const clock = { now: () => now, sleep } as unknown as Clock;
  const load = () => ({ bytesPerSecond: 1000, waiting: 0, idle: 1 });
  const pace = copyPacing(() => 'Not Managed', load, clock, new AbortController().signal);
  for (let piece = 0; piece < 300; piece += 1) {
    await pace(MIB);
    now += 10;
    worked += 10;
  }
  expect(worked / now).toBeCloseTo(1 / 3, 1);
});

it('measures how fast it goes only while something is on its way, and together what is', () => {
  let now = 0;
  const asked: number[] = [];
  const pace = (own: number): LinePace => {
    asked.push(own);
    return paceCopy({ priority: 'Same', level: 0, link: false }, { bytesPerSecond: 1, waiting: 0, idle: 1 }, own);
  };
  const pacing = new LinePacing(pace, { now: () => now } as Clock);
  const first = pacing.begin(MIB);
  now = 5;
  const second = pacing.begin(MIB);
  first();
  now = 10;
  second();
  now = 1000;
  pacing.waitMs();
  expect(asked.at(-1)).toBe(200 * MIB);
  const third = pacing.begin(MIB);
  now = 1100;
  third();
  pacing.waitMs();
  expect(asked.at(-1)).toBe((3 * 200 * MIB + 10 * MIB) / 4);
});
