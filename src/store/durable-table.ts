/** Small tables of JSON values beside the folders: what was ordered, for whoever has to know it after a restart. */
import { assert, messageOf, TandemError } from '../base/errors.ts';
import { keyOfTableKey, tableKey, tableRange } from './keys.ts';
import type { KeyValue, KeyValueChange } from './kv.ts';
import type { DurableTable } from './store.ts';

const NAME = /^[a-z][a-z0-9-]*$/;

export function openDurableTable(kv: KeyValue, name: string): DurableTable {
  assert(NAME.test(name), `“${name}” is a name for a table`);
  return {
    read: async () => {
      const values = new Map<string, unknown>();
      for await (const entries of kv.range(tableRange(name))) {
        for (const [key, bytes] of entries) values.set(keyOfTableKey(name, key), parse(name, key, bytes));
      }
      return values;
    },
    write: async changes => {
      const batch: KeyValueChange[] = [...changes].map(([key, value]) => [tableKey(name, key), toBytes(value)]);
      if (batch.length > 0) await kv.batch(batch, { sync: true });
    },
  };
}

function toBytes(value: unknown): Uint8Array | null {
  if (value === null) return null;
  const text = JSON.stringify(value) as string | undefined;
  assert(text !== undefined, 'a value in a table can be written as JSON');
  return Buffer.from(text, 'utf8');
}

function parse(name: string, key: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as unknown;
  } catch (error) {
    const sentence = `The database is damaged: ${key} of table ${name} is not JSON (${messageOf(error)}).`;
    throw new TandemError('STORE_FAILED', sentence, { table: name, key }, error);
  }
}
