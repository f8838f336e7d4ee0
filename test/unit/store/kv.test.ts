import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { KeyValue } from '../../../src/store/kv.ts';
import { openLevelKeyValue } from '../../../src/store/level-kv.ts';
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
