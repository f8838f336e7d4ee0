import { describe, expect, test } from 'vitest';
import type { Volume } from '../../../src/block/volume.ts';
import { createVolume } from '../../../src/block/volume-making.ts';
import { createMemoryBlockFiles, type MemoryBlockFiles } from '../../sim/memory-block-files.ts';
import { createSimRandom, type SimRandom } from '../../sim/sim-random.ts';
import { CLUSTER, filled, OTHER, readAll, reopen, SNAP, UUID } from './small-volume.ts';

const SIZE = 6 * CLUSTER;
const SECTOR = 512;
const SECTORS = SIZE / SECTOR;

/** What each sector may hold after a power failure: what was durable, or anything written since. */
class Expectation {
  readonly allowed: Set<number>[] = Array.from({ length: SECTORS }, () => new Set([0]));
  readonly now: number[] = Array.from({ length: SECTORS }, () => 0);

  begin(from: number, to: number, value: number): void {
    for (let sector = from; sector < to; sector++) this.allowed[sector]!.add(value);
  }

  settled(from: number, to: number, value: number): void {
    for (let sector = from; sector < to; sector++) this.now[sector] = value;
  }

  durable(values: readonly number[]): void {
    values.forEach((value, sector) => {
      this.allowed[sector] = new Set([value, ...(this.now[sector] === value ? [] : [this.now[sector]!])]);
    });
  }

  /** Sectors that hold what they may not. */
  wrong(bytes: Buffer): string[] {
    return this.allowed.flatMap((allowed, sector) => {
      const part = bytes.subarray(sector * SECTOR, (sector + 1) * SECTOR);
      const whole = part.every(byte => byte === part[0]);
      return whole && allowed.has(part[0]!) ? [] : [`sector ${sector}: ${part[0]}, not one of ${[...allowed]}`];
    });
  }

  become(bytes: Buffer): void {
    for (let sector = 0; sector < SECTORS; sector++) {
      this.now[sector] = bytes[sector * SECTOR]!;
      this.allowed[sector] = new Set([this.now[sector]!]);
    }
  }
}

async function live(volume: Volume, random: SimRandom, expected: Expectation, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    const from = random.below(SECTORS);
    const to = Math.min(SECTORS, from + 1 + random.below(random.chance(0.3) ? 256 : 12));
    const value = random.chance(0.4) ? 0 : 1 + random.below(250);
    const [offset, length] = [from * SECTOR, (to - from) * SECTOR];
    if (random.chance(0.2)) {
      const values = [...expected.now];
      await volume.flush();
      expected.durable(values);
    }
    expected.begin(from, to, value);
    if (value > 0) await volume.write(offset, filled(length, value));
    else if (random.chance(0.7)) await volume.trim(offset, length);
    else await volume.zero(offset, length, { keep: true });
    expected.settled(from, to, value);
  }
}

/** The process dies or the power fails; sometimes the power fails again while the volume is opened. */
async function failAgain(files: MemoryBlockFiles, random: SimRandom): Promise<MemoryBlockFiles> {
  const left = random.chance(0.4) ? files.kill() : files.restart(random);
  if (random.chance(0.5)) return left;
  left.failAt(1 + random.below(30));
  await reopen({ files: left, root: '' }).catch(() => {});
  return left.restart(random);
}

