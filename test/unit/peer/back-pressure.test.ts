import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ContentRequest } from '../../../src/peer/link.ts';
import { CONNECTION, FOLDER, GROUP, never, type Pair, startPair } from './pair.ts';

const MIB = 1024 * 1024;
/** Readers buffer sixteen messages; then the window, the messages ahead, and what TLS and the kernel hold. */
const AHEAD_BYTES = 16 * LIMITS.contentMessageBytes + LIMITS.flowControlWindowBytes + 16 * MIB;
let pair: Pair | undefined;

afterEach(async () => {
  await pair?.stop();
  pair = undefined;
});

/** Resolves once `read` gives the same value for a while of turns of the event loop. */
async function settled(read: () => number): Promise<number> {
  let last = read();
  for (let calm = 0; calm < 300; calm++) {
    await setImmediate();
    if (read() !== last) {
      last = read();
      calm = 0;
    }
  }
  return last;
}

async function* nothing(): AsyncGenerator<ContentRequest> {
  await new Promise(() => {});
}

test('a sender waits for a reader that does not read, and goes on when it does', async () => {
  let sent = 0;
  let aborted = false;
  const data = Buffer.alloc(LIMITS.contentMessageBytes);
  pair = await startPair({
    fetchContent: async function* (_caller, _requests, _connection, signal) {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      for (let id = 0; id < 1000; id++) {
        sent += data.length;
        yield [{ kind: 'data', id, offset: 0, data, last: true }];
      }
    },
  });
  const control = new AbortController();
  const answers = pair.link.fetchContent(nothing(), CONNECTION, control.signal)[Symbol.asyncIterator]();
  await answers.next();
  const before = await settled(() => sent);
  expect(before).toBeLessThan(AHEAD_BYTES);
  // Other calls are not delayed by it.
  await pair.link.checkConnectivity({ group: GROUP, connection: CONNECTION }, never);
  for (let i = 0; i < 100; i++) await answers.next();
  expect(await settled(() => sent)).toBeGreaterThan(before + 30 * MIB);
  control.abort();
  await expect(answers.next()).rejects.toMatchObject({ code: 'CANCELLED' });
  await vi.waitFor(() => expect(aborted).toBe(true));
});

test('a caller’s requests are pulled only as fast as the service reads them', async () => {
  let pulled = 0;
  let release = (): void => {};
  const gate = new Promise<void>(resolve => {
    release = resolve;
  });
  pair = await startPair({
    fetchContent: async function* (_caller, requests) {
      await gate;
      for await (const request of requests) expect(request.kind).toBe('abandon');
      yield [{ kind: 'failed', id: 1, reason: 'gone' }];
    },
  });
  const ids = Array.from({ length: 4000 }, () => 2 ** 32 - 1);
  const requests = (async function* (): AsyncGenerator<ContentRequest> {
    for (; pulled < 500; pulled++) yield { kind: 'abandon', ids };
  })();
  const answers = pair.link.fetchContent(requests, CONNECTION, never)[Symbol.asyncIterator]();
  const first = answers.next();
  expect(await settled(() => pulled)).toBeLessThan(200);
  release();
  expect((await first).value).toEqual([{ kind: 'failed', id: 1, reason: 'gone' }]);
  expect(pulled).toBe(500);
  expect((await answers.next()).done).toBe(true);
});

test('leaving a stream ends the partner’s side', async () => {
  let signal: AbortSignal | undefined;
  pair = await startPair({
    watchVectors: async function* (_caller, _request, theirs) {
      signal = theirs;
      yield { folder: FOLDER, state: 'normal', vectorGeneration: 1, vector: new Map() };
      await new Promise(() => {});
    },
  });
  for await (const event of pair.link.watchVectors({ connection: CONNECTION, folders: [FOLDER] }, never)) {
    expect(event.vectorGeneration).toBe(1);
    break;
  }
  await vi.waitFor(() => expect(signal?.aborted).toBe(true));
});

test('closing the link ends its calls as cancelled, and the next ones too', async () => {
  pair = await startPair({ checkConnectivity: () => new Promise(() => {}) });
  const check = pair.link.checkConnectivity({ group: GROUP, connection: CONNECTION }, never);
  const failed = expect(check).rejects.toMatchObject({ code: 'CANCELLED' });
  await setImmediate();
  pair.link.close();
  await failed;
  const late = pair.link.checkConnectivity({ group: GROUP, connection: CONNECTION }, never);
  await expect(late).rejects.toMatchObject({ code: 'CANCELLED' });
});

test('a server that closes ends open streams within its grace, and the caller may come again', async () => {
  pair = await startPair({
    watchVectors: async function* () {
      yield { folder: FOLDER, state: 'normal', vectorGeneration: 1, vector: new Map() };
      await new Promise(() => {});
    },
  });
  const events = pair.link.watchVectors({ connection: CONNECTION, folders: [FOLDER] }, never)[Symbol.asyncIterator]();
  await events.next();
  const next = expect(events.next()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  await pair.server.close(5000);
  await next;
});

test('requests that fail by themselves end the exchange with their own error', async () => {
  pair = await startPair({
    fetchContent: async function* (_caller, requests) {
      for await (const { kind } of requests) expect(kind).toBe('credit');
      yield [];
    },
  });
  const requests = (async function* (): AsyncGenerator<ContentRequest> {
    yield { kind: 'credit', bytes: 1 };
    throw new Error('out of ideas');
  })();
  const answers = pair.link.fetchContent(requests, CONNECTION, never)[Symbol.asyncIterator]();
  await expect(answers.next()).rejects.toThrow('out of ideas');
});
