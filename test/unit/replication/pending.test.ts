import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { FENCE, type Update } from '../../../src/model/update.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { EMPTY_VECTOR } from '../../../src/model/version-vector.ts';
import { type PendingUpdate, PendingUpdates } from '../../../src/replication/pending.ts';
import { noSession } from '../../../src/replication/sync-session.ts';

const DATABASE = 'd0000000000000000000000000000001';
const NOW = 1_800_000_000_000;

function itemOf(number: number, { partner = 'alpha', attempts = 1 } = {}): PendingUpdate {
  const gvsn = makeVersion(DATABASE, number);
  const update: Update = {
    uid: gvsn,
    gvsn,
    parent: makeVersion(DATABASE, 1),
    name: `file ${number}`,
    kind: 'file',
    present: true,
    nameConflict: false,
    mergedInto: null,
    fence: FENCE.default,
    clock: 0,
    createTime: 0,
    mode: 0o644,
    mtimeNs: 0n,
    size: 1,
    hash: '',
    target: '',
    ancestry: [],
  };
  const round = {
    partner,
    connection: '',
    closed: true,
    abandoned: false,
    asOf: null,
    letGo: EMPTY_VECTOR,
    tally: noSession(),
  };
  return {
    update,
    round,
    source: { fetch: () => {} },
    contentNeeded: true,
    staged: null,
    stage: 'scheduled',
    reason: '',
    since: NOW,
    attempts,
    wait: null,
    receivedBytes: 0,
    reserved: false,
    forced: null,
  };
}

describe('updates that were put off', () => {
  it('are due as soon as the directory they belong in is there', () => {
    const pending = new PendingUpdates();
    const item = itemOf(7, { attempts: 9 });
    pending.add(item);
    pending.giveUp(item, 'the directory it belongs in is not there', NOW);
    pending.directoriesCame(new Set([makeVersion(DATABASE, 2)]), NOW + 10);
    expect(pending.takeDue(NOW + 10)).toEqual([]);
    pending.directoriesCame(new Set([makeVersion(DATABASE, 1)]), NOW + 10);
    expect(pending.takeDue(NOW + 10).map(({ update }) => update.name)).toEqual(['file 7']);
  });

  it('are due soon after the source has moved on, if it was the source that had to', () => {
    const pending = new PendingUpdates();
    pending.giveUp(itemOf(2, { attempts: 9 }), 'it changed at the source', NOW, 'source');
    pending.giveUp(itemOf(3, { attempts: 9 }), 'it cannot be written', NOW);
    pending.giveUp(itemOf(4, { attempts: 9, partner: 'gamma' }), 'it changed at the source', NOW, 'source');
    pending.hasten('alpha', NOW + 1000);
    const due = pending.takeDue(NOW + 1000);
    expect(due.map(entry => entry.update.name)).toEqual(['file 2']);
    expect(due.map(entry => entry.attempts)).toEqual([9]);
  });

  it('are due as soon as records change that they met otherwise, and not later for what was tried at once', () => {
    const pending = new PendingUpdates();
    const tries = LIMITS.attemptsAtOnce;
    pending.giveUp(itemOf(2, { attempts: tries + 4 }), 'it is gone', NOW, 'folder');
    pending.giveUp(itemOf(3, { attempts: tries + 4 }), 'it cannot be written', NOW);
    const due = () => pending.takeDue(NOW).map(entry => entry.update.name);
    pending.recorded(new Set([makeVersion(DATABASE, 9)]), NOW);
    expect(due()).toEqual([]);
    pending.recorded(new Set([makeVersion(DATABASE, 2), makeVersion(DATABASE, 3)]), NOW);
    expect(due()).toEqual(['file 2']);
    pending.giveUp(itemOf(4, { attempts: tries + 1 }), 'it is gone', NOW, 'folder');
    expect(pending.takeDue(NOW + LIMITS.backoffFirstMs).map(entry => entry.update.name)).toEqual(['file 4']);
  });

  it('are never put off further because the source keeps moving', () => {
    const pending = new PendingUpdates();
    pending.giveUp(itemOf(2), 'it changed at the source', NOW, 'source');
    for (let now = NOW; now < NOW + 1000; now += 100) pending.hasten('alpha', now + 1000);
    expect(pending.takeDue(NOW + 1000)).toHaveLength(1);
  });

  it('are asked of their source again before long, even if it says nothing', () => {
    const pending = new PendingUpdates();
    pending.giveUp(itemOf(2, { attempts: 20 }), 'it changed at the source', NOW, 'source');
    pending.giveUp(itemOf(3, { attempts: 20 }), 'it cannot be written', NOW);
    expect(pending.takeDue(NOW + LIMITS.backoffSourceMs).map(entry => entry.update.name)).toEqual(['file 2']);
    expect(pending.takeDue(NOW + LIMITS.backoffLastMs).map(entry => entry.update.name)).toEqual(['file 3']);
  });
});

it('leaves nothing behind on a signal on which room was waited for', async () => {
  const pending = new PendingUpdates();
  const items = Array.from({ length: LIMITS.pendingUpdates }, (_, i) => itemOf(i + 2));
  for (const item of items) pending.add(item);
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  const waiting = Array.from({ length: 8 }, () => pending.room(signal));
  expect(listeners).toBe(8);
  pending.remove(items[0]!);
  await Promise.all(waiting);
  expect(listeners).toBe(0);
});
