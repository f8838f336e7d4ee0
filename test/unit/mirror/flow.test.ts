import { describe, expect, test } from 'vitest';
import { EXTENT_BYTES } from '../../../src/block/activity-log-file.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { filled, readAll, readAt } from '../block/small-volume.ts';
import { COPY, dataBytes, FREELY, openCleanSide, openSide, Pair, slowDown } from './pair.ts';

const MIB = 1024 * 1024;

async function inStep(mode: 'Synchronous' | 'Asynchronous' = 'Synchronous') {
  const pair = new Pair(await openCleanSide(), await openCleanSide());
  const connected = pair.connect(mode);
  await connected.source.mirror();
  return { pair, ...connected };
}

describe('a synchronous pair in step', () => {
  test('a write settles when both have it, a flush when both disks do', async () => {
    const { pair, source, wire } = await inStep();
    wire.held = true;
    let settled = false;
    const write = pair.source.volume.write(5, filled(10, 7)).then(() => {
      settled = true;
    });
    await pair.time.run(pair.time.now + 500);
    expect(settled).toBe(false);
    expect(source.lag()).toMatchObject({ ms: 500 });
    wire.held = false;
    await pair.until(write);
    expect([...(await readAt(pair.target.volume, 4, 3))]).toEqual([0, 7, 7]);
    expect(source.dirtyBytes()).toBe(4096);
    await pair.until(pair.source.volume.flush());
    expect(source.dirtyBytes()).toBe(0);
    const left = pair.target.files.restart(createSimRandom(1, 'x'));
    const again = await openSide(left);
    expect([...(await readAt(again.volume, 4, 3))]).toEqual([0, 7, 7]);
  });

  test('long writes, zeroes and trims arrive; what nobody flushes is durable soon all the same', async () => {
    const pair = new Pair(await openCleanSide({ size: 8 * MIB }), await openCleanSide({ size: 8 * MIB }));
    const { source, wire } = pair.connect('Synchronous');
    await source.mirror();
    await pair.until(pair.source.volume.write(100, filled(5 * MIB, 3)));
    await pair.until(pair.source.volume.trim(MIB, MIB));
    await pair.until(pair.source.volume.zero(3 * MIB, 1000, { keep: true }));
    expect(wire.toTarget.filter(({ kind }) => kind === 'write').length).toBe(5);
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
    expect(pair.target.volume.allocatedBytes).toBe(pair.source.volume.allocatedBytes);
    expect(source.dirtyBytes()).toBeGreaterThan(0);
    await pair.time.run(pair.time.now + 3000);
    expect(source.dirtyBytes()).toBe(0);
  });

  test('when the link is lost nobody is answered before the source goes on alone', async () => {
    const { pair, source, wire, alone } = await inStep();
    let go = (): void => {};
    alone.hold = new Promise(resolve => {
      go = resolve;
    });
    wire.held = true;
    let settled = 0;
    const writes = [0, 8192].map(offset => pair.source.volume.write(offset, filled(10, 7)).then(() => settled++));
    await pair.time.run(pair.time.now + 100);
    wire.cut();
    const stopped = source.stop();
    const later = pair.source.volume.write(16_384, filled(10, 7)).then(() => settled++);
    await pair.time.run(pair.time.now + 100);
    expect(settled).toBe(0);
    go();
    await pair.until(Promise.all([...writes, later, stopped]));
    expect(alone.count).toBe(1);
    expect(source.dirtyBytes()).toBe(3 * 4096);
    expect(pair.source.map.following).toBe(false);
    await pair.source.volume.write(40_960, filled(10, 7));
    expect(source.dirtyBytes()).toBe(4 * 4096);
  });

  test('a write fails if the source cannot go on alone, and the next one tries again', async () => {
    let fails = true;
    const pair = new Pair(await openCleanSide(), await openCleanSide());
    const { source, wire } = pair.connect('Synchronous', {
      source: {
        goAlone: async () => {
          if (fails) throw new Error('the record cannot be written');
        },
      },
    });
    await source.mirror();
    wire.cut();
    const write = pair.source.volume.write(0, filled(10, 7));
    write.catch(() => {});
    await pair.time.run(pair.time.now + 10);
    await expect(write).rejects.toThrow(/record/);
    await pair.until(source.stop());
    await expect(pair.source.volume.write(0, filled(10, 7))).rejects.toThrow(/record/);
    await expect(pair.source.volume.flush()).rejects.toThrow(/record/);
    fails = false;
    await pair.until(pair.source.volume.write(0, filled(10, 7)));
    await pair.time.run(pair.time.now + 10);
    expect(pair.source.map.following).toBe(false);
    fails = true;
    await pair.until(pair.source.volume.write(0, filled(10, 7)));
  });

  test('where the source must not go alone, writes fail until another flow has the volume', async () => {
    const pair = new Pair(await openCleanSide(), await openCleanSide());
    const first = pair.connect('Synchronous', { source: { goAlone: () => Promise.reject(new Error('both or none')) } });
    await first.source.mirror();
    first.wire.cut();
    await pair.until(first.source.stop());
    await first.target.stop();
    await expect(pair.source.volume.write(0, filled(10, 7))).rejects.toThrow(/both/);
    const { source, target } = pair.connect('Synchronous');
    target.tellDirty();
    expect(await pair.until(source.startCopy(COPY))).toBe(true);
    await pair.until(pair.source.volume.write(0, filled(10, 8)));
    await pair.until(pair.source.volume.flush());
    expect(source.dirtyBytes()).toBe(0);
    expect((await readAt(pair.target.volume, 0, 1))[0]).toBe(8);
  });

  test('a target whose disk fails says so, and the source goes on alone', async () => {
    const { pair, events, targetEvents, alone } = await inStep();
    pair.target.files.fault = { on: 'write', path: /data$/, code: 'ENOSPC' };
    await pair.until(pair.source.volume.write(0, filled(10, 7)));
    expect(alone.count).toBe(1);
    expect(targetEvents).toMatchObject([{ kind: 'failed', element: 'space' }]);
    expect(events).toMatchObject([{ kind: 'failed', element: 'space', reason: expect.stringContaining('no space') }]);
  });

  test('what is on the way is bounded; who waits is sent in order', async () => {
    const size = 64 * MIB;
    const pair = new Pair(await openCleanSide({ size }), await openCleanSide({ size }));
    const { source, wire } = pair.connect('Synchronous');
    await source.mirror();
    wire.held = true;
    const writes = Array.from({ length: 48 }, (_, index) =>
      pair.source.volume.write((index % 24) * MIB, filled(MIB, index)),
    );
    await pair.time.run(pair.time.now + 10);
    expect(source.lag().bytes).toBeLessThanOrEqual(16 * MIB);
    wire.held = false;
    await pair.until(Promise.all(writes));
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  });
});

