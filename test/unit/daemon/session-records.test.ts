import { describe, expect, test, vi } from 'vitest';
import { NOT_ENDED } from '../../../src/admin/records/column.ts';
import type { SessionRecord } from '../../../src/admin/records/session.ts';
import { type Pair, ROOT, startPair, type TestMember } from './two-members.ts';

const LIMIT = 100;
const IN_PROGRESS = 2;
const IN_SYNC = 4;
const INTERRUPTED = 5;

function soon<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 20_000, interval: 20 });
}

async function inbound({ backend }: TestMember): Promise<readonly SessionRecord[]> {
  return (await backend.sessions({ connection: 'alpha:beta', limit: LIMIT })).sessions;
}

async function withPair(use: (pair: Pair) => Promise<void>): Promise<void> {
  const pair = await startPair();
  try {
    await soon(async () => {
      const records = await inbound(pair.beta);
      expect(records.length).toBeGreaterThan(0);
      expect(records.every(({ State }) => State === IN_SYNC)).toBe(true);
    });
    await use(pair);
  } finally {
    await pair.stop();
  }
}

describe('sessions of one operation', () => {
  test('an update that cannot be taken holds up its session, and not what comes later', async () => {
    await withPair(async ({ alpha, beta }) => {
      const had = (await inbound(beta)).length;
      alpha.user.writeFile(`${ROOT}/blocked/first`, '1');
      alpha.hint();
      await soon(() => expect(beta.user.exists(`${ROOT}/blocked/first`)).toBe(true));
      beta.files.deny(`${ROOT}/blocked`, 'write');
      alpha.user.writeFile(`${ROOT}/blocked/second`, '2');
      alpha.hint('blocked');
      // Tried some times already: the next time is seconds away.
      await soon(async () => {
        const { updates } = await beta.backend.updates({ limit: LIMIT });
        const retryAt = new Date(updates[0]?.RetryTime ?? 0).getTime();
        expect(retryAt).toBeGreaterThan(Date.now() + 1500);
      });
      const [held] = await inbound(beta);
      expect(held).toMatchObject({ State: IN_PROGRESS, EndTime: NOT_ENDED, UpdatesNotTransferred: 0 });
      expect(held).toMatchObject({ UpdatesToBeTransferred: 1, StateReason: '1 update waits for another try' });

      alpha.user.writeFile(`${ROOT}/free`, '3');
      alpha.hint();
      await soon(() => expect(beta.user.exists(`${ROOT}/free`)).toBe(true));
      const done = await soon(async () => {
        const found = (await inbound(beta)).find(({ StartTime }) => StartTime > held!.StartTime);
        expect(found).toMatchObject({ State: IN_SYNC, UpdatesTransferred: 1, BytesTransferred: 1 });
        return found!;
      });
      expect(done.SyncGuid).not.toBe(held!.SyncGuid);
      expect((await inbound(beta)).find(({ SyncGuid }) => SyncGuid === held!.SyncGuid)).toMatchObject({
        State: IN_PROGRESS,
        UpdatesToBeTransferred: 1,
      });

      beta.files.allow(`${ROOT}/blocked`);
      await soon(() => expect(beta.user.exists(`${ROOT}/blocked/second`)).toBe(true));
      await soon(async () => {
        const records = await inbound(beta);
        expect(records.every(({ State }) => State === IN_SYNC)).toBe(true);
        expect(records.find(({ SyncGuid }) => SyncGuid === held!.SyncGuid)).toMatchObject({
          UpdatesToBeTransferred: 0,
        });
        const brought = records.slice(0, records.length - had).reduce((sum, each) => sum + each.UpdatesTransferred, 0);
        expect(brought).toBe(4);
      });
    });
  });

  test('a force ends what is under way as Interrupted and begins anew for its reason', async () => {
    await withPair(async ({ alpha, beta }) => {
      alpha.user.writeFile(`${ROOT}/blocked/first`, '1');
      alpha.hint();
      await soon(() => expect(beta.user.exists(`${ROOT}/blocked/first`)).toBe(true));
      beta.files.deny(`${ROOT}/blocked`, 'write');
      alpha.user.writeFile(`${ROOT}/blocked/second`, '2');
      alpha.hint('blocked');
      const held = await soon(async () => {
        const [record] = await inbound(beta);
        expect(record).toMatchObject({ State: IN_PROGRESS, UpdatesToBeTransferred: 1 });
        return record!;
      });
      const order = { connection: 'alpha', mode: 2, durationMinutes: 1, bandwidth: 15 };
      expect((await beta.backend.forceReplication(order)).result).toMatchObject({ ReturnValue: 0 });
      await soon(async () => {
        const records = await inbound(beta);
        expect(records.find(({ SyncGuid }) => SyncGuid === held.SyncGuid)).toMatchObject({
          State: INTERRUPTED,
          UpdatesToBeTransferred: 1,
        });
        expect(records[0]).toMatchObject({
          State: IN_PROGRESS,
          InitiationReason: 1,
          ForceReplicationBandwidthlevel: 15,
        });
        const left = new Date(records[0]!.ForceReplicationEndTime).getTime() - Date.now();
        expect(left).toBeGreaterThan(30_000);
        expect(left).toBeLessThanOrEqual(60_000);
      });
      beta.files.allow(`${ROOT}/blocked`);
      await soon(async () => {
        const [newest] = await inbound(beta);
        expect(newest).toMatchObject({ State: IN_SYNC, InitiationReason: 1, UpdatesTransferred: 1 });
      });
    });
  });

  test('a session that nobody remembers is not found', async () => {
    await withPair(async ({ beta }) => {
      await expect(beta.backend.session({ session: 'no such' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      const [first] = await inbound(beta);
      expect(await beta.backend.session({ session: first!.SyncGuid.toUpperCase() })).toEqual({ session: first });
      await expect(beta.backend.sessions({ connection: 'gamma:beta', limit: 1 })).rejects.toThrow(/alpha → beta/);
    });
  });
});
