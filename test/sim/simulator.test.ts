/** Some hundreds of histories, each decided by its seed: see `simulate.ts` for what must hold after each of them. */
import { describe, expect, it } from 'vitest';
import type { PlanOverrides } from './sim-plan.ts';
import { type SimResult, simulate } from './simulate.ts';

const HISTORIES = 240;
const HISTORIES_PER_TEST = 20;

/** Without what the first histories did not know. */
const PLAIN: PlanOverrides = { hardLinks: false, filters: false, fullDisks: false, oldCopies: false, fences: false };

/** Each of these has once shown what the others did not. */
const PINNED: readonly (readonly [seed: number, PlanOverrides])[] = [
  ...[297, 308, 315, 355, 408, 438, 480, 643, 916, 962, 1041, 1078, 1108, 1243, 1504].map(
    seed => [seed, PLAIN] as const,
  ),
  ...[4, 6, 25, 221].map(seed => [seed, { ...PLAIN, fullDisks: true }] as const),
  [6, { ...PLAIN, oldCopies: true }],
  [8, { ...PLAIN, hardLinks: true }],
  [28, {}],
  [424, {}],
  [9027, {}],
  [20293, {}],
  [314, { oldCopies: true }],
  [
    47,
    {
      hardLinks: true,
      crashes: false,
      partitions: false,
      cuts: 0,
      races: false,
      losses: false,
      clocks: 'right',
      hintLoss: 0,
      fullDisks: false,
      oldCopies: false,
    },
  ],
  [9, { ...PLAIN, filters: true }],
  [3082, { fences: true }],
  [3318, { fences: true }],
  [7284, { fences: true }],
  [8004, { topology: 'ring', losses: true }],
  [61390, { bursts: true, brakes: false }],
  [71317, { toAndFro: true, oldCopies: false }],
  [71357, { toAndFro: true, oldCopies: false }],
  [73092, { toAndFro: true, oldCopies: false }],
  [74081, { toAndFro: true, bursts: true, oldCopies: false }],
];

/** Fair weather: whatever fails here has nothing to do with crashes, links or clocks. */
const FAIR: PlanOverrides = {
  crashes: false,
  partitions: false,
  cuts: 0,
  races: false,
  losses: false,
  fullDisks: false,
  oldCopies: false,
  clocks: 'right',
  hintLoss: 0,
};

function optionsOf(overrides: PlanOverrides): string {
  return Object.entries(overrides)
    .map(([key, value]) => ` --set ${key}=${value}`)
    .join('');
}

function report({ seed, violation, trace }: SimResult, options = ''): string {
  return `${violation}\n${trace.slice(-60).join('\n')}\nreplay: npm run sim -- --seed ${seed}${options}`;
}

describe('a group of members in bad weather', () => {
  for (let first = 1; first <= HISTORIES; first += HISTORIES_PER_TEST) {
    it(`comes to agree and loses nothing: seeds ${first} to ${first + HISTORIES_PER_TEST - 1}`, {
      timeout: 60_000,
    }, async () => {
      for (let seed = first; seed < first + HISTORIES_PER_TEST; seed++) {
        const result = await simulate(seed);
        if (result.violation) expect.unreachable(report(result));
      }
    });
  }

  it('comes to agree in the histories that once went wrong', { timeout: 60_000 }, async () => {
    for (const [seed, pinned] of PINNED) {
      const overrides = { bursts: false, ...pinned };
      const result = await simulate(seed, overrides);
      if (result.violation) expect.unreachable(report(result, optionsOf(overrides)));
    }
  });

  it('comes to agree in fair weather, too', { timeout: 60_000 }, async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const result = await simulate(seed, FAIR);
      if (result.violation) expect.unreachable(report(result, optionsOf(FAIR)));
    }
  });

  it('has the same history whenever the seed is the same', { timeout: 60_000 }, async () => {
    for (const seed of [1, 6, 32, 85]) {
      const [once, again] = [await simulate(seed), await simulate(seed)];
      expect(again.trace).toEqual(once.trace);
      expect(again.fingerprint).toBe(once.fingerprint);
    }
  });
});
