import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import { PIECE_BYTES } from '../../../src/block/digests.ts';
import type { FlowMessage } from '../../../src/mirror/outbox.ts';
import type { SourceFlow } from '../../../src/mirror/source-flow.ts';
import type { ByteRange } from '../../../src/model/dirty-map.ts';
import { createSimRandom, type SimRandom } from '../../sim/sim-random.ts';
import { filled, readAll } from '../block/small-volume.ts';
import { openCleanSide, Pair, type Side, slowDown } from './pair.ts';

const SIZE = 3 * PIECE_BYTES + 64 * 1024;
const MODES = ['Synchronous', 'Asynchronous'] as const;

async function inStep(mode: (typeof MODES)[number], size = SIZE) {
  const pair = new Pair(await openCleanSide({ size }), await openCleanSide({ size }));
  const connected = pair.connect(mode);
  await connected.source.mirror();
  return { pair, ...connected };
}

/** As if a disk had done it: nobody who tracks the writes hears of it. */
function changeBelow({ files }: Side, offset: number, length: number): void {
  files.tamper('/disk/data', content => {
    for (let at = offset; at < offset + length; at++) content[at] = content[at]! ^ 0x40;
    return content;
  });
}

function bytesOf(random: SimRandom, length: number): Buffer {
  return Buffer.alloc(length, Buffer.from(random.guid()));
}

/** What a change has beside its data counts as well, where several travel together. */
function bytesSent(messages: readonly FlowMessage[]): number {
  return messages.reduce((sum, message) => {
    if (message.kind === 'write') return sum + message.data.length;
    return sum + (message.kind === 'epoch-changes' ? message.packed.length : 0);
  }, 0);
}

async function compareAll(source: SourceFlow, size: number): Promise<readonly ByteRange[]> {
  const found: ByteRange[] = [];
  for (let offset = 0; offset < size; offset += PIECE_BYTES) {
    found.push(...(await (await source.comparison.ask(offset)).differing));
  }
  return found;
}

