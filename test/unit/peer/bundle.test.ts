/** Bundles as files: what is written is read back, and nothing else is believed. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import type { Recipe } from '../../../src/model/recipe.ts';
import type { Update } from '../../../src/model/update.ts';
import { makeVersion } from '../../../src/model/version.ts';
import { type Bundle, openBundle, peekBundle } from '../../../src/peer/bundle-file.ts';
import type { BundleHeader } from '../../../src/peer/bundle-format.ts';
import { createBundleLink, reachOf } from '../../../src/peer/bundle-link.ts';
import { createBundleWriter } from '../../../src/peer/bundle-writer.ts';
import { ContentIndex } from '../../../src/peer/content-index.ts';
import type { Identity } from '../../../src/peer/identity.ts';
import { type ContentAnswer, type ContentRequest, PROTOCOL, type Wanted } from '../../../src/peer/link.ts';
import { sampleUpdate } from '../model/sample-update.ts';
import { makeIdentity } from './certificates.ts';

const FOLDER = 'b7aa0000-0000-4000-8000-000000000001';
const CONNECTION = 'c0000000-0000-4000-8000-000000000001';
const DATABASE = 'a'.repeat(32);
const never = new AbortController().signal;
const header: BundleHeader = {
  protocol: PROTOCOL,
  software: 'test',
  group: '7c0e0000-0000-4000-8000-000000000001',
  connection: CONNECTION,
  from: '3f1b0000-0000-4000-8000-000000000000',
  to: '3f1b0000-0000-4000-8000-000000000001',
  folder: FOLDER,
  state: 'normal',
  database: DATABASE,
  configDigest: 'd'.repeat(64),
  time: 1_700_000_000_000,
  serves: true,
  holds: new Map([[DATABASE, [8, 40]]]),
  left: new Map([[DATABASE, [8, 20]]]),
  asks: 'lacking',
};
const small = Buffer.from('a small content');
const large = randomBytes(LIMITS.contentMessageBytes * 2 + 12_345);
const hashOf = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
/** Chunks of 4096 bytes and a last one, with hashes that mean nothing. */
const recipe: Recipe = {
  lengths: Uint32Array.from({ length: Math.ceil(large.length / 4096) }, (_, i) =>
    Math.min(4096, large.length - i * 4096),
  ),
  hashes: BigUint64Array.from({ length: Math.ceil(large.length / 4096) }, (_, i) => BigInt(i) * 77n),
};
const updates: readonly Update[] = [small, large].map((data, i) =>
  sampleUpdate({
    uid: makeVersion(DATABASE, 30 + i),
    gvsn: makeVersion(DATABASE, 30 + i),
    name: `file-${i}`,
    size: data.length,
    hash: hashOf(data),
    mtimeNs: -7n,
  }),
);

let maker: Identity;
/** Whom it is for. */
let reader: Identity;
let directory: string;
let path: string;
let bytes: Buffer;
/** SHA-256 of the reader’s key and the DER form of another one on the same curve. */
const SEAL_BYTES = 32 + 91;
/** A byte of the first update. */
let firstUpdates: number;

async function write(to: string, { key = maker.key, whole = true, given = header } = {}): Promise<void> {
  const writer = await createBundleWriter(to, given, { key, certificate: reader.certificate });
  await writer.updates(updates);
  await writer.small(hashOf(small), small);
  await writer.large(hashOf(large), large.length, recipe);
  for (let at = 0; at < large.length; at += LIMITS.contentMessageBytes)
    await writer.piece(large.subarray(at, at + LIMITS.contentMessageBytes));
  await writer.over(whole);
  await writer.finish();
}

function opened(from: string, certificate = maker.certificate, { key } = reader): Promise<Bundle> {
  return openBundle(from, { certificateFor: () => certificate, key, checked: () => {} }, never);
}

const keys = () => ({ key: maker.key, certificate: reader.certificate });

