import { appendFile, copyFile, rename, truncate, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { openVolume } from '../../../src/block/volume.ts';
import { createVolume, deleteVolume } from '../../../src/block/volume-making.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import {
  CLUSTER,
  filled,
  inMemory,
  KIB,
  makeVolume,
  OTHER,
  onDisk,
  type Place,
  readAll,
  readAt,
  reopen,
  UUID,
} from './small-volume.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function disk(): Promise<Place> {
  const place = await onDisk();
  cleanups.push(place.remove);
  return place;
}

describe.each([
  ['in memory', async (): Promise<Place> => inMemory()],
  ['on the disk', disk],
] as const)('a volume %s', (_name, place) => {
  test('guards learn what is changed and how it went, may wait after it, and are a part of a flush', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    const seen: unknown[] = [];
    let go = (): void => {};
    const gate = new Promise<void>(resolve => {
      go = resolve;
    });
    let waits = false;
    const remove = volume.addGuard({
      before: (offset, length, change) => {
        seen.push(['before', offset, length, change.kind]);
        return null;
      },
      after: (_offset, _length, ok) => {
        seen.push(['after', ok]);
        return waits ? gate : null;
      },
      commit: () => {
        seen.push(['commit']);
        return null;
      },
    });
    await volume.write(5, filled(3, 1));
    await volume.zero(0, CLUSTER, { keep: true });
    await volume.trim(0, CLUSTER, { durable: true });
    await volume.flushHere();
    at.files.fault = { on: 'write', path: /data$/, code: 'EIO' };
    await expect(volume.write(5, filled(3, 1))).rejects.toMatchObject({ code: 'BLOCK_IO' });
    at.files.fault = null;
    expect(seen).toEqual([
      ['before', 5, 3, 'write'],
      ['after', true],
      ['before', 0, CLUSTER, 'zero'],
      ['after', true],
      ['before', 0, CLUSTER, 'trim'],
      ['after', true],
      ['commit'],
      ['before', 5, 3, 'write'],
      ['after', false],
    ]);
    waits = true;
    const order: string[] = [];
    const first = volume.write(0, filled(10, 1)).then(() => order.push('first'));
    const second = volume.write(9, filled(10, 2)).then(() => order.push('second'));
    await new Promise(resolve => void setImmediate(resolve));
    expect(order).toEqual([]);
    expect(seen.length).toBe(11);
    go();
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    remove();
  });

  test('writes to parts of a cluster that is new, at the same time, leave each other alone', async () => {
    const volume = await makeVolume(inMemory());
    const part = CLUSTER / 4;
    await Promise.all([0, 1, 2, 3].map(at => volume.write(2 * CLUSTER + at * part, filled(part, at + 1))));
    for (const at of [0, 1, 2, 3])
      expect(await readAt(volume, 2 * CLUSTER + at * part, part)).toEqual(filled(part, at + 1));
    // A trimmed one is cleared once.
    await volume.trim(2 * CLUSTER, CLUSTER);
    await Promise.all([0, 1, 3].map(at => volume.write(2 * CLUSTER + at * part, filled(part, at + 5))));
    for (const [at, value] of [5, 6, 0, 8].entries()) {
      expect(await readAt(volume, 2 * CLUSTER + at * part, part)).toEqual(filled(part, value));
    }
  });

  test('reads as zeroes at first, and what was written afterwards, after a restart too', async () => {
    const at = await place();
    const volume = await makeVolume(at);
    expect((await readAll(volume)).equals(Buffer.alloc(16 * CLUSTER))).toBe(true);
    await volume.write(100, filled(5000, 7));
    await volume.write(3 * CLUSTER - 10, filled(20, 9), { durable: true });
    const before = await readAll(volume);
    expect(before[99]).toBe(0);
    expect(before[100]).toBe(7);
    await volume.close();
    const again = await reopen(at);
    expect((await readAll(again)).equals(before)).toBe(true);
    await again.close();
  });

  test('does what a plain array of bytes would, whatever the order of writes, zeroes and trims', async () => {
    const at = await place();
    let volume = await makeVolume(at, { size: 8 * CLUSTER + 512, blockSize: 512 });
    const random = createSimRandom(7, 'volume');
    const model = Buffer.alloc(volume.size);
    for (let turn = 0; turn < 150; turn++) {
      const offset = random.below(volume.size);
      const length = Math.min(volume.size - offset, random.below(random.chance(0.3) ? 4 * CLUSTER : 5000));
      const kind = random.below(5);
      if (kind < 2) {
        const data = filled(length, 1 + (turn % 250));
        await volume.write(offset, data);
        data.copy(model, offset);
      } else if (kind === 2) {
        await volume.zero(offset, length, { keep: random.chance(0.5) });
        model.fill(0, offset, offset + length);
      } else if (kind === 3) {
        await volume.trim(offset, length);
        model.fill(0, offset, offset + length);
      } else if (random.chance(0.3)) {
        await volume.close();
        volume = await reopen(at);
      } else {
        expect((await readAt(volume, offset, length)).equals(model.subarray(offset, offset + length))).toBe(true);
      }
    }
    expect((await readAll(volume)).equals(model)).toBe(true);
    for (const { offset, length } of await holes(volume)) {
      expect(model.subarray(offset, offset + length).every(byte => byte === 0)).toBe(true);
    }
    await volume.close();
  });

  test('tells what is allocated: a trim frees whole clusters, zeroes that keep do not', async () => {
    const at = await place();
    const volume = await makeVolume(at);
    await volume.write(0, filled(4 * CLUSTER, 1));
    await volume.trim(CLUSTER, 2 * CLUSTER + 10);
    expect(await volume.extents(0, 16 * CLUSTER)).toEqual([
      { length: CLUSTER, hole: false },
      { length: 2 * CLUSTER, hole: true },
      { length: CLUSTER, hole: false },
      { length: 12 * CLUSTER, hole: true },
    ]);
    expect(await volume.extents(CLUSTER + 5, 10)).toEqual([{ length: 10, hole: true }]);
    await volume.zero(0, CLUSTER, { keep: true });
    expect(volume.allocatedBytes).toBe(2 * CLUSTER);
    expect(await readAt(volume, 3 * CLUSTER + 9, 2)).toEqual(Buffer.from([0, 1]));
    await volume.close();
  });

  test('a trimmed cluster that is written in part shows nothing of what it held before', async () => {
    const at = await place();
    const volume = await makeVolume(at);
    await volume.write(0, filled(2 * CLUSTER, 5));
    await volume.trim(0, 2 * CLUSTER);
    await Promise.all([volume.write(4096, filled(10, 1)), volume.write(8192, filled(10, 2))]);
    const bytes = await readAll(volume);
    expect(bytes.filter(byte => byte !== 0)).toHaveLength(20);
    await volume.close();
  });

  test('gives back trimmed space and stays as it reads', async () => {
    const at = await place();
    const volume = await makeVolume(at);
    await volume.write(0, filled(8 * CLUSTER, 5));
    await volume.trim(2 * CLUSTER, 3 * CLUSTER);
    const given = await volume.reclaim(new AbortController().signal);
    expect([0, 3 * CLUSTER]).toContain(given);
    await volume.write(2 * CLUSTER, filled(1, 8));
    const bytes = await readAll(volume);
    expect(bytes[2 * CLUSTER]).toBe(8);
    expect(bytes.subarray(2 * CLUSTER + 1, 5 * CLUSTER).every(byte => byte === 0)).toBe(true);
    expect(bytes[5 * CLUSTER]).toBe(5);
    await volume.trim(0, CLUSTER);
    // One that is closed meanwhile is left alone.
    const [, rest] = await Promise.all([volume.close(), volume.reclaim(new AbortController().signal).catch(() => 0)]);
    expect(rest).toBe(0);
  });

  test('writes that overlap land in the order they were called', async () => {
    const at = await place();
    const volume = await makeVolume(at);
    for (let round = 0; round < 20; round++) {
      const writes = Array.from({ length: 30 }, (_, index) =>
        volume.write((index % 3) * 1000, filled(90_000, index + round)),
      );
      await Promise.all(writes);
      const bytes = await readAt(volume, 0, 92_000);
      expect([bytes[0], bytes[1000], bytes[2000]]).toEqual([27 + round, 28 + round, 29 + round]);
    }
    await volume.close();
  });

  test('refuses what reaches beyond its end and does nothing for nothing', async () => {
    const volume = await makeVolume(await place());
    await expect(volume.read(16 * CLUSTER - 1, Buffer.alloc(2))).rejects.toMatchObject({ code: 'BLOCK_RANGE' });
    await expect(volume.write(16 * CLUSTER, filled(1, 1))).rejects.toMatchObject({ code: 'BLOCK_RANGE' });
    await expect(volume.trim(-1, 10)).rejects.toMatchObject({ code: 'BLOCK_RANGE' });
    await volume.write(16 * CLUSTER, Buffer.alloc(0), { durable: true });
    await volume.close();
    await expect(volume.write(0, filled(1, 1))).rejects.toMatchObject({ code: 'BLOCK_IO' });
  });

  test('keeps role and generations over a restart', async () => {
    const at = await place();
    const volume = await makeVolume(at, { role: 'source', generations: 'a:b' });
    await volume.setIdentity({ generations: 'b:c' });
    await volume.close();
    const again = await reopen(at, { uuid: UUID });
    expect([again.role, again.generations, again.uuid]).toEqual(['source', 'b:c', UUID]);
    await again.close();
    await expect(reopen(at, { uuid: OTHER })).rejects.toMatchObject({ code: 'BLOCK_IO' });
    await (await reopen(at)).close();
  });

  test('is one process’s at a time, by whatever name', async () => {
    const at = await place();
    const volume = await makeVolume(at);
    await expect(reopen(at)).rejects.toMatchObject({ code: 'BLOCK_LOCKED' });
    await expect(deleteVolume(at.files, `${at.root}/disk`, 'disk')).rejects.toMatchObject({ code: 'BLOCK_LOCKED' });
    const thief = { files: at.files, directory: `${at.root}/thief`, name: 'thief', uuid: OTHER, size: CLUSTER };
    const stolen = createVolume({ ...thief, backing: `${at.root}/disk/data`, contents: 'kept' });
    await expect(stolen).rejects.toMatchObject({ code: 'BLOCK_LOCKED' });
    await volume.close();
  });

  test('grows with zeroes and shrinks only when told that data is lost', async () => {
    const at = await place();
    const volume = await makeVolume(at, { size: 4 * CLUSTER });
    await volume.write(0, filled(4 * CLUSTER, 3));
    await expect(volume.resize(CLUSTER)).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(volume.resize(CLUSTER + 1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await volume.resize(CLUSTER + 4096, { discard: true });
    await expect(volume.write(2 * CLUSTER, filled(1, 1))).rejects.toMatchObject({ code: 'BLOCK_RANGE' });
    await volume.resize(8 * CLUSTER);
    const bytes = await readAll(volume);
    expect(bytes.subarray(0, CLUSTER + 4096).every(byte => byte === 3)).toBe(true);
    expect(bytes.subarray(CLUSTER + 4096).every(byte => byte === 0)).toBe(true);
    await volume.write(7 * CLUSTER, filled(4096, 4));
    await volume.close();
    const again = await reopen(at);
    expect(again.size).toBe(8 * CLUSTER);
    expect((await readAt(again, 7 * CLUSTER, 1))[0]).toBe(4);
    await again.close();
  });

  test('is gone when it was deleted, and its name is free', async () => {
    const at = await place();
    const volume = await makeVolume(at);
    await volume.createSnapshot({ uuid: OTHER, takenMs: 1 });
    await volume.close();
    await deleteVolume(at.files, `${at.root}/disk`, 'disk');
    await expect(reopen(at)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(deleteVolume(at.files, `${at.root}/disk`, 'disk')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await (await makeVolume(at)).close();
    await expect(makeVolume(at)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('a volume whose backing', () => {
  test('is there already is asked whether to keep its content', async () => {
    const at = await disk();
    const backing = `${at.root}/backing`;
    await writeFile(backing, filled(4 * CLUSTER, 6));
    const wanted = { backing, size: 4 * CLUSTER };
    await expect(makeVolume(at, wanted)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const kept = await makeVolume(at, { ...wanted, contents: 'kept' });
    expect((await readAll(kept)).every(byte => byte === 6)).toBe(true);
    await kept.close();
    await deleteVolume(at.files, `${at.root}/disk`, 'disk');
    const empty = await makeVolume(at, { ...wanted, contents: 'empty' });
    await empty.write(10, filled(1, 1));
    const bytes = await readAll(empty);
    expect([bytes[9], bytes[10], bytes[11]]).toEqual([0, 1, 0]);
    await empty.close();
  });

  test('has shrunk, is another file or gone, is refused with a sentence that says what to do', async () => {
    const at = await disk();
    const backing = `${at.root}/backing`;
    await (await makeVolume(at, { backing })).close();
    await truncate(backing, CLUSTER);
    await expect(reopen(at)).rejects.toThrow(/has shrunk to 65536 bytes.*put it back/);
    await copyFile(backing, `${at.root}/copy`);
    await truncate(`${at.root}/copy`, 16 * CLUSTER);
    await rename(`${at.root}/copy`, backing);
    await expect(reopen(at)).rejects.toThrow(/is not the backing .* adopt/);
    await (await reopen(at, { adopt: true })).close();
    await (await reopen(at)).close();
    await rename(backing, `${backing}-gone`);
    await expect(reopen(at)).rejects.toThrow(/is gone; mount its disk/);
    await rename(`${backing}-gone`, backing);
    await appendFile(backing, 'more is no harm');
    await (await reopen(at)).close();
  });

  test('is full, cannot be read or cannot be synced says so; after a failed sync nothing is called durable', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(CLUSTER, 1), { durable: true });
    at.files.fault = { on: 'write', path: /data$/, code: 'ENOSPC' };
    await expect(volume.write(CLUSTER, filled(10, 1))).rejects.toMatchObject({ code: 'BLOCK_FULL' });
    at.files.fault = { on: 'read', path: /data$/, code: 'EIO' };
    await expect(volume.read(0, Buffer.alloc(10))).rejects.toMatchObject({ code: 'BLOCK_IO' });
    at.files.fault = null;
    await volume.write(CLUSTER, filled(10, 1), { durable: true });
    at.files.fault = { on: 'sync', path: /data$/, code: 'EIO' };
    await expect(volume.flush()).rejects.toMatchObject({ code: 'BLOCK_IO' });
    at.files.fault = null;
    await expect(volume.flush()).rejects.toMatchObject({ code: 'BLOCK_IO' });
    await expect(volume.close()).rejects.toMatchObject({ code: 'BLOCK_IO' });
    await (await reopen(at)).close();
  });

  test('has no space for the map loses nothing by it and goes on when there is some', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(10, 1));
    at.files.fault = { on: 'write', path: /map$/, code: 'ENOSPC' };
    await expect(volume.flush()).rejects.toMatchObject({ code: 'BLOCK_FULL' });
    at.files.fault = null;
    await volume.flush();
    const after = { files: at.files.kill(), root: '' };
    expect((await readAt(await reopen(after), 0, 1))[0]).toBe(1);
  });

  test('may only be read can be opened for reading', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(10, 4));
    await volume.close();
    at.files.fault = { on: 'write', path: /./, code: 'EROFS' };
    await expect(reopen(at)).rejects.toMatchObject({ code: 'BLOCK_READ_ONLY' });
    const reading = await openVolume({ files: at.files, directory: '/disk', name: 'disk', access: 'read' });
    expect((await readAt(reading, 9, 1))[0]).toBe(4);
    await expect(reading.write(0, filled(1, 1))).rejects.toMatchObject({ code: 'BLOCK_READ_ONLY' });
    await reading.close();
  });

  test('is a device, is taken with its size; one that is too small is refused', async () => {
    const at = inMemory();
    at.files.addDevice('/sdx', 8 * CLUSTER);
    const wanted = { backing: '/sdx', contents: 'empty' as const };
    await expect(makeVolume(at, { ...wanted, size: 9 * CLUSTER })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const volume = await makeVolume(at, { ...wanted, size: 8 * CLUSTER });
    await volume.write(8 * CLUSTER - 4 * KIB, filled(4 * KIB, 1), { durable: true });
    await expect(volume.resize(9 * CLUSTER)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await volume.close();
  });

  test('has a damaged map takes everything for data; two damaged superblocks are said', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    for (let turn = 0; turn < 3; turn++) await volume.write(turn * CLUSTER, filled(10, 1), { durable: true });
    await volume.close();
    at.files.tamper('/disk/map', content => content.fill(1));
    const again = await reopen(at);
    expect(await again.extents(0, 16 * CLUSTER)).toEqual([{ length: 16 * CLUSTER, hole: false }]);
    expect((await readAt(again, 0, 1))[0]).toBe(1);
    await again.close();
    at.files.tamper('/disk/superblock', content => content.fill(1, 0, 4096));
    await (await reopen(at)).close();
    at.files.tamper('/disk/superblock', content => content.fill(1));
    await expect(reopen(at)).rejects.toThrow(/both copies .* damaged/);
    await deleteVolume(at.files, '/disk', 'disk');
  });

  test('that refuses writes refuses those too that were waiting for it', async () => {
    const volume = await makeVolume(inMemory());
    let admit = (): void => {};
    let waiting: Promise<void> = Promise.resolve();
    await volume.hold(async () => {
      waiting = volume.write(0, filled(10, 1));
      admit = volume.refuseWrites('its clients are being sent away');
    });
    await expect(waiting).rejects.toMatchObject({ code: 'BLOCK_READ_ONLY' });
    expect((await readAt(volume, 0, 1))[0]).toBe(0);
    admit();
    await volume.write(0, filled(10, 1));
    await volume.close();
  });
});

async function holes(device: {
  size: number;
  extents: (o: number, l: number) => Promise<readonly { length: number; hole: boolean }[]>;
}) {
  const found: { offset: number; length: number }[] = [];
  let offset = 0;
  for (const { length, hole } of await device.extents(0, device.size)) {
    if (hole) found.push({ offset, length });
    offset += length;
  }
  return found;
}
