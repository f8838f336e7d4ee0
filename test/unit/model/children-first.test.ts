import fc from 'fast-check';
import { expect, test } from 'vitest';
import { childrenFirst } from '../../../src/model/local-record.ts';
import type { Uid } from '../../../src/model/version.ts';

/** Each node’s parent has a smaller number; some nodes are left out, and the order is any. */
const forest = fc.array(fc.nat(), { minLength: 1, maxLength: 60 }).chain(choices =>
  fc.shuffledSubarray(
    choices.map((choice, i) => ({ uid: `u${i}` as Uid, parent: (i === 0 ? 'root' : `u${choice % i}`) as Uid })),
    { minLength: 1 },
  ),
);

test('whatever lies below a directory comes before it', () => {
  fc.assert(
    fc.property(forest, records => {
      const ordered = childrenFirst(records);
      expect(new Set(ordered)).toEqual(new Set(records));
      const place = new Map(ordered.map((record, i) => [record.uid, i]));
      for (const { uid, parent } of records)
        if (place.has(parent)) expect(place.get(uid)).toBeLessThan(place.get(parent)!);
    }),
  );
});

test('what is named twice is there once', () => {
  const record = { uid: 'u1' as Uid, parent: 'root' as Uid };
  expect(childrenFirst([record, record])).toEqual([record]);
});
