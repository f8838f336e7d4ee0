/** What every key-value store must keep to. Run against LevelDB and against the one in memory. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareKeys, type KeyRange, type KeyValue, type KeyValueReader } from '../../../src/store/kv.ts';

export interface KeyValuePlace {
  open(): Promise<KeyValue>;
  /** Closes it and opens it again. */
  reopen(kv: KeyValue): Promise<KeyValue>;
  remove(): Promise<void>;
}

export function describeKeyValueContract(name: string, createPlace: () => Promise<KeyValuePlace>): void {
  const withStore = async (body: (kv: KeyValue, place: KeyValuePlace) => Promise<void>) => {
    const place = await createPlace();
    try {
      await body(await place.open(), place);
    } finally {
      await place.remove();
    }
  };

  describe(`${name} keeps the contract of a key-value store`, () => {
    test('what a batch put is read back, what it deleted is gone', () =>
      withStore(async kv => {
        await kv.batch([put('a', 1), put('b', 2)], { sync: true });
        await kv.batch([['a', null], put('c', 3)], { sync: false });
        expect(await texts(kv, ['a', 'b', 'c', 'd'])).toEqual([undefined, '2', '3', undefined]);
        expect(text(await kv.get('b'))).toBe('2');
        expect(await kv.get('a')).toBeUndefined();
        expect(await kv.getMany([])).toEqual([]);
      }));

    test('of several changes to one key in a batch the last counts', () =>
      withStore(async kv => {
        await kv.batch([put('a', 1), ['a', null], put('a', 2), put('b', 1), ['b', null]], { sync: true });
        expect(await texts(kv, ['a', 'b'])).toEqual(['2', undefined]);
      }));

    test('batches take effect in the order of the calls', () =>
      withStore(async kv => {
        await Promise.all([1, 2, 3, 4, 5].map(n => kv.batch([put('a', n)], { sync: n % 2 === 0 })));
        expect(text(await kv.get('a'))).toBe('5');
      }));

    test('an empty value is a value, and an empty batch does nothing', () =>
      withStore(async kv => {
        await kv.batch([['a', new Uint8Array(0)]], { sync: true });
        await kv.batch([], { sync: true });
        expect((await kv.get('a'))?.length).toBe(0);
      }));

    test('a range is read in the order of UTF-8, within its bounds, both ways and up to its limit', () =>
      withStore(async kv => {
        const keys = ['a', 'a/b', 'a0', 'b', 'z', 'é', '\ue000', '｡', '😀'];
        await kv.batch(
          [...keys].reverse().map(key => put(key, 0)),
          { sync: true },
        );
        expect(await keysIn(kv, { gte: '', lt: '\u{10ffff}' })).toEqual(keys);
        expect(await keysIn(kv, { gte: 'a/b', lt: 'b' })).toEqual(['a/b', 'a0']);
        expect(await keysIn(kv, { gte: 'a', lt: 'z', reverse: true, limit: 2 })).toEqual(['b', 'a0']);
        expect(await keysIn(kv, { gte: 'a', lt: 'z', limit: 3 })).toEqual(['a', 'a/b', 'a0']);
        expect(await keysIn(kv, { gte: 'x', lt: 'y' })).toEqual([]);
        expect([...keys].sort(compareKeys)).toEqual(keys);
      }));

    test('a long range comes in batches that are never empty and can be left early', () =>
      withStore(async kv => {
        const keys = Array.from({ length: 3500 }, (_, n) => `k${String(n).padStart(6, '0')}`);
        await kv.batch(
          keys.map(key => put(key, 1)),
          { sync: false },
        );
        expect(await keysIn(kv, { gte: 'k', lt: 'l' })).toEqual(keys);
        for await (const batch of kv.range({ gte: 'k', lt: 'l' })) {
          expect(batch.length).toBeGreaterThan(0);
          break;
        }
        expect(text(await kv.get(keys[0]!))).toBe('1');
      }));

    test('a snapshot and a range begun do not move with later batches', () =>
      withStore(async kv => {
        await kv.batch([put('a', 1), put('b', 1), put('d', 1)], { sync: true });
        const snapshot = kv.snapshot();
        await kv.batch([put('a', 2), ['b', null], put('c', 2)], { sync: true });
        await kv.batch([put('b', 3), ['d', null]], { sync: true });
        expect(await texts(snapshot, ['a', 'b', 'c', 'd'])).toEqual(['1', '1', undefined, '1']);
        expect(await keysIn(snapshot, { gte: 'a', lt: 'z' })).toEqual(['a', 'b', 'd']);
        expect(await keysIn(snapshot, { gte: 'a', lt: 'z', reverse: true, limit: 2 })).toEqual(['d', 'b']);
        expect(await keysIn(kv, { gte: 'a', lt: 'z' })).toEqual(['a', 'b', 'c']);
        await snapshot.close();
        expect(text(await kv.get('b'))).toBe('3');
      }));

    test('everything is there after closing and opening again', () =>
      withStore(async (kv, place) => {
        await kv.batch([put('a', 1)], { sync: true });
        void kv.batch([put('b', 2)], { sync: false });
        const again = await place.reopen(kv);
        expect(await texts(again, ['a', 'b'])).toEqual(['1', '2']);
      }));

    test('every call on a closed store fails with STORE_FAILED', () =>
      withStore(async kv => {
        await kv.batch([put('a', 1)], { sync: true });
        const snapshot = kv.snapshot();
        await kv.close();
        const failure = { code: 'STORE_FAILED' };
        await expect(kv.get('a')).rejects.toMatchObject(failure);
        await expect(kv.getMany(['a'])).rejects.toMatchObject(failure);
        await expect(kv.batch([put('a', 2)], { sync: true })).rejects.toMatchObject(failure);
        await expect(keysIn(kv, { gte: 'a', lt: 'b' })).rejects.toMatchObject(failure);
        await expect(snapshot.getMany(['a'])).rejects.toMatchObject(failure);
        expect(() => kv.snapshot()).toThrow(expect.objectContaining(failure));
      }));

    test('it holds what a plain map holds after any batches', () =>
      withStore(async kv => {
        const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 3 });
        const batch = fc.array(fc.tuple(key, fc.option(fc.uint8Array({ maxLength: 4 }))), { maxLength: 20 });
        await fc.assert(
          fc.asyncProperty(fc.array(batch, { maxLength: 8 }), async batches => {
            await clear(kv);
            const model = new Map<string, Uint8Array>();
            for (const changes of batches) {
              await kv.batch(changes, { sync: false });
              for (const [k, value] of changes) value ? model.set(k, value) : model.delete(k);
            }
            const entries: [string, number[]][] = [];
            for await (const some of kv.range(EVERYTHING)) for (const [k, v] of some) entries.push([k, [...v]]);
            const expected = [...model].sort(([a], [b]) => compareKeys(a, b)).map(([k, v]) => [k, [...v]]);
            expect(entries).toEqual(expected);
          }),
          { numRuns: 20 },
        );
      }));
  });
}

const EVERYTHING: KeyRange = { gte: '', lt: '\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}' };

export function put(key: string, value: number): [string, Uint8Array] {
  return [key, new TextEncoder().encode(String(value))];
}

export async function texts(reader: KeyValueReader, keys: readonly string[]): Promise<(string | undefined)[]> {
  return (await reader.getMany(keys)).map(text);
}

export async function keysIn(reader: KeyValueReader, range: KeyRange): Promise<string[]> {
  const keys: string[] = [];
  for await (const entries of reader.range(range)) for (const [key] of entries) keys.push(key);
  return keys;
}

async function clear(kv: KeyValue): Promise<void> {
  const keys = await keysIn(kv, EVERYTHING);
  await kv.batch(
    keys.map(key => [key, null] as const),
    { sync: false },
  );
}

function text(value: Uint8Array | undefined): string | undefined {
  return value && new TextDecoder().decode(value);
}
