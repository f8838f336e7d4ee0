import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TandemError } from '../../../src/base/errors.ts';
import { discard, own, ownedBlocks } from '../../../src/base/owned-blocks.ts';
import type { Disk } from '../../../src/disk/disk.ts';
import { packData, transferables } from '../../../src/disk/disk-messages.ts';
import { createWorkerDisks, type WorkerDisks } from '../../../src/disk/worker-disk.ts';
import {
  applyOne,
  installOperation,
  item,
  MARKER,
  makeDisk,
  request,
  scanOne,
  sha,
  statOf,
  WORLDS,
  type World,
} from './worlds.ts';

describe('a disk in worker threads', () => {
  let world: World;
  let disks: WorkerDisks;
  let disk: Disk;
  const failures: TandemError[] = [];
  beforeEach(async () => {
    failures.length = 0;
    world = WORLDS[0]!.make();
    disks = createWorkerDisks({ onFailure: error => failures.push(error) });
    disk = disks.open({ root: world.root, filters: { files: ['*.tmp'], directories: [] } });
    await disk.claim(MARKER);
  });
  afterEach(async () => {
    await disks.close();
    world.close();
    expect(failures).toEqual([]);
  });

  it('does what a disk does, with filters, bytes and big numbers carried over', async () => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'hello', null)));
    world.user.write('b.tmp', 'x');
    await disk.sync();
    await disk.settle();
    expect(await scanOne(disk, '', [{ name: 'a', stat }])).toMatchObject({ unchanged: 1, found: [] });
    expect(
      await disk.readWhole([
        { path: 'a', stat },
        { path: 'none', stat },
      ]),
    ).toEqual([new Uint8Array(Buffer.from('hello')), 'gone']);
    expect((await disk.stageSweep(new Set(['x']))).bytes).toBe(0);
    const big = Buffer.alloc(200_000, 'abc');
    world.user.write('big', big);
    const hashed = await disk.hash('big', (await disk.look(['big']))[0]!);
    expect(hashed).toMatchObject({
      hash: sha(big),
      recipe: { lengths: expect.any(Uint32Array), hashes: expect.any(BigUint64Array) },
    });
  });

  it('leaves the bytes of the caller alone', async () => {
    const shared = Buffer.from('one two three');
    const items = [
      { ...item('a', 'one'), data: shared.subarray(0, 3) },
      { ...item('b', 'two'), data: shared.subarray(4, 7) },
    ];
    expect(await disk.stageWhole(items)).toMatchObject([{ kind: 'staged' }, { kind: 'staged' }]);
    await disk.stageAppend('c', [{ kind: 'data', data: shared.subarray(8) }]);
    expect(shared.toString()).toBe('one two three');
    expect(await disk.stageOpen('c')).toEqual({ bytes: 5 });
  });

  it('hashes a large file in two halves, and a staged one behind its writing', async () => {
    const large = Buffer.alloc(20 * 1024 * 1024);
    for (let i = 0; i < large.length; i += 4) large.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
    world.user.write('large', large);
    const stat = (await disk.look(['large']))[0]!;
    const alone = makeDisk(world);
    await alone.claim(MARKER);
    expect(await disk.hash('large', stat)).toEqual(await alone.hash('large', stat));
    expect(await disk.hash('large', { ...stat, ctimeNs: stat.ctimeNs + 1n })).toBe('changed');
    expect(await disk.hash('none', stat)).toBe('gone');

    for (let at = 0; at < large.length; at += 3_000_000)
      await disk.stageAppend('s', [{ kind: 'data', data: large.subarray(at, at + 3_000_000) }]);
    expect(await disk.stageSeal({ ...item('s', ''), size: large.length, hash: sha(large) })).toMatchObject({
      kind: 'staged',
    });
    await disk.stageAppend('s', [{ kind: 'data', data: large.subarray(1) }]);
    expect(await disk.stageSeal({ ...item('s', ''), size: large.length - 1, hash: sha(large) })).toMatchObject({
      kind: 'mismatch',
    });
    expect(await disk.stageSeal({ ...item('gone', ''), size: 1, hash: sha(large) })).toMatchObject({
      kind: 'mismatch',
    });
  });

  it('carries errors over with their code', async () => {
    world.user.remove('.tandem/marker.json');
    await expect(disk.scan([request('')])).rejects.toSatisfy(
      error => error instanceof TandemError && error.code === 'MARKER_MISSING',
    );
  });

  it('gives up a long read when told to', async () => {
    const path = 'long';
    world.user.write(path, Buffer.alloc(200 * 1024 * 1024));
    const stat = (await disk.look([path]))[0]!;
    const controller = new AbortController();
    const reading = disk.hash(path, stat, controller.signal);
    // Served in between the turns of the long read.
    expect(await disk.readRange({ path, stat }, 0, 1)).toEqual(new Uint8Array(1));
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(disk.hash(path, stat, controller.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('takes over the blocks it is given, leaves others alone, and gives what it reads away', async () => {
    const bytes = (text: string) => new Uint8Array(Buffer.from(text));
    const staged = (id: string, data: Uint8Array) => ({ ...item(id, Buffer.from(data).toString()), data });
    const [given, kept] = [bytes('given'), bytes('kept')];
    own([given]);
    const answers = await disk.stageWhole([staged('in-1', given), staged('in-2', kept)]);
    expect(answers).toMatchObject([{ kind: 'staged' }, { kind: 'staged' }]);
    expect(given.length).toBe(0);
    expect(Buffer.from(kept).toString()).toBe('kept');

    const stats = [];
    for (const [name, content] of [
      ['a', 'hello'],
      ['b', 'world!'],
    ] as const) {
      stats.push(statOf(await applyOne(disk, await installOperation(disk, name, content, null))));
    }
    const read = await disk.readWhole([
      { path: 'a', stat: stats[0]! },
      { path: 'b', stat: stats[1]! },
    ]);
    const range = await disk.readRange({ path: 'b', stat: stats[1]! }, 1, 3);
    expect(ownedBlocks(read as Uint8Array[])).toHaveLength(1);
    expect(ownedBlocks([range as Uint8Array])).toHaveLength(1);
    await disk.stageOpen('in-3');
    const { bytes: length } = await disk.stageAppend('in-3', [{ kind: 'data', data: range as Uint8Array }]);
    expect([length, range.length]).toEqual([3, 0]);
  });

  it('ends what was begun before it closes, and takes no more', async () => {
    const looks = Promise.all(Array.from({ length: 50 }, () => disk.look([''])));
    await disk.close();
    expect(await looks).toHaveLength(50);
    const other = disks.open({ root: world.root, filters: { files: [], directories: [] } });
    const probing = other.probe();
    await disks.close();
    expect(await probing).toMatchObject({ kind: 'directory', marker: MARKER });
    await expect(other.probe()).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

it('bytes of many views go into one block that nobody else uses', () => {
  const whole = Buffer.from('abcdef');
  const { packed, blocks } = packData([
    { n: 1, data: whole.subarray(1, 3) },
    { n: 2 },
    { n: 3, data: whole.subarray(4) },
  ]);
  expect(blocks).toHaveLength(1);
  const block = blocks[0]!;
  expect(block.byteLength).toBe(4);
  expect(Buffer.from(block).toString()).toBe('bcef');
  expect(packed.map(p => ('data' in p ? Buffer.from(p.data as Uint8Array).toString() : null))).toEqual([
    'bc',
    null,
    'ef',
  ]);
  expect(transferables([packed[0] && new Uint8Array(block, 0, 2), new Uint8Array(block, 2), 'gone'])).toEqual([block]);
});

it('an owned block is handed over as it is, but only with all that is looked at of it', () => {
  const [whole, shared] = [new Uint8Array(Buffer.from('abcdef')), new Uint8Array(Buffer.from('ghijkl'))];
  const items = [whole.subarray(0, 2), whole.subarray(2), shared.subarray(0, 2)].map(data => ({ data }));
  own([...items.map(({ data }) => data), shared.subarray(2)]);
  const { packed, blocks } = packData(items);
  expect(blocks[0]).toBe(whole.buffer);
  expect(blocks[1]!.byteLength).toBe(2);
  expect(packed.map(({ data }) => Buffer.from(data).toString())).toEqual(['ab', 'cdef', 'gh']);
  expect(packed[2]!.data.buffer).toBe(blocks[1]);
});

it('what was handed over before is sent as nothing, which is no fault of the other items', () => {
  const whole = new Uint8Array(Buffer.from('abc'));
  const [all, none] = [whole.subarray(), whole.subarray(3)];
  own([all, none]);
  discard([all]);
  const { packed, blocks } = packData([{ data: none }, { data: all }]);
  expect(packed.map(({ data }) => data.length)).toEqual([0, 0]);
  expect(() => structuredClone(packed, { transfer: blocks })).not.toThrow();
});
