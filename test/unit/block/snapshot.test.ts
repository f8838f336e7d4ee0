import { describe, expect, test } from 'vitest';
import { openVolume } from '../../../src/block/volume.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { CLUSTER, filled, inMemory, makeVolume, OTHER, onDisk, readAll, readAt, reopen, SNAP } from './small-volume.ts';

const signal = new AbortController().signal;
const progress = (): void => {};

function uuid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

describe('snapshots', () => {
  test('show their moment whatever is written, zeroed or trimmed afterwards, each its own, after restarts too', async () => {
    const at = await onDisk();
    try {
      const random = createSimRandom(3, 'snapshots');
      let volume = await makeVolume(at);
      const moments = new Map<string, Buffer>();
      for (let turn = 0; turn < 120; turn++) {
        const offset = random.below(volume.size);
        const length = Math.min(volume.size - offset, random.below(2 * CLUSTER));
        const kind = random.below(4);
        if (kind < 2) await volume.write(offset, filled(length, 1 + turn));
        else if (kind === 2) await volume.trim(offset, length);
        else await volume.zero(offset, length, { keep: true });
        if (turn % 20 === 0) {
          moments.set(uuid(turn), await readAll(volume));
          await volume.createSnapshot({ uuid: uuid(turn), takenMs: turn });
        }
        if (turn === 70) {
          await volume.deleteSnapshot(uuid(20));
          moments.delete(uuid(20));
          await volume.close();
          volume = await reopen(at);
        }
      }
      expect(volume.snapshots).toHaveLength(moments.size);
      for (const snapshot of volume.snapshots) {
        expect((await readAll(snapshot)).equals(moments.get(snapshot.uuid)!)).toBe(true);
        for (const { length, hole } of await snapshot.extents(0, snapshot.size))
          expect([length > 0, typeof hole]).toEqual([true, 'boolean']);
      }
      await volume.close();
    } finally {
      await at.remove();
    }
  });

  test('are true while writers are at work and readers read', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(16 * CLUSTER, 1));
    const snapshot = await volume.createSnapshot({ uuid: SNAP, takenMs: 1 });
    const random = createSimRandom(5, 'readers');
    const work = Array.from({ length: 300 }, async (_, turn) => {
      const offset = random.below(15 * CLUSTER);
      if (turn % 2 === 0) return await volume.write(offset, filled(1 + random.below(CLUSTER), 2));
      expect((await readAt(snapshot, offset, CLUSTER)).every(byte => byte === 1)).toBe(true);
    });
    await Promise.all(work);
    expect((await readAll(snapshot)).every(byte => byte === 1)).toBe(true);
  });

  test('take what settled before, never half of a write', async () => {
    const volume = await makeVolume(inMemory());
    const writes = [1, 2, 3, 4].map(value => volume.write(0, filled(8 * CLUSTER, value)));
    const taken = volume.createSnapshot({ uuid: SNAP, takenMs: 1 });
    const later = volume.write(0, filled(8 * CLUSTER, 9));
    const snapshot = await taken;
    await Promise.all([...writes, later]);
    expect((await readAt(snapshot, 0, 8 * CLUSTER)).every(byte => byte === 4)).toBe(true);
  });

  test('are written to only if that was asked for, and the volume does not see it', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(4 * CLUSTER, 1));
    const readOnly = await volume.createSnapshot({ uuid: OTHER, takenMs: 1 });
    const own = await volume.createSnapshot({ uuid: SNAP, takenMs: 1, writable: true });
    await expect(readOnly.write(0, filled(1, 1))).rejects.toMatchObject({ code: 'BLOCK_READ_ONLY' });
    await Promise.all([
      own.write(10, filled(10, 7)),
      volume.write(5, filled(10, 8)),
      own.trim(CLUSTER, CLUSTER),
      own.write(3 * CLUSTER + 1, filled(1, 7), { durable: true }),
    ]);
    const bytes = await readAll(own);
    expect([bytes[9], bytes[10], bytes[19], bytes[20]]).toEqual([1, 7, 7, 1]);
    expect([bytes[CLUSTER], bytes[2 * CLUSTER], bytes[3 * CLUSTER + 1]]).toEqual([0, 1, 7]);
    expect((await readAt(readOnly, 0, 4 * CLUSTER)).every(byte => byte === 1)).toBe(true);
    expect([...(await readAt(volume, 4, 2))]).toEqual([1, 8]);
    await volume.close();
    const again = await reopen(at);
    expect((await readAll(again.snapshots.find(one => one.uuid === SNAP)!)).equals(bytes)).toBe(true);
  });

  test('break when their space is used up, for good, and the volume goes on', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(8 * CLUSTER, 1));
    const small = await volume.createSnapshot({ uuid: SNAP, takenMs: 1, quotaBytes: 2 * CLUSTER });
    const large = await volume.createSnapshot({ uuid: OTHER, takenMs: 1 });
    await volume.write(0, filled(2 * CLUSTER, 2));
    expect(small.state).toMatchObject({ broken: null, usedBytes: 2 * CLUSTER });
    await volume.write(2 * CLUSTER, filled(1, 2));
    expect(small.state.broken).toMatch(/has used its 131072 bytes.*take another/);
    await expect(readAll(small)).rejects.toThrow(/is broken/);
    // What it kept is of no use to anybody any more, and the volume may need the room.
    const kept = at.files.paths().find(path => path.includes(SNAP) && path.endsWith('/data'))!;
    expect(at.files.contentOf(kept).every(byte => byte === 0)).toBe(true);
    await expect(volume.rollback(SNAP)).rejects.toMatchObject({ code: 'REFUSED' });
    expect((await readAt(large, 0, 8 * CLUSTER)).every(byte => byte === 1)).toBe(true);
    const after = await reopen({ files: at.files.kill(), root: '' });
    expect(after.snapshots.find(one => one.uuid === SNAP)!.state.broken).toMatch(/has used/);
    await after.deleteSnapshot(SNAP);
    expect(after.snapshots).toHaveLength(1);
  });

  test('break on a full or failing disk; where even that cannot be noted they are gone rather than wrong', async () => {
    for (const path of [/2222.*data$/, /2222/]) {
      const at = inMemory();
      const volume = await makeVolume(at);
      await volume.write(0, filled(4 * CLUSTER, 1));
      const snapshot = await volume.createSnapshot({ uuid: SNAP, takenMs: 1 });
      at.files.fault = { on: 'write', path, code: 'ENOSPC' };
      await volume.write(0, filled(CLUSTER, 2), { durable: true });
      expect(snapshot.state.broken).toMatch(/ENOSPC/);
      at.files.fault = null;
      const after = await reopen({ files: at.files.kill(), root: '' });
      expect(after.snapshots.every(one => one.state.broken !== null)).toBe(true);
      expect((await readAt(after, 0, 1))[0]).toBe(2);
    }
  });

  test('a user’s write that finds no space fails and leaves the snapshot whole', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(4 * CLUSTER, 1));
    const own = await volume.createSnapshot({ uuid: SNAP, takenMs: 1, writable: true, quotaBytes: CLUSTER });
    await own.write(0, filled(CLUSTER, 2));
    await expect(own.write(CLUSTER, filled(1, 2))).rejects.toMatchObject({ code: 'BLOCK_FULL' });
    expect(own.state.broken).toBeNull();
    expect((await readAt(own, CLUSTER, 1))[0]).toBe(1);
  });

  test('the volume is set back to one, and the others keep their moments', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(3 * CLUSTER, 1));
    await volume.createSnapshot({ uuid: SNAP, takenMs: 1 });
    const first = await readAll(volume);
    await volume.write(CLUSTER, filled(5 * CLUSTER, 2));
    await volume.createSnapshot({ uuid: OTHER, takenMs: 2 });
    const second = await readAll(volume);
    await volume.trim(0, CLUSTER);
    await volume.rollback(SNAP);
    expect((await readAll(volume)).equals(first)).toBe(true);
    expect((await volume.extents(3 * CLUSTER, CLUSTER))[0]!.hole).toBe(true);
    await volume.rollback(OTHER);
    expect((await readAll(volume)).equals(second)).toBe(true);
    await volume.write(0, filled(10, 5));
    for (const [name, moment] of [
      [SNAP, first],
      [OTHER, second],
    ] as const) {
      expect((await readAll(volume.snapshots.find(one => one.uuid === name)!)).equals(moment)).toBe(true);
    }
  });

  test('while the volume is set back it shows the snapshot and takes no writes', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(8 * CLUSTER, 1));
    await volume.createSnapshot({ uuid: SNAP, takenMs: 1 });
    await volume.write(0, filled(8 * CLUSTER, 2));
    at.files.fault = { on: 'write', path: /disk\/data$/, code: 'EIO' };
    await expect(volume.rollback(SNAP)).rejects.toMatchObject({ code: 'BLOCK_IO' });
    at.files.fault = null;
    expect((await readAt(volume, 0, 8 * CLUSTER)).every(byte => byte === 1)).toBe(true);
    await expect(volume.write(0, filled(1, 3))).rejects.toMatchObject({ code: 'BLOCK_READ_ONLY' });
    await expect(volume.deleteSnapshot(SNAP)).rejects.toMatchObject({ code: 'BLOCK_READ_ONLY' });
    await volume.close();
    const again = await reopen(at);
    expect((await readAt(again, 0, 8 * CLUSTER)).every(byte => byte === 1)).toBe(true);
    await again.write(0, filled(1, 3));
  });

  test('one becomes a volume of its own, at any step of which the power may fail', async () => {
    for (let step = 0; step < 70; step++) {
      const random = createSimRandom(step, 'release');
      let files = inMemory().files;
      const volume = await makeVolume({ files, root: '' }, { size: 4 * CLUSTER });
      await volume.write(0, filled(3 * CLUSTER, 1));
      await volume.createSnapshot({ uuid: SNAP, takenMs: 1, quotaBytes: CLUSTER });
      await volume.write(0, filled(CLUSTER, 2));
      if (step > 0) files.failAt(files.steps + step);
      const options = { directory: '/free', signal, progress };
      const done = await volume.releaseSnapshot(SNAP, options).then(
        () => true,
        () => false,
      );
      if (step > 0) files = files.restart(random);
      else await volume.close();
      const again = await reopen({ files, root: '' });
      if (again.snapshots.length > 0) {
        expect(done).toBe(false);
        await again.releaseSnapshot(SNAP, options);
      }
      await again.write(0, filled(4 * CLUSTER, 3));
      const free = await openVolume({ files, directory: '/free', name: 'free' });
      const expected = Buffer.concat([filled(3 * CLUSTER, 1), filled(CLUSTER, 0)]);
      expect((await readAll(free)).equals(expected)).toBe(true);
      await free.write(0, filled(1, 4));
      await free.close();
    }
  });

  test('one that still needs its volume cannot be opened elsewhere', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(CLUSTER, 1));
    await volume.createSnapshot({ uuid: SNAP, takenMs: 1 });
    await volume.close();
    await expect(openVolume({ files: at.files, directory: `/disk/snapshots/${SNAP}`, name: 'x' })).rejects.toThrow(
      /is a snapshot/,
    );
  });

  test('deleting one frees its space, and a shrinking volume leaves it what it shows', async () => {
    const at = inMemory();
    const volume = await makeVolume(at);
    await volume.write(0, filled(16 * CLUSTER, 1));
    const snapshot = await volume.createSnapshot({ uuid: SNAP, takenMs: 1 });
    await volume.resize(CLUSTER, { discard: true });
    await volume.resize(16 * CLUSTER);
    await volume.write(4 * CLUSTER, filled(CLUSTER, 2));
    expect((await readAll(snapshot)).every(byte => byte === 1)).toBe(true);
    await volume.deleteSnapshot(SNAP);
    expect(at.files.paths().filter(path => path.includes(SNAP))).toEqual([]);
    await expect(snapshot.read(0, Buffer.alloc(1))).rejects.toMatchObject({ code: 'BLOCK_IO' });
  });
});
