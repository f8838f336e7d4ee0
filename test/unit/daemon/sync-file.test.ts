import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { createSyncFile } from '../../../src/daemon/sync-file.ts';
import type { SyncState } from '../../../src/replication/sync-queue.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tandem-syncs-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const open = (at = home) => createSyncFile({ home: at, log: silentLog });
const EMPTY: SyncState = { nextSerial: 1, queue: [], sources: [] };
const STATE: SyncState = {
  nextSerial: 8,
  queue: [{ serial: 7, enqueued: 1000, priority: 200, preemptions: 1, folder: 'f', source: null, options: 0x11 }],
  sources: [
    { folder: 'f', source: 's', lastAttempt: 5, lastSuccess: null, lastResult: 8444, sentence: 'why', failures: 3 },
  ],
};

test('what was kept is there again after a restart', () => {
  expect(open().load()).toEqual(EMPTY);
  open().save(STATE);
  expect(open().load()).toEqual(STATE);
  expect(readdirSync(home)).toEqual(['syncs.json']);
});

test.each([
  '',
  '{',
  '[]',
  '{"nextSerial":1}',
  JSON.stringify({ ...STATE, sources: [{ ...STATE.sources[0], lastResult: 1 }] }),
])('a file that holds “%s” is left aside', content => {
  writeFileSync(join(home, 'syncs.json'), content);
  expect(open().load()).toEqual(EMPTY);
});

test('what cannot be kept is told', () => {
  expect(() => open(join(home, 'missing')).save(STATE)).toThrow(/syncs\.json could not be written/);
});
