/** The synchronisation sessions in the database, each under the number it got when it began. */
import { SESSIONS_RANGE, sequenceOfSessionKey, sessionKey } from './keys.ts';
import type { KeyValue, KeyValueChange } from './kv.ts';
import type { SessionBody, SessionJournal, StoredSession } from './store.ts';
import { decodeSession, encodeSession } from './values.ts';

export function openSessionJournal(kv: KeyValue): SessionJournal {
  return {
    list: async () => {
      const sessions: StoredSession[] = [];
      for await (const entries of kv.range(SESSIONS_RANGE)) {
        for (const [key, value] of entries) {
          sessions.push({ sequence: sequenceOfSessionKey(key), ...decodeSession(value) });
        }
      }
      return sessions;
    },
    write: async (changes: ReadonlyMap<number, SessionBody | null>) => {
      const batch: KeyValueChange[] = [...changes].map(([sequence, body]) => [
        sessionKey(sequence),
        body && encodeSession(body),
      ]);
      await kv.batch(batch, { sync: false });
    },
  };
}
