import { afterEach, expect, test } from 'vitest';
import { TandemError } from '../../../src/base/errors.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { own, ownedBlocks } from '../../../src/base/owned-blocks.ts';
import { makeVersion } from '../../../src/model/version.ts';
import type { ContentAnswer, ContentRequest, Hello, PeerService, Welcome } from '../../../src/peer/link.ts';
import {
  CONNECTION,
  collect,
  DATABASE,
  FOLDER,
  GROUP,
  HASH,
  MEMBER,
  never,
  OTHER_DATABASE,
  type Pair,
  startPair,
  update,
} from './pair.ts';

let pair: Pair | undefined;

afterEach(async () => {
  await pair?.stop();
  pair = undefined;
});

async function linkWith(service: Partial<PeerService>) {
  pair = await startPair(service);
  return pair.link;
}

const greeting = { folder: FOLDER, state: 'initial-sync', database: DATABASE } as const;
const hello: Hello = {
  protocol: { major: 1, minor: 3 },
  capabilities: ['chunk-groups', 'future'],
  software: 'tandem 0.1.0',
  group: GROUP,
  connection: CONNECTION,
  member: MEMBER,
  configDigest: HASH,
  now: 1_790_000_000_000,
  folders: [greeting],
  forced: true,
};

test('a connectivity check arrives with the caller’s name', async () => {
  const seen: unknown[] = [];
  const link = await linkWith({
    checkConnectivity: async (caller, request) => {
      seen.push(caller, request);
    },
  });
  await link.checkConnectivity({ group: GROUP, connection: CONNECTION }, never);
  expect(seen).toEqual(['alpha', { group: GROUP, connection: CONNECTION }]);
});

test('a greeting and its answer keep every field', async () => {
  const { group, connection, forced: _forced, ...rest } = hello;
  const welcome: Welcome = { ...rest, now: -5, folders: [{ ...greeting, state: 'normal' }] };
  const seen: Hello[] = [];
  const link = await linkWith({
    establishConnection: async (_caller, request) => {
      seen.push(request);
      return welcome;
    },
  });
  expect(await link.establishConnection(hello, never)).toEqual(welcome);
  expect(seen).toEqual([hello]);
});

test('vector movements arrive in order with delta-coded vectors intact', async () => {
  const vector = new Map([
    [DATABASE, [0, 20, 25, 30]],
    [OTHER_DATABASE, [8, Number.MAX_SAFE_INTEGER]],
  ]);
  const events = [
    { folder: FOLDER, state: 'normal', vectorGeneration: 1, vector: new Map() },
    { folder: FOLDER, state: 'normal', vectorGeneration: 2, vector },
  ] as const;
  const link = await linkWith({
    watchVectors: async function* () {
      yield* events;
    },
  });
  expect(await collect(link.watchVectors({ connection: CONNECTION, folders: [FOLDER] }, never))).toEqual(events);
});

test('updates of every kind keep every field', async () => {
  const updates = [
    update(9),
    update(11, { mtimeNs: -1n, mode: 0, size: 0, ancestry: [] }),
    update(13, { mtimeNs: -(10n ** 18n) - 1n, size: Number.MAX_SAFE_INTEGER, clock: 0, createTime: 0, fence: 0 }),
    update(15, { kind: 'directory', size: 0, hash: '', parent: makeVersion(OTHER_DATABASE, 2 ** 53 - 1) }),
    update(17, { kind: 'symlink', size: 0, hash: '', target: '../../ü 🐎' }),
    update(19, { kind: 'file', present: false, size: 0, hash: '', name: 'line\nbreak' }),
    update(21, {
      kind: 'directory',
      present: false,
      nameConflict: true,
      mergedInto: makeVersion(OTHER_DATABASE, 12),
      size: 0,
      hash: '',
      name: 'ä'.repeat(127),
    }),
  ];
  const have = new Map([[DATABASE, [8, 9]]]);
  const seen: unknown[] = [];
  const link = await linkWith({
    requestUpdates: async function* (_caller, request) {
      seen.push(request);
      yield { kind: 'vector', vector: have, updates: 2 };
      yield { kind: 'updates', updates };
    },
  });
  const request = { connection: CONNECTION, folder: FOLDER, have };
  expect(await collect(link.requestUpdates(request, never))).toEqual([
    { kind: 'vector', vector: have, updates: 2 },
    { kind: 'updates', updates },
  ]);
  expect(seen).toEqual([request]);
});

