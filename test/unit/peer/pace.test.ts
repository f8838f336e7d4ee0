/** The rate of a link, measured by a proxy on the wire: real TLS, HTTP/2 and gRPC, both directions together. */
import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { bytesPerSecond } from '../../../src/model/bandwidth.ts';
import type { ContentRequest } from '../../../src/peer/link.ts';
import { createPacer } from '../../../src/peer/pacer.ts';
import { startProxy, type TcpProxy } from '../../e2e/harness/proxy.ts';
import { CONNECTION, FOLDER, GROUP, never, type Pair, startPair, update } from './pair.ts';

let pair: Pair | undefined;
let proxy: TcpProxy | undefined;

afterEach(async () => {
  await pair?.stop();
  await proxy?.close();
});

async function* silence(): AsyncGenerator<ContentRequest> {
  await new Promise(() => {});
}

/** Content and updates without end, all at once. */
async function startPaced(level: number): Promise<Pair> {
  const data = Buffer.alloc(LIMITS.contentMessageBytes, 'x');
  return startPair(
    {
      fetchContent: async function* () {
        for (let id = 0; ; id++) yield [{ kind: 'data', id, offset: 0, data, last: true }];
      },
      requestUpdates: async function* () {
        for (let n = 100; ; n += 500) {
          yield { kind: 'updates', updates: Array.from({ length: 500 }, (_, i) => update(n + i)) };
        }
      },
    },
    {
      pacer: createPacer(bytesPerSecond(level)!, systemClock),
      through: async port => {
        proxy = await startProxy({ host: '127.0.0.1', port });
        return proxy.port;
      },
    },
  );
}

const crossed = () => proxy!.counted.toCaller + proxy!.counted.toServer;

/** Bytes that crossed the wire in each of `count` stretches of time, as shares of what the rate allows. */
async function measure(rate: number, stretchMs: number, count: number): Promise<number[]> {
  const shares: number[] = [];
  let at = performance.now();
  let before = crossed();
  for (let i = 0; i < count; i++) {
    await systemClock.sleep(stretchMs);
    const now = performance.now();
    const after = crossed();
    shares.push((after - before) / (((now - at) / 1000) * rate));
    [at, before] = [now, after];
  }
  return shares;
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

describe('a link with a bandwidth level', () => {
  test('keeps 1 Mbps within 5 % over ten seconds, smoothly, from the first byte on', { timeout: 30_000 }, async () => {
    const rate = bytesPerSecond(6)!;
    pair = await startPaced(6);
    const control = new AbortController();
    const began = performance.now();
    const readers = [
      drain(pair.link.fetchContent(silence(), CONNECTION, control.signal)),
      drain(pair.link.requestUpdates({ connection: CONNECTION, folder: FOLDER, have: new Map() }, control.signal)),
    ];
    const seconds = await measure(rate, 1000, 10);
    const overall = crossed() / (((performance.now() - began) / 1000) * rate);
    control.abort();
    await Promise.allSettled(readers);
    expect(overall).toBeGreaterThan(0.95);
    expect(overall).toBeLessThan(1.05);
    // The connection comes up in the first second; what each later one carries is much the same.
    for (const share of seconds.slice(1)) expect(share).toBeGreaterThan(0.7);
    for (const share of seconds) expect(share).toBeLessThan(1.3);
  });

  test.each([
    ['64 kbps', 2],
    ['32 Mbps', 11],
  ] as const)('keeps %s', { timeout: 30_000 }, async (_, level) => {
    const rate = bytesPerSecond(level)!;
    pair = await startPaced(level);
    const control = new AbortController();
    const reader = drain(pair.link.fetchContent(silence(), CONNECTION, control.signal));
    await systemClock.sleep(1000);
    const [share] = await measure(rate, 5000, 1);
    control.abort();
    await Promise.allSettled([reader]);
    expect(share).toBeGreaterThan(0.93);
    expect(share).toBeLessThan(1.07);
  });

  test('is a link like any other at 16 kbps: calls are answered, aborted and ended', { timeout: 30_000 }, async () => {
    pair = await startPaced(1);
    await pair.link.checkConnectivity({ group: GROUP, connection: CONNECTION }, never);
    const control = new AbortController();
    const answers = pair.link.fetchContent(silence(), CONNECTION, control.signal)[Symbol.asyncIterator]();
    const first = answers.next();
    await systemClock.sleep(1500);
    await pair.link.checkConnectivity({ group: GROUP, connection: CONNECTION }, never);
    control.abort();
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    const before = crossed();
    pair.link.close();
    await systemClock.sleep(500);
    expect(crossed() - before).toBeLessThan(4000);
  });

  test('tells of a partner that went away', { timeout: 30_000 }, async () => {
    pair = await startPaced(6);
    const reading = drain(pair.link.fetchContent(silence(), CONNECTION, never));
    await systemClock.sleep(500);
    const torn = performance.now();
    proxy!.tear();
    await expect(reading).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
    expect(performance.now() - torn).toBeLessThan(5000);
  });
});
