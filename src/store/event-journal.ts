/** The journal of events in the database: numbered without gaps, the oldest dropped beyond the limit. */
import { LIMITS } from '../base/limits.ts';
import { EVENTS_RANGE, eventKey, sequenceOfKey } from './keys.ts';
import { firstKey, type KeyValue, type KeyValueChange } from './kv.ts';
import type { EventBody, EventJournal, StoredEvent } from './store.ts';
import { decodeEvent, encodeEvent } from './values.ts';

/**
 * Events are not synced one by one: a crash of the host may take the last ones, and their numbers are given again.
 * A crash of the member takes none.
 */
export async function openEventJournal(
  kv: KeyValue,
  limit: number = LIMITS.eventJournalEntries,
): Promise<EventJournal> {
  let oldest = (await endOf(kv, false)) ?? 1;
  let next = ((await endOf(kv, true)) ?? 0) + 1;
  return {
    append: async (event: EventBody): Promise<StoredEvent> => {
      const sequence = next++;
      const changes: KeyValueChange[] = [[eventKey(sequence), encodeEvent(event)]];
      // In a journal that was longer under an older limit the surplus goes by and by.
      for (let n = 0; n < 16 && next - oldest > limit; n++) changes.push([eventKey(oldest++), null]);
      await kv.batch(changes, { sync: false });
      return { ...event, sequence };
    },
    list: async query => {
      const range = { ...EVENTS_RANGE, gte: eventKey((query.after ?? 0) + 1), reverse: true, limit: query.limit };
      const events: StoredEvent[] = [];
      if (query.limit <= 0) return events;
      for await (const entries of kv.range(range)) {
        for (const [key, value] of entries) events.push(decodeEvent(sequenceOfKey(key), value));
      }
      return events.reverse();
    },
  };
}

async function endOf(kv: KeyValue, reverse: boolean): Promise<number | undefined> {
  const key = await firstKey(kv, { ...EVENTS_RANGE, reverse });
  return key === undefined ? undefined : sequenceOfKey(key);
}
