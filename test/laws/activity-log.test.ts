import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Admission, createActivityLog, extentsOf, suspectRanges } from '../../src/model/activity-log.ts';
import type { ByteRange } from '../../src/model/dirty-map.ts';

const EXTENT = 1000;
const write = fc.record({ offset: fc.nat(20 * EXTENT), length: fc.integer({ min: 0, max: 2 * EXTENT }) });

test('after a crash at any moment every write that may have reached the disk lies in an extent the disk knows of', () => {
  const run = (writes: readonly ByteRange[], turns: readonly { settle: number; sync: boolean }[]) => {
    const log = createActivityLog({ extentBytes: EXTENT, slots: 4 });
    const durable = new Set<number>();
    const running: ByteRange[] = [];
    let waiting: ByteRange[] = [];
    let entries: Admission[] = [];
    for (const [index, range] of writes.entries()) {
      const { settle, sync } = turns[index % turns.length]!;
      const admission = log.admit(range);
      if (admission.kind === 'go') running.push(range);
      else if (admission.kind !== 'wait') waiting.push(range);
      else expect(running.length + waiting.length).toBeGreaterThan(0);
      if (admission.kind === 'write-first') entries.push(admission);
      if (sync) {
        for (const entry of entries) {
          if (entry.kind !== 'write-first') continue;
          for (const extent of entry.leaving) durable.delete(extent);
          for (const extent of entry.entering) durable.add(extent);
          log.entered(entry.entering);
        }
        running.push(...waiting);
        [entries, waiting] = [[], []];
      }
      for (const each of running) for (const extent of extentsOf(log, each)) expect(durable).toContain(extent);
      expect(log.hot().length).toBeLessThanOrEqual(4);
      for (let left = settle; left > 0 && running.length > 0; left--) log.settle(running.shift()!);
    }
  };
  const turns = fc.array(fc.record({ settle: fc.nat(3), sync: fc.boolean() }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(fc.array(write, { maxLength: 100 }), turns, run), { numRuns: 500 });
});

test('the least recently written extent makes room', () => {
  const log = createActivityLog({ extentBytes: EXTENT, slots: 2 });
  for (const extent of [1, 2, 1]) {
    const range = { offset: extent * EXTENT, length: 1 };
    const admission = log.admit(range);
    if (admission.kind === 'write-first') log.entered(admission.entering);
    log.settle(range);
  }
  expect(log.admit({ offset: 3 * EXTENT, length: 1 })).toMatchObject({ leaving: [2], entering: [3] });
});

test('a write into an extent whose entry is still on its way waits for that one', () => {
  const log = createActivityLog({ extentBytes: EXTENT, slots: 2 });
  expect(log.admit({ offset: 0, length: 1 })).toMatchObject({ kind: 'write-first' });
  expect(log.admit({ offset: 5, length: 1 })).toEqual({ kind: 'behind' });
  log.entered([0]);
  expect(log.admit({ offset: 9, length: 1 })).toEqual({ kind: 'go' });
});

test('what is suspect after a crash ends with the volume', () => {
  expect(suspectRanges({ extentBytes: EXTENT }, [3, 1, 9], 3500)).toEqual([
    { offset: 1000, length: 1000 },
    { offset: 3000, length: 500 },
  ]);
});