test('a batch above the bounds is sent in parts, in order', async () => {
  const many = Array.from({ length: 2 * LIMITS.updatesPerBatch + 1 }, (_, i) => update(9 + 2 * i));
  const wide = Array.from({ length: 400 }, (_, i) =>
    update(99_999 + 2 * i, { kind: 'symlink', size: 0, hash: '', target: 'x'.repeat(LIMITS.symlinkTargetBytes) }),
  );
  const link = await linkWith({
    requestUpdates: async function* () {
      yield { kind: 'updates', updates: [...many, ...wide] };
    },
  });
  const answers = await collect(
    link.requestUpdates({ connection: CONNECTION, folder: FOLDER, have: new Map() }, never),
  );
  const batches = answers.map(answer => (answer.kind === 'updates' ? answer.updates : []));
  expect(batches.flat()).toEqual([...many, ...wide]);
  expect(batches.length).toBeGreaterThanOrEqual(4);
  expect(Math.max(...batches.map(batch => batch.length))).toBe(LIMITS.updatesPerBatch);
});

test('cancellations are sent in parts and arrive complete', async () => {
  const updates = Array.from({ length: LIMITS.updatesPerBatch + 1 }, (_, i) => ({
    gvsn: makeVersion(DATABASE, 9 + i),
    reason: 'the disk is full',
  }));
  const seen: unknown[] = [];
  const link = await linkWith({
    cancelUpdates: async (_caller, request) => {
      seen.push(...request.updates);
    },
  });
  await link.cancelUpdates({ connection: CONNECTION, folder: FOLDER, updates }, never);
  expect(seen).toEqual(updates);
});

test('record lists arrive complete and in order', async () => {
  const records = Array.from({ length: LIMITS.recordsPerBatch + 5 }, (_, i) => ({
    uid: makeVersion(DATABASE, 9 + i),
    gvsn: makeVersion(OTHER_DATABASE, 1000 + i),
  }));
  const link = await linkWith({
    requestRecords: async function* () {
      yield records;
    },
  });
  const batches = await collect(link.requestRecords({ connection: CONNECTION, folder: FOLDER }, never));
  expect(batches.map(batch => batch.length)).toEqual([LIMITS.recordsPerBatch, 5]);
  expect(batches.flat()).toEqual(records);
});

test('content requests and answers of every kind keep every field', async () => {
  const file = { id: 7, folder: FOLDER, uid: makeVersion(DATABASE, 9), gvsn: makeVersion(DATABASE, 10), hash: HASH };
  const requests: ContentRequest[] = [
    { kind: 'credit', bytes: LIMITS.contentCreditBytes },
    { kind: 'credit', bytes: 0 },
    { kind: 'whole', files: [file, { ...file, id: 4_294_967_295, gvsn: makeVersion(OTHER_DATABASE, 12) }] },
    { kind: 'outline', file },
    { kind: 'chunks', file, groups: [0, 5] },
    { kind: 'ranges', file, ranges: [{ offset: 2 ** 40, length: 65_536 }] },
    { kind: 'abandon', ids: [7] },
  ];
  const recipe = { lengths: Uint32Array.of(4096, 5000), hashes: BigUint64Array.of(1n, 2n ** 64n - 1n) };
  const group = { firstChunk: 0, chunks: 2, offset: 0, bytes: 9096, hash: 2n ** 63n };
  const answers: ContentAnswer[] = [
    { kind: 'data', id: 7, offset: 2 ** 40, data: Buffer.from('content'), last: true },
    { kind: 'data', id: 8, offset: 0, data: Buffer.alloc(0), last: false },
    { kind: 'outline', id: 9, groups: [group, { ...group, firstChunk: 2, offset: 9096 }], recipe: null },
    { kind: 'outline', id: 10, groups: [group], recipe },
    { kind: 'chunks', id: 11, group: 3, recipe, last: true },
    { kind: 'failed', id: 12, reason: 'changed' },
    { kind: 'failed', id: 13, reason: 'not-ready' },
  ];
  const seen: unknown[] = [];
  const link = await linkWith({
    fetchContent: async function* (_caller, incoming, connection) {
      seen.push(connection);
      for await (const request of incoming) seen.push(request);
      yield answers;
    },
  });
  const source = (async function* () {
    yield* requests;
  })();
  const received = await collect(link.fetchContent(source, CONNECTION, never));
  expect(seen).toEqual([CONNECTION, ...requests]);
  expect(received).toEqual([answers]);
});

