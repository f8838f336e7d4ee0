import { describe, expect, test } from 'vitest';
import { tableKey } from '../../../src/store/keys.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { createMemoryKeyValue } from '../../sim/memory-kv.ts';
import { sampleRandom } from './sample-store.ts';

const ALL_UNSYNCED_LOST = { next: () => 0 };

describe('a durable table', () => {
  test('keeps what was written through a crash of the host, as a whole, and forgets what was removed', async () => {
    const kv = createMemoryKeyValue();
    const store = await openStore({ kv, random: sampleRandom() });
    const table = store.table('orders');
    await table.write(
      new Map<string, unknown>([
        ['a/1', { state: 'Suspended', when: [1, null] }],
        ['ä', 'text'],
        ['b', 2],
      ]),
    );
    await table.write(new Map([['b', null]]));
    await table.write(new Map());
    const again = await openStore({ kv: kv.crash(ALL_UNSYNCED_LOST), random: sampleRandom(2) });
    expect(await again.table('orders').read()).toEqual(
      new Map<string, unknown>([
        ['a/1', { state: 'Suspended', when: [1, null] }],
        ['ä', 'text'],
      ]),
    );
  });

  test('stands apart from tables whose names begin alike, and outlives a renewal', async () => {
    const kv = createMemoryKeyValue();
    const store = await openStore({ kv, random: sampleRandom() });
    await store.table('pair').write(new Map([['k', 1]]));
    await store.table('pair-more').write(new Map([['k', 2]]));
    await store.table('pairs').write(new Map([['k', 3]]));
    await store.renew();
    expect(await store.table('pair').read()).toEqual(new Map([['k', 1]]));
    expect(await store.table('pair-more').read()).toEqual(new Map([['k', 2]]));
    expect(await store.table('nothing').read()).toEqual(new Map());
  });

  test('says that the database is damaged where a value is no JSON, and takes none itself that is not', async () => {
    const kv = createMemoryKeyValue();
    const store = await openStore({ kv, random: sampleRandom() });
    await kv.batch([[tableKey('orders', 'k'), Buffer.from('{"half"')]], { sync: true });
    await expect(store.table('orders').read()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(store.table('orders').write(new Map([['k', undefined]]))).rejects.toThrow('JSON');
    expect(() => store.table('two words')).toThrow('name for a table');
  });
});
