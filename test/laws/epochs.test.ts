import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createEpochQueue,
  createIntake,
  type EpochQueue,
  lagMs,
  noteApplied,
  noteFlush,
  noteTime,
  noteWrite,
  queuedBytes,
  resumeQueue,
  spillQueue,
  takeBarrier,
  takeWrite,
} from '../../src/model/epochs.ts';

const BOUNDS = { epochBytes: 100, epochMs: 50, queueBytes: 300 };

type Step =
  | { type: 'write'; bytes: number }
  | { type: 'flush' }
  | { type: 'time'; ms: number }
  | { type: 'deliver'; writes: number }
  | { type: 'lose' };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('write' as const), bytes: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ type: 'flush' }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.nat(40) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('deliver' as const), writes: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ type: 'lose' }) },
);

test('the target always holds a beginning of what the source wrote, cut where an epoch was closed', () => {
  const run = (steps: readonly Step[]) => {
    let now = 0;
    let queue: EpochQueue = createEpochQueue(BOUNDS, 1);
    let intake = createIntake(0);
    let written = 0;
    /** What is on the wire: writes with their epoch, and barriers. */
    let wire: ({ epoch: number; write: number } | { epoch: number; writes: number })[] = [];
    let staged: number[] = [];
    const target: number[] = [];
    const cuts = new Set([0]);
    const cutAt = (before: EpochQueue) => {
      for (const epoch of queue.closed.slice(before.closed.length)) {
        wire.push({ epoch: epoch.number, writes: epoch.writes });
        cuts.add(written);
      }
    };
    for (const each of steps) {
      const before = queue;
      if (each.type === 'write') {
        queue = noteWrite(queue, each.bytes, now);
        written++;
        if (queue.spilled) break;
        wire.push({ epoch: before.open.number, write: written });
        cutAt(before);
      } else if (each.type === 'flush') {
        queue = noteFlush(queue);
        cutAt(before);
      } else if (each.type === 'time') {
        now += each.ms;
        queue = noteTime(queue, now);
        cutAt(before);
      } else if (each.type === 'lose') {
        // The target restarts: what was staged without its barrier is gone, and so is the link.
        staged = [];
        wire = [];
        break;
      }
      for (let left = each.type === 'deliver' ? each.writes : 0; left > 0 && wire.length > 0; left--) {
        const message = wire.shift()!;
        const taken =
          'write' in message
            ? takeWrite(intake, message.epoch)
            : takeBarrier(intake, { number: message.epoch, writes: message.writes });
        if (taken.kind === 'violation') throw new Error('the source keeps to the order');
        intake = taken.intake;
        if ('write' in message) staged.push(message.write);
        if (taken.kind !== 'apply') continue;
        target.push(...staged);
        staged = [];
        queue = noteApplied(queue, taken.number)!;
      }
      expect(target).toEqual(Array.from({ length: target.length }, (_, index) => index + 1));
      expect(cuts).toContain(target.length);
      expect(queuedBytes(queue)).toBeLessThanOrEqual(BOUNDS.queueBytes);
      expect(queue.open.bytes).toBeLessThan(BOUNDS.epochBytes);
      expect(lagMs(queue, now) === 0 || queuedBytes(queue) > 0).toBe(true);
    }
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), run), { numRuns: 1000 });
});

describe('the queue', () => {
  test('spills as a whole, takes nothing until the copy is complete, and never uses a number twice', () => {
    let queue = createEpochQueue(BOUNDS, 1);
    for (let write = 0; write < 7; write++) queue = noteWrite(queue, 50, 0);
    expect(queue).toMatchObject({ spilled: true, closed: [] });
    expect(queuedBytes(noteWrite(queue, 50, 0))).toBe(0);
    const resumed = noteWrite(resumeQueue(queue), 10, 5);
    expect(resumed.spilled).toBe(false);
    expect(resumed.open.number).toBeGreaterThan(queue.open.number);
    expect(noteApplied(resumed, 1)).toEqual(resumed);
  });

  test('does not believe a partner who has applied what was never sent', () => {
    const queue = noteWrite(createEpochQueue(BOUNDS, 1), 10, 0);
    expect(noteApplied(queue, 1)).toBeNull();
    expect(noteApplied(queue, Number.NaN)).toBeNull();
    expect(noteApplied(spillQueue(queue), 1)).toMatchObject({ applied: 1 });
  });

  test('closes nothing where nothing was written', () => {
    const queue = createEpochQueue(BOUNDS, 1);
    expect(noteFlush(queue)).toBe(queue);
    expect(noteTime(queue, 10_000)).toBe(queue);
  });
});

test('the target refuses epochs out of order and barriers that miss a write', () => {
  const staging = takeWrite(createIntake(4), 5);
  if (staging.kind !== 'stage') throw new Error('the next epoch is taken');
  expect(takeWrite(createIntake(4), 4).kind).toBe('violation');
  expect(takeWrite(staging.intake, 6).kind).toBe('violation');
  expect(takeBarrier(staging.intake, { number: 5, writes: 2 }).kind).toBe('violation');
  expect(takeBarrier(staging.intake, { number: 6, writes: 0 }).kind).toBe('violation');
  expect(takeBarrier(staging.intake, { number: 5, writes: 1 })).toMatchObject({ kind: 'apply', number: 5 });
});
