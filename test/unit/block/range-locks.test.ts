import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { GroupCommit } from '../../../src/block/group-commit.ts';
import { RangeLocks } from '../../../src/block/range-locks.ts';
import { createSimRandom } from '../../sim/sim-random.ts';

describe('range locks', () => {
  test('overlapping ranges are granted in the order of the calls and never together; the others do not wait', async () => {
    const locks = new RangeLocks();
    const random = createSimRandom(1, 'locks');
    const held = new Set<readonly [number, number]>();
    const granted: { readonly from: number; readonly to: number; readonly call: number }[] = [];
    const work = Array.from({ length: 400 }, async (_, call) => {
      const from = random.below(100);
      const to = from + 1 + random.below(20);
      const range = [from, to] as const;
      const lock = locks.acquire(from, to);
      if (lock.granted !== null) await lock.granted;
      for (const [start, end] of held) expect(start < to && from < end).toBe(false);
      for (const other of granted) if (other.from < to && from < other.to) expect(other.call).toBeLessThan(call);
      granted.push({ from, to, call });
      held.add(range);
      for (let turns = random.below(5); turns >= 0; turns--) await null;
      held.delete(range);
      lock.release();
    });
    await Promise.all(work);
    expect(locks.size).toBe(0);
    const [one, two] = [locks.acquire(0, 10), locks.acquire(10, 20)];
    expect([one.granted, two.granted]).toEqual([null, null]);
  });

  test('there is a bound on how many wait, but not for whoever wants everything', () => {
    const locks = new RangeLocks();
    for (let index = 0; index < LIMITS.blockRequests; index++) locks.acquire(0, 1);
    expect(() => locks.acquire(5, 6)).toThrow(/let some of them settle/);
    expect(locks.acquire(0, Number.POSITIVE_INFINITY).granted).not.toBeNull();
  });
});

describe('a group commit', () => {
  test('runs once for all who come while another run is going on, and never two runs at the same time', async () => {
    let running = 0;
    let runs = 0;
    const ends: (() => void)[] = [];
    const commit = new GroupCommit(async () => {
      expect(++running).toBe(1);
      runs++;
      await new Promise<void>(resolve => ends.push(resolve));
      running--;
    });
    const first = commit.run();
    const later = [commit.run(), commit.run()];
    ends.shift()!();
    await first;
    const more = commit.run();
    await null;
    ends.shift()!();
    await Promise.all(later);
    while (ends.length > 0) ends.shift()!();
    await more;
    expect(runs).toBeLessThanOrEqual(3);
  });

  test('a run that fails fails for those who shared it and for nobody after', async () => {
    let turn = 0;
    const commit = new GroupCommit(async () => {
      await null;
      if (++turn === 2) throw new Error('no');
    });
    const [first, second, third] = [commit.run(), commit.run(), commit.run()];
    await first;
    await expect(second).rejects.toThrow('no');
    await expect(third).rejects.toThrow('no');
    await commit.run();
  });
});
