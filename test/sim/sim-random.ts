/** Randomness that one seed decides: the same seed and name give the same sequence on every machine. */
import type { Random } from '../../src/base/random.ts';

export interface SimRandom extends Random {
  /** True with this probability. */
  chance(probability: number): boolean;
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  /** A float in [low, high). */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
}

/** A sequence of its own for each name, so that one part drawing more numbers does not change what another draws. */
export function createSimRandom(seed: number, name: string): SimRandom {
  let state = mix(seed >>> 0, 0x9e3779b9);
  for (const character of name) state = mix(state, character.charCodeAt(0));
  let other = mix(state, 0x85ebca6b);
  function bits(): number {
    // Two linked 32-bit generators; plenty for a simulation.
    state = (state + 0x6d2b79f5) | 0;
    other = Math.imul(other ^ (other << 13), 0x2c1b3c6d) ^ (other >>> 7);
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) + other) >>> 0;
  }
  const next = (): number => bits() / 2 ** 32;
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    guid() {
      const hex = [bits(), bits(), bits(), bits()].map(part => part.toString(16).padStart(8, '0')).join('');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
    chance: probability => next() < probability,
    between: (low, high) => low + next() * (high - low),
    pick: items => items[below(items.length)]!,
    shuffle(items) {
      const result = [...items];
      for (let i = result.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [result[i], result[j]] = [result[j]!, result[i]!];
      }
      return result;
    },
  };
}

function mix(state: number, value: number): number {
  let t = Math.imul(state ^ value, 0x01000193);
  t ^= t >>> 15;
  return Math.imul(t, 0x2c1b3c6d) | 0;
}