async function codeOf(content: Buffer): Promise<string> {
  const changed = join(directory, 'changed');
  await writeFile(changed, content);
  try {
    await (await opened(changed)).close();
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

beforeAll(async () => {
  maker = await makeIdentity('alpha');
  reader = await makeIdentity('beta');
  directory = await mkdtemp(join(tmpdir(), 'tandem-bundle-'));
  path = join(directory, 'whole');
  await write(path);
  bytes = await readFile(path);
  const headerBytes = bytes.readUInt32LE(17);
  firstUpdates = 16 + 5 + headerBytes + 5 + SEAL_BYTES + 30;
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('what was written is read back', async () => {
  expect(await peekBundle(path)).toEqual(header);
  const bundle = await opened(path);
  expect(bundle.header).toEqual(header);
  const found: Update[] = [];
  for await (const batch of bundle.updates()) found.push(...batch);
  expect(found).toEqual(updates);
  expect(await bundle.content(hashOf(small))).toEqual({ kind: 'small', data: small });
  expect(await bundle.content('0'.repeat(64))).toBeNull();
  const content = await bundle.content(hashOf(large));
  if (content?.kind !== 'large') throw new Error('the large file is missing');
  expect(content.size).toBe(large.length);
  expect(await content.recipe()).toEqual(recipe);
  const edge = LIMITS.contentMessageBytes;
  for (const [offset, length] of [
    [0, 10],
    [edge - 5, 10],
    [edge, 100],
    [edge * 2, 12_345],
    [12_345, edge],
    [large.length - 1, 1],
  ] as const)
    expect((await content.read(offset, length)).equals(large.subarray(offset, offset + length))).toBe(true);
  await bundle.close();
});

describe('what a bundle holds is for one member', () => {
  test('and nobody else reads names or contents in it', async () => {
    for (const word of ['file-0', 'file-1', small, large.subarray(100, 140)]) expect(bytes.indexOf(word)).toBe(-1);
    // What somebody needs who carries it stays readable.
    expect(bytes.indexOf(header.to)).toBeGreaterThan(0);
    for (const stranger of [maker, await makeIdentity('beta')]) {
      const reading = opened(path, maker.certificate, stranger);
      await expect(reading).rejects.toMatchObject({
        code: 'PEER_UNTRUSTED',
        message: expect.stringContaining('encrypted'),
      });
    }
  });

  test('and of the same updates no two are alike', async () => {
    const again = join(directory, 'again');
    await write(again);
    const other = await readFile(again);
    expect(other.subarray(0, bytes.indexOf('}}') + 2)).toEqual(bytes.subarray(0, bytes.indexOf('}}') + 2));
    expect(other.subarray(firstUpdates, firstUpdates + 64)).not.toEqual(
      bytes.subarray(firstUpdates, firstUpdates + 64),
    );
  });

  test('whose seal is cut or makes no sense is damaged', async () => {
    const begin = firstUpdates - 30 - SEAL_BYTES;
    expect(bytes.readUInt8(begin - 5)).toBe(9);
    for (const at of [begin + 40, begin + SEAL_BYTES - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 0xff;
      expect(await codeOf(changed)).toBe('BUNDLE_DAMAGED');
    }
    const without = Buffer.concat([bytes.subarray(0, begin - 5), bytes.subarray(begin + SEAL_BYTES)]);
    expect(await codeOf(without)).toBe('BUNDLE_DAMAGED');
    const empty = Buffer.concat([bytes.subarray(0, begin - 5), Buffer.of(9, 0, 0, 0, 0), bytes.subarray(begin)]);
    expect(await codeOf(empty)).toMatch(/^(BUNDLE_DAMAGED|PEER_UNTRUSTED)$/);
  });
});

describe('what is not as it was made is refused', () => {
  test('cut off anywhere', async () => {
    const cuts = [
      0,
      5,
      15,
      16,
      17,
      20,
      21,
      100,
      ...Array.from({ length: 40 }, (_, i) => bytes.length - 1 - i * i * 300),
    ];
    for (const length of cuts.filter(cut => cut >= 0))
      expect(await codeOf(bytes.subarray(0, length))).toBe('BUNDLE_DAMAGED');
  });

  test('changed anywhere', async () => {
    for (let i = 0; i < 150; i++) {
      const changed = Buffer.from(bytes);
      const at = i < 60 ? i * 7 : i < 100 ? bytes.length - 1 - (i - 60) * 3 : (i * 7919 * 37) % bytes.length;
      changed[at] = changed[at]! ^ (1 << (i % 8));
      expect(await codeOf(changed), `byte ${at}`).toMatch(/^(BUNDLE_DAMAGED|PEER_UNTRUSTED|PEER_INCOMPATIBLE)$/);
    }
  });

  test('with something behind its end, or twice', async () => {
    expect(await codeOf(Buffer.concat([bytes, Buffer.from('x')]))).toBe('BUNDLE_DAMAGED');
    expect(await codeOf(Buffer.concat([bytes, bytes]))).toBe('BUNDLE_DAMAGED');
  });

  test('of a later version, or nothing of ours', async () => {
    const later = Buffer.concat([Buffer.from('TANDEM BUNDLE 3\n'), bytes.subarray(16)]);
    expect(await codeOf(later)).toBe('PEER_INCOMPATIBLE');
    const earlier = Buffer.concat([Buffer.from('TANDEM BUNDLE 1\n'), bytes.subarray(16)]);
    expect(await codeOf(earlier)).toBe('PEER_INCOMPATIBLE');
    expect(await codeOf(randomBytes(5000))).toBe('BUNDLE_DAMAGED');
    await expect(opened(directory)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(opened(join(directory, 'nothing'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('signed by somebody else', async () => {
    const stranger = await makeIdentity('alpha');
    const theirs = join(directory, 'theirs');
    await write(theirs, { key: stranger.key });
    await expect(opened(theirs)).rejects.toMatchObject({ code: 'PEER_UNTRUSTED' });
    await (await opened(theirs, stranger.certificate)).close();
  });

  test('and updates that change after it has been checked are not believed', async () => {
    const moving = join(directory, 'moving');
    await writeFile(moving, bytes);
    const bundle = await opened(moving);
    const file = await open(moving, 'r+');
    await file.write(Buffer.of(bytes[firstUpdates]! ^ 0x20), 0, 1, firstUpdates);
    await file.close();
    await expect(bundle.updates()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
    await bundle.close();
  });
});

describe('a bundle that is being made', () => {
  test('has its name only when it is whole, and leaves nothing behind when it is given up', async () => {
    const place = await mkdtemp(join(directory, 'place-'));
    const to = join(place, 'made');
    const writer = await createBundleWriter(to, header, keys());
    await expect(createBundleWriter(to, header, keys())).rejects.toMatchObject({ code: 'REFUSED' });
    await writer.small(hashOf(small), small);
    expect(await readFile(to)).toHaveLength(0);
    await writer.discard();
    expect(await readdir(place)).toEqual([]);
    await write(to);
    expect(await readdir(place)).toEqual(['made']);
    await expect(write(to)).rejects.toMatchObject({ code: 'REFUSED' });
    await (await opened(to)).close();
    await expect(write(join(place, 'no', 'such', 'directory'))).rejects.toMatchObject({ code: 'DISK_FAILED' });
  });

  test('does not offer a content that was given up', async () => {
    const half = join(directory, 'half');
    await write(half, { whole: false });
    const bundle = await opened(half);
    expect(await bundle.content(hashOf(large))).toBeNull();
    expect(await bundle.content(hashOf(small))).not.toBeNull();
    await bundle.close();
  });
});

describe('as a link', () => {
  const hello = {
    protocol: PROTOCOL,
    capabilities: [],
    software: 'test',
    group: header.group,
    connection: CONNECTION,
    member: header.to,
    configDigest: header.configDigest,
    now: 0,
    folders: [],
    forced: false,
  };

  async function answersTo(bundle: Bundle, ...requests: ContentRequest[]): Promise<ContentAnswer[]> {
    const link = createBundleLink(bundle, header.holds);
    const given = async function* () {
      yield { kind: 'credit', bytes: 1 } as const;
      yield* requests;
    };
    const found: ContentAnswer[] = [];
    for await (const answers of link.fetchContent(given(), CONNECTION, never)) found.push(...answers);
    return found;
  }

  test('it welcomes whom it is for', async () => {
    const bundle = await opened(path);
    const link = createBundleLink(bundle, header.holds);
    expect(await link.establishConnection(hello, never)).toMatchObject({
      member: header.from,
      folders: [{ folder: FOLDER, state: 'normal', database: DATABASE }],
    });
    for (const other of [{ member: header.from }, { group: header.from }, { connection: header.from }])
      await expect(link.establishConnection({ ...hello, ...other }, never)).rejects.toMatchObject({
        code: 'PEER_UNRECOGNIZED',
      });
    await bundle.close();
  });

  test('it tells of what the caller lacks, and claims only what was put in', async () => {
    const bundle = await opened(path);
    // What was left out and is not here stays missing.
    expect(reachOf(bundle, new Map())).toEqual(new Map([[DATABASE, [20, 40]]]));
    expect(reachOf(bundle, header.left)).toEqual(header.holds);
    const reach = reachOf(bundle, new Map([[DATABASE, [8, 15]]]));
    expect(reach).toEqual(new Map([[DATABASE, [8, 15, 20, 40]]]));
    const link = createBundleLink(bundle, reach);
    const request = { connection: CONNECTION, folder: FOLDER };
    const told = [];
    for await (const answer of link.requestUpdates({ ...request, have: new Map([[DATABASE, [8, 15, 29, 30]]]) }, never))
      told.push(answer);
    expect(told).toEqual([
      { kind: 'vector', vector: reach, updates: 1 },
      { kind: 'updates', updates: [updates[1]] },
    ]);
    expect(link.told).toBe(1);
    // Something has been lost here since: then the claim would be wrong.
    const lost = link.requestUpdates({ ...request, have: new Map([[DATABASE, [8, 10]]]) }, never);
    await expect(lost[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'FOLDER_NOT_READY' });
    await bundle.close();
  });

  test('it gives whole files, and pieces of large ones', async () => {
    const bundle = await opened(path);
    const wanted = (id: number, hash: string): Wanted => ({ id, folder: FOLDER, uid: '', gvsn: '', hash });
    const ranges = [
      { offset: 3, length: LIMITS.contentMessageBytes + 3 },
      { offset: 0, length: 3 },
    ];
    const answers = await answersTo(
      bundle,
      { kind: 'whole', files: [wanted(1, hashOf(small)), wanted(2, 'f'.repeat(64)), wanted(3, hashOf(large))] },
      { kind: 'outline', file: wanted(4, hashOf(large)) },
      { kind: 'outline', file: wanted(5, hashOf(small)) },
      { kind: 'ranges', file: wanted(6, hashOf(large)), ranges },
      { kind: 'ranges', file: wanted(7, hashOf(large)), ranges: [{ offset: large.length, length: 1 }] },
    );
    const byId = (id: number) => answers.filter(answer => answer.id === id);
    expect(byId(1)).toEqual([{ kind: 'data', id: 1, offset: 0, data: small, last: true }]);
    for (const id of [2, 3, 5, 7]) expect(byId(id)).toEqual([{ kind: 'failed', id, reason: 'left-out' }]);
    expect(byId(4)).toEqual([{ kind: 'outline', id: 4, groups: [], recipe }]);
    const data = byId(6).flatMap(answer => (answer.kind === 'data' ? [answer] : []));
    expect(data.map(({ last }) => last)).toEqual([false, false, true]);
    const expected = [large.subarray(3, LIMITS.contentMessageBytes + 6), large.subarray(0, 3)];
    expect(Buffer.concat(data.map(each => each.data)).equals(Buffer.concat(expected))).toBe(true);
    await bundle.close();
  });
});

test('the index finds every content, the first place of each', () => {
  const index = new ContentIndex();
  const digests = Array.from({ length: 5000 }, (_, i) => createHash('sha256').update(String(i)).digest());
  for (const first of [100, 100_000]) for (const [i, digest] of digests.entries()) index.add(digest, first + i);
  expect(index.size).toBe(5000);
  expect(digests.map(digest => index.find(digest))).toEqual(digests.map((_, i) => 100 + i));
  expect(index.find(createHash('sha256').update('none').digest())).toBeUndefined();
});
