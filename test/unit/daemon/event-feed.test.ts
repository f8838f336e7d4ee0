import { describe, expect, test } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { createEventFeed } from '../../../src/daemon/event-feed.ts';
import type { EventBody, EventJournal, StoredEvent } from '../../../src/store/store.ts';

/** A journal that takes a turn for each event, and can refuse one. */
function createJournal(refuse: (event: EventBody) => boolean = () => false): EventJournal & { stored: StoredEvent[] } {
  const stored: StoredEvent[] = [];
  return {
    stored,
    async append(event) {
      await new Promise(resolve => setImmediate(resolve));
      if (refuse(event)) throw new Error('the disk is gone');
      const kept = { ...event, sequence: stored.length + 1 };
      stored.push(kept);
      return kept;
    },
    list: async ({ after = 0, limit }) => stored.filter(event => event.sequence > after).slice(-limit),
  };
}

function feedOver(journal: EventJournal) {
  return createEventFeed({ journal, clock: systemClock, log: silentLog });
}

describe('the event feed', () => {
  test('writes events in the order they were emitted', async () => {
    const journal = createJournal();
    const feed = feedOver(journal);
    for (let i = 0; i < 20; i++) feed.emit('CONFLICT', `conflict ${i}`, { folder: 'docs' });
    await feed.flush();
    expect(journal.stored.map(event => event.message)).toEqual(Array.from({ length: 20 }, (_, i) => `conflict ${i}`));
    expect(journal.stored[0]).toMatchObject({ number: 4412, severity: 'information', fields: { folder: 'docs' } });
  });

  test('goes on after the journal refused an event', async () => {
    const journal = createJournal(event => event.message === 'refused');
    const feed = feedOver(journal);
    feed.emit('CONFLICT', 'first');
    feed.emit('CONFLICT', 'refused');
    feed.emit('CONFLICT', 'third');
    await feed.flush();
    expect(journal.stored.map(event => event.message)).toEqual(['first', 'third']);
  });

  test('a follower gets what came since a sequence, then what happens', async () => {
    const feed = feedOver(createJournal());
    feed.emit('CONFLICT', 'one');
    feed.emit('CONFLICT', 'two');
    await feed.flush();
    const end = new AbortController();
    const heard: string[] = [];
    for await (const event of feed.follow(1, end.signal)) {
      heard.push(event.message);
      if (event.message === 'two') feed.emit('CONFLICT', 'three');
      if (event.message === 'three') end.abort();
    }
    expect(heard).toEqual(['two', 'three']);
  });

  test('a follower without a sequence gets only what happens from now on', async () => {
    const feed = feedOver(createJournal());
    feed.emit('CONFLICT', 'before');
    await feed.flush();
    const end = new AbortController();
    const following = feed.follow(undefined, end.signal);
    feed.emit('CONFLICT', 'after');
    for await (const event of following) {
      expect(event.message).toBe('after');
      end.abort();
    }
  });

  test('remembers the newest event of a kind for each folder', () => {
    const feed = feedOver(createJournal());
    feed.emit('WATCH_DEGRADED', 'too many', { folder: 'docs' });
    feed.emit('WATCH_DEGRADED', 'far too many', { folder: 'docs' });
    expect(feed.newest('WATCH_DEGRADED', 'docs')?.message).toBe('far too many');
    expect(feed.newest('WATCH_DEGRADED', 'media')).toBeUndefined();
  });
});
