import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ContentRequest } from '../../../src/peer/link.ts';
import { AskedContent } from '../../../src/replication/asked-content.ts';
import { type ServedFolder, serveContent } from '../../../src/replication/content-serving.ts';
import { handClock } from './hand-clock.ts';

test('whoever goes away leaves nothing behind that fails later', async () => {
  const wanted = { id: 1, folder: 'docs', uid: 'u', gvsn: 'g', hash: 'h' };
  let fail = (_: Error) => {};
  const reads: number[] = [];
  const readRange = (_: unknown, offset: number, length: number) => {
    reads.push(offset);
    if (offset === 0) return Promise.resolve(new Uint8Array(length));
    return new Promise<Uint8Array>((_resolve, reject) => {
      fail = reject;
    });
  };
  const core = {
    serving: true,
    store: { records: async () => [{ present: true, provisional: false, kind: 'file', hash: 'h', disk: {} }] },
    paths: { of: async () => 'large' },
    disk: { readRange },
  };
  const tally = { bytesTransferred: 0 };
  const folder = { core, hint: () => {}, tally } as unknown as ServedFolder;
  async function* requests(): AsyncGenerator<ContentRequest> {
    yield { kind: 'credit', bytes: LIMITS.contentCreditBytes };
    yield { kind: 'ranges', file: wanted, ranges: [{ offset: 0, length: 2 * LIMITS.contentMessageBytes }] };
    await new Promise(() => {});
  }
  const end = new AbortController();
  const answers = serveContent(() => folder, requests(), {
    hash64: () => 0n,
    asked: new AskedContent(handClock()),
    signal: end.signal,
  });
  const { value } = await answers.next();
  expect(value).toMatchObject([{ kind: 'data', offset: 0, last: false }]);
  expect(reads).toEqual([0, LIMITS.contentMessageBytes]);
  expect(tally.bytesTransferred).toBe(LIMITS.contentMessageBytes);
  await answers.return(undefined);
  // The disk is closed: a rejection that nobody listens to would end the process.
  fail(new Error('the disk was closed'));
  await new Promise(resolve => setTimeout(resolve, 10));
});
