import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KeyValue } from '../../../src/store/kv.ts';
import { openLevelKeyValue } from '../../../src/store/level-kv.ts';
import { rememberKeyValues } from '../../../src/store/remembered-kv.ts';
import { createMemoryKeyValue } from '../../sim/memory-kv.ts';
import { describeKeyValueContract, put, texts } from './kv-contract.ts';

describeKeyValueContract('LevelDB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tandem-kv-'));
  let last: KeyValue | null = null;
  const open = async () => {
    last = await openLevelKeyValue(join(directory, 'database'));
    return last;
  };
  return {
    open,
    reopen: async kv => {
      await kv.close();
      return open();
    },
    remove: async () => {
      await last?.close();
      await rm(directory, { recursive: true });
    },
  };
});

describeKeyValueContract('the store in memory', async () => ({
  open: async () => createMemoryKeyValue(),
  reopen: async kv => {
    await kv.close();
    return (kv as ReturnType<typeof createMemoryKeyValue>).crash({ next: () => 0.999 });
  },
  remove: async () => {},
}));

describe.each([{ empty: false }, { empty: true }])('empty at first: $empty', ({ empty }) => {
  describeKeyValueContract('what is remembered of a store', async () => {
    const inner = createMemoryKeyValue();
    return {
      open: async () => rememberKeyValues(inner, { keys: 4, empty }),
      reopen: async kv => {
        await kv.close();
        return rememberKeyValues(inner.crash({ next: () => 0.999 }), { keys: 4 });
      },
      remove: async () => {},
    };
  });
});

describe('what is remembered of a store', () => {
  test.each([false, true])(
    'is what the store holds, however reads and writes run into each other; empty at first: %s',
    async empty => {
      const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
      const step = fc.oneof(
        fc.record({ kind: fc.constant('read' as const), keys: fc.array(keys, { minLength: 1, maxLength: 4 }) }),
        fc.record({ kind: fc.constant('write' as const), keys: fc.array(keys, { minLength: 1, maxLength: 3 }) }),
        fc.record({ kind: fc.constant('answer' as const), call: fc.nat(5) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
          const slow = createSlowKeyValue();
          const kv = rememberKeyValues(slow.kv, { keys: 3, empty });
          let value = 0;
          const calls: Promise<unknown>[] = [];
          for (const { kind, ...rest } of steps) {
            const chosen = 'keys' in rest ? rest.keys : [];
            if (kind === 'read') calls.push(kv.getMany(chosen));
            else if (kind === 'write')
              calls.push(
                kv.batch(
                  chosen.map(key => put(key, ++value)),
                  { sync: false },
                ),
              );
            else slow.answer('call' in rest ? rest.call : 0);
            await new Promise(resolve => setImmediate(resolve));
          }
          while (slow.answer(0)) await new Promise(resolve => setImmediate(resolve));
          await Promise.all(calls);
          slow.hurry();
          const all = ['a', 'b', 'c', 'd', 'e', 'f'];
          expect(await texts(kv, all)).toEqual(await texts(slow.kv, all));
        }),
        { numRuns: 300 },
      );
    },
  );
});

/** Reads take what is there when they are called; batches take effect when they are answered, in the order of the calls. */
function createSlowKeyValue() {
  const inner = createMemoryKeyValue();
  const waiting: { readonly isBatch: boolean; readonly answer: () => void }[] = [];
  let patient = true;
  const later = <T>(isBatch: boolean, act: () => Promise<T>): Promise<T> => {
    if (!patient) return act();
    return new Promise((resolve, reject) => {
      waiting.push({ isBatch, answer: () => void act().then(resolve, reject) });
    });
  };
  const kv: KeyValue = {
    ...inner,
    getMany: async keys => {
      const values = await inner.getMany(keys);
      return later(false, async () => values);
    },
    batch: (changes, options) => {
      const all = [...changes];
      return later(true, () => inner.batch(all, options));
    },
  };
  return {
    kv,
    answer: (call: number): boolean => {
      const firstBatch = waiting.findIndex(({ isBatch }) => isBatch);
      const at = waiting.findIndex(({ isBatch }, i) => i >= call && (!isBatch || i === firstBatch));
      const [next] = waiting.splice(at === -1 ? 0 : at, 1);
      next?.answer();
      return next !== undefined;
    },
    hurry: () => {
      patient = false;
    },
  };
}

describe('LevelDB', () => {
  const withDirectory = async (body: (directory: string) => Promise<void>) => {
    const directory = await mkdtemp(join(tmpdir(), 'tandem-kv-'));
    try {
      await body(directory);
    } finally {
      await rm(directory, { recursive: true });
    }
  };

  test('a database that is open elsewhere is refused with a sentence that says so', () =>
    withDirectory(async directory => {
      const first = await openLevelKeyValue(directory);
      const second = openLevelKeyValue(directory);
      await expect(second).rejects.toMatchObject({
        code: 'HOME_LOCKED',
        message: expect.stringMatching(/^Another daemon runs on this home: .* Stop that daemon/),
      });
      await first.close();
      await (await openLevelKeyValue(directory)).close();
    }));

  test('a damaged database is refused with a sentence that says what to do', () =>
    withDirectory(async directory => {
      const kv = await openLevelKeyValue(directory);
      await kv.batch([put('a', 1)], { sync: true });
      await kv.close();
      await writeFile(join(directory, 'CURRENT'), 'MANIFEST-000099\n');
      await expect(openLevelKeyValue(directory)).rejects.toMatchObject({
        code: 'STORE_FAILED',
        message: expect.stringMatching(/^The database “.*” (is damaged|cannot be opened)\. /),
      });
    }));

  test('a file in the place of the directory is refused', () =>
    withDirectory(async directory => {
      const path = join(directory, 'database');
      await writeFile(path, '');
      await expect(openLevelKeyValue(path)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    }));
});

describe('the store in memory', () => {
  test('a crash keeps what was synced and a prefix of what was not', async () => {
    const survivors = new Set<string>();
    for (let n = 0; n < 40; n++) {
      const kv = createMemoryKeyValue();
      await kv.batch([put('a', 1)], { sync: false });
      await kv.batch([put('b', 1)], { sync: true });
      await kv.batch([put('c', 1), put('a', 2)], { sync: false });
      await kv.batch([['b', null]], { sync: false });
      void kv.batch([put('d', 1)], { sync: true });
      const after = kv.crash({ next: () => n / 40 });
      survivors.add((await texts(after, ['a', 'b', 'c', 'd'])).map(value => value ?? '-').join(''));
    }
    expect([...survivors]).toEqual(['11--', '211-', '2-1-', '2-11']);
  });

  test('after a crash the old store never answers and changes nothing any more', async () => {
    const kv = createMemoryKeyValue();
    let settled = false;
    const pending = kv.batch([put('a', 1)], { sync: true });
    const after = kv.crash({ next: () => 0 });
    for (const call of [pending, kv.get('a'), kv.batch([put('b', 1)], { sync: true })]) {
      void call.finally(() => {
        settled = true;
      });
    }
    await new Promise(resolve => setImmediate(resolve));
    expect(settled).toBe(false);
    expect(await texts(after, ['a', 'b'])).toEqual([undefined, undefined]);
  });
});
