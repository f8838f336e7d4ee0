import { expect, test } from 'vitest';
import { remainingMs } from '../../../src/model/backlog-pace.ts';

const PACE = { updates: 100, bytes: 1000, elapsedMs: 10_000 };

test('the slower of number and bytes counts', () => {
  expect(remainingMs({ updates: 200, bytes: 10 }, PACE)).toBe(20_000);
  expect(remainingMs({ updates: 1, bytes: 5000 }, PACE)).toBe(50_000);
  expect(remainingMs({ updates: 50, bytes: 0 }, PACE)).toBe(5000);
});

test('nothing left needs no time, and nothing that moves tells none', () => {
  expect(remainingMs({ updates: 0, bytes: 0 }, { updates: 0, bytes: 0, elapsedMs: 0 })).toBe(0);
  expect(remainingMs({ updates: 5, bytes: 5 }, { ...PACE, elapsedMs: 999 })).toBeNull();
  expect(remainingMs({ updates: 5, bytes: 5 }, { ...PACE, updates: 0 })).toBeNull();
  expect(remainingMs({ updates: 5, bytes: 5 }, { ...PACE, bytes: 0 })).toBeNull();
});
