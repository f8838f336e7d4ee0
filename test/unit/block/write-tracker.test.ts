import { describe, expect, test } from 'vitest';
import { EXTENT_BYTES } from '../../../src/block/activity-log-file.ts';
import type { WriteOnTheWay } from '../../../src/block/dirty-map-file.ts';
import { trackWrites, type WriteTracker } from '../../../src/block/write-tracker.ts';
import type { MemoryBlockFiles } from '../../sim/memory-block-files.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { filled, inMemory, makeVolume, type Place, readAt, reopen } from './small-volume.ts';

const SIZE = 24 * EXTENT_BYTES;

async function tracked(at: Place<MemoryBlockFiles>, hotExtents = 16, peers = ['beta']) {
  const volume = await (at.files.paths().includes('/disk/superblock') ? reopen(at) : makeVolume(at, { size: SIZE }));
  const tracker = await trackWrites({ files: at.files, volume, peers, hotExtents });
  return { volume, tracker };
}

function clean(tracker: WriteTracker, peer = 'beta'): void {
  tracker.peer(peer).clear(0, SIZE);
}

describe('tracked writes', () => {
  test('a new partner lacks everything, and what was written afterwards when it has all of it', async () => {
    const at = inMemory();
    const { volume, tracker } = await tracked(at);
    expect(tracker.peer('beta').dirtyBytes).toBe(SIZE);
    clean(tracker);
    await volume.write(10_000, filled(10, 1));
    expect(tracker.peer('beta').next(0, 1e9)).toEqual({ offset: 8192, length: 4096 });
    await volume.trim(4096, 4096);
    expect(tracker.peer('beta').next(0, 1e9)).toEqual({ offset: 4096, length: 8192 });
    expect(tracker.peer('beta').next(0, 5000)).toEqual({ offset: 4096, length: 4096 });
    await tracker.addPeer('gamma');
    expect(tracker.peer('gamma').dirtyBytes).toBe(SIZE);
    await tracker.removePeer('gamma');
    expect(() => tracker.peer('gamma')).toThrow(/no changes/);
    await tracker.close();
    await volume.close();
    const again = await tracked(at);
    expect(again.tracker.peer('beta').next(0, 1e9)).toEqual({ offset: 4096, length: 8192 });
  });

  test('a write that comes just when there was nothing to wait for any more is not overlooked', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const { tracker } = await tracked(inMemory());
      await tracker.before(0, 512);
      for (let turn = 0; turn < turns; turn++) await null;
      const later = tracker.before(EXTENT_BYTES, 512);
      let settled = false;
      void later!.then(() => {
        settled = true;
      });
      for (let turn = 0; turn < 200 && !settled; turn++) await null;
      expect(settled, `after ${turns} turns`).toBe(true);
    }
  });

  test('a write to a cold extent waits for its record, one to a hot extent for nothing; those that come together share one', async () => {
    const at = inMemory();
    const { volume, tracker } = await tracked(at);
    let before = at.files.steps;
    await Promise.all([0, 1, 2, 3].map(extent => volume.write(extent * EXTENT_BYTES, filled(512, 1))));
    // One record and its sync, and four writes.
    expect(at.files.steps - before).toBe(2 + 4);
    before = at.files.steps;
    await volume.write(EXTENT_BYTES + 4096, filled(512, 1));
    expect(at.files.steps - before).toBe(1);
    expect([...tracker.hotExtents].sort()).toEqual([0, 1, 2, 3]);
  });

  test('extents cool down, the one used longest ago first, and never under a write', async () => {
    const at = inMemory();
    const { volume, tracker } = await tracked(at);
    for (let extent = 0; extent < 16; extent++) await volume.write(extent * EXTENT_BYTES, filled(512, 1));
    await volume.write(0, filled(512, 2));
    await volume.write(20 * EXTENT_BYTES, filled(512, 1));
    expect(tracker.hotExtents).toContain(0);
    expect(tracker.hotExtents).not.toContain(1);
    await Promise.all(
      Array.from({ length: 200 }, (_, turn) =>
        volume.write(((turn * 7) % 24) * EXTENT_BYTES + turn * 512, filled(512, turn)),
      ),
    );
    expect(tracker.hotExtents.length).toBeLessThanOrEqual(16);
  });

  test('a record that cannot be written fails the writes that need it, and those after it go on', async () => {
    const at = inMemory();
    const { volume } = await tracked(at);
    at.files.fault = { on: 'sync', path: /activity-log/, code: 'EIO' };
    await expect(volume.write(0, filled(512, 1))).rejects.toMatchObject({ code: 'BLOCK_IO' });
    at.files.fault = null;
    await volume.write(0, filled(512, 1));
    await expect(volume.write(0, Buffer.alloc(10 * EXTENT_BYTES))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('a block is clean when the last of its writes has arrived, and stays dirty if it was so for another reason', async () => {
    const { volume, tracker } = await tracked(inMemory());
    clean(tracker);
    const map = tracker.peer('beta');
    map.following = true;
    await volume.write(0, filled(512, 1));
    expect(map.dirtyBytes).toBe(0);
    const first = map.begin(0, 4096);
    const second = map.begin(2048, 4096);
    map.arrived(first);
    expect(map.next(0, 1e9)).toEqual({ offset: 0, length: 8192 });
    map.arrived(second);
    expect(map.dirtyBytes).toBe(0);
    map.mark(0, 1);
    map.arrived(map.begin(0, 4096));
    expect(map.dirtyBytes).toBe(4096);
    const lost = map.begin(8192, 1);
    map.lostAll();
    map.clear(8192, 4096);
    const later = map.begin(8192, 1);
    map.arrived(lost);
    expect(map.isDirty(8192, 1)).toBe(true);
    map.arrived(later);
    expect(map.isDirty(8192, 1)).toBe(false);
  });

  test('a new partner lacks everything whatever power failure comes between', async () => {
    for (let step = 1; step < 30; step++) {
      const at = inMemory();
      const { volume, tracker } = await tracked(at);
      await volume.write(0, filled(512, 1), { durable: true });
      at.files.failAt(at.files.steps + step);
      await tracker.addPeer('gamma').catch(() => {});
      const left = { files: at.files.restart(createSimRandom(step, 'gamma')), root: '' };
      const again = await tracked(left, 16, ['beta', 'gamma']);
      expect(again.tracker.peer('gamma').dirtyBytes).toBe(SIZE);
    }
  });

  test('a volume is not resized under those who track it', async () => {
    const { volume, tracker } = await tracked(inMemory());
    await expect(volume.resize(2 * SIZE)).rejects.toMatchObject({ code: 'REFUSED' });
    await tracker.close();
    await volume.resize(2 * SIZE);
  });

  test('without its log or its map, everything is dirty', async () => {
    for (const lost of ['activity-log', 'dirty-beta']) {
      const at = inMemory();
      const { volume, tracker } = await tracked(at);
      clean(tracker);
      await tracker.close();
      await volume.close();
      await at.files.remove(`/disk/${lost}`);
      expect((await tracked(at)).tracker.peer('beta').dirtyBytes).toBe(SIZE);
    }
  });

  test.each(Array.from({ length: 20 }, (_, index) => index + 1))(
    'whatever a power failure makes of the volume, what a partner lacks is dirty, and not more than the hot extents besides: history %i',
    async seed => {
      const random = createSimRandom(seed, 'tracker');
      const at = { ...inMemory() };
      const size = 40 * EXTENT_BYTES;
      const volume = await makeVolume(at, { size });
      const first = await trackWrites({ files: at.files, volume, peers: ['beta'], hotExtents: 16 });
      first.peer('beta').clear(0, size);
      await first.close();
      await volume.close();
      // The partner's copy, block by block of 4 KiB: it never loses anything.
      const partner = new Map<number, number>();
      let files = at.files;
      for (let life = 0; life < 12; life++) {
        let hot: readonly number[] = [];
        let outstanding = 0;
        files.failAt(files.steps + 20 + random.below(150));
        try {
          const place = { files, root: '' };
          const open = await reopen(place);
          const tracker = await trackWrites({ files, volume: open, peers: ['beta'], hotExtents: 16 });
          const map = tracker.peer('beta');
          map.following = true;
          const link: { write: WriteOnTheWay; block: number; value: number }[] = [];
          open.addGuard({
            before(offset) {
              link.push({ write: map.begin(offset, 4096), block: offset / 4096, value: next });
              return null;
            },
            after: () => null,
          });
          let next = 0;
          for (let turn = 0; turn < 120; turn++) {
            // What is dirty is copied now and then.
            const stretch = random.chance(0.2) ? map.next(random.below(size), 4096) : null;
            if (stretch !== null && link.length === 0) {
              await open.hold(async () => {
                const bytes = Buffer.alloc(stretch.length);
                await open.read(stretch.offset, bytes);
                partner.set(stretch.offset / 4096, bytes[0]!);
                map.clear(stretch.offset, stretch.length);
              });
            }
            const block = random.below(40) * 1024 + random.below(2);
            next = 1 + random.below(250);
            await open.write(block * 4096, filled(4096, next));
            while (link.length > 0 && random.chance(0.6)) {
              const { write, block: there, value } = link.shift()!;
              partner.set(there, value);
              map.arrived(write);
            }
            outstanding = link.length;
            hot = tracker.hotExtents;
            if (random.chance(0.02)) {
              await tracker.close();
              break;
            }
          }
        } catch (error) {
          if (!String(error).includes('the power is off')) throw error;
        }
        files = random.chance(0.3) ? files.kill() : files.restart(random);
        if (random.chance(0.3)) {
          files.failAt(1 + random.below(60));
          await tracked({ files, root: '' }).catch(() => {});
          files = files.restart(random);
        }
        const open = await reopen({ files, root: '' });
        const tracker = await trackWrites({ files, volume: open, peers: ['beta'], hotExtents: 16 });
        const map = tracker.peer('beta');
        // Only these blocks are ever written.
        const here = new Map<number, number>();
        for (let extent = 0; extent < 40; extent++) {
          const bytes = await readAt(open, extent * EXTENT_BYTES, 8192);
          for (const index of [0, 1]) here.set(extent * 1024 + index, bytes[index * 4096]!);
        }
        const lacking = [...here]
          .filter(([block, value]) => value !== (partner.get(block) ?? 0))
          .map(([block]) => block);
        expect(lacking.filter(block => !map.isDirty(block * 4096, 4096))).toEqual([]);
        expect(hot.length).toBeLessThanOrEqual(16);
        expect(map.dirtyBytes).toBeLessThanOrEqual((life + 1) * (17 * EXTENT_BYTES + (outstanding + 200) * 4096));
        // The partner gets what it lacks, as a resynchronisation would do.
        for (let block = 0; block < size / 4096; block++) {
          if (map.isDirty(block * 4096, 4096) && random.chance(0.9)) {
            partner.set(block, here.get(block) ?? 0);
            map.clear(block * 4096, 4096);
          }
        }
        await tracker.close();
        await open.close();
      }
    },
    60_000,
  );
});
