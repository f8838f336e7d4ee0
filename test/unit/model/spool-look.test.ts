import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { type SeenArrival, stepSpool } from '../../../src/model/spool-look.ts';

const NOW = 1_800_000_000_000;
const arrival = (look: string) => [{ name: 'a.tandem', look }];

test('what arrives is due when it has lain still from one look to the next', () => {
  const first = stepSpool(new Map(), arrival('half'), NOW);
  expect(first).toMatchObject({ due: [], isMoving: true });
  const second = stepSpool(first.seen, arrival('whole'), NOW + 1);
  expect(second).toMatchObject({ due: [], isMoving: true });
  expect(stepSpool(second.seen, arrival('whole'), NOW + 2)).toMatchObject({ due: ['a.tandem'], isMoving: false });
});

test('what could not be taken in is due again after longer and longer pauses, and anew when it changes', () => {
  let seen: ReadonlyMap<string, SeenArrival> = stepSpool(new Map(), arrival('bad'), NOW).seen;
  const tried: number[] = [];
  for (let at = NOW; at < NOW + 4 * 86_400_000; at += 60_000) {
    const look = stepSpool(seen, arrival('bad'), at);
    seen = look.seen;
    if (look.due.length > 0) tried.push((at - NOW) / 60_000);
  }
  expect(tried.slice(0, 5)).toEqual([0, 10, 30, 70, 150]);
  expect(tried.at(-1)! - tried.at(-2)!).toBe(LIMITS.spoolRetryLastMs / 60_000);
  const other = stepSpool(seen, arrival('good'), NOW);
  expect(stepSpool(other.seen, arrival('good'), NOW)).toMatchObject({ due: ['a.tandem'] });
});

test('what is gone is forgotten, and a clock that was set back keeps nothing waiting', () => {
  const { seen } = stepSpool(new Map(), arrival('one'), NOW);
  const tried = stepSpool(seen, arrival('one'), NOW).seen;
  expect(stepSpool(tried, [], NOW).seen.size).toBe(0);
  expect(stepSpool(tried, arrival('one'), NOW - 3 * 86_400_000)).toMatchObject({ due: ['a.tandem'] });
});
