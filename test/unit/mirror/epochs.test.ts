import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/base/limits.ts';
import type { SourceParts } from '../../../src/mirror/source-parts.ts';
import type { CopyPace } from '../../../src/model/copy-plan.ts';
import { createSimRandom } from '../../sim/sim-random.ts';
import { filled, readAll, readAt } from '../block/small-volume.ts';
import { COPY, FREELY, openCleanSide, Pair } from './pair.ts';

const MIB = 1024 * 1024;

async function inStep(size = 16 * 64 * 1024, source: Partial<SourceParts> = {}) {
  const pair = new Pair(await openCleanSide({ size }), await openCleanSide({ size }));
  const connected = pair.connect('Asynchronous', { source });
  await connected.source.mirror();
  return { pair, ...connected };
}

describe('an asynchronous pair in step', () => {
  test('clients do not wait; a flush ends an epoch, so does its age, and what is applied is clean', async () => {
    const { pair, source, wire } = await inStep();
    wire.held = true;
    await pair.source.volume.write(0, filled(10, 1));
    await pair.source.volume.flush();
    await pair.source.volume.write(8192, filled(10, 2));
    await pair.time.run(pair.time.now + 100);
    expect(source.lag()).toMatchObject({ ms: 100 });
    expect(wire.toTarget.filter(({ kind }) => kind === 'epoch-end').length).toBe(1);
    expect(source.dirtyBytes()).toBe(2 * 4096);
    wire.held = false;
    await pair.time.run(pair.time.now + 500);
    expect(source.dirtyBytes()).toBe(4096);
    expect((await readAt(pair.target.volume, 0, 1))[0]).toBe(1);
    expect((await readAt(pair.target.volume, 8192, 1))[0]).toBe(0);
    await pair.time.run(pair.time.now + 1000);
    expect(source.dirtyBytes()).toBe(0);
    expect(source.lag()).toEqual({ bytes: 0, ms: 0 });
    expect((await readAt(pair.target.volume, 8192, 1))[0]).toBe(2);
  });

  test('the client has its buffer back at once', async () => {
    const { pair, source, wire } = await inStep();
    wire.held = true;
    const buffer = filled(100, 1);
    await pair.source.volume.write(0, buffer);
    buffer.fill(9);
    wire.held = false;
    await pair.until(source.drain());
    expect((await readAt(pair.target.volume, 0, 1))[0]).toBe(1);
  });

  test('where the queue overflows writes are only marked, and a copy brings the pair in step again', async () => {
    const size = 96 * MIB;
    const { pair, source, wire, events, violations } = await inStep(size);
    wire.held = true;
    for (let at = 0; at < 80; at++) await pair.source.volume.write(at * MIB, filled(MIB, at + 1));
    expect(events).toEqual([{ kind: 'fell-behind' }]);
    expect(source.dirtyBytes()).toBe(80 * MIB);
    expect(source.lag().bytes).toBe(0);
    // What was complete is still applied, and the target is consistent until a copy begins.
    wire.held = false;
    await pair.time.run(pair.time.now + 2000);
    const random = createSimRandom(1, 'overflow');
    let over = false;
    const client = (async () => {
      while (!over) {
        await pair.source.volume.write(random.below(size - 5000), filled(5000, random.below(250)));
        await pair.clock.sleep(2);
      }
    })();
    expect(await pair.until(source.startCopy({ ...COPY, extent: 'full' }))).toBe(true);
    over = true;
    await pair.until(client);
    await pair.until(source.drain());
    expect(violations).toEqual([]);
    expect(source.dirtyBytes()).toBe(0);
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  });

  test('a queue that overflows while the end of a copy is on its way is told of when that has come', async () => {
    const size = 96 * MIB;
    const pair = new Pair(await openCleanSide({ size }), await openCleanSide({ size }));
    let end = (): void => {};
    const ended = new Promise<void>(resolve => {
      end = resolve;
    });
    const { source, events } = pair.connect('Asynchronous', { target: { endCopy: () => ended } });
    const copy = source.startCopy({ ...COPY, extent: 'full' });
    await pair.time.run(pair.time.now + 10_000);
    for (let at = 0; at < 80; at++) await pair.source.volume.write(at * MIB, filled(MIB, at + 1));
    const told = (): string[] => events.map(({ kind }) => kind).filter(kind => kind !== 'progress');
    expect(told()).toEqual(['copy-started']);
    end();
    expect(await pair.until(copy)).toBe(true);
    expect(told()).toEqual(['copy-started', 'copy-finished', 'fell-behind']);
    expect(source.dirtyBytes()).toBe(80 * MIB);
  });

  test('beyond the queue the source goes ahead while its clients are busy, but not for ever, and compares nothing then', async () => {
    const size = 96 * MIB;
    let reason: CopyPace['reason'] = 'clients';
    const pace = () => ({ ...FREELY, reason });
    const { pair, source, wire } = await inStep(size, { pace });
    const overflow = async (value: number): Promise<void> => {
      wire.held = true;
      for (let at = 0; at < 70; at++) await pair.source.volume.write(at * MIB, filled(MIB, value));
      wire.held = false;
    };
    const begun = (): number => wire.toTarget.filter(({ kind }) => kind === 'copy-begin').length;
    const copied = async (): Promise<void> => {
      const copy = source.startCopy(COPY);
      source.receive({ kind: 'dirty', range: { offset: 0, length: 0 }, runs: [], last: true });
      expect(await pair.until(copy)).toBe(true);
    };
    await overflow(1);
    const first = copied();
    await pair.time.run(pair.time.now + 3000);
    expect(begun()).toBe(0);
    reason = null;
    await first;
    expect(begun()).toBe(1);
    await overflow(2);
    reason = 'clients';
    const since = pair.time.now;
    await copied();
    expect(pair.time.now - since).toBeGreaterThanOrEqual(LIMITS.mirrorAheadMs);
    expect(wire.toTarget.some(({ kind }) => kind === 'digests')).toBe(false);
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  });

  test('go to the partner at the pace of a busy event loop, and at once when it is free', async () => {
    let epochBytesPerSecond: CopyPace['epochBytesPerSecond'] = MIB;
    const { pair, source, wire } = await inStep(4 * MIB, { pace: () => ({ ...FREELY, epochBytesPerSecond }) });
    const since = pair.time.now;
    for (let at = 0; at < 16; at++) await pair.source.volume.write(at * 0.25 * MIB, filled(MIB / 4, at + 1));
    const sent = (): number => wire.toTarget.filter(({ kind }) => kind === 'epoch-changes').length;
    await pair.time.run(since + 1000);
    // Nobody waited for them, and they are in step: only the pace holds them back.
    const [paced, inAll] = [sent(), 16];
    expect(paced).toBeGreaterThanOrEqual(3);
    expect(paced).toBeLessThanOrEqual(5);
    expect(source.lag().bytes).toBeGreaterThanOrEqual(4 * MIB);
    epochBytesPerSecond = null;
    await pair.time.run(pair.time.now + LIMITS.mirrorPaceMs + 1);
    expect(sent()).toBe(inAll);
    await pair.until(source.drain());
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  });

  test('that wait for the pace are let go when the flow ends', async () => {
    const { pair, source } = await inStep(4 * MIB, { pace: () => ({ ...FREELY, epochBytesPerSecond: 1 }) });
    for (let at = 0; at < 8; at++) await pair.source.volume.write(at * MIB * 0.25, filled(MIB / 4, 1));
    await pair.until(source.stop());
    expect(source.dirtyBytes()).toBe(2 * MIB);
  });

  test('the mode can be changed under way, and a synchronous flush covers what was sent in epochs', async () => {
    const { pair, source, violations } = await inStep();
    await pair.source.volume.write(0, filled(5000, 1));
    source.setMode('Synchronous');
    await pair.until(pair.source.volume.write(4000, filled(5000, 2)));
    await pair.until(pair.source.volume.flush());
    expect(source.dirtyBytes()).toBe(0);
    source.setMode('Asynchronous');
    await pair.source.volume.write(3000, filled(2000, 3));
    await pair.until(source.drain());
    expect(violations).toEqual([]);
    expect(source.dirtyBytes()).toBe(0);
    expect(Buffer.compare(await readAll(pair.source.volume), await readAll(pair.target.volume))).toBe(0);
  });

  test('an epoch that cannot be kept fails the pair, not the clients', async () => {
    const { pair, source, events, targetEvents } = await inStep();
    pair.target.files.fault = { on: 'sync', path: /epochs-/, code: 'EIO' };
    await pair.source.volume.write(0, filled(10, 1));
    await pair.source.volume.flush();
    await pair.time.run(pair.time.now + 100);
    expect(events).toMatchObject([{ kind: 'failed', element: 'target' }]);
    expect(targetEvents).toMatchObject([{ kind: 'failed', element: 'target' }]);
    expect(source.dirtyBytes()).toBe(4096);
    await pair.until(pair.source.volume.write(0, filled(10, 1)));
  });
});