describe.each(MODES)('a comparison in step, %s,', mode => {
  test('finds a bit that was flipped at the target, and sends its block and nothing else', async () => {
    const { pair, source, wire, violations } = await inStep(mode);
    const { volume } = pair.source;
    const random = createSimRandom(5, 'verify');
    for (let offset = 0; offset < SIZE; offset += PIECE_BYTES) {
      await pair.until(volume.write(offset, bytesOf(random, Math.min(SIZE - offset, 300_000))));
    }
    await pair.until(source.drain());
    expect(await pair.until(compareAll(source, SIZE))).toEqual([]);

    changeBelow(pair.target, PIECE_BYTES + 4096 + 17, 1);
    changeBelow(pair.target, 2 * PIECE_BYTES + 3 * 4096, 5000);
    const differing = await pair.until(compareAll(source, SIZE));
    expect(differing).toEqual([
      { offset: PIECE_BYTES + 4096, length: 4096 },
      { offset: 2 * PIECE_BYTES + 3 * 4096, length: 8192 },
    ]);

    const before = wire.toTarget.length;
    for (const range of differing) await pair.until(source.comparison.sendAgain(range));
    await pair.until(source.drain());
    const sent = bytesSent(wire.toTarget.slice(before));
    expect(sent).toBeGreaterThanOrEqual(3 * 4096);
    expect(sent).toBeLessThan(3 * 4096 + 256);
    expect(pair.source.map.dirtyBytes).toBe(0);
    expect((await readAll(pair.target.volume)).equals(await readAll(volume))).toBe(true);
    expect(await pair.until(compareAll(source, SIZE))).toEqual([]);
    expect(violations).toEqual([]);
  });

  test.each([1, 2, 3, 4])('tells of no difference that is none while clients write, seed %i', async seed => {
    const { pair, source, target, wire, violations } = await inStep(mode);
    const random = createSimRandom(seed, 'verify');
    wire.slow = seed % 2 === 0;
    slowDown(pair.source.volume, pair.clock, random);
    let over = false;
    let writes = 0;
    const client = async (): Promise<void> => {
      while (!over) {
        const length = 512 * (1 + random.below(40));
        const offset = 512 * random.below((SIZE - length) / 512);
        if (random.chance(0.1)) await pair.source.volume.trim(offset, length);
        else await pair.source.volume.write(offset, bytesOf(random, length));
        if (random.chance(0.1)) await pair.source.volume.flush();
        writes++;
        await pair.clock.sleep(random.below(8));
      }
    };
    const clients = Promise.all([client(), client(), client()]);
    const compared = (async () => {
      const found: ByteRange[] = [];
      while (writes < 60) {
        found.push(...(await compareAll(source, SIZE)));
        await pair.clock.sleep(2);
      }
      over = true;
      return found;
    })();
    expect(await pair.until(compared)).toEqual([]);
    await pair.until(clients);
    await pair.until(source.drain());
    expect((await readAll(pair.target.volume)).equals(await readAll(pair.source.volume))).toBe(true);
    expect(violations).toEqual([]);
    await pair.until(source.stop());
    await pair.until(target.stop());
  });

  test('finds what is lost of a write while others go on, and mends it beside them', async () => {
    const { pair, source } = await inStep(mode);
    const random = createSimRandom(8, 'verify');
    let over = false;
    const client = async (): Promise<void> => {
      while (!over) {
        // Never where the target was changed.
        await pair.source.volume.write(64 * 1024 + 512 * random.below(1000), bytesOf(random, 2048));
        await pair.clock.sleep(1);
      }
    };
    const writing = client();
    await pair.until(pair.source.volume.write(0, filled(8192, 3)));
    await pair.until(source.drain());
    changeBelow(pair.target, 100, 1);
    const mended = (async () => {
      const { differing } = await source.comparison.ask(0);
      const ranges = await differing;
      for (const range of ranges) await source.comparison.sendAgain(range);
      over = true;
      return ranges;
    })();
    expect(await pair.until(mended)).toEqual([{ offset: 0, length: 4096 }]);
    await pair.until(writing);
    await pair.until(source.drain());
    expect((await readAll(pair.target.volume)).equals(await readAll(pair.source.volume))).toBe(true);
  });

  test('is interrupted by a link that is cut', async () => {
    const { source, wire } = await inStep(mode);
    wire.held = true;
    const { differing } = await source.comparison.ask(0);
    wire.cut();
    await source.stop();
    await expect(differing).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(source.comparison.ask(0)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

test('a comparison does not wait for an epoch with writes elsewhere, and ends one with writes of its piece', async () => {
  const { pair, source, wire } = await inStep('Asynchronous');
  await pair.until(pair.source.volume.write(2 * PIECE_BYTES, filled(4096, 1)));
  expect(await pair.until((await source.comparison.ask(0)).differing)).toEqual([]);
  expect(wire.toTarget.filter(({ kind }) => kind === 'epoch-end')).toEqual([]);
  expect(await pair.until((await source.comparison.ask(2 * PIECE_BYTES)).differing)).toEqual([]);
  expect(wire.toTarget.filter(({ kind }) => kind === 'epoch-end')).toHaveLength(1);
});

test('a comparison is no comparison of what a copy has to bring first', async () => {
  const { pair, source, wire } = await inStep('Asynchronous', 8 * PIECE_BYTES);
  wire.held = true;
  const many = LIMITS.mirrorQueueBytes / PIECE_BYTES + 1;
  for (let i = 0; i < many; i++)
    await pair.until(pair.source.volume.write((i % 8) * PIECE_BYTES, filled(PIECE_BYTES, i)));
  expect(source.comparison.ready).toBe(false);
  await expect(source.comparison.ask(0)).rejects.toMatchObject({ code: 'CANCELLED' });
});
