/** Histories of a mirrored pair with lost links and power failures, each decided by a seed. */
import { describe, expect, test } from 'vitest';
import { createSimRandom, type SimRandom } from '../../sim/sim-random.ts';
import { CLUSTER, filled, readAll } from '../block/small-volume.ts';
import { COPY, type Connected, openCleanSide, openSide, Pair, type Side, slowDown } from './pair.ts';

const SIZE = 6 * CLUSTER;
const SECTOR = 512;
const SECTORS = SIZE / SECTOR;
/** More of them with `TANDEM_MIRROR_HISTORIES=750 npx vitest run test/unit/mirror/crashes`. */
const SEEDS = Array.from({ length: Number(process.env.TANDEM_MIRROR_HISTORIES ?? 10) }, (_, index) => index + 1);

interface Change {
  readonly offset: number;
  readonly length: number;
  /** 0: a trim. */
  readonly value: number;
}

function drawChange(random: SimRandom): Change {
  const from = random.below(SECTORS);
  const to = Math.min(SECTORS, from + 1 + random.below(random.chance(0.3) ? 256 : 12));
  return { offset: from * SECTOR, length: (to - from) * SECTOR, value: random.chance(0.3) ? 0 : 1 + random.below(250) };
}

function carryOut(side: Side, { offset, length, value }: Change): Promise<void> {
  return value === 0 ? side.volume.trim(offset, length) : side.volume.write(offset, filled(length, value));
}

/** The power fails, or the process dies; the side as it is when it is back. */
async function restart(side: Side, random: SimRandom): Promise<Side> {
  const files = random.chance(0.3) ? side.files.kill() : side.files.restart(random);
  return await openSide(files);
}

/** Without the target's own map the source's has to know everything. */
function meet(pair: Pair, mode: 'Synchronous' | 'Asynchronous', random: SimRandom, stops = false): Connected {
  const source = { stopsHostIo: () => stops };
  const connected = pair.connect(mode, random.chance(0.5) ? { source, target: { map: null } } : { source });
  connected.target.tellDirty();
  return connected;
}

async function part(pair: Pair, { source, target, wire }: Connected): Promise<void> {
  wire.cut();
  await pair.until(Promise.allSettled([source.stop(), target.stop()]));
}

async function sameAfterCopy(pair: Pair, mode: 'Synchronous' | 'Asynchronous', random: SimRandom): Promise<void> {
  const connected = meet(pair, mode, random);
  expect(await pair.until(connected.source.startCopy(COPY))).toBe(true);
  await pair.until(connected.source.drain());
  expect(connected.violations).toEqual([]);
  expect(connected.source.dirtyBytes()).toBe(0);
  expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  await part(pair, connected);
}

