import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/base/limits.ts';
import { SYNC_OPTIONS } from '../../src/model/replica-sync.ts';
import {
  dueAt,
  enqueue,
  givesWay,
  nextTurn,
  priorityOf,
  type QueuedSync,
  type SyncRequest,
  sameWork,
  subjectOf,
} from '../../src/model/sync-order.ts';

const { NO_DISCARD, URGENT, PERIODIC, FULL } = SYNC_OPTIONS;
const bits = fc.subarray(Object.values(SYNC_OPTIONS)).map(chosen => chosen.reduce((all, bit) => all | bit, 0));
const request: fc.Arbitrary<SyncRequest> = fc.record({
  folder: fc.constantFrom('docs', 'media'),
  source: fc.constantFrom('alpha', 'beta', null),
  options: bits,
});
const requests = fc.array(request, { maxLength: 30 });
const START = 1_000_000;

function queueOf(list: readonly SyncRequest[]): readonly QueuedSync[] {
  return list.reduce<readonly QueuedSync[]>(
    (queue, each, i) => enqueue(queue, each, { serial: i + 1, now: START + i })!.queue,
    [],
  );
}

describe('the queue of ReplicaSync', () => {
  test('without NO_DISCARD no two wait for the same work, and no request is without one that does its work', () => {
    fc.assert(
      fc.property(requests, list => {
        const plain = list.map(each => ({ ...each, options: each.options & ~NO_DISCARD }));
        const queue = queueOf(plain);
        for (const entry of queue) expect(queue.filter(other => sameWork(entry, other))).toEqual([entry]);
        for (const each of plain) {
          const taken = queue.find(entry => sameWork(entry, each))!;
          expect(taken.priority).toBeGreaterThanOrEqual(priorityOf(each.options));
        }
      }),
    );
  });

  test('with NO_DISCARD every request waits for itself', () => {
    fc.assert(
      fc.property(requests, list => {
        const queue = queueOf(list.map(each => ({ ...each, options: each.options | NO_DISCARD })));
        expect(queue.map(({ serial }) => serial)).toEqual(list.map((_, i) => i + 1));
      }),
    );
  });

  test('all have their turn once, the higher priority first, then the earlier one', () => {
    fc.assert(
      fc.property(requests, list => {
        const queue = queueOf(list);
        const turns: QueuedSync[] = [];
        for (let left = queue; left.length > 0; ) {
          const next = nextTurn(left, new Map(), START + 1000)!;
          if (!('entry' in next)) throw new Error('nobody is due');
          turns.push(next.entry);
          left = left.filter(entry => entry !== next.entry);
        }
        const order = [...queue].sort((a, b) => b.priority - a.priority || a.serial - b.serial);
        expect(turns).toEqual(order);
      }),
    );
  });

  test('one folder and source has its next turn after the pause, unless it is urgent; others do not wait for it', () => {
    fc.assert(
      fc.property(requests, request, fc.integer({ min: 0, max: 2 * LIMITS.syncPauseMs }), (list, last, passed) => {
        const queue = queueOf(list);
        const now = START + 1000;
        const lastTurns = new Map([[subjectOf(last), now - passed]]);
        for (const entry of queue) {
          const held = subjectOf(entry) === subjectOf(last) && (entry.options & URGENT) === 0;
          expect(dueAt(entry, lastTurns, now) > now).toBe(held && passed < LIMITS.syncPauseMs);
        }
        const next = nextTurn(queue, lastTurns, now);
        if (next && 'waitMs' in next) expect(next.waitMs).toBe(LIMITS.syncPauseMs - passed);
      }),
    );
  });

  test('a clock that was set back keeps nobody waiting', () => {
    fc.assert(
      fc.property(requests, fc.integer({ min: 1, max: START }), (list, now) => {
        const queue = queueOf(list);
        const lastTurns = new Map(queue.map(entry => [subjectOf(entry), START + 10]));
        expect(nextTurn(queue, lastTurns, now)).toEqual(queue.length === 0 ? null : { entry: expect.anything() });
      }),
    );
  });

  test('what runs gives way only to what is more urgent, and only a few times', () => {
    fc.assert(
      fc.property(request, request, fc.nat(5), (a, b, preemptions) => {
        const [running] = queueOf([a]);
        const [waiting] = queueOf([b]);
        const gives = givesWay({ ...running!, preemptions }, waiting!);
        expect(gives).toBe(waiting!.priority > running!.priority && preemptions < LIMITS.syncPreemptions);
      }),
    );
  });

  test('urgent goes before ordered before periodic, a full one after its like', () => {
    const order = [URGENT, URGENT | FULL, 0, FULL, PERIODIC, PERIODIC | FULL].map(priorityOf);
    expect([...order].sort((a, b) => b - a)).toEqual(order);
    expect(new Set(order).size).toBe(order.length);
  });

  test('a full queue takes no more, but still takes in what is equal', () => {
    const many = Array.from({ length: LIMITS.syncQueueEntries }, () => ({
      folder: 'docs',
      source: 'alpha',
      options: NO_DISCARD,
    }));
    const queue = queueOf(many);
    const given = { serial: 9999, now: START };
    expect(enqueue(queue, { folder: 'docs', source: 'beta', options: 0 }, given)).toBeNull();
    expect(enqueue(queue, { folder: 'docs', source: 'alpha', options: URGENT }, given)).toMatchObject({
      absorbed: true,
      entry: { serial: 1, priority: 300 },
    });
  });
});