describe('a power failure at any step', () => {
  test.each(Array.from({ length: 20 }, (_, index) => index + 1))(
    'leaves a volume with what was flushed, and steady, in history %i',
    async seed => {
      const random = createSimRandom(seed, 'crash');
      let files: MemoryBlockFiles = createMemoryBlockFiles();
      await createVolume({ files, directory: '/disk', name: 'disk', uuid: UUID, size: SIZE });
      const expected = new Expectation();
      for (let life = 0; life < 30; life++) {
        files.failAt(files.steps + 1 + random.below(60));
        try {
          const volume = await reopen({ files, root: '' });
          await live(volume, random, expected, 40);
          await volume.close();
          expected.durable([...expected.now]);
        } catch (error) {
          if (!String(error).includes('the power is off')) throw error;
        }
        files = await failAgain(files, random);
        const volume = await reopen({ files, root: '' });
        const bytes = await readAll(volume);
        expect(expected.wrong(bytes)).toEqual([]);
        expected.become(bytes);
        // A write to a part of a cluster brings nothing else to light.
        await volume.write(SECTOR * 3, filled(SECTOR, 99));
        expected.begin(3, 4, 99);
        expected.settled(3, 4, 99);
        for (let cluster = 1; cluster < 6; cluster++) {
          await volume.write(cluster * CLUSTER, filled(SECTOR, 98));
          expected.settled((cluster * CLUSTER) / SECTOR, (cluster * CLUSTER) / SECTOR + 1, 98);
        }
        const after = await readAll(volume);
        expect(Array.from({ length: SECTORS }, (_, sector) => after[sector * SECTOR])).toEqual(expected.now);
        await volume.close();
        expected.become(after);
      }
    },
  );

  test('of making, resizing, deleting: the volume is whole or not there, and the order can be given again', async () => {
    for (let step = 1; step < 60; step++) {
      const random = createSimRandom(step, 'making');
      const files = createMemoryBlockFiles();
      files.failAt(step);
      const wanted = { directory: '/disk', name: 'disk', uuid: UUID, size: SIZE };
      const made = await createVolume({ files, ...wanted }).then(
        () => true,
        () => false,
      );
      const left = files.restart(random);
      const there = await reopen({ files: left, root: '' }).catch(error => {
        expect(error).toMatchObject({ code: expect.stringMatching(/NOT_FOUND|BLOCK_IO/) });
        return null;
      });
      if (made) expect(there).not.toBeNull();
      if (there === null) await createVolume({ files: left, ...wanted });
      const volume = there ?? (await reopen({ files: left, root: '' }));
      expect((await readAll(volume)).every(byte => byte === 0)).toBe(true);
      await volume.close();
    }
  });

  test('of resizing leaves the old size or the new one, and nothing beyond the old end but zeroes', async () => {
    for (let step = 1; step < 40; step++) {
      const random = createSimRandom(step, 'resizing');
      let files = createMemoryBlockFiles();
      await createVolume({ files, directory: '/disk', name: 'disk', uuid: UUID, size: SIZE });
      const volume = await reopen({ files, root: '' });
      await volume.write(0, filled(SIZE, 5), { durable: true });
      files.failAt(files.steps + step);
      await volume
        .resize(CLUSTER + 4096, { discard: true })
        .then(() => volume.resize(SIZE))
        .catch(() => {});
      files = files.restart(random);
      const again = await reopen({ files, root: '' });
      expect([SIZE, CLUSTER + 4096]).toContain(again.size);
      if (again.size < SIZE) await again.resize(SIZE);
      const bytes = await readAll(again);
      const kept = bytes.findIndex(byte => byte !== 5);
      expect([-1, CLUSTER + 4096]).toContain(kept);
      if (kept !== -1) expect(bytes.subarray(kept).every(byte => byte === 0)).toBe(true);
      await again.close();
    }
  });
});

describe('snapshots and a power failure at any step', () => {
  test.each(Array.from({ length: 20 }, (_, index) => index + 1))(
    'keep their moments whatever happens to the volume, in history %i',
    async seed => {
      const random = createSimRandom(seed, 'snapshots');
      let files: MemoryBlockFiles = createMemoryBlockFiles();
      await createVolume({ files, directory: '/disk', name: 'disk', uuid: UUID, size: SIZE });
      const expected = new Expectation();
      const moments = new Map<string, Buffer>();
      for (let life = 0; life < 25; life++) {
        files.failAt(files.steps + 1 + random.below(120));
        let target: Buffer | null = null;
        try {
          const volume = await reopen({ files, root: '' });
          for (const uuid of [SNAP, OTHER]) {
            if (random.chance(0.5) && !volume.snapshots.some(snapshot => snapshot.uuid === uuid)) {
              const moment = await readAll(volume);
              // Should the power fail before the snapshot is there, it may be there all the same.
              moments.set(uuid, moment);
              await volume.createSnapshot({ uuid, takenMs: life });
            }
          }
          await live(volume, random, expected, 6);
          const [victim] = random.shuffle(volume.snapshots);
          if (victim !== undefined && random.chance(0.2)) {
            await volume.deleteSnapshot(victim.uuid);
          } else if (victim !== undefined && random.chance(0.3)) {
            target = moments.get(victim.uuid)!;
            await volume.rollback(victim.uuid);
            expect((await readAll(volume)).equals(target)).toBe(true);
            expected.become(target);
            target = null;
          }
          await live(volume, random, expected, 10);
          await volume.close();
        } catch (error) {
          if (!String(error).includes('the power is off')) throw error;
        }
        files = await failAgain(files, random);
        const volume = await reopen({ files, root: '' });
        for (const snapshot of volume.snapshots) {
          expect(snapshot.state.broken).toBeNull();
          expect((await readAll(snapshot)).equals(moments.get(snapshot.uuid)!), `snapshot ${snapshot.uuid}`).toBe(true);
        }
        const bytes = await readAll(volume);
        if (target === null || !bytes.equals(target)) expect(expected.wrong(bytes)).toEqual([]);
        expected.become(bytes);
        await volume.close();
      }
    },
  );
});
