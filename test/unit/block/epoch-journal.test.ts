import { describe, expect, test } from 'vitest';
import { type EpochJournal, openEpochJournal } from '../../../src/block/epoch-journal.ts';
import { createMemoryBlockFiles } from '../../sim/memory-block-files.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { packed, packedWrite } from './packed.ts';
import { CLUSTER, filled, inMemory, makeVolume, onDisk, type Place, readAll, readAt, reopen } from './small-volume.ts';

const MIB = 1024 * 1024;

async function opened(at: Place) {
  const volume = await reopen(at);
  const journal = await openEpochJournal({ files: at.files, directory: `${at.root}/disk`, device: volume });
  return { volume, journal };
}

async function one(journal: EpochJournal, epoch: number, value: number): Promise<void> {
  const staged = journal.begin(epoch);
  for (const mib of [0, 1, 2]) await staged.add(packedWrite(mib * MIB, filled(MIB, value)));
  const { applied } = await staged.commit();
  await applied;
}

describe('the epoch journal', () => {
  test('applies whole epochs in their order, on a real disk too, with writes larger than a record', async () => {
    const at = await onDisk();
    try {
      await (await makeVolume(at, { size: 64 * CLUSTER })).close();
      const { volume, journal } = await opened(at);
      await one(journal, 1, 1);
      const second = journal.begin(2);
      await second.add(
        packed(
          { kind: 'write', offset: 5, data: filled(10, 2) },
          { kind: 'trim', offset: CLUSTER, length: CLUSTER },
          { kind: 'zero', offset: 2 * CLUSTER, length: 100 },
        ),
      );
      const committed = await second.commit();
      const third = journal.begin(4);
      await third.add(packedWrite(6, filled(2, 3)));
      await (await third.commit()).applied;
      await committed.applied;
      expect(journal.applied).toBe(4);
      expect([...(await readAt(volume, 4, 5))]).toEqual([1, 2, 3, 3, 2]);
      expect([...(await readAt(volume, CLUSTER - 1, 2))]).toEqual([1, 0]);
      expect([...(await readAt(volume, 2 * CLUSTER + 99, 2))]).toEqual([0, 1]);
      await journal.close();
      await volume.close();
      const again = await opened(at);
      expect(again.journal.applied).toBe(4);
      await again.journal.close();
      await again.volume.close();
    } finally {
      await at.remove();
    }
  });

  test('refuses what does not fit: an older epoch, a third one, a change beyond the end', async () => {
    const at = inMemory();
    await (await makeVolume(at)).close();
    const { journal } = await opened(at);
    await (await journal.begin(5).commit()).applied;
    const first = journal.begin(6);
    expect(() => journal.begin(6)).toThrow(/does not follow/);
    const second = journal.begin(7);
    expect(() => journal.begin(8)).toThrow(/two epochs/);
    await expect(first.add(packedWrite(16 * CLUSTER - 1, filled(2, 1)))).rejects.toMatchObject({ code: 'BLOCK_RANGE' });
    await expect(first.add(packedWrite(0, filled(2, 1)).subarray(0, 21))).rejects.toMatchObject({
      code: 'BLOCK_RANGE',
    });
    await second.abandon();
    await expect(second.add(packedWrite(0, filled(1, 1)))).rejects.toMatchObject({ code: 'REFUSED' });
    await first.commit();
    await expect(first.commit()).rejects.toMatchObject({ code: 'REFUSED' });
  });

  test('a commit that failed and was abandoned does not come back', async () => {
    const at = inMemory();
    await (await makeVolume(at)).close();
    const { journal } = await opened(at);
    const staged = journal.begin(1);
    await staged.add(packedWrite(0, filled(10, 1)));
    at.files.fault = { on: 'sync', path: /epochs-0/, code: 'EIO' };
    await expect(staged.commit()).rejects.toThrow(/EIO/);
    at.files.fault = null;
    await staged.abandon();
    const again = await opened({ files: at.files.kill(), root: '' });
    expect(again.journal.applied).toBe(0);
    expect((await readAt(again.volume, 0, 1))[0]).toBe(0);
  });

  test('a target that cannot be written stops at once, and goes on from the journal later', async () => {
    const at = inMemory();
    await (await makeVolume(at)).close();
    const { volume, journal } = await opened(at);
    const staged = journal.begin(1);
    await staged.add(packedWrite(0, filled(10, 1)));
    await staged.add(packedWrite(CLUSTER, filled(10, 1)));
    at.files.fault = { on: 'write', path: /data$/, code: 'ENOSPC' };
    const { applied } = await staged.commit();
    await expect(applied).rejects.toMatchObject({ code: 'BLOCK_FULL' });
    expect(() => journal.begin(2)).toThrow(/no space/);
    await expect(journal.atBoundary(async () => {})).rejects.toMatchObject({ code: 'BLOCK_FULL' });
    at.files.fault = null;
    await journal.close();
    await volume.close();
    const again = await opened(at);
    expect(again.journal.applied).toBe(1);
    expect((await readAt(again.volume, CLUSTER, 1))[0]).toBe(1);
  });

  test.each(Array.from({ length: 20 }, (_, index) => index + 1))(
    'after a power failure at any step the target is at the end of an epoch, none that was durable is lost: history %i',
    async seed => {
      const random = createSimRandom(seed, 'epochs');
      let files = createMemoryBlockFiles();
      await (await makeVolume({ files, root: '' }, { size: 6 * CLUSTER })).close();
      /** What the target is after each epoch. */
      const states = new Map([[0, Buffer.alloc(6 * CLUSTER)]]);
      let durable = 0;
      let epoch = 0;
      for (let life = 0; life < 25; life++) {
        files.failAt(files.steps + 1 + random.below(120));
        let snapshot: Buffer | null = null;
        try {
          const { volume, journal } = await opened({ files, root: '' });
          for (let turn = 0; turn < 6; turn++) {
            const model = Buffer.from(states.get(epoch)!);
            let staged: ReturnType<EpochJournal['begin']>;
            try {
              staged = journal.begin(epoch + 1);
            } catch {
              await journal.atBoundary(async () => {});
              staged = journal.begin(epoch + 1);
            }
            for (let write = random.below(8); write >= 0; write--) {
              const offset = random.below(6 * CLUSTER);
              const length = Math.min(6 * CLUSTER - offset, 1 + random.below(2 * CLUSTER));
              const value = 1 + random.below(250);
              if (random.chance(0.7)) {
                await staged.add(packedWrite(offset, filled(length, value)));
                model.fill(value, offset, offset + length);
              } else {
                await staged.add(packed({ kind: 'trim', offset, length }));
                model.fill(0, offset, offset + length);
              }
            }
            if (random.chance(0.1)) {
              await staged.abandon();
              continue;
            }
            states.set(epoch + 1, model);
            const { applied } = await staged.commit();
            epoch++;
            durable = epoch;
            if (random.chance(0.4)) await applied;
            if (random.chance(0.1)) {
              await journal.atBoundary(async () => {
                snapshot = await readAll(volume);
              });
              expect([...states.values()].some(state => state.equals(snapshot!))).toBe(true);
            }
          }
          await journal.close();
          await volume.close();
        } catch (error) {
          if (!String((error as Error).cause ?? error).includes('the power is off')) throw error;
        }
        files = random.chance(0.4) ? files.kill() : files.restart(random);
        if (random.chance(0.5)) {
          files.failAt(1 + random.below(40));
          await opened({ files, root: '' }).catch(() => {});
          files = files.restart(random);
        }
        const { volume, journal } = await opened({ files, root: '' });
        expect(journal.applied).toBeGreaterThanOrEqual(durable);
        expect(journal.applied).toBeLessThanOrEqual(epoch + 1);
        expect((await readAll(volume)).equals(states.get(journal.applied)!), `epoch ${journal.applied}`).toBe(true);
        epoch = journal.applied;
        durable = epoch;
        for (const later of [...states.keys()]) if (later > epoch) states.delete(later);
        await journal.close();
        await volume.close();
      }
    },
  );
});
