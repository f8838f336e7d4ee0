import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AbsenceFilter } from '../../../src/store/absence-filter.ts';

const recordKey = (number: number): string =>
  `f00000001r/${'0123456789abcdef'.repeat(2)}.${number.toString(16).padStart(14, '0')}`;

test('what was added is never said to be absent', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), keys => {
      const filter = new AbsenceFilter(1024);
      for (const key of keys) filter.add(key);
      return keys.every(key => filter.mayHold(key));
    }),
  );
});

test('with ten bits for each key fewer than two in a hundred absent ones are not known to be absent', () => {
  const filter = new AbsenceFilter(2 ** 17);
  const added = 2 ** 17 / 10;
  for (let number = 0; number < added; number++) filter.add(recordKey(number));
  let taken = 0;
  for (let number = 0; number < 10_000; number++) if (filter.mayHold(recordKey(1_000_000 + number))) taken++;
  expect(taken).toBeLessThan(200);
});
