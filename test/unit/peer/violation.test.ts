import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import type { Update } from '../../../src/model/update.ts';
import { makeVersion, rootUid } from '../../../src/model/version.ts';
import type { PeerService } from '../../../src/peer/link.ts';
import { type Codec, Malformed, peerCalls } from '../../../src/peer/proto-calls.ts';
import { CONNECTION, collect, DATABASE, FOLDER, GROUP, HASH, never, type Pair, startPair, update } from './pair.ts';

const messages = loadSync('tandem/peer/v1/peer.proto', {
  includeDirs: [fileURLToPath(new URL('../../../proto/', import.meta.url))],
});
const calls = peerCalls();
let pair: Pair | undefined;

afterEach(async () => {
  await pair?.stop();
  pair = undefined;
});

/** Bytes that no honest member would send. */
function encode(name: string, fields: object): Buffer {
  return (messages[`tandem.peer.v1.${name}`] as MessageTypeDefinition<object, object>).serialize(fields);
}

function expectViolation(codec: Codec<unknown>, bytes: Buffer, field: string): void {
  const read = codec.read(bytes);
  expect(read).toBeInstanceOf(Malformed);
  expect((read as Malformed).error).toMatchObject({ code: 'PEER_VIOLATION', message: expect.stringContaining(field) });
}

describe('what a partner sends is refused by the link when', () => {
  const bad: [string, Partial<Update>][] = [
    ['a name has a slash', { name: 'a/b' }],
    ['a name is ..', { name: '..' }],
    ['a name is empty', { name: '' }],
    ['a name has a NUL', { name: 'a\0b' }],
    ['a name is too long', { name: 'x'.repeat(256) }],
    ['a name is Tandem’s own', { name: '.tandem' }],
    ['a hash has a wrong size', { hash: 'ab' }],
    ['a hash is missing', { hash: '' }],
    ['a mode has more bits than there are', { mode: 0o10000 }],
    ['a number has more than 53 bits', { size: 2 ** 53 }],
    ['a UID is reserved', { uid: makeVersion(DATABASE, 3) }],
    ['a parent is neither root nor file', { parent: makeVersion(DATABASE, 2) }],
    [
      'the ancestry is too long',
      { ancestry: Array.from({ length: 65 }, (_, i) => makeVersion(`${i}`.padStart(32, '0'), 9)) },
    ],
  ];
  test.each(bad)('%s', async (_what, changes) => {
    pair = await startPair({
      requestUpdates: async function* () {
        yield { kind: 'updates', updates: [update(9), update(11, changes)] };
      },
    });
    const answers = pair.link.requestUpdates({ connection: CONNECTION, folder: FOLDER, have: new Map() }, never);
    await expect(collect(answers)).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
      message: expect.stringMatching(/^beta sent what the protocol forbids: the field /),
    });
  });

  test('a message is over the limit', async () => {
    pair = await startPair({
      fetchContent: async function* () {
        yield [{ kind: 'data', id: 1, offset: 0, data: Buffer.alloc(LIMITS.messageBytes), last: true }];
      },
    });
    const answers = pair.link.fetchContent((async function* () {})(), CONNECTION, never);
    await expect(collect(answers)).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
      message: expect.stringContaining('limit'),
    });
  });
});

describe('what a caller sends is refused by the server when', () => {
  async function linkWith(service: Partial<PeerService>) {
    pair = await startPair(service);
    return pair.link;
  }

  test('a GUID is none', async () => {
    const link = await linkWith({});
    const check = link.checkConnectivity({ group: GROUP, connection: '../..' }, never);
    await expect(check).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
      message: expect.stringContaining('field connection'),
    });
  });

  test('a vector is over the limit', async () => {
    const link = await linkWith({});
    const bounds = Array.from({ length: 2 * LIMITS.vectorIntervals + 2 }, (_, i) => i);
    const have = new Map([[DATABASE, bounds]]);
    const updates = link.requestUpdates({ connection: CONNECTION, folder: FOLDER, have }, never);
    await expect(collect(updates)).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
      message: expect.stringContaining('steps'),
    });
  });

  test('a content request is malformed, even if the service does not look', async () => {
    const link = await linkWith({
      fetchContent: async function* (_caller, requests, _connection, signal) {
        for await (const request of requests) expect(request.kind).toBe('credit');
        await new Promise(resolve => signal.addEventListener('abort', resolve));
      },
    });
    const requests = (async function* () {
      yield { kind: 'credit', bytes: 1 } as const;
      yield { kind: 'abandon', ids: Array.from({ length: LIMITS.contentRequestsOnTheWay + 1 }, (_, i) => i) } as const;
      await new Promise(() => {});
    })();
    await expect(collect(link.fetchContent(requests, CONNECTION, never))).rejects.toMatchObject({
      code: 'PEER_VIOLATION',
    });
  });
});

