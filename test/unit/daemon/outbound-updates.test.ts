/** What a member lists of updates that partners have asked it for. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { UpdateRecord } from '../../../src/admin/records/update.ts';
import { EMPTY_VECTOR } from '../../../src/model/version-vector.ts';
import type { ContentRequest } from '../../../src/peer/link.ts';
import { GROUP, type Pair, ROOT, startPair } from './two-members.ts';

const [toBeta] = GROUP.connections;
const folder = GROUP.folders.get('docs')!.guid;
const FILES = 2500;

let pair: Pair;
beforeAll(async () => {
  pair = await startPair();
  pair.alpha.user.writeFile(`${ROOT}/d/large`, Buffer.alloc(2 * 2 ** 20, 7));
  for (let i = 0; i < FILES; i++) pair.alpha.user.writeFile(`${ROOT}/d/${i}`, `content ${i}`);
  pair.alpha.hint();
  await vi.waitFor(() => expect(pair.beta.user.list(`${ROOT}/d`)).toHaveLength(FILES + 1), 30_000);
  await vi.waitFor(async () => expect(await listed()).toEqual({ total: 0, updates: [] }), 10_000);
}, 60_000);
afterAll(() => pair.stop());

async function listed(limit = 20_000): Promise<{ total: number; updates: UpdateRecord[] }> {
  const { total, updates } = await pair.alpha.backend.updates({ limit });
  return { total, updates: [...updates] };
}

test('updates that it has not told of yet wait for their turn', async () => {
  const { service } = pair.alpha.member;
  const end = new AbortController();
  const request = { connection: toBeta!.guid, folder, have: EMPTY_VECTOR };
  const answers = service.requestUpdates('beta', request, end.signal)[Symbol.asyncIterator]();
  const told = new Set<string>();
  for (let answer = 0; answer < 2; answer++) {
    const { value } = await answers.next();
    if (value?.kind === 'updates') for (const { name } of value.updates) told.add(name);
  }
  const all = await listed();
  // The directory, the large file, and the others.
  expect(all.total).toBe(FILES + 2 - told.size);
  expect(all.updates).toHaveLength(all.total);
  expect(all.updates.some(({ FileName }) => told.has(FileName))).toBe(false);
  expect(all.updates[0]).toMatchObject({
    Inbound: false,
    UpdateState: 1,
    PartnerName: 'beta',
    ConnectionGuid: toBeta!.guid,
    BytesReceived: 0,
    RetryTime: null,
    FullPathName: expect.stringMatching(/^d\//),
  });
  expect(new Set(all.updates.map(({ UpdateGuid }) => UpdateGuid)).size).toBe(all.total);
  const few = await listed(10);
  expect(few).toMatchObject({ total: all.total, updates: all.updates.slice(0, 10) });
  await answers.return?.();
  expect((await listed()).total).toBe(0);
});

test('contents that are asked for are being sent one after the other, and say how far they are', async () => {
  const { core } = [...pair.alpha.member.folders.values()][0]!;
  const wantedOf = async (path: string, id: number) => {
    const { uid, gvsn, hash, size } = (await core.paths.recordAt(path))!;
    return { wanted: { id, folder, uid, gvsn, hash }, size };
  };
  const large = await wantedOf('d/large', 1);
  const small = await wantedOf('d/0', 2);
  async function* requests(): AsyncGenerator<ContentRequest> {
    yield { kind: 'credit', bytes: 4 * 2 ** 20 };
    yield { kind: 'ranges', file: large.wanted, ranges: [{ offset: 0, length: large.size }] };
    yield { kind: 'whole', files: [small.wanted] };
    await new Promise(() => {});
  }
  const end = new AbortController();
  const answers = pair.alpha.member.service
    .fetchContent('beta', requests(), toBeta!.guid, end.signal)
    [Symbol.asyncIterator]();
  await answers.next();
  await vi.waitFor(async () => expect((await listed()).total).toBe(2));
  const { updates } = await listed();
  expect(updates).toMatchObject([
    {
      FullPathName: 'd/large',
      Inbound: false,
      UpdateState: 3,
      SizeInBytes: large.size,
      Reason: '',
      PartnerName: 'beta',
    },
    {
      FullPathName: 'd/0',
      Inbound: false,
      UpdateState: 1,
      BytesReceived: 0,
      Reason: 'waits for its turn on the way to beta',
    },
  ]);
  expect(updates[0]!.BytesReceived).toBeGreaterThan(0);
  expect(updates[0]!.BytesReceived).toBeLessThan(large.size);
  const names: string[] = [];
  for (let turn = 0; turn < 10 && (await listed()).total > 0; turn++) {
    names.push(...(await listed()).updates.map(({ FullPathName }) => FullPathName));
    const next = answers.next();
    await Promise.race([next, new Promise(resolve => setTimeout(resolve, 200))]);
  }
  expect(names.at(-1)).toBe('d/0');
  expect((await listed()).total).toBe(0);
  end.abort();
});