describe('a mirrored pair', () => {
  test.each(SEEDS)(
    'is the same on both sides after writes that overlap, lost links and power failures: history %i',
    async seed => {
      const random = createSimRandom(seed, 'pair');
      const pair = new Pair(await openCleanSide({ size: SIZE }), await openCleanSide({ size: SIZE }));
      for (let life = 0; life < 8; life++) {
        const mode = random.pick(['Synchronous', 'Asynchronous'] as const);
        const connected = meet(pair, mode, random, seed % 2 === 0);
        const { source } = connected;
        connected.wire.slow = random.chance(0.5);
        const copy = source.startCopy(COPY).catch(() => false);
        await pair.time.run(pair.time.now);
        slowDown(pair.source.volume, pair.clock, random);
        const onTheirWay: Promise<unknown>[] = [];
        const client = async (): Promise<void> => {
          for (let turn = random.below(30); turn > 0; turn--) {
            await (random.chance(0.2) ? pair.source.volume.flush() : carryOut(pair.source, drawChange(random)));
            if (random.chance(0.3)) await pair.clock.sleep(random.below(400));
            if (random.chance(0.03)) source.setMode(random.pick(['Synchronous', 'Asynchronous'] as const));
          }
        };
        for (const side of [pair.source, pair.target]) {
          if (random.chance(0.3)) side.files.failAt(side.files.steps + 1 + random.below(200));
        }
        for (let clients = 3; clients > 0; clients--) onTheirWay.push(client().catch(() => {}));
        await pair.time.run(pair.time.now + random.below(3000));
        if (random.chance(0.2)) {
          await pair.until(Promise.race([Promise.all([...onTheirWay, copy]), pair.clock.sleep(20_000)]));
        }
        await part(pair, connected);
        expect(connected.violations).toEqual([]);
        await pair.until(Promise.all([...onTheirWay, copy]));
        for (const side of ['source', 'target'] as const) {
          const dead = await pair[side].volume.flush().then(
            () => false,
            () => true,
          );
          if (dead || random.chance(0.3)) pair[side] = await restart(pair[side], random);
          pair[side].files.failAt(Number.POSITIVE_INFINITY);
        }
        if (random.chance(0.5)) await sameAfterCopy(pair, mode, random);
      }
      await sameAfterCopy(pair, 'Synchronous', random);
    },
    60_000,
  );

  test.each(SEEDS)(
    'has on both disks what a synchronous flush was answered for, whatever fails: history %i',
    async seed => {
      const random = createSimRandom(seed, 'flush');
      const pair = new Pair(await openCleanSide({ size: SIZE }), await openCleanSide({ size: SIZE }));
      const now: number[] = Array.from({ length: SECTORS }, () => 0);
      let allowed: Set<number>[] = now.map(value => new Set([value]));
      const connected = pair.connect('Synchronous');
      await connected.source.mirror();
      for (const side of [pair.source, pair.target]) {
        if (random.chance(0.5)) side.files.failAt(side.files.steps + 1 + random.below(400));
      }
      const turns = async (): Promise<void> => {
        for (let turn = 0; turn < 80 && connected.alone.count === 0; turn++) {
          if (random.chance(0.2)) {
            await pair.source.volume.flush();
            // Who went alone meanwhile promises nothing for the partner.
            if (connected.alone.count === 0) allowed = now.map(value => new Set([value]));
            continue;
          }
          const change = drawChange(random);
          const [from, to] = [change.offset / SECTOR, (change.offset + change.length) / SECTOR];
          for (let sector = from; sector < to; sector++) allowed[sector]!.add(change.value);
          await carryOut(pair.source, change);
          now.fill(change.value, from, to);
        }
      };
      const over = turns().catch(() => {});
      await pair.until(Promise.race([over, pair.clock.sleep(100 + random.below(2000))]));
      await part(pair, connected);
      await pair.until(over);
      for (const side of [pair.source, pair.target]) {
        const bytes = await readAll((await restart(side, random)).volume);
        const wrong = allowed.flatMap((values, sector) => (values.has(bytes[sector * SECTOR]!) ? [] : [sector]));
        expect(wrong).toEqual([]);
      }
    },
    60_000,
  );

  test.each(SEEDS)(
    'has a target that is what the source once was, in asynchronous mode after any power failure: history %i',
    async seed => {
      const random = createSimRandom(seed, 'order');
      const pair = new Pair(await openCleanSide({ size: SIZE }), await openCleanSide({ size: SIZE }));
      const model = Buffer.alloc(SIZE);
      for (let life = 0; life < 5; life++) {
        const moments = new Set([model.toString('base64')]);
        const connected = pair.connect('Asynchronous');
        await connected.source.mirror();
        if (random.chance(0.6)) pair.target.files.failAt(pair.target.files.steps + 1 + random.below(300));
        const turns = async (): Promise<void> => {
          for (let turn = 0; turn < 60; turn++) {
            if (random.chance(0.15)) await pair.source.volume.flush();
            const change = drawChange(random);
            model.fill(change.value, change.offset, change.offset + change.length);
            moments.add(model.toString('base64'));
            await carryOut(pair.source, change);
            if (random.chance(0.2)) await pair.clock.sleep(random.below(600));
          }
        };
        const over = turns();
        await pair.until(Promise.race([over, pair.clock.sleep(random.below(6000))]));
        await part(pair, connected);
        await pair.until(over);
        expect(connected.violations).toEqual([]);
        pair.target = await restart(pair.target, random);
        expect(moments.has((await readAll(pair.target.volume)).toString('base64'))).toBe(true);
        await sameAfterCopy(pair, 'Asynchronous', random);
      }
    },
    60_000,
  );
});