test('content belongs to whoever receives it, and what its sender owned is freed once it is written', async () => {
  const block = Buffer.from(new Uint8Array(Buffer.alloc(100_000, 'owned')).buffer);
  const [mine, also, theirs] = [block.subarray(0, 60_000), block.subarray(60_000), Buffer.alloc(50_000, 'theirs')];
  own([mine, also]);
  const wanted = Buffer.concat([mine, also, theirs]);
  const link = await linkWith({
    fetchContent: async function* () {
      yield [mine, also, theirs].map((data, id) => ({ kind: 'data' as const, id, offset: 0, data, last: true }));
    },
  });
  const [answers] = await collect(link.fetchContent(noRequests(), CONNECTION, never));
  const received = answers!.flatMap(answer => (answer.kind === 'data' ? [answer.data] : []));
  expect(Buffer.concat(received).equals(wanted)).toBe(true);
  expect(ownedBlocks(received)).toHaveLength(1);
  expect(ownedBlocks(received.slice(1))).toHaveLength(0);
  expect([mine.length, also.length, theirs.length]).toEqual([0, 0, 50_000]);
});

async function* noRequests(): AsyncGenerator<ContentRequest> {}

test('answers come while requests are still being sent', async () => {
  const link = await linkWith({
    fetchContent: async function* (_caller, incoming) {
      for await (const request of incoming) {
        if (request.kind === 'abandon') yield [{ kind: 'failed', id: request.ids[0]!, reason: 'gone' }];
      }
    },
  });
  let answered = 0;
  let wake = (): void => {};
  const source = (async function* (): AsyncGenerator<ContentRequest> {
    for (let id = 0; id < 5; id++) {
      yield { kind: 'abandon', ids: [id] };
      while (answered <= id) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
    }
  })();
  for await (const [answer] of link.fetchContent(source, CONNECTION, never)) {
    expect(answer).toEqual({ kind: 'failed', id: answered, reason: 'gone' });
    answered++;
    wake();
  }
  expect(answered).toBe(5);
});

test.each(['PEER_UNRECOGNIZED', 'PEER_INCOMPATIBLE', 'PEER_VIOLATION', 'FOLDER_NOT_READY'] as const)(
  '%s crosses the wire with its sentence',
  async code => {
    const fail = (): never => {
      throw new TandemError(code, 'the folder “docs”\nis not here');
    };
    const link = await linkWith({
      checkConnectivity: async () => fail(),
      requestUpdates: async function* () {
        yield { kind: 'updates', updates: [update(9)] };
        fail();
      },
    });
    const expected = { code, message: expect.stringMatching(/beta.*the folder “docs” is not here/) };
    await expect(link.checkConnectivity({ group: GROUP, connection: CONNECTION }, never)).rejects.toMatchObject(
      expected,
    );
    const updates = link.requestUpdates({ connection: CONNECTION, folder: FOLDER, have: new Map() }, never);
    await expect(collect(updates)).rejects.toMatchObject(expected);
  },
);

test.each(['STORE_FAILED', 'CANCELLED', 'INTERNAL'] as const)(
  'the partner’s own %s is only a partner out of reach here',
  async code => {
    const link = await linkWith({ checkConnectivity: () => Promise.reject(new TandemError(code, 'no disk')) });
    const check = link.checkConnectivity({ group: GROUP, connection: CONNECTION }, never);
    await expect(check).rejects.toMatchObject({
      code: 'PEER_UNREACHABLE',
      message: expect.stringContaining('no disk'),
    });
  },
);