describe('a codec refuses', () => {
  const updateAnswer = calls.requestUpdates.answer;
  const content = calls.fetchContent;

  test('a database outside the table', () => {
    const bytes = encode('RequestUpdatesResponse', { batch: { updates: [{ kind: 1, uidDatabase: 5, uidNumber: 9 }] } });
    expectViolation(updateAnswer, bytes, 'updates.uid');
  });

  test('a table that is not whole', () => {
    expectViolation(
      updateAnswer,
      encode('RequestUpdatesResponse', { batch: { databases: Buffer.alloc(17) } }),
      'batch.databases',
    );
  });

  test('an answer of an unknown kind', () => {
    expectViolation(updateAnswer, Buffer.alloc(0), 'answer');
    expectViolation(content.request, Buffer.alloc(0), 'request');
  });

  test('a list of millions of empty entries before it is decoded', () => {
    const empty = Buffer.alloc(4 * 1024 * 1024);
    for (let at = 0; at < empty.length; at += 2) empty[at] = (2 << 3) | 2;
    const header = Buffer.from([(2 << 3) | 2, 0x80, 0x80, 0x80, 0x02]);
    expectViolation(updateAnswer, Buffer.concat([header, empty]), 'updates');
  });

  test('a packed list of millions of zeros before it is decoded', () => {
    const header = Buffer.from([(2 << 3) | 2, 0x80, 0x80, 0x80, 0x02]);
    expectViolation(content.answer, Buffer.concat([header, Buffer.alloc(4 * 1024 * 1024)]), 'offsets');
  });

  test('lists that do not belong together', () => {
    expectViolation(
      content.answer,
      encode('FetchContentResponse', { ids: [1, 2], offsets: [0, 0], lasts: [true, true], pieces: [] }),
      'pieces',
    );
    const wanted = {
      ids: [1],
      folderIndexes: [0],
      uidDatabases: [0],
      uidNumbers: [9],
      gvsnDatabases: [0],
      gvsnNumbers: [9],
    };
    const databases = Buffer.from(DATABASE, 'hex');
    const hashes = Buffer.from(HASH, 'hex');
    expectViolation(
      content.request,
      encode('FetchContentRequest', { whole: { ...wanted, databases, hashes } }),
      'whole.folder_indexes',
    );
    expectViolation(
      content.request,
      encode('FetchContentRequest', { whole: { ...wanted, databases, folders: [FOLDER] } }),
      'whole.hashes',
    );
    expectViolation(content.request, encode('FetchContentRequest', { outline: {} }), 'outline');
    expectViolation(
      content.request,
      encode('FetchContentRequest', { ranges: { offsets: [1], lengths: [] } }),
      'ranges.lengths',
    );
  });

  test('a recipe whose hashes do not fit its lengths, or with an empty chunk', () => {
    const chunks = (recipe: object) => encode('FetchContentResponse', { chunks: [{ recipe }] });
    expectViolation(content.answer, chunks({ lengths: [1, 2], hashes: Buffer.alloc(15) }), 'recipe');
    expectViolation(content.answer, chunks({ lengths: [1, 0], hashes: Buffer.alloc(16) }), 'recipe');
  });

  test('a group without chunks', () => {
    const outline = { chunkCounts: [0], byteCounts: [0], hashes: Buffer.alloc(8) };
    expectViolation(content.answer, encode('FetchContentResponse', { outlines: [outline] }), 'outlines');
  });

  test.each([
    {
      what: 'overlapping intervals',
      vector: { databases: Buffer.alloc(16), intervalCounts: [2], steps: [0, 5, 0, 3] },
    },
    { what: 'an empty interval', vector: { databases: Buffer.alloc(16), intervalCounts: [1], steps: [3, 0] } },
    { what: 'a database twice', vector: { databases: Buffer.alloc(32), intervalCounts: [1, 1], steps: [0, 1, 0, 1] } },
    { what: 'a database without intervals', vector: { databases: Buffer.alloc(16), intervalCounts: [0], steps: [] } },
    { what: 'too few steps', vector: { databases: Buffer.alloc(16), intervalCounts: [2], steps: [0, 1] } },
    { what: 'too many steps', vector: { databases: Buffer.alloc(16), intervalCounts: [1], steps: [0, 1, 1, 1] } },
    {
      what: 'numbers above 53 bits',
      vector: { databases: Buffer.alloc(16), intervalCounts: [1], steps: [0, '18446744073709551615'] },
    },
  ])('a vector with $what', ({ vector }) => {
    expectViolation(
      calls.watchVectors.answer,
      encode('WatchVectorsResponse', { folder: FOLDER, state: 5, vector }),
      'vector',
    );
  });

  test('any bytes at all without anything but a violation', () => {
    const codecs = Object.values(calls).flatMap(call => [call.request, call.answer] as Codec<unknown>[]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        for (const codec of codecs) {
          const read = codec.read(Buffer.from(bytes));
          if (read instanceof Malformed) expect(read.error.code).toBe('PEER_VIOLATION');
        }
      }),
    );
  });

  test('a damaged batch, or gives updates that pass every rule', () => {
    const whole = updateAnswer.write({
      kind: 'updates',
      updates: [update(9, { parent: rootUid(FOLDER) }), update(11)],
    });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(whole);
        damaged[at] = byte;
        const read = updateAnswer.read(damaged);
        if (read instanceof Malformed) expect(read.error.code).toBe('PEER_VIOLATION');
      }),
    );
  });
});

test('vectors survive the wire whatever they hold', () => {
  const database = fc.stringMatching(/^[0-9a-f]{32}$/);
  const bounds = fc.uniqueArray(fc.nat(2 ** 40), { minLength: 2, maxLength: 12 }).map(numbers => {
    const sorted = numbers.sort((a, b) => a - b);
    return sorted.slice(0, sorted.length & ~1);
  });
  fc.assert(
    fc.property(fc.dictionary(database, bounds, { maxKeys: 6 }), dictionary => {
      const vector = new Map(Object.entries(dictionary));
      const bytes = calls.requestUpdates.answer.write({ kind: 'vector', vector, updates: null });
      expect(calls.requestUpdates.answer.read(bytes)).toEqual({ kind: 'vector', vector, updates: null });
    }),
  );
});