describe('a copy', () => {
  test('sends what is dirty on either side, ends, and goes on in step', async () => {
    const pair = new Pair(await openCleanSide(), await openCleanSide());
    await pair.source.volume.write(0, filled(100, 1));
    await pair.target.volume.write(500_000, filled(100, 2));
    const { source, target, events, targetEvents, wire, violations } = pair.connect('Synchronous');
    target.tellDirty();
    expect(await pair.until(source.startCopy(COPY))).toBe(true);
    expect(violations).toEqual([]);
    expect(events.map(({ kind }) => kind).filter(kind => kind !== 'progress')).toEqual([
      'copy-started',
      'copy-finished',
    ]);
    expect(targetEvents.map(({ kind }) => kind)).toEqual(['copy-started', 'copy-finished']);
    expect(source.dirtyBytes()).toBe(0);
    expect(pair.target.map.dirtyBytes).toBe(0);
    expect(dataBytes(wire.toTarget)).toBe(4096);
    await pair.until(pair.source.volume.write(300, filled(5, 9)));
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  });

  test('a seeded target gets digests only, and a piece that differs only its blocks', async () => {
    const size = 32 * MIB;
    const pair = new Pair(await openSide(undefined, { size }), await openSide(undefined, { size }));
    for (const { volume } of [pair.source, pair.target]) {
      for (let at = 0; at < 16; at++) await volume.write(at * MIB, filled(MIB, at + 1));
    }
    await pair.target.volume.write(3 * MIB + 5000, filled(10, 99));
    await pair.target.volume.write(20 * MIB, filled(10, 99));
    const { source, wire } = pair.connect('Asynchronous');
    expect(await pair.until(source.startCopy({ ...COPY, extent: 'full' }))).toBe(true);
    expect(dataBytes(wire.toTarget)).toBe(4096);
    expect(source.dirtyBytes()).toBe(0);
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  });

  test('of a large volume of which a hundredth is dirty little more than that is sent', async () => {
    const size = 400 * MIB;
    const pair = new Pair(
      await openCleanSide({ size, hotExtents: 200 }),
      await openCleanSide({ size, hotExtents: 200 }),
    );
    const random = createSimRandom(1, 'hundredth');
    for (let block = 0; block < 1024; block++) {
      await pair.source.volume.write(random.below(size / 4096) * 4096, filled(4096, 1 + random.below(250)));
    }
    const dirty = pair.source.map.dirtyBytes;
    const { source, target, wire } = pair.connect('Synchronous');
    target.tellDirty();
    expect(await pair.until(source.startCopy(COPY))).toBe(true);
    expect(dataBytes(wire.toTarget)).toBeLessThanOrEqual(1.05 * dirty);
    expect(source.dirtyBytes()).toBe(0);
  });

  test('after a crash no more is compared than was hot or dirty', async () => {
    const size = 160 * MIB;
    const pair = new Pair(await openCleanSide({ size }), await openCleanSide({ size }));
    const first = pair.connect('Synchronous');
    await first.source.mirror();
    for (const extent of [1, 5, 9]) {
      await pair.until(pair.source.volume.write(extent * EXTENT_BYTES, filled(4096, extent)));
    }
    first.wire.cut();
    pair.source = await openSide(pair.source.files.kill(), { size });
    expect(pair.source.map.dirtyBytes).toBe(3 * EXTENT_BYTES);
    await first.target.stop();
    const { source, target, wire } = pair.connect('Synchronous');
    target.tellDirty();
    expect(await pair.until(source.startCopy(COPY))).toBe(true);
    const compared = wire.toTarget.flatMap(message => (message.kind === 'digests' ? message.pieces : []));
    expect(compared.reduce((sum, { length }) => sum + length, 0)).toBe(3 * EXTENT_BYTES);
    expect(dataBytes(wire.toTarget)).toBe(0);
  });

  test('waits where the pace wants that, and goes on', async () => {
    const pair = new Pair(await openSide(), await openSide());
    await pair.source.volume.write(0, filled(100, 1));
    let windowBytes = 0;
    const { source, wire } = pair.connect('Synchronous', {
      source: { pace: () => ({ ...FREELY, windowBytes, bytesPerSecond: 0, reason: 'schedule' }) },
    });
    const copy = source.startCopy({ ...COPY, extent: 'full' });
    await pair.time.run(pair.time.now + 5000);
    expect(wire.toTarget.map(({ kind }) => kind)).toEqual(['copy-begin']);
    windowBytes = MIB;
    expect(await pair.until(copy)).toBe(true);
  });

  test('beside busy clients comes to an end, and both sides are the same', async () => {
    for (const [mode, stops] of [
      ['Synchronous', false],
      ['Synchronous', true],
      ['Asynchronous', true],
    ] as const) {
      const size = 24 * MIB;
      const pair = new Pair(await openSide(undefined, { size }), await openSide(undefined, { size }));
      const random = createSimRandom(2, mode);
      for (let at = 0; at < 24; at += 2) await pair.source.volume.write(at * MIB, filled(MIB, at + 1));
      const { source, violations, wire } = pair.connect(mode, { source: { stopsHostIo: () => stops } });
      wire.slow = true;
      let over = false;
      const client = async (): Promise<void> => {
        while (!over) {
          const offset = random.below(size - 70_000);
          if (random.chance(0.8))
            await pair.source.volume.write(offset, filled(1 + random.below(70_000), random.below(250)));
          else await pair.source.volume.trim(offset, random.below(70_000));
          await pair.clock.sleep(random.below(3));
        }
      };
      const copy = source.startCopy({ ...COPY, extent: 'full' });
      await pair.time.run(pair.time.now);
      slowDown(pair.source.volume, pair.clock, random);
      const clients = [client(), client(), client()];
      expect(await pair.until(copy)).toBe(true);
      over = true;
      await pair.until(Promise.all(clients));
      await pair.until(source.drain());
      expect(violations).toEqual([]);
      expect(source.dirtyBytes()).toBe(0);
      expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
    }
  });

  test('answers no write that the partner lacks where a failed copy stops host I/O, from its beginning to its end', async () => {
    const pair = new Pair(await openSide(), await openSide());
    await pair.source.volume.write(0, filled(100, 1));
    let windowBytes = 0;
    const { source, wire } = pair.connect('Synchronous', {
      source: {
        stopsHostIo: () => true,
        pace: () => ({ ...FREELY, windowBytes, bytesPerSecond: 0, reason: 'schedule' }),
      },
    });
    const answered: string[] = [];
    const write = async (when: string, offset: number): Promise<void> => {
      await pair.source.volume.write(offset, filled(10, 7));
      answered.push(when);
    };
    wire.held = true;
    const copy = source.startCopy({ ...COPY, extent: 'full' });
    await pair.time.run(pair.time.now + 10);
    const early = write('before it begins', 4096);
    await pair.time.run(pair.time.now + 500);
    expect(answered).toEqual([]);
    wire.held = false;
    await pair.until(early);
    expect([...(await readAt(pair.target.volume, 4095, 2))]).toEqual([0, 7]);
    wire.held = true;
    const late = write('of what is still to be copied', 8192);
    await pair.time.run(pair.time.now + 500);
    expect(answered).toEqual(['before it begins']);
    wire.held = false;
    await pair.until(late);
    expect([...(await readAt(pair.target.volume, 8191, 2))]).toEqual([0, 7]);
    expect(source.dirtyBytes()).toBe(pair.source.map.size);
    windowBytes = MIB;
    expect(await pair.until(copy)).toBe(true);
    expect(source.dirtyBytes()).toBe(0);
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  });

  test('that ends before it began lets nobody wait for ever', async () => {
    const pair = new Pair(await openSide(), await openSide());
    const { source, wire, alone } = pair.connect('Synchronous', { source: { stopsHostIo: () => true } });
    wire.held = true;
    const copy = source.startCopy({ ...COPY, extent: 'full' });
    await pair.time.run(pair.time.now + 10);
    const write = pair.source.volume.write(0, filled(10, 7));
    await pair.time.run(pair.time.now + 10);
    wire.cut();
    await pair.until(source.stop());
    expect(await pair.until(copy)).toBe(false);
    await pair.until(write);
    expect(alone.count).toBe(1);
    expect(pair.source.map.isDirty(0, 10)).toBe(true);
  });

  test('that was cut off goes on with what is still dirty', async () => {
    const size = 64 * MIB;
    const pair = new Pair(await openSide(undefined, { size }), await openSide(undefined, { size }));
    for (let at = 0; at < 64; at++) await pair.source.volume.write(at * MIB, filled(MIB, at + 1));
    let messages = 0;
    const first = pair.connect('Synchronous', {
      source: { pace: () => ({ ...FREELY, windowBytes: MIB, bytesPerSecond: 8 * MIB, reason: 'schedule' }) },
    });
    const copy = first.source.startCopy({ ...COPY, extent: 'full' });
    while (dataBytes(first.wire.toTarget) < 40 * MIB && messages++ < 10_000) await pair.time.run(pair.time.now + 10);
    first.wire.cut();
    await pair.until(first.source.stop());
    expect(await pair.until(copy)).toBe(false);
    await first.target.stop();
    const left = first.source.dirtyBytes();
    expect(left).toBeLessThan(64 * MIB);
    const second = pair.connect('Synchronous');
    second.target.tellDirty();
    expect(await pair.until(second.source.startCopy(COPY))).toBe(true);
    expect(dataBytes(second.wire.toTarget)).toBeLessThan(42 * MIB);
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  });
});
