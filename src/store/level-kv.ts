/** The key-value store on LevelDB. A directory belongs to one process at a time. */
import { Level } from 'level';
import { messageOf, TandemError } from '../base/errors.ts';
import { TaskLine } from '../base/task-line.ts';
import type { KeyRange, KeyValue, KeyValueEntry, KeyValueReader } from './kv.ts';

type Database = Level<string, Uint8Array>;
type Snapshot = ReturnType<Database['snapshot']>;

/**
 * Measured with records of a folder: a larger write buffer makes writes no faster and recovery slower; a cache of
 * 8 MiB holds the index blocks of about half a million records.
 */
const TUNING = { cacheSize: 8 * 1024 * 1024, writeBufferSize: 4 * 1024 * 1024, maxOpenFiles: 1000 } as const;
/**
 * The first reading of a range, and all further ones at most. An iterator makes room for as many as it is asked for and
 * keeps it until it is collected as garbage, long after it was closed: most directories have few children.
 */
const ENTRIES_PER_READ = { first: 64, most: 1000 } as const;
/** From one reading of a range to the next. */
const GROWTH = 4;
const BYTES_PER_READ = 256 * 1024;

/**
 * Opens the database in `directory`, creating both where missing. Rejects with HOME_LOCKED if another process has it
 * open and with STORE_FAILED if it cannot be read.
 */
export async function openLevelKeyValue(directory: string): Promise<KeyValue> {
  const database: Database = new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'view', ...TUNING });
  try {
    await database.open();
  } catch (error) {
    throw openingFailed(directory, error);
  }
  // Batches that are with the database at the same time may overtake one another.
  const writes = new TaskLine();
  return {
    ...reader(database),
    batch: async (changes, { sync }) => {
      // A chained batch costs a tenth of the time of an array of operations.
      let count = 0;
      try {
        const batch = database.batch();
        for (const [key, value] of changes) {
          if (value === null) batch.del(key);
          else batch.put(key, value);
          count++;
        }
        if (count > 0) await writes.run(() => batch.write({ sync }));
        else await batch.close();
      } catch (error) {
        throw failed('written', error);
      }
    },
    snapshot: () => {
      try {
        const snapshot = database.snapshot();
        return { ...reader(database, snapshot), close: () => snapshot.close() };
      } catch (error) {
        throw failed('read', error);
      }
    },
    close: async () => {
      try {
        await writes.idle();
        await database.close();
      } catch (error) {
        throw failed('closed', error);
      }
    },
  };
}

function reader(database: Database, snapshot?: Snapshot): KeyValueReader {
  const options = snapshot ? { snapshot } : {};
  return {
    get: async key => {
      try {
        return await database.get(key, options);
      } catch (error) {
        throw failed('read', error);
      }
    },
    getMany: async keys => {
      if (keys.length === 0) return [];
      try {
        return await database.getMany(keys as string[], options);
      } catch (error) {
        throw failed('read', error);
      }
    },
    range: range => readRange(database, range, options),
  };
}

async function* readRange(
  database: Database,
  range: KeyRange,
  options: { readonly snapshot?: Snapshot },
): AsyncGenerator<KeyValueEntry[], void, void> {
  const limit = range.limit ?? -1;
  try {
    const iterator = database.iterator({
      ...options,
      gte: range.gte,
      lt: range.lt,
      reverse: range.reverse ?? false,
      limit,
      highWaterMarkBytes: BYTES_PER_READ,
    });
    try {
      for (let wanted: number = ENTRIES_PER_READ.first; ; wanted = Math.min(GROWTH * wanted, ENTRIES_PER_READ.most)) {
        const entries = await iterator.nextv(wanted);
        if (entries.length === 0) return;
        yield entries;
      }
    } finally {
      await iterator.close();
    }
  } catch (error) {
    throw failed('read', error);
  }
}

function openingFailed(directory: string, error: unknown): TandemError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = codeOf(cause);
  if (code === 'LEVEL_LOCKED') {
    const sentence = `Another daemon runs on this home: its database “${directory}” is in use. Stop that daemon, or choose another home.`;
    return new TandemError('HOME_LOCKED', sentence, { directory }, cause);
  }
  const help =
    code === 'LEVEL_CORRUPTION'
      ? 'is damaged. Move the directory away and start again: the database is rebuilt from the folders and the partners'
      : 'cannot be opened. Check that the directory can be written and that its disk is neither full nor failing';
  const sentence = `The database “${directory}” ${help}. (${messageOf(cause)})`;
  return new TandemError('STORE_FAILED', sentence, { directory, code }, cause);
}

function failed(what: 'read' | 'written' | 'closed', error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  const sentence = `The database could not be ${what} (${messageOf(error)}). Check its disk and restart the daemon.`;
  return new TandemError('STORE_FAILED', sentence, { code: codeOf(error) }, error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
