import { describe, expect, test } from 'vitest';
import { loadXxh64 } from '../../../src/base/xxh64.ts';
import type { BlockDevice } from '../../../src/block/device.ts';
import { copyDevice } from '../../../src/block/device-copy.ts';
import { differingRanges, digestPieces, isZero, PIECE_BYTES } from '../../../src/block/digests.ts';
import type { PieceDigest } from '../../../src/model/piece-digest.ts';
import { createMemoryBlockFiles } from '../../sim/memory-block-files.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { CLUSTER, filled, inMemory, makeVolume, OTHER, readAll, reopen, SNAP } from './small-volume.ts';

const signal = new AbortController().signal;
const progress = (): void => {};

async function digests(device: BlockDevice): Promise<PieceDigest[]> {
  const found: PieceDigest[] = [];
  for await (const piece of digestPieces({ device, xxh64: await loadXxh64(), signal })) found.push(piece);
  return found;
}

describe('digests', () => {
  test('find the blocks that differ, and only those, whatever is a hole on either side', async () => {
    const at = inMemory();
    const size = 3 * PIECE_BYTES + 8192;
    const one = await makeVolume(at, { size });
    const two = await makeVolume(at, { size, directory: '/two', uuid: OTHER });
    for (const device of [one, two]) await device.write(4096, filled(2 * PIECE_BYTES, 3));
    // Zeroes that take space on one side only are no difference.
    await one.zero(2 * PIECE_BYTES + CLUSTER, CLUSTER, { keep: true });
    await two.write(PIECE_BYTES + 5000, filled(1, 9));
    await two.write(PIECE_BYTES + 8192, filled(1, 9));
    await two.write(size - 1, filled(1, 9));
    const [ours, theirs] = [await digests(one), await digests(two)];
    expect(ours.flatMap((piece, index) => differingRanges(piece, theirs[index]!))).toEqual([
      { offset: PIECE_BYTES + 4096, length: 8192 },
      { offset: 3 * PIECE_BYTES, length: 8192 },
    ]);
    expect(() => differingRanges(ours[0]!, ours[1]!)).toThrow(/different pieces/);
  });

  test('whose short hashes agree and whose SHA-256 do not: the whole piece differs', async () => {
    const volume = await makeVolume(inMemory());
    await volume.write(0, filled(PIECE_BYTES, 1));
    const [piece] = await digests(volume);
    const forged = { ...piece!, sha256: filled(32, 0) };
    expect(differingRanges(piece!, forged)).toEqual([{ offset: 0, length: PIECE_BYTES }]);
  });

  test('zeroes are recognised', () => {
    expect([Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(4097)].every(isZero)).toBe(true);
    for (const at of [0, 1, 4095, 4096]) {
      const bytes = Buffer.alloc(4097);
      bytes[at] = 1;
      expect(isZero(bytes)).toBe(false);
    }
    expect(isZero(filled(10, 1))).toBe(false);
  });
});

describe('a copy', () => {
  test('skips holes, writes only what differs, and clears what is beyond', async () => {
    const at = inMemory();
    const source = await makeVolume(at, { size: 40 * CLUSTER });
    const target = await makeVolume(at, { size: 48 * CLUSTER, directory: '/two', uuid: OTHER });
    await source.write(3 * CLUSTER, filled(2 * CLUSTER, 5));
    await target.write(0, filled(48 * CLUSTER, 6));
    await target.write(4 * CLUSTER, filled(CLUSTER, 5));
    const copy = { files: at.files, directory: '/two', sourceName: SNAP, from: source, to: target, signal, progress };
    expect(await copyDevice(copy)).toBe(CLUSTER);
    const bytes = await readAll(target);
    expect(bytes.subarray(0, 40 * CLUSTER).equals(await readAll(source))).toBe(true);
    expect(isZero(bytes.subarray(40 * CLUSTER))).toBe(true);
    expect(target.allocatedBytes).toBe(2 * CLUSTER);
    expect(await copyDevice(copy)).toBe(0);
    expect(at.files.paths()).not.toContain('/two/copy');
    await expect(copyDevice({ ...copy, from: target, to: source })).rejects.toMatchObject({ code: 'REFUSED' });
  });

  test('goes on where it was after any crash', async () => {
    const size = 130 * 1024 * 1024;
    for (let step = 1; step < 200; step += 7) {
      const random = createSimRandom(step, 'copy');
      let files = createMemoryBlockFiles();
      const source = await makeVolume({ files, root: '' }, { size });
      for (let turn = 0; turn < 12; turn++)
        await source.write(random.below(size / CLUSTER) * CLUSTER, filled(CLUSTER, 1 + turn));
      await source.createSnapshot({ uuid: SNAP, takenMs: 1 });
      const target = await makeVolume({ files, root: '' }, { size, directory: '/two', uuid: OTHER });
      const copy = { directory: '/two', sourceName: SNAP, signal, progress };
      files.failAt(files.steps + step);
      await copyDevice({ ...copy, files, from: source.snapshots[0]!, to: target }).catch(() => {});
      files = files.restart(random);
      const again = await reopen({ files, root: '' });
      const there = await reopen({ files, root: '' }, { directory: '/two' });
      await copyDevice({ ...copy, files, from: again.snapshots[0]!, to: there });
      for (let at = 0; at < size; at += PIECE_BYTES) {
        const [theirs, ours] = [Buffer.alloc(PIECE_BYTES), Buffer.alloc(PIECE_BYTES)];
        await again.snapshots[0]!.read(at, theirs);
        await there.read(at, ours);
        expect(ours.equals(theirs), `${step}: ${at}`).toBe(true);
      }
    }
  });

  test('that was given up goes on later, and begins anew for another content', async () => {
    const at = inMemory();
    const size = 200 * 1024 * 1024;
    const source = await makeVolume(at, { size });
    await source.write(0, filled(CLUSTER, 1));
    const target = await makeVolume(at, { size, directory: '/two', uuid: OTHER });
    const stop = new AbortController();
    const copy = { files: at.files, directory: '/two', sourceName: 'a', from: source, to: target };
    const stopped = copyDevice({
      ...copy,
      signal: stop.signal,
      progress: done => done > 100 * 1024 * 1024 && stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
    const seen: number[] = [];
    await copyDevice({ ...copy, signal, progress: done => seen.push(done) });
    expect(seen[0]).toBe(65 * 1024 * 1024);
    expect(seen.at(-1)).toBe(size);
    const other = new AbortController();
    const first: number[] = [];
    const another = { ...copy, sourceName: 'b', signal: other.signal };
    await expect(
      copyDevice({
        ...another,
        progress: done => {
          first.push(done);
          other.abort();
        },
      }),
    ).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(first).toEqual([1024 * 1024]);
  });
});
