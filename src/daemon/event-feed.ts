/**
 * Events on their way into the member's journal and to those who follow it. Emitting never waits and never fails; the
 * journal gets them one after the other, in the order they were emitted.
 */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { type Emit, type EventContent, type EventName, makeEvent } from '../base/events.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { EventJournal, StoredEvent } from '../store/store.ts';

export interface EventFeedParts {
  readonly journal: EventJournal;
  readonly clock: Clock;
  readonly log: Log;
}

export interface EventFeed {
  readonly emit: Emit;
  /** Events as they enter the journal, until the signal; with `after`, first those since that sequence. */
  follow(after: number | undefined, signal: AbortSignal): AsyncIterable<StoredEvent>;
  /** The newest `limit` events with a sequence above `after`, oldest first. */
  list(query: { readonly after?: number | undefined; readonly limit: number }): Promise<StoredEvent[]>;
  /** The newest event of this name about a folder since the feed was made. */
  newest(name: EventName, folder: string): EventContent | undefined;
  /** Resolves when everything emitted so far is in the journal, or has been given up. */
  flush(): Promise<void>;
}

export function createEventFeed({ journal, clock, log }: EventFeedParts): EventFeed {
  const waiting: EventContent[] = [];
  const followers = new Set<Bell>();
  const newestByKey = new Map<string, EventContent>();
  let writing: Promise<void> | null = null;
  let lost = 0;

  const emit: Emit = (name, message, fields) => {
    const event = makeEvent(name, { time: clock.now(), message, ...(fields && { fields }) });
    record(event);
    const { folder } = event.fields;
    if (typeof folder === 'string') newestByKey.set(keyOf(name, folder), event);
    if (waiting.length >= LIMITS.eventsWaiting) {
      lost++;
      return;
    }
    waiting.push(event);
    writing ??= write();
  };

  function record({ name, severity, message, fields }: EventContent): void {
    const entry = { event: name, ...fields };
    if (severity === 'error') log.error(entry, message);
    else if (severity === 'warning') log.warn(entry, message);
    else log.info(entry, message);
  }

  async function write(): Promise<void> {
    // One turn later, so that `writing` is set before it can be cleared.
    await Promise.resolve();
    for (let event = waiting.shift(); event; event = waiting.shift()) {
      try {
        await journal.append(event);
      } catch (error) {
        log.error({ event: event.name, error }, 'an event could not be written into the journal');
      }
      for (const bell of followers) bell.ring();
    }
    if (lost > 0) log.error({ lost }, 'events were left out of the journal: too many came at once');
    lost = 0;
    writing = null;
  }

  function list({ after, limit }: { readonly after?: number | undefined; readonly limit: number }) {
    return journal.list(after === undefined ? { limit } : { after, limit });
  }

  async function* followFrom(start: Promise<number>, bell: Bell, signal: AbortSignal): AsyncGenerator<StoredEvent> {
    try {
      let seen = await start;
      while (!signal.aborted) {
        for (const event of await list({ after: seen, limit: LIMITS.eventJournalEntries })) {
          if (signal.aborted) return;
          seen = event.sequence;
          yield event;
        }
        await bell.heard(signal);
      }
    } finally {
      followers.delete(bell);
    }
  }

  return {
    emit,
    list,
    follow(after, signal) {
      const bell = new Bell();
      followers.add(bell);
      signal.addEventListener('abort', () => followers.delete(bell), { once: true });
      const start =
        after === undefined ? list({ limit: 1 }).then(events => events.at(-1)?.sequence ?? 0) : Promise.resolve(after);
      start.catch(error => log.debug({ reason: messageOf(error) }, 'events cannot be followed'));
      return followFrom(start, bell, signal);
    },
    newest: (name, folder) => newestByKey.get(keyOf(name, folder)),
    async flush() {
      while (writing) await writing;
    },
  };
}

function keyOf(name: EventName, folder: string): string {
  return `${name} ${folder}`;
}
